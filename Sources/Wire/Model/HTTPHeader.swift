/// The grammar of header lines (RFC 9110 §5).
package enum HTTPHeader {
    /// Headers that are between two neighbours (RFC 9110 §7.6.1) or say where a message ends, in lower case.
    package static let hopByHop: Set<String> = [
        "connection", "proxy-connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "content-length",
    ]

    /// Whether a text may stand before the colon: a token, as methods are too.
    @inlinable
    package static func isName(_ text: some StringProtocol) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    /// Whether a text may stand behind the colon: no control character, so that it cannot end the line.
    @inlinable
    package static func isValue(_ text: some StringProtocol) -> Bool {
        text.utf8.allSatisfy { $0 >= 32 && $0 != 127 || $0 == 9 }
    }

    /// A value without the blanks around it.
    package static func trimmed(_ text: Substring) -> Substring {
        var bytes = text.utf8
        while let first = bytes.first, first == 32 || first == 9 { bytes.removeFirst() }
        while let last = bytes.last, last == 32 || last == 9 { bytes.removeLast() }
        return Substring(bytes)
    }

    /// A number of digits alone, without sign; `nil` for anything else and above `max`, which is at most 2^59.
    @inlinable
    package static func decimal(_ text: some StringProtocol, max: Int) -> Int? {
        var number = 0
        for byte in text.utf8 {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
            guard number <= max else { return nil }
        }
        return text.isEmpty ? nil : number
    }
}
