import Model

/// Reads one JSON value strictly by RFC 8259: numbers keep their text, objects their order, nothing is given twice.
struct JSONParser {
    /// Arrays and objects inside one another; a message of 64 levels has at most two for each.
    static let maxDepth = 160

    private let bytes: [UInt8]
    private var position = 0

    /// Reads the whole text as one value.
    ///
    /// - Throws: `invalid` with line and column.
    static func parse(_ bytes: [UInt8]) throws(Failure) -> JSON {
        var parser = JSONParser(bytes: bytes)
        let value = try parser.value(depth: 0)
        parser.skipBlanks()
        guard parser.position == bytes.count else { throw parser.failure("there is more behind the value") }
        return value
    }

    private init(bytes: [UInt8]) {
        self.bytes = bytes
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    private mutating func value(depth: Int) throws(Failure) -> JSON {
        guard depth <= Self.maxDepth else { throw failure("nested deeper than \(Self.maxDepth) levels") }
        skipBlanks()
        switch current {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try word("true", .bool(true))
        case UInt8(ascii: "f"): return try word("false", .bool(false))
        case UInt8(ascii: "n"): return try word("null", .null)
        case UInt8(ascii: "-"), .some(UInt8(ascii: "0")...UInt8(ascii: "9")): return .exact(try number())
        case nil: throw failure("the text ends where a value should be")
        default: throw failure("a value is missing here")
        }
    }

    private mutating func object(depth: Int) throws(Failure) -> JSON {
        var members: [JSON.Member] = []
        var names: Set<String> = []
        position += 1
        skipBlanks()
        if take("}") { return .ordered([]) }
        while true {
            skipBlanks()
            guard current == UInt8(ascii: "\"") else { throw failure("a name in double quotes is missing here") }
            let name = try string()
            guard names.insert(name).inserted else { throw failure("\(quoted(name)) is given twice") }
            skipBlanks()
            guard take(":") else { throw failure("a colon is missing here") }
            members.append(JSON.Member(name: name, value: try value(depth: depth + 1)))
            skipBlanks()
            if take("}") { return .ordered(members) }
            guard take(",") else { throw failure("a comma or } is missing here") }
        }
    }

    private mutating func array(depth: Int) throws(Failure) -> JSON {
        var values: [JSON] = []
        position += 1
        skipBlanks()
        if take("]") { return .array([]) }
        while true {
            values.append(try value(depth: depth + 1))
            skipBlanks()
            if take("]") { return .array(values) }
            guard take(",") else { throw failure("a comma or ] is missing here") }
        }
    }

    private mutating func word(_ text: StaticString, _ value: JSON) throws(Failure) -> JSON {
        let expected = text.withUTF8Buffer { Array($0) }
        guard bytes[position...].starts(with: expected) else { throw failure("a value is missing here") }
        position += expected.count
        return value
    }

    private mutating func number() throws(Failure) -> String {
        let start = position
        _ = take("-")
        if !take("0") {
            guard digits() > 0 else { throw failure("digits are missing here") }
        }
        if take(".") {
            guard digits() > 0 else { throw failure("digits are missing here") }
        }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard digits() > 0 else { throw failure("digits are missing here") }
        }
        return String(decoding: bytes[start..<position], as: UTF8.self)
    }

    private mutating func digits() -> Int {
        let start = position
        while let byte = current, (48...57).contains(byte) { position += 1 }
        return position - start
    }

    private mutating func string() throws(Failure) -> String {
        position += 1
        var text: [UInt8] = []
        while let byte = current {
            switch byte {
            case UInt8(ascii: "\""):
                position += 1
                guard let result = String(validating: text, as: UTF8.self) else {
                    throw failure("the string is not UTF-8")
                }
                return result
            case UInt8(ascii: "\\"):
                position += 1
                try escape(into: &text)
            case ..<0x20: throw failure("a control character in a string must be escaped")
            default:
                text.append(byte)
                position += 1
            }
        }
        throw failure("a string has no end")
    }

    private mutating func escape(into text: inout [UInt8]) throws(Failure) {
        guard let byte = current else { throw failure("a string has no end") }
        position += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hex()
            if (0xD800...0xDBFF).contains(code), take("\\"), take("u") {
                let low = try hex()
                guard (0xDC00...0xDFFF).contains(low) else { throw failure("half of a surrogate pair") }
                code = 0x10000 + (code - 0xD800) << 10 + (low - 0xDC00)
            }
            guard let scalar = Unicode.Scalar(code) else { throw failure("half of a surrogate pair") }
            text += Array(String(scalar).utf8)
        default: throw failure("\\ is followed by what is no escape")
        }
    }

    private mutating func hex() throws(Failure) -> UInt32 {
        guard bytes.count - position >= 4 else { throw failure("\\u needs four hexadecimal digits") }
        var code: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[position])).hexDigitValue, bytes[position] < 0x80 else {
                throw failure("\\u needs four hexadecimal digits")
            }
            code = code << 4 | UInt32(digit)
            position += 1
        }
        return code
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let byte = current, UInt32(byte) == character.value else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = current, JSONDocuments.isBlank(byte) { position += 1 }
    }

    private func failure(_ problem: String) -> Failure {
        let before = bytes[..<min(position, bytes.count)]
        let line = before.count { $0 == UInt8(ascii: "\n") } + 1
        let column = before.count - (before.lastIndex(of: UInt8(ascii: "\n")).map { $0 + 1 } ?? 0) + 1
        return Failure(.invalid, "the JSON at line \(line), column \(column): \(problem)")
    }
}

/// Takes JSON values one by one out of bytes that come in pieces. A pure machine.
struct JSONDocuments {
    /// Bytes of one value's text: what a frame holds, in the widest escapes.
    static let maxBytes = 24 << 20

    private var buffer: [UInt8] = []
    /// Where the value begins; the bytes before are taken already.
    private var start = 0
    private var scanned = 0
    private var depth = 0
    private var isInString = false
    private var isEscaped = false

    /// Adds what came.
    mutating func append(_ bytes: some Sequence<UInt8>) {
        buffer.removeFirst(start)
        scanned -= start
        start = 0
        buffer += bytes
    }

    /// The next whole value; `nil`: more bytes are needed, or at the end nothing is left.
    ///
    /// - Parameter atEnd: no further bytes come.
    mutating func next(atEnd: Bool) throws(Failure) -> JSON? {
        if depth == 0, !isInString, scanned == start {
            while start < buffer.count, Self.isBlank(buffer[start]) { start += 1 }
            scanned = start
        }
        while scanned < buffer.count {
            let ends = step(buffer[scanned])
            scanned += 1
            if ends { return try take() }
        }
        guard buffer.count - start <= Self.maxBytes else {
            throw Failure(.tooLarge, "the JSON: one message's text is over the limit of \(Self.maxBytes) bytes")
        }
        return atEnd && start < buffer.count ? try take() : nil
    }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0A).contains(byte) || byte == 0x0D }

    /// Whether the value ends behind this byte.
    private mutating func step(_ byte: UInt8) -> Bool {
        if isInString {
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
                return depth == 0
            }
            return false
        }
        switch byte {
        case UInt8(ascii: "\""): isInString = true
        case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
        case UInt8(ascii: "}"), UInt8(ascii: "]"):
            depth -= 1
            return depth <= 0
        default: return depth == 0 && Self.isBlank(byte)
        }
        return false
    }

    private mutating func take() throws(Failure) -> JSON {
        let text = Array(buffer[start..<scanned])
        start = scanned
        (depth, isInString, isEscaped) = (0, false, false)
        return try JSONParser.parse(text)
    }
}
