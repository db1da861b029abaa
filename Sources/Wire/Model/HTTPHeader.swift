/// The grammar of header lines (RFC 9110 §5).
package enum HTTPHeader {
    /// Headers that are between two neighbours (RFC 9110 §7.6.1) or say where a message ends, in lower case.
    package static let hopByHop: Set<String> = [
        "connection", "proxy-connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "content-length",
    ]

    private static let hopByHopBytes = hopByHop.map { Array($0.utf8) }

    /// Whether a name is one of ``hopByHop``, in any case.
    package static func isHopByHop(_ name: UnsafeRawBufferPointer) -> Bool {
        hopByHopBytes.contains { known in known.count == name.count && known.withUnsafeBytes { isSame(name, $0) } }
    }

    /// Whether a name is another one, in any case.
    ///
    /// - Parameter known: in lower case.
    package static func isSame(_ name: UnsafeRawBufferPointer, _ known: StaticString) -> Bool {
        name.count == known.utf8CodeUnitCount
            && isSame(name, UnsafeRawBufferPointer(start: known.utf8Start, count: known.utf8CodeUnitCount))
    }

    /// Both of one length.
    private static func isSame(_ name: UnsafeRawBufferPointer, _ known: UnsafeRawBufferPointer) -> Bool {
        for index in name.indices {
            let byte = name[index]
            let isUpper = (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
            guard (isUpper ? byte | 0x20 : byte) == known[index] else { return false }
        }
        return true
    }

    /// Whether a text may stand before the colon: a token, as methods are too.
    package static func isName(_ text: some StringProtocol) -> Bool { withBytes(text) { isName($0) } }

    /// As for a text, of its bytes.
    package static func isName(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for byte in bytes {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "!"), UInt8(ascii: "#"),
                UInt8(ascii: "$"), UInt8(ascii: "%"), UInt8(ascii: "&"), UInt8(ascii: "'"), UInt8(ascii: "*"),
                UInt8(ascii: "+"), UInt8(ascii: "."), UInt8(ascii: "^"), UInt8(ascii: "_"), UInt8(ascii: "`"),
                UInt8(ascii: "|"), UInt8(ascii: "~"):
                continue
            default: return false
            }
        }
        return !bytes.isEmpty
    }

    /// Whether a text may stand behind the colon: no control character, so that it cannot end the line.
    package static func isValue(_ text: some StringProtocol) -> Bool { withBytes(text) { isValue($0) } }

    /// As for a text, of its bytes.
    package static func isValue(_ bytes: UnsafeRawBufferPointer) -> Bool {
        for byte in bytes where byte < 32 && byte != 9 || byte == 127 { return false }
        return true
    }

    /// A value without the blanks around it.
    package static func trimmed(_ text: Substring) -> Substring {
        var bytes = text.utf8
        while let first = bytes.first, first == 32 || first == 9 { bytes.removeFirst() }
        while let last = bytes.last, last == 32 || last == 9 { bytes.removeLast() }
        return Substring(bytes)
    }

    /// A number of digits alone, without sign; `nil` for anything else and above `max`, which is at most 2^59.
    package static func decimal(_ text: some StringProtocol, max: Int) -> Int? {
        withBytes(text) { decimal($0, max: max) }
    }

    /// As for a text, of its bytes.
    package static func decimal(_ bytes: UnsafeRawBufferPointer, max: Int) -> Int? {
        var number = 0
        for byte in bytes {
            guard (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) else { return nil }
            number = number * 10 + Int(byte - UInt8(ascii: "0"))
            guard number <= max else { return nil }
        }
        return bytes.isEmpty ? nil : number
    }

    private static func withBytes<R>(_ text: some StringProtocol, _ body: (UnsafeRawBufferPointer) -> R) -> R {
        text.utf8.withContiguousStorageIfAvailable { body(UnsafeRawBufferPointer($0)) }
            ?? Array(text.utf8).withUnsafeBytes(body)
    }
}
