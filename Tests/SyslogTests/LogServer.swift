import Foundation
import Glibc
import Testing

/// A real syslog server of one transport, as far as a test needs one. Used by one test.
final class LogServer {
    let url: String
    private let folder: String
    private let listener: Int32
    private let isDatagram: Bool
    private(set) var connection: Int32 = -1
    private(set) var received: [UInt8] = []
    /// Each datagram.
    private(set) var datagrams: [[UInt8]] = []

    /// - Parameter port: of TCP and UDP; 0: any.
    init(_ scheme: String, port: UInt16 = 0) throws {
        var template = Array("/tmp/syslog-test-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        isDatagram = scheme == "udp" || scheme == "unixgram"
        let isUnix = scheme.hasPrefix("unix")
        let type = Int32((isDatagram ? SOCK_DGRAM : SOCK_STREAM).rawValue)
        let listener = socket(isUnix ? AF_UNIX : AF_INET, type | Int32(SOCK_CLOEXEC.rawValue), 0)
        self.listener = listener
        try #require(listener >= 0)
        if isUnix {
            url = "\(scheme)://\(folder)/log"
            var address = sockaddr_un()
            address.sun_family = sa_family_t(AF_UNIX)
            withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: (folder + "/log").utf8) }
            try #require(Self.bound(listener, &address))
        } else {
            var on: Int32 = 1
            setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, 4)
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = port.bigEndian
            address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
            try #require(Self.bound(listener, &address))
            var length = socklen_t(MemoryLayout<sockaddr_in>.size)
            _ = withUnsafeMutablePointer(to: &address) {
                $0.withMemoryRebound(to: sockaddr.self, capacity: 1) { getsockname(listener, $0, &length) }
            }
            url = "\(scheme)://127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        }
        if !isDatagram { try #require(listen(listener, 4) == 0) }
    }

    deinit {
        close()
        try? FileManager.default.removeItem(atPath: folder)
    }

    var port: UInt16 { UInt16(url.split(separator: ":").last ?? "") ?? 0 }

    private static func bound<A>(_ descriptor: Int32, _ address: inout A) -> Bool {
        withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, socklen_t(MemoryLayout<A>.size)) == 0
            }
        }
    }

    private var isClosed = false

    /// The server goes away.
    func close() {
        guard !isClosed else { return }
        isClosed = true
        if connection >= 0 { Glibc.close(connection) }
        Glibc.close(listener)
    }

    /// Takes a connection.
    func accept() throws {
        try wait(for: listener)
        connection = Glibc.accept(listener, nil, nil)
        try #require(connection >= 0)
    }

    /// Reads until something has come; 20 seconds at most.
    func read(until text: String) throws {
        if !isDatagram && connection < 0 { try accept() }
        let descriptor = isDatagram ? listener : connection
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while !String(decoding: received, as: UTF8.self).contains(text) {
            try wait(for: descriptor)
            let count = Glibc.read(descriptor, &buffer, buffer.count)
            try #require(count > 0, "the sender has closed; so far: \(String(decoding: received, as: UTF8.self))")
            received += buffer[..<count]
            if isDatagram { datagrams.append(Array(buffer[..<count])) }
        }
    }

    private func wait(for descriptor: Int32) throws {
        var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        try #require(poll(&entry, 1, 20_000) == 1, "nothing came in 20 s")
    }

    /// Messages out of frames with counted octets, or datagrams.
    func messages() throws -> [String] {
        if isDatagram { return datagrams.map { String(decoding: $0, as: UTF8.self) } }
        var result: [String] = []
        var rest = received[...]
        while !rest.isEmpty {
            let blank = try #require(rest.firstIndex(of: UInt8(ascii: " ")))
            let count = try #require(Int(String(decoding: rest[..<blank], as: UTF8.self)))
            let start = rest.index(after: blank)
            guard rest.endIndex - start >= count else { break }
            result.append(String(decoding: rest[start..<(start + count)], as: UTF8.self))
            rest = rest[(start + count)...]
        }
        return result
    }
}
