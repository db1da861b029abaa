internal import Wire

/// What a caller of InvokeStream that counts may still be sent, and payload that waits until it may be. Not thread-safe.
struct CallerCredit {
    /// More than anybody needs, bytes.
    private static let limit = Int(Int32.max)

    private var left: Int
    private var isLifted = false
    private var withheld: ArraySlice<UInt8> = []

    /// - Parameter credit: bytes of payload.
    init(_ credit: UInt32) {
        left = min(Int(credit), Self.limit)
    }

    /// Whether payload waits.
    var isWithholding: Bool { !withheld.isEmpty }

    /// The caller can take so much more.
    mutating func add(_ credit: UInt32) { left = min(left + Int(credit), Self.limit) }

    /// The caller can give no more, so nothing is counted from now on.
    mutating func lift() { isLifted = true }

    /// Whether so much payload may go at once; then it counts as sent.
    mutating func take(_ count: Int) -> Bool {
        if isLifted { return !isWithholding }
        guard count <= left else { return false }
        left -= count
        return true
    }

    /// Keeps payload that may not go at once; there is none that waits.
    mutating func withhold(_ payload: [UInt8]) { withheld = payload[...] }

    /// What may go now of the payload that waits, in order; `nil`: nothing.
    mutating func takePart() -> [UInt8]? {
        guard left > 0 || isLifted, !withheld.isEmpty else { return nil }
        let part = isLifted ? Array(withheld) : Array(withheld.prefix(left))
        if !isLifted { left -= part.count }
        withheld = withheld.dropFirst(part.count)
        return part
    }

    mutating func drop() { withheld = [] }
}

/// A message of InvokeStream that gives credit only.
enum InvokeCredit {
    static func message(_ credit: UInt32) -> [UInt8] {
        let size = FieldSize.field(7, varint: UInt64(credit))
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var writer = FieldWriter(
                UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<size])))
            writer.field(7, varint: UInt64(credit))
            count = size
        }
    }
}
