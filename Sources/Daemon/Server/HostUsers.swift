internal import Glibc
internal import Model

/// A part of the configured user numbers that no other daemon of this machine uses, held while this object lives.
///
/// The reservation is an abstract Unix socket: the kernel drops it with the process, however it ends. Thread-safe.
final class HostUsers: Sendable {
    /// The range is cut into so many parts, so that as many daemons fit.
    static let parts: UInt32 = 16

    /// The first number.
    let first: UInt32
    /// How many numbers.
    let count: UInt32
    private let reservation: Int32

    /// Reserves the first free part.
    ///
    /// - Throws: `precondition` if every part is taken.
    init(base: UInt32, count: UInt32) throws(Failure) {
        // A sandbox takes two; a small range stays whole.
        let parts = count >= Self.parts * 2 ? Self.parts : 1
        let size = count / parts / 2 * 2
        for part in 0..<parts {
            let first = base + part * size
            guard let reservation = Self.reserve(first) else { continue }
            self.first = first
            self.count = max(size, 2)
            self.reservation = reservation
            return
        }
        throw Failure(
            .precondition,
            "uid-base: the user numbers from \(base) on are in use by \(parts) other fnrpcd; choose another uid-base")
    }

    deinit { close(reservation) }

    private static func reserve(_ first: UInt32) -> Int32? {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // A name that begins with NUL is in no file system (unix(7)).
        let name = [0] + Array("fnrpc-uids-\(first)".utf8)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: name) }
        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return nil }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count)
        let result = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        if result == 0 { return descriptor }
        close(descriptor)
        return nil
    }
}
