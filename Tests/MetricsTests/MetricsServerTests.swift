import Glibc
import Model
import Testing

@testable import Metrics

@Suite struct MetricsServerTests {
    private func withServer(
        _ text: @escaping @Sendable () -> [UInt8] = { Array("a 1\n".utf8) }, _ body: (UInt16) throws -> Void
    ) throws {
        let server = try MetricsServer(host: "127.0.0.1", port: 0, text: text)
        defer { server.stop() }
        try body(server.port)
    }

    @Test func getAndHeadAreAnsweredAndTheConnectionCloses() throws {
        try withServer { port throws in
            let get = try HTTPClient(port).exchange("GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(get.hasPrefix("HTTP/1.1 200 OK\r\n") && get.hasSuffix("\r\nConnection: close\r\n\r\na 1\n"))
            let head = try HTTPClient(port).exchange("HEAD /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
            #expect(head.contains("\r\nContent-Length: 4\r\n") && head.hasSuffix("\r\nConnection: close\r\n\r\n"))
            #expect(try HTTPClient(port).exchange("GET / HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 404 "))
            #expect(try HTTPClient(port).exchange("POST /metrics HTTP/1.1\r\n\r\n").hasPrefix("HTTP/1.1 405 "))
            #expect(try HTTPClient(port).exchange("hello\r\n\r\n").hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func aRequestMayComeByteByByteAndOnlyOneIsAnswered() throws {
        try withServer { port throws in
            let client = try HTTPClient(port)
            for byte in "GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".utf8 { try client.send([byte]) }
            #expect(try client.rest().hasSuffix("\r\n\r\na 1\n"))
            let two = "GET /metrics HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n"
            let answer = try HTTPClient(port).exchange(two)
            #expect(answer.hasSuffix("\r\n\r\na 1\n"))
            #expect(answer.split(separator: "HTTP/1.1 200").count == 1)
        }
    }

    @Test func aHeadWithoutEndIsRefusedAtItsLimit() throws {
        try withServer { port throws in
            let long = "GET /metrics HTTP/1.1\r\nA: " + String(repeating: "x", count: 8192)
            #expect(try HTTPClient(port).exchange(long).hasPrefix("HTTP/1.1 400 "))
        }
    }

    @Test func longTextsArriveWhole() throws {
        let size = 3 << 20
        try withServer({ [UInt8](repeating: UInt8(ascii: "#"), count: size) }) { port throws in
            let answer = try HTTPClient(port).exchange("GET /metrics HTTP/1.1\r\n\r\n")
            #expect(answer.utf8.count { $0 == UInt8(ascii: "#") } == size)
        }
    }

    @Test func furtherConnectionsAreClosedUntilOneEnds() throws {
        try withServer { port throws in
            var clients = try (0..<MetricsServer.maxConnections).map { _ in try HTTPClient(port) }
            #expect(try HTTPClient(port).rest() == "", "closed without an answer")
            #expect(try clients.removeLast().exchange("GET /metrics HTTP/1.1\r\n\r\n").hasSuffix("a 1\n"))
            // Its end is known to the server before its client sees it.
            #expect(try HTTPClient(port).exchange("GET /metrics HTTP/1.1\r\n\r\n").hasSuffix("a 1\n"))
        }
    }

    @Test func stoppingEndsEverything() throws {
        let server = try MetricsServer(host: "::1", port: 0) { [] }
        let port = server.port
        server.stop()
        let again = try MetricsServer(host: "::1", port: port) { [] }
        let taken = #expect(throws: Failure.self) { try MetricsServer(host: "::1", port: port) { [] } }
        #expect(taken?.message.hasPrefix("metrics-listen: bind ::1:\(port): ") == true, "\(taken?.message ?? "")")
        again.stop()
    }

    @Test func onlyLoopbackIsServed() {
        for host in ["0.0.0.0", "::", "192.0.2.1"] {
            let refused = #expect(throws: Failure.self) { try MetricsServer(host: host, port: 0) { [] } }
            #expect(refused?.message == "metrics-listen: \"\(host)\" is not a loopback address")
        }
    }
}

/// A blocking connection to a port of 127.0.0.1.
private final class HTTPClient {
    private struct Refused: Error {}

    private let descriptor: Int32

    init(_ port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { throw Refused() }
    }

    deinit { close(descriptor) }

    func send(_ bytes: [UInt8]) throws {
        guard Glibc.send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL)) == bytes.count else { throw Refused() }
    }

    /// Everything until the server closes.
    func rest() throws -> String {
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            if count == 0 { return String(decoding: all, as: UTF8.self) }
            guard count > 0 else {
                // Bytes that nobody has read make the end a reset.
                guard errno == ECONNRESET else { throw Refused() }
                return String(decoding: all, as: UTF8.self)
            }
            all += buffer[..<count]
        }
    }

    func exchange(_ text: String) throws -> String {
        try send(Array(text.utf8))
        return try rest()
    }
}
