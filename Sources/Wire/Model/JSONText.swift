/// Whether a text is one JSON value by RFC 8259, strictly; makes nothing of it.
package struct JSONText {
    private let bytes: [UInt8]
    private let name: String
    private let maxDepth: Int
    private var position = 0

    /// Checks a text.
    ///
    /// - Parameters:
    ///   - name: how the error calls it.
    ///   - maxDepth: arrays and objects inside one another; 0: none.
    /// - Throws: `invalid` with the byte, from 1, where it goes wrong.
    package static func check(_ text: String, name: String, maxDepth: Int) throws(Failure) {
        var check = JSONText(bytes: Array(text.utf8), name: name, maxDepth: maxDepth)
        try check.value(depth: 0)
        guard check.position == check.bytes.count else { throw check.failure("there is more behind the value") }
    }

    private init(bytes: [UInt8], name: String, maxDepth: Int) {
        self.bytes = bytes
        self.name = name
        self.maxDepth = maxDepth
    }

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }

    /// A value with the blanks around it.
    private mutating func value(depth: Int) throws(Failure) {
        skipBlanks()
        switch current {
        case UInt8(ascii: "{"):
            try list("}", depth: depth) { (check) throws(Failure) in
                check.skipBlanks()
                guard check.current == UInt8(ascii: "\"") else { throw check.failure("a name in quotes is missing") }
                try check.string()
                check.skipBlanks()
                guard check.take(":") else { throw check.failure("a colon is missing") }
                try check.value(depth: depth + 1)
            }
        case UInt8(ascii: "["):
            try list("]", depth: depth) { (check) throws(Failure) in try check.value(depth: depth + 1) }
        case UInt8(ascii: "\""): try string()
        case UInt8(ascii: "t"): try word("true")
        case UInt8(ascii: "f"): try word("false")
        case UInt8(ascii: "n"): try word("null")
        default: try number()
        }
        skipBlanks()
    }

    private mutating func list(
        _ end: Unicode.Scalar, depth: Int, _ item: (inout JSONText) throws(Failure) -> Void
    ) throws(Failure) {
        guard depth < maxDepth else { throw failure("nested deeper than \(maxDepth) levels") }
        position += 1
        skipBlanks()
        if take(end) { return }
        repeat { try item(&self) } while take(",")
        guard take(end) else { throw failure("a comma or \(end) is missing") }
    }

    private mutating func word(_ text: String) throws(Failure) {
        guard bytes[position...].starts(with: text.utf8) else { throw failure("a value is missing") }
        position += text.utf8.count
    }

    private mutating func number() throws(Failure) {
        let isNegative = take("-")
        guard take("0") || digits() else { throw failure(isNegative ? "digits are missing" : "a value is missing") }
        if take("."), !digits() { throw failure("digits are missing") }
        if take("e") || take("E") {
            if !take("+") { _ = take("-") }
            guard digits() else { throw failure("digits are missing") }
        }
    }

    private mutating func digits() -> Bool {
        let start = position
        while let byte = current, (48...57).contains(byte) { position += 1 }
        return position > start
    }

    private mutating func string() throws(Failure) {
        position += 1
        while let byte = current {
            guard byte >= 0x20 else { throw failure("a control character in a string must be escaped") }
            position += 1
            if byte == UInt8(ascii: "\"") { return }
            if byte == UInt8(ascii: "\\") { try escape() }
        }
        throw failure("a string has no end")
    }

    private mutating func escape() throws(Failure) {
        if take("u") {
            for _ in 0..<4 {
                guard let byte = current, byte < 0x80, Character(Unicode.Scalar(byte)).isHexDigit else {
                    throw failure("\\u needs four hexadecimal digits")
                }
                position += 1
            }
            return
        }
        guard let byte = current, "\"\\/bfnrt".utf8.contains(byte) else { throw failure("\\ begins no escape") }
        position += 1
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let byte = current, UInt32(byte) == character.value else { return false }
        position += 1
        return true
    }

    private mutating func skipBlanks() {
        while let byte = current, [0x20, 0x09, 0x0A, 0x0D].contains(byte) { position += 1 }
    }

    private func failure(_ problem: String) -> Failure {
        Failure(.invalid, "\(name) is not JSON: at byte \(position + 1): \(problem)")
    }
}
