import Dispatch
import Drivers
import Glibc
import Loop
import Model
import Wire

@testable import Contracts

/// Carries something to the loop and back.
// SAFETY: the tests hand it over by posting work and waiting for it.
struct Carried<Value>: @unchecked Sendable {
    let value: Value
}

/// A loop, the far end of a socket, and a stream in between.
// SAFETY: `stream` is used on the loop only; the far end by one thread at a time.
final class Bench: @unchecked Sendable {
    let loop = EventLoop()
    let owner = Witness()
    let far: Peer
    private let near: Int32
    private(set) var stream: (any FunctionStream)?

    init() {
        // A write to a peer that has gone is told by its result, as in the daemon.
        signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        near = ends[0]
        far = Peer(ends[1])
    }

    deinit { loop.stop() }

    /// Runs on the loop and waits for it.
    @discardableResult
    func onLoop<Value>(_ body: @escaping () -> Value) -> Value {
        let work = Carried(value: body)
        let result = Lock<Carried<Value>?>(nil)
        let done = DispatchSemaphore(value: 0)
        loop.post {
            let value = Carried(value: work.value())
            result.withLock { $0 = value }
            done.signal()
        }
        done.wait()
        guard let value = result.withLock({ $0 }) else { preconditionFailure("BUG: the work ran") }
        return value.value
    }

    /// Makes the stream.
    func open(
        _ make:
            @escaping (_ loop: EventLoop, _ descriptor: Int32, _ owner: Witness) throws(Failure)
            -> any FunctionStream
    ) throws(Failure) {
        let failure = onLoop { [self] () -> Failure? in
            do throws(Failure) {
                stream = try make(loop, near, owner)
                return nil
            } catch {
                return error
            }
        }
        if let failure { throw failure }
    }

    func send(_ bytes: [UInt8]) -> Bool {
        onLoop { [self] in bytes.withUnsafeBytes { stream?.send($0) ?? true } }
    }

    /// Sends however long it takes.
    func sendAll(_ bytes: [UInt8]) {
        while true {
            let rooms = owner.rooms
            if send(bytes) { return }
            owner.wait { $0.rooms > rooms }
        }
    }

    func endInput() { onLoop { [self] in stream?.endInput() } }
    func pause() { onLoop { [self] in stream?.pause() } }
    func resume() { onLoop { [self] in stream?.resume() } }
    func cancel() { onLoop { [self] in stream?.cancel() } }
    func exited(_ description: String, success: Bool) {
        onLoop { [self] in stream?.exited(description, success: success) }
    }

    /// Lets go of everything; a stream belongs to its loop.
    func close() {
        onLoop { [self] in
            stream?.cancel()
            stream = nil
        }
        far.close()
    }
}

/// Writes down what a stream tells.
// SAFETY: `state` is guarded by its lock; `onMessage` is set before the stream is made.
final class Witness: FunctionStreamOwner, @unchecked Sendable {
    struct State {
        var messages: [[UInt8]] = []
        var end: String?
        var status: [UInt8] = []
        var rooms = 0
    }

    private let state = Lock(State())
    private let changed = DispatchSemaphore(value: 0)
    /// Runs on the loop after a message; with the number of messages so far.
    var onMessage: (any FunctionStream, Int) -> Void = { _, _ in }
    /// Runs on the loop with each message.
    var onBytes: (UnsafeRawBufferPointer) -> Void = { _ in }
    /// Whether messages are kept.
    var keeps = true

    var messages: [[UInt8]] { state.withLock { $0.messages } }
    var rooms: Int { state.withLock { $0.rooms } }
    var status: [UInt8] { state.withLock { $0.status } }
    /// What has happened until now.
    var end: String? { state.withLock { $0.end } }

    func functionStream(_ stream: any FunctionStream, received message: UnsafeRawBufferPointer) {
        let count = state.withLock { state -> Int in
            state.messages.append(keeps ? Array(message) : [])
            return state.messages.count
        }
        changed.signal()
        onBytes(message)
        onMessage(stream, count)
    }

    func functionStreamHasRoom(_ stream: any FunctionStream) {
        state.withLock { $0.rooms += 1 }
        changed.signal()
    }

    func functionStream(_ stream: any FunctionStream, ended: FunctionStreamEnd) {
        state.withLock { state in
            let text =
                switch ended {
                case .finished: "finished"
                case .response(let bytes): "response \(Array(bytes))"
                case .failed(let code, let message, let status):
                    {
                        state.status = Array(status)
                        return "failed \(code): \(message)"
                    }()
                case .refused(let failure): "refused \(failure.status): \(failure.message)"
                case .broken(let reason): "broken: \(reason)"
                }
            state.end = state.end.map { $0 + " AND " + text } ?? text
        }
        changed.signal()
    }

    /// Waits until the events satisfy a condition; gives up after 20 s, and then the test fails by what it expects.
    func wait(_ isDone: (State) -> Bool) {
        let deadline = DispatchTime.now() + 20
        while !state.withLock({ isDone($0) }) {
            if changed.wait(timeout: deadline) == .timedOut { return }
        }
    }

    /// Waits for the end.
    func ended() -> String? {
        wait { $0.end != nil }
        return end
    }
}

/// The far end of a socket or pipe, used as a function would: blocking, for at most 20 s.
// SAFETY: one thread at a time uses it.
final class Peer: @unchecked Sendable {
    let descriptor: Int32
    private var isClosed = false

    init(_ descriptor: Int32) {
        self.descriptor = descriptor
        var limit = timeval(tv_sec: 20, tv_usec: 0)
        setsockopt(descriptor, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        setsockopt(descriptor, SOL_SOCKET, SO_SNDTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
    }

    deinit { close() }

    func close() {
        if !isClosed { Glibc.close(descriptor) }
        isClosed = true
    }

    /// Exactly so many bytes, fewer at the end.
    func read(_ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: min(max(count, 1), 1 << 16))
        while result.count < count {
            let length = Glibc.read(descriptor, &buffer, min(buffer.count, count - result.count))
            guard length > 0 else { break }
            result += buffer[..<length]
        }
        return result
    }

    /// Everything up to the end of the input.
    func readAll() -> [UInt8] { read(.max) }

    /// Up to and with a text.
    func read(until end: String) -> String {
        var result: [UInt8] = []
        while !result.reversed().starts(with: end.utf8.reversed()) {
            let byte = read(1)
            if byte.isEmpty { break }
            result += byte
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Writes all of it; `false` if the other end is gone.
    @discardableResult
    func write(_ bytes: [UInt8]) -> Bool {
        var sent = 0
        while sent < bytes.count {
            let count = bytes.withUnsafeBytes {
                Glibc.write(descriptor, $0.baseAddress.map { $0 + sent }, $0.count - sent)
            }
            guard count > 0 else { return false }
            sent += count
        }
        return true
    }

    @discardableResult
    func write(_ text: String) -> Bool { write(Array(text.utf8)) }

    /// How much is taken without waiting, at most `limit` bytes.
    func writeUntilFull(limit: Int) -> Int {
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
        defer { _ = fcntl(descriptor, F_SETFL, 0) }
        let bytes = [UInt8](repeating: 0x61, count: 4096)
        var sent = 0
        while sent < limit {
            let count = Glibc.write(descriptor, bytes, bytes.count)
            guard count > 0 else { break }
            sent += count
        }
        return sent
    }

    func readFrame() -> (header: FrameHeader, data: [UInt8])? {
        let bytes = read(FrameHeader.size)
        guard bytes.count == FrameHeader.size else { return nil }
        let header = bytes.withUnsafeBytes { bytes -> FrameHeader? in bytes.baseAddress.map { FrameHeader(reading: $0) }
        }
        guard let header else { return nil }
        return (header, read(Int(header.length)))
    }

    @discardableResult
    func writeFrame(_ type: UInt8, flags: UInt8 = 0, id: UInt32 = 1, _ data: [UInt8] = []) -> Bool {
        var bytes = [UInt8](repeating: 0, count: FrameHeader.size)
        bytes.withUnsafeMutableBytes { bytes in
            guard let base = bytes.baseAddress else { return }
            FrameHeader(length: UInt32(data.count), streamID: id, type: type, flags: flags).write(to: base)
        }
        return write(bytes + data)
    }
}

/// A protobuf bytes field.
func field(_ number: UInt8, _ bytes: [UInt8]) -> [UInt8] {
    InvokeBody(payload: bytes).encoded().isEmpty
        ? [number << 3 | 2, 0] : [number << 3 | 2] + InvokeBody(payload: bytes).encoded().dropFirst()
}

/// A protobuf bytes field.
func field(_ number: UInt8, _ text: String) -> [UInt8] { field(number, Array(text.utf8)) }

/// A Response with a status.
func failedResponse(_ code: UInt8, _ message: String) -> [UInt8] { field(1, [8, code] + field(2, message)) }
