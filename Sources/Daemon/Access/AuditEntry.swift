package import Model

/// One change that somebody made or tried to make.
package struct AuditEntry: Sendable {
    /// The longest value, in bytes of UTF-8; longer ones are cut and end in `…`.
    package static let maxValueBytes = 256

    package var time: Timestamp
    /// Who: ``Principal/description``.
    package var principal: String
    /// From where: an address, or a process.
    package var peer: String
    /// `SERVICE/METHOD`.
    package var method: String
    /// What the request named, in this order: ("app", "shop"), ("function", "hello").
    package var target: [(key: String, value: String)]
    /// `nil`: it was done.
    package var failure: Failure.Code?
    /// The connection's number in logs and lists.
    package var connection: UInt64
    /// The W3C trace that the caller named, 32 hexadecimal digits; `nil`: none.
    package var trace: String?

    package init(
        time: Timestamp, principal: String, peer: String, method: String, target: [(key: String, value: String)],
        failure: Failure.Code?, connection: UInt64, trace: String? = nil
    ) {
        self.time = time
        self.principal = principal
        self.peer = peer
        self.method = method
        self.target = target
        self.failure = failure
        self.connection = connection
        self.trace = trace
    }

    /// One line of JSON, with its line feed.
    package var line: [UInt8] {
        var line: [UInt8] = []
        line.reserveCapacity(512)
        line += "{\"time\":".utf8
        Self.append(time.description, to: &line)
        Self.append(",\"principal\":", principal, to: &line)
        Self.append(",\"peer\":", peer, to: &line)
        Self.append(",\"method\":", method, to: &line)
        line += ",\"target\":{".utf8
        // More than any request names.
        for (index, pair) in target.prefix(16).enumerated() {
            if index > 0 { line.append(UInt8(ascii: ",")) }
            Self.append(pair.key, to: &line)
            Self.append(":", pair.value, to: &line)
        }
        Self.append("},\"outcome\":", failure?.rawValue ?? "ok", to: &line)
        line += ",\"connection\":\(connection)".utf8
        if let trace { Self.append(",\"trace\":", trace, to: &line) }
        line += "}\n".utf8
        return line
    }

    private static func append(_ start: StaticString, _ value: String, to line: inout [UInt8]) {
        start.withUTF8Buffer { line += $0 }
        append(value, to: &line)
    }

    /// A JSON string: escapes what JSON wants escaped, and all control characters, so that a name cannot steer the
    /// terminal of whoever reads the file.
    private static func append(_ value: String, to line: inout [UInt8]) {
        line.append(UInt8(ascii: "\""))
        if isPlain(value) { line += value.utf8 } else { appendEscaped(value, to: &line) }
        line.append(UInt8(ascii: "\""))
    }

    /// Whether a value needs no escapes and is not cut, as nearly all: every change writes a line.
    private static func isPlain(_ value: String) -> Bool {
        value.utf8.count <= maxValueBytes
            && value.utf8.allSatisfy { (0x20..<0x7F).contains($0) && $0 != 0x22 && $0 != 0x5C }
    }

    private static func appendEscaped(_ value: String, to line: inout [UInt8]) {
        let digits = Array("0123456789abcdef".utf8)
        var count = 0
        for scalar in value.unicodeScalars {
            count += UTF8.width(scalar)
            guard count <= maxValueBytes else {
                line += "…".utf8
                break
            }
            switch scalar.value {
            case 0x22, 0x5C: line += [UInt8(ascii: "\\"), UInt8(scalar.value)]
            case 0..<0x20, 0x7F..<0xA0:
                line += "\\u00".utf8
                line += [digits[Int(scalar.value >> 4)], digits[Int(scalar.value & 15)]]
            default: line += String(scalar).utf8
            }
        }
    }
}
