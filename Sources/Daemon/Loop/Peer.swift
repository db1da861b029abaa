internal import CLinux
internal import Glibc

/// Who is at the other end of an accepted connection, as the kernel says.
package enum Peer: Sendable, Equatable, CustomStringConvertible {
    /// A process of this machine, as it was when it connected.
    ///
    /// - Parameters:
    ///   - groups: supplementary groups; `gid` need not be among them.
    ///   - pid: 0 if it is of another process namespace.
    case unix(uid: UInt32, gid: UInt32, groups: [UInt32], pid: Int32)
    /// An address, numeric.
    case tcp(host: String, port: UInt16)

    package var description: String {
        switch self {
        case .unix(let uid, _, _, let pid): "uid \(uid), pid \(pid)"
        case .tcp(let host, let port): host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)"
        }
    }

    /// Asks the kernel; `nil` if it does not tell, so that nobody is taken for somebody else.
    static func of(_ connection: Int32) -> Peer? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let known = withUnsafeMutablePointer(to: &storage) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getpeername(connection, $0, &length) }
        }
        guard known == 0 else { return nil }
        switch Int32(storage.ss_family) {
        case AF_UNIX: return process(connection)
        case AF_INET, AF_INET6: return address(&storage, length)
        default: return nil
        }
    }

    private static func process(_ connection: Int32) -> Peer? {
        var credentials = fnrpc_credentials()
        guard fnrpc_peer_credentials(connection, &credentials) == 0 else { return nil }
        var groups = [UInt32](repeating: 0, count: 32)
        var count = UInt32(groups.count)
        var result = fnrpc_peer_groups(connection, &groups, &count)
        if result == -ERANGE {
            groups = [UInt32](repeating: 0, count: Int(count))
            result = fnrpc_peer_groups(connection, &groups, &count)
        }
        guard result >= 0 else { return nil }
        return .unix(
            uid: credentials.user, gid: credentials.group, groups: Array(groups.prefix(Int(result))),
            pid: credentials.process)
    }

    private static func address(_ storage: inout sockaddr_storage, _ length: socklen_t) -> Peer? {
        var host = [UInt8](repeating: 0, count: Int(NI_MAXHOST))
        let result = withUnsafePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { storage in
                host.withUnsafeMutableBytes {
                    getnameinfo(
                        storage, length, $0.baseAddress?.assumingMemoryBound(to: CChar.self), socklen_t($0.count),
                        nil, 0, NI_NUMERICHOST)
                }
            }
        }
        guard result == 0 else { return nil }
        // The port is at the same place for IPv4 and IPv6.
        let port = withUnsafeBytes(of: &storage) { UInt16(bigEndian: $0.load(fromByteOffset: 2, as: UInt16.self)) }
        return .tcp(host: String(decoding: host.prefix { $0 != 0 }, as: UTF8.self), port: port)
    }
}
