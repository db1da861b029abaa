import Foundation
import Model
import Synchronization
import Testing
import Wire

@testable import FnrpcClient

/// A request as it came over the wire.
struct ReceivedRequest {
    let header: FrameHeader
    let service: String
    let method: String
    let payload: [UInt8]
    let timeoutNanos: Int64
    let metadata: [Header]

    /// Values of a metadata key, in order.
    func metadata(_ key: String) -> [String] { metadata.filter { $0.name == key }.map(\.value) }
}

/// A frame as it came over the wire.
struct ReceivedFrame {
    let header: FrameHeader
    let data: [UInt8]
}

/// The peer closed the connection.
struct ConnectionClosed: Error {}

/// The server's end of one connection, with blocking calls on a plain socket.
struct Peer {
    let descriptor: Int32
    /// What it agrees to when the client says Hello; `nil`: it does not know Hello, as other ttrpc servers.
    let features: [String]?

    /// Reads exactly `count` bytes.
    func read(_ count: Int) throws -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes {
                recv(descriptor, $0.baseAddress?.advanced(by: filled), count - filled, 0)
            }
            guard got > 0 else { throw ConnectionClosed() }
            filled += got
        }
        return bytes
    }

    /// Reads one frame; answers Hello on the way.
    func frame() throws -> ReceivedFrame {
        while true {
            let header = try read(FrameHeader.size).withUnsafeBytes { bytes in
                FrameHeader(reading: try #require(bytes.baseAddress))
            }
            let received = ReceivedFrame(header: header, data: try read(Int(header.length)))
            guard header.type == FrameHeader.request else { return received }
            let request = try request(received)
            guard request.service == "fnrpc.v1.Transport" else { return received }
            #expect(header.flags == 0 && request.method == "Hello")
            #expect(try HelloRequest(decoding: request.payload, strict: true).features == ["cancel", "goaway"])
            if let features {
                try reply(request, HelloResponse(features: features, server: "fake").encoded())
            } else {
                try send(
                    response(status: Failure(.unimplemented, "service fnrpc.v1.Transport").encodedStatus()),
                    streamID: header.streamID)
            }
        }
    }

    /// Reads one Request frame.
    func request() throws -> ReceivedRequest {
        let frame = try frame()
        #expect(frame.header.type == FrameHeader.request)
        return try request(frame)
    }

    private func request(_ frame: ReceivedFrame) throws -> ReceivedRequest {
        try frame.data.withUnsafeBytes { bytes in
            let envelope = try RequestEnvelope(scanning: bytes)
            return ReceivedRequest(
                header: frame.header, service: String(decoding: envelope.service, as: UTF8.self),
                method: String(decoding: envelope.method, as: UTF8.self), payload: Array(envelope.payload),
                timeoutNanos: envelope.timeoutNanos, metadata: try Self.metadata(bytes))
        }
    }

    private static func metadata(_ bytes: UnsafeRawBufferPointer) throws -> [Header] {
        var result: [Header] = []
        var scanner = FieldScanner(bytes)
        while let field = try scanner.next() {
            guard field.number == 5, let entry = field.bytes else { continue }
            var texts = ["", ""]
            var inner = FieldScanner(entry)
            while let part = try inner.next() {
                texts[Int(part.number) - 1] = String(decoding: try #require(part.bytes), as: UTF8.self)
            }
            result.append(Header(texts[0], texts[1]))
        }
        return result
    }

    /// Reads a Data frame of a stream.
    func data(on request: ReceivedRequest) throws -> ReceivedFrame {
        let frame = try frame()
        #expect(frame.header.type == FrameHeader.data && frame.header.streamID == request.header.streamID)
        return frame
    }

    /// Reads the end of the client's half.
    func expectEnd(of request: ReceivedRequest) throws {
        let frame = try data(on: request)
        #expect(frame.header.flags == 0x05 && frame.data == [])
    }

    /// Sends a message of a stream.
    func send(_ message: [UInt8], on request: ReceivedRequest, flags: UInt8 = 0) throws {
        try send(message, streamID: request.header.streamID, type: FrameHeader.data, flags: flags)
    }

    /// Ends the server's half.
    func end(_ request: ReceivedRequest, metadata: [(StaticString, String)] = []) throws {
        try send(response(metadata: metadata), on: request, flags: 0x05)
    }

    /// Answers with an error.
    func fail(_ request: ReceivedRequest, _ failure: Failure) throws {
        try send(
            response(status: failure.encodedStatus(), metadata: [("fn-call-id", "01FAIL")]),
            streamID: request.header.streamID)
    }

    /// Sends bytes as they are.
    func send(_ bytes: [UInt8]) throws {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.send(
                    descriptor, $0.baseAddress?.advanced(by: sent), bytes.count - sent, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { throw ConnectionClosed() }
            sent += count
        }
    }

    /// Sends a frame.
    func send(_ data: [UInt8], streamID: UInt32, type: UInt8 = FrameHeader.response, flags: UInt8 = 0) throws {
        try send(frameBytes(data, streamID: streamID, type: type, flags: flags))
    }

    /// Answers a request with a payload.
    func reply(_ request: ReceivedRequest, _ payload: [UInt8], metadata: [(StaticString, String)] = []) throws {
        try send(response(payload: payload, metadata: metadata), streamID: request.header.streamID)
    }

    /// Blocks until the client closes.
    func waitForClose() {
        while let _ = try? read(1) {}
    }
}

/// A frame's bytes.
func frameBytes(_ data: [UInt8], streamID: UInt32, type: UInt8 = FrameHeader.response, flags: UInt8 = 0) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: FrameHeader.size)
    bytes.withUnsafeMutableBytes { buffer in
        guard let base = buffer.baseAddress else { return }
        FrameHeader(length: UInt32(data.count), streamID: streamID, type: type, flags: flags).write(to: base)
    }
    return bytes + data
}

/// The data of a Response frame.
func response(status: [UInt8] = [], payload: [UInt8] = [], metadata: [(StaticString, String)] = []) -> [UInt8] {
    let values = metadata.map { Array($0.1.utf8) }
    let storage = values.flatMap { $0 }
    return storage.withUnsafeBytes { stored in
        var offset = 0
        let entries = zip(metadata, values).map { entry, value in
            defer { offset += value.count }
            return MetadataEntry(
                key: entry.0, value: UnsafeRawBufferPointer(rebasing: stored[offset..<offset + value.count]))
        }
        return entries.withUnsafeBufferPointer { entries in
            status.withUnsafeBytes { status in
                payload.withUnsafeBytes { payload in
                    let frame = ResponseFrame(status: status, payload: payload, metadata: entries)
                    var bytes = [UInt8](repeating: 0, count: FrameHeader.size + frame.length)
                    bytes.withUnsafeMutableBytes { frame.write(streamID: 0, to: $0) }
                    return Array(bytes.dropFirst(FrameHeader.size))
                }
            }
        }
    }
}

/// A server on a Unix socket that runs one script per connection, in order; `stop` leaves nothing behind.
final class FakeServer: Sendable {
    let address: Address
    /// Of a server on TCP.
    let port: Int
    private let path: String
    private let listener: Int32
    private let finished = DispatchSemaphore(value: 0)
    private let open = Mutex<Set<Int32>>([])
    /// Errors that scripts ended with, other than a closed connection.
    let problems = Mutex<[String]>([])

    /// - Parameter scripts: for the first connection, the second, …; the last one serves all later connections.
    convenience init(_ scripts: (@Sendable (Peer) throws -> Void)...) throws {
        try self.init(features: nil, scripts)
    }

    /// - Parameter features: what every peer agrees to in Hello.
    convenience init(features: [String], _ scripts: (@Sendable (Peer) throws -> Void)...) throws {
        try self.init(features: features, scripts)
    }

    /// Listens on a port of 127.0.0.1 instead of a Unix socket.
    static func onTCP(_ script: @escaping @Sendable (Peer) throws -> Void) throws -> FakeServer {
        try FakeServer(features: nil, [script], isTCP: true)
    }

    private init(features: [String]?, _ scripts: [@Sendable (Peer) throws -> Void], isTCP: Bool = false) throws {
        path = NSTemporaryDirectory() + "fnrpc-client-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"
        listener = socket(isTCP ? AF_INET : AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        if isTCP {
            port = try Self.bindPort(listener)
            address = try Address("tcp:127.0.0.1:\(port)")
        } else {
            port = 0
            address = try Address("unix:\(path)")
            try Self.bindPath(listener, path)
        }
        try #require(listen(listener, 16) == 0, "cannot listen on \(address)")
        Thread { [self] in serve(features, scripts) }.start()
    }

    private static func bindPath(_ listener: Int32, _ path: String) throws {
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0)
    }

    /// Any free port.
    private static func bindPort(_ listener: Int32) throws -> Int {
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        try #require(bound)
        return Int(UInt16(bigEndian: name.sin_port))
    }

    private func serve(_ features: [String]?, _ scripts: [@Sendable (Peer) throws -> Void]) {
        var index = 0
        let group = DispatchGroup()
        while true {
            let descriptor = accept(listener, nil, nil)
            guard descriptor >= 0 else { break }
            open.withLock { _ = $0.insert(descriptor) }
            let script = scripts[min(index, scripts.count - 1)]
            index += 1
            group.enter()
            Thread { [self] in
                do { try script(Peer(descriptor: descriptor, features: features)) } catch is ConnectionClosed {} catch {
                    problems.withLock { $0.append("\(error)") }
                }
                open.withLock { _ = $0.remove(descriptor) }
                close(descriptor)
                group.leave()
            }.start()
        }
        group.wait()
        finished.signal()
    }

    /// Ends every connection, the listener and the threads, and checks that no script found a problem.
    func stop() {
        shutdown(listener, Int32(SHUT_RDWR))
        open.withLock { for descriptor in $0 { shutdown(descriptor, Int32(SHUT_RDWR)) } }
        finished.wait()
        close(listener)
        unlink(path)
        #expect(problems.withLock { $0 } == [])
    }
}
