import Glibc
import Model
import Wire

@testable import Extensions

/// A plug-in in a thread for each connection, with blocking sockets: what it answers, each test says.
// SAFETY: `state` is locked; everything else never changes.
final class FakePlugIn: @unchecked Sendable {
    /// What came.
    struct Request: Sendable {
        let streamID: UInt32
        let method: String
        let payload: [UInt8]
    }

    enum Reply: Sendable {
        case message([UInt8])
        case status(Int32, String)
        /// Any bytes instead of a frame of ours.
        case raw([UInt8])
        case silence
        case hangUp
    }

    typealias Handler = @Sendable (Request) -> Reply

    let path: String
    private let handler: Handler
    private let state = Lock(State())

    private struct State {
        var listener: Int32 = -1
        var connections: [Int32] = []
        var accepted = 0
        var requests: [Request] = []
        var threads: [pthread_t] = []
    }

    /// - Parameter handler: answers what comes; Describe too.
    init(_ path: String, _ handler: @escaping Handler) {
        self.path = path
        self.handler = handler
        start()
    }

    /// A plug-in that wants everything.
    convenience init(_ path: String, answering handler: @escaping Handler) {
        self.init(path) { request in request.method == "Describe" ? Self.describe() : handler(request) }
    }

    static func describe(
        before: [EventType] = EventType.allCases, after: [EventType] = EventType.allCases
    ) -> Reply {
        .message(
            DescribeResponse(name: "fake", before: before.map(\.rawValue) + ["moon.rise"], after: after.map(\.rawValue))
                .encoded())
    }

    /// Everything that came so far, Describe aside.
    var requests: [Request] { state.withLock { $0.requests }.filter { $0.method != "Describe" } }
    var accepted: Int { state.withLock { $0.accepted } }

    func start() {
        unlink(path)
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var name = sockaddr_un()
        name.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &name.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &name) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
        precondition(bound == 0 && listen(listener, 16) == 0, "BUG: no socket for the test")
        state.withLock { $0.listener = listener }
        thread { [self] in
            while true {
                let connection = accept(listener, nil, nil)
                guard connection >= 0 else { return }
                let isOpen = state.withLock { state -> Bool in
                    guard state.listener == listener else { return false }
                    state.connections.append(connection)
                    state.accepted += 1
                    return true
                }
                guard isOpen else {
                    Glibc.close(connection)
                    return
                }
                thread { [self] in serve(connection) }
            }
        }
    }

    /// Ends the listener and every connection, and waits for the threads.
    func stop() {
        // With the lock held: what is closed may be another test's a moment later.
        let listener = state.withLock { state -> Int32 in
            defer { state.listener = -1 }
            for connection in state.connections + [state.listener] { shutdown(connection, Int32(SHUT_RDWR)) }
            return state.listener
        }
        guard listener >= 0 else { return }
        unlink(path)
        while let thread = state.withLock({ $0.threads.popLast() }) { pthread_join(thread, nil) }
        Glibc.close(listener)
    }

    private func serve(_ connection: Int32) {
        defer {
            state.withLock { state in
                state.connections.removeAll { $0 == connection }
                Glibc.close(connection)
            }
        }
        while let header = read(connection, FrameHeader.size) {
            let frame = header.withUnsafeBytes { bytes in bytes.baseAddress.map { FrameHeader(reading: $0) } }
            guard let frame, let data = read(connection, Int(frame.length)),
                let request = data.withUnsafeBytes({ Self.request(frame.streamID, $0) })
            else { return }
            state.withLock { $0.requests.append(request) }
            switch handler(request) {
            case .message(let bytes): send(connection, frame.streamID, payload: bytes)
            case .status(let code, let text):
                send(connection, frame.streamID, status: Failure.encodedStatus(code: code, reason: "X", message: text))
            case .raw(let bytes): write(connection, bytes)
            case .silence: continue
            case .hangUp: return
            }
        }
    }

    private static func request(_ streamID: UInt32, _ data: UnsafeRawBufferPointer) -> Request? {
        guard let envelope = try? RequestEnvelope(scanning: data), equal(envelope.service, "fnrpc.ext.v1.Extension")
        else {
            return nil
        }
        return Request(
            streamID: streamID, method: String(decoding: envelope.method, as: UTF8.self),
            payload: Array(envelope.payload))
    }

    private func send(_ connection: Int32, _ streamID: UInt32, status: [UInt8] = [], payload: [UInt8] = []) {
        let bytes = status.withUnsafeBytes { status in
            payload.withUnsafeBytes { payload in
                let frame = ResponseFrame(status: status, payload: payload)
                return [UInt8](unsafeUninitializedCapacity: FrameHeader.size + frame.length) { buffer, count in
                    count = FrameHeader.size + frame.length
                    frame.write(
                        streamID: streamID,
                        to: UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<count])))
                }
            }
        }
        write(connection, bytes)
    }

    private func write(_ connection: Int32, _ bytes: [UInt8]) {
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes {
                Glibc.send(connection, $0.baseAddress, $0.count, 0)
            }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }

    private func read(_ connection: Int32, _ count: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                recv(connection, buffer.baseAddress.map { $0 + done }, count - done, 0)
            }
            guard got > 0 else { return nil }
            done += got
        }
        return bytes
    }

    private func thread(_ body: @escaping @Sendable () -> Void) {
        final class Work {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var thread = pthread_t()
        // SAFETY: the thread takes back what is retained here.
        let work = Unmanaged.passRetained(Work(body)).toOpaque()
        let result = pthread_create(
            &thread, nil,
            { argument in
                // SAFETY: retained where the thread was made.
                if let argument { Unmanaged<Work>.fromOpaque(argument).takeRetainedValue().body() }
                return nil
            }, work)
        precondition(result == 0, "BUG: no thread for the test")
        let started = thread
        state.withLock { $0.threads.append(started) }
    }
}
