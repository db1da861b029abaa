internal import Model

/// One line of a function as RFC 5424 has it.
struct SyslogMessage {
    /// Facility user, severity informational.
    static let priority = 14
    /// Of the text: of a datagram, so that servers take it whole; else so that a line is one message as a rule.
    static let maxDatagramText = 1400
    static let maxStreamText = 8192

    /// Names who writes, once for all its lines: everything in the structured data but the call.
    struct Origin: Sendable {
        let hostname: String
        let app: String
        let function: String
        let version: UInt32
        let container: String
    }

    let origin: Origin
    let time: Timestamp
    /// Empty: of no single call.
    let call: String
    let text: ArraySlice<UInt8>

    /// Without any framing.
    func encoded() -> [UInt8] {
        var head = "<\(Self.priority)>1 \(time.rfc3339(fractionDigits: 6)) \(Self.name(origin.hostname, 255)) fnrpc "
        head += "\(Self.name(origin.container, 128)) log [fnrpc@32473 app=\"\(Self.value(origin.app))\""
        head += " function=\"\(Self.value(origin.function))\" version=\"\(origin.version)\""
        if !call.isEmpty { head += " call=\"\(Self.value(call))\"" }
        head += "] "
        return Array(head.utf8) + text
    }

    /// Printable ASCII without blanks, or a dash.
    private static func name(_ text: String, _ limit: Int) -> String {
        let bytes = text.utf8.filter { (0x21...0x7E).contains($0) }.prefix(limit)
        return bytes.isEmpty ? "-" : String(decoding: bytes, as: UTF8.self)
    }

    private static func value(_ text: String) -> String {
        var result = ""
        for character in text {
            if character == "\"" || character == "\\" || character == "]" { result.append("\\") }
            result.append(character)
        }
        return result
    }
}
