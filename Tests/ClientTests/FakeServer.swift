import Foundation
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
}

/// The peer closed the connection.
struct ConnectionClosed: Error {}

/// The server's end of one connection, with blocking calls on a plain socket.
struct Peer {
    let descriptor: Int32

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

    /// Reads one Request frame.
    func request() throws -> ReceivedRequest {
        let header = try read(FrameHeader.size).withUnsafeBytes { bytes in
            FrameHeader(reading: try #require(bytes.baseAddress))
        }
        let data = try read(Int(header.length))
        return try data.withUnsafeBytes { bytes in
            let envelope = try RequestEnvelope(scanning: bytes)
            return ReceivedRequest(
                header: header, service: String(decoding: envelope.service, as: UTF8.self),
                method: String(decoding: envelope.method, as: UTF8.self), payload: Array(envelope.payload),
                timeoutNanos: envelope.timeoutNanos)
        }
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
        try send(frame(data, streamID: streamID, type: type, flags: flags))
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
func frame(_ data: [UInt8], streamID: UInt32, type: UInt8 = FrameHeader.response, flags: UInt8 = 0) -> [UInt8] {
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
    private let path: String
    private let listener: Int32
    private let finished = DispatchSemaphore(value: 0)
    private let open = Mutex<Set<Int32>>([])
    /// Errors that scripts ended with, other than a closed connection.
    let problems = Mutex<[String]>([])

    /// - Parameter scripts: for the first connection, the second, …; the last one serves all later connections.
    init(_ scripts: (@Sendable (Peer) throws -> Void)...) throws {
        path = NSTemporaryDirectory() + "fnrpc-client-\(getpid())-\(UInt32.random(in: 0...UInt32.max)).sock"
        address = try Address("unix:\(path)")
        listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &name) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        try #require(bound == 0 && listen(listener, 16) == 0, "cannot listen on \(path)")
        Thread { [self] in serve(scripts) }.start()
    }

    private func serve(_ scripts: [@Sendable (Peer) throws -> Void]) {
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
                do { try script(Peer(descriptor: descriptor)) } catch is ConnectionClosed {} catch {
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
