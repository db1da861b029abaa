internal import CBacktrace

/// The calls that led somewhere, as return addresses.
struct Backtrace: Sendable {
    /// Calls that are kept.
    private static let maxFrames = 32

    /// The innermost call first.
    private let addresses: [UInt]

    /// Those that led here.
    static func capture() -> Backtrace {
        withUnsafeTemporaryAllocation(of: UnsafeMutableRawPointer?.self, capacity: maxFrames) { frames in
            let count = fnrpc_backtrace(frames.baseAddress, Int32(maxFrames))
            return Backtrace(addresses: frames.prefix(Int(count)).map { UInt(bitPattern: $0) })
        }
    }

    /// `file+0xoffset` for each call: what `addr2line -e file 0xoffset` takes.
    var places: [String] {
        addresses.map { address in
            var file: UnsafePointer<CChar>?
            var offset: UInt = 0
            guard fnrpc_locate(UnsafeRawPointer(bitPattern: address), &file, &offset) == 1, let file else {
                return "0x" + String(address, radix: 16)
            }
            return "\(String(cString: file))+0x\(String(offset, radix: 16))"
        }
    }
}
