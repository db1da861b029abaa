/// Reads one JSON value (RFC 8259) member by member, without making anything of what nobody asks for. Total: any bytes end
/// in values or an error. Texts that are not UTF-8, and halves of surrogate pairs, become U+FFFD.
struct JSONReader {
    /// Arrays and objects inside one another.
    static let maxDepth = 128

    private let bytes: UnsafeRawBufferPointer
    private var position = 0
    private var depth = 0

    init(_ bytes: UnsafeRawBufferPointer) {
        self.bytes = bytes
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// Visits the members of an object; the closure takes each value by one of the other methods. `null` has none.
    mutating func members(
        _ visit: (String, inout JSONReader) throws(MalformedReply) -> Void
    ) throws(MalformedReply) {
        try list("{", "}", "an object") { (reader) throws(MalformedReply) in
            let name = try reader.text()
            guard reader.take(":") else { throw reader.malformed("a colon is missing") }
            try visit(name, &reader)
        }
    }

    /// Visits the values of an array; the closure takes each by one of the other methods. `null` has none.
    mutating func items(_ visit: (inout JSONReader) throws(MalformedReply) -> Void) throws(MalformedReply) {
        try list("[", "]", "an array", visit)
    }

    /// A text; `nil` for `null`.
    mutating func string() throws(MalformedReply) -> String? {
        try null() ? nil : try text()
    }

    /// A number without a fraction; `nil` for `null`.
    mutating func integer() throws(MalformedReply) -> Int? {
        if try null() { return nil }
        let start = position
        try number()
        let text = String(decoding: bytes[start..<position], as: UTF8.self)
        guard let value = Int(text) else { throw malformed("\(text.prefix(20)) is not a whole number") }
        return value
    }

    /// Any value, as it is written.
    mutating func raw() throws(MalformedReply) -> UnsafeRawBufferPointer {
        skipBlanks()
        let start = position
        try skip()
        return UnsafeRawBufferPointer(rebasing: bytes[start..<position])
    }

    /// Nothing may follow.
    mutating func end() throws(MalformedReply) {
        skipBlanks()
        guard position == bytes.count else { throw malformed("there is more behind the value") }
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D }

    // MARK: - Parts

    private mutating func list(
        _ open: Unicode.Scalar, _ close: Unicode.Scalar, _ kind: String,
        _ item: (inout JSONReader) throws(MalformedReply) -> Void
    ) throws(MalformedReply) {
        if try null() { return }
        guard take(open) else { throw malformed("\(kind) is missing") }
        guard depth < Self.maxDepth else { throw malformed("nested deeper than \(Self.maxDepth) levels") }
        depth += 1
        defer { depth -= 1 }
        if take(close) { return }
        repeat { try item(&self) } while take(",")
        guard take(close) else { throw malformed("a comma or \(close) is missing") }
    }

    private mutating func skip() throws(MalformedReply) {
        skipBlanks()
        switch current {
        case UInt8(ascii: "{"): try members { (_, reader) throws(MalformedReply) in try reader.skip() }
        case UInt8(ascii: "["): try items { (reader) throws(MalformedReply) in try reader.skip() }
        case UInt8(ascii: "\""): _ = try text()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: try number()
        }
    }

    private mutating func null() throws(MalformedReply) -> Bool {
        skipBlanks()
        guard current == UInt8(ascii: "n") else { return false }
        try word("null")
        return true
    }

    private mutating func word(_ word: String) throws(MalformedReply) {
        guard bytes[position...].starts(with: word.utf8) else { throw malformed("a value is missing") }
        position += word.utf8.count
    }

    private mutating func number() throws(MalformedReply) {
        if current == UInt8(ascii: "-") { position += 1 }
        let leadsWithZero = current == UInt8(ascii: "0")
        let whole = digits()
        guard whole == 1 || whole > 1 && !leadsWithZero else { throw malformed("a value is missing") }
        if current == UInt8(ascii: ".") {
            position += 1
            guard digits() > 0 else { throw malformed("digits are missing") }
        }
        if current == UInt8(ascii: "e") || current == UInt8(ascii: "E") {
            position += 1
            if current == UInt8(ascii: "+") || current == UInt8(ascii: "-") { position += 1 }
            guard digits() > 0 else { throw malformed("digits are missing") }
        }
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = current, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func text() throws(MalformedReply) -> String {
        guard take("\"") else { throw malformed("a text in quotes is missing") }
        var text: [UInt8] = []
        while let byte = current {
            guard byte >= 0x20 else { throw malformed("a control character in a text must be escaped") }
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"): text.append(contentsOf: String(try escape()).utf8)
            default: text.append(byte)
            }
        }
        throw malformed("a text has no end")
    }

    private mutating func escape() throws(MalformedReply) -> Unicode.Scalar {
        let byte = current
        position += 1
        switch byte {
        case UInt8(ascii: "\""): return "\""
        case UInt8(ascii: "\\"): return "\\"
        case UInt8(ascii: "/"): return "/"
        case UInt8(ascii: "b"): return "\u{8}"
        case UInt8(ascii: "f"): return "\u{C}"
        case UInt8(ascii: "n"): return "\n"
        case UInt8(ascii: "r"): return "\r"
        case UInt8(ascii: "t"): return "\t"
        case UInt8(ascii: "u"): break
        default: throw malformed("\\ begins no escape")
        }
        let code = try hex()
        guard (0xD800...0xDBFF).contains(code) else { return Unicode.Scalar(code) ?? "\u{FFFD}" }
        let behind = position
        if current == UInt8(ascii: "\\"), behind + 1 < bytes.count, bytes[behind + 1] == UInt8(ascii: "u") {
            position += 2
            let low = try hex()
            if (0xDC00...0xDFFF).contains(low) {
                return Unicode.Scalar(0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)) ?? "\u{FFFD}"
            }
            position = behind
        }
        return "\u{FFFD}"
    }

    private mutating func hex() throws(MalformedReply) -> UInt32 {
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let byte = current, byte < 0x80, let digit = Character(Unicode.Scalar(byte)).hexDigitValue else {
                throw malformed("\\u needs four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        skipBlanks()
        guard let byte = current, UInt32(byte) == character.value else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = current, Self.isBlank(byte) { position += 1 }
    }

    /// An error that names the byte, from 1.
    func malformed(_ problem: String) -> MalformedReply {
        MalformedReply(reason: "at byte \(position + 1): \(problem)")
    }
}

/// Tells the bytes of JSON texts from what stands between them.
struct JSONTextScan {
    private var isInText = false
    private var isEscaped = false

    /// Takes the next byte; whether it belongs to a text, whose quotes do.
    mutating func takes(_ byte: UInt8) -> Bool {
        guard isInText else {
            isInText = byte == UInt8(ascii: "\"")
            return isInText
        }
        if isEscaped {
            isEscaped = false
        } else if byte == UInt8(ascii: "\\") {
            isEscaped = true
        } else if byte == UInt8(ascii: "\"") {
            isInText = false
        }
        return true
    }
}

/// Finds where a JSON object ends in bytes that come in pieces; looks at each byte once.
struct JSONObjectEnd {
    private var scanned = 0
    private var depth = 0
    private var texts = JSONTextScan()

    /// The number of bytes of the object; `nil`: it is not whole yet.
    ///
    /// - Parameter bytes: from the object's brace; what was there before must be there again.
    mutating func find(in bytes: UnsafeRawBufferPointer) -> Int? {
        while scanned < bytes.count {
            let byte = bytes[scanned]
            scanned += 1
            if texts.takes(byte) { continue }
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth <= 0 { return scanned }
            default: break
            }
        }
        return nil
    }
}
