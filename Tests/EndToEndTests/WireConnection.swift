import Foundation

/// What went wrong with a ``RawConnection``.
struct RawError: Error, CustomStringConvertible {
    let description: String
}

/// A blocking ttrpc client that sends whatever a test wants; every wait has a deadline.
// SAFETY: used by one test at a time.
final class RawConnection: @unchecked Sendable {
    /// A guard against hanging, not a measure: the machine may be busy.
    static let patience = 20.0

    let descriptor: Int32
    private var input: Bytes = []
    private var start = 0
    private var nextID: UInt32 = 1
    private var isOpen = true
    /// What the last stream said that ``message(_:)`` saw the end of.
    private(set) var endMetadata: [String: String] = [:]

    /// Connects to a Unix socket.
    init(unix path: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8.prefix($0.count - 1)) }
        try connect(&address, MemoryLayout<sockaddr_un>.size)
    }

    /// Connects to a port of this machine.
    init(port: UInt16) throws {
        descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        try connect(&address, MemoryLayout<sockaddr_in>.size)
    }

    private func connect<A>(_ address: inout A, _ size: Int) throws {
        let code = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Foundation.connect(descriptor, $0, socklen_t(size))
            }
        }
        guard code == 0 else { throw RawError(description: "connect: \(String(cString: strerror(errno)))") }
        _ = fcntl(descriptor, F_SETFL, O_NONBLOCK)
    }

    deinit { close() }

    func close() {
        if isOpen { Foundation.close(descriptor) }
        isOpen = false
    }

    /// Sends no more, still reads.
    func endSending() { shutdown(descriptor, Int32(SHUT_WR)) }

    // MARK: - Out

    func send(_ frames: RawFrame...) throws { try send(frames.flatMap(\.bytes)) }

    /// Sends bytes; reads meanwhile, so that neither side waits for the other.
    func send(_ bytes: Bytes) throws {
        var done = 0
        let end = Date().addingTimeInterval(Self.patience)
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            if count > 0 {
                done += count
            } else if errno == EAGAIN {
                try wait(POLLOUT | POLLIN, until: end)
                _ = fill()
            } else {
                throw RawError(description: "send: \(String(cString: strerror(errno)))")
            }
        }
    }

    /// Sends what the peer takes at once, and never reads; gives how much it took.
    func sendBlindly(_ bytes: Bytes) -> Int {
        var done = 0
        while done < bytes.count {
            let count = bytes.withUnsafeBytes {
                Foundation.send(descriptor, $0.baseAddress.map { $0 + done }, bytes.count - done, Int32(MSG_NOSIGNAL))
            }
            guard count > 0 else { break }
            done += count
        }
        return done
    }

    /// A stream id that was not used yet.
    func newID() -> UInt32 {
        defer { nextID += 2 }
        return nextID
    }

    /// Opens a call on the next id.
    @discardableResult
    func open(
        _ path: String, _ payload: Bytes = [], flags: UInt8 = 0, timeout: Int64 = 0, metadata: [(String, String)] = []
    ) throws -> UInt32 {
        let id = newID()
        try send(.request(id, path, payload, flags: flags, timeout: timeout, metadata: metadata))
        return id
    }

    // MARK: - In

    private enum Fill { case some, nothing, ended }

    private func fill() -> Fill {
        if start > 1 << 20 {
            input.removeFirst(start)
            start = 0
        }
        return withUnsafeTemporaryAllocation(byteCount: 256 << 10, alignment: 8) { buffer in
            let count = recv(descriptor, buffer.baseAddress, buffer.count, 0)
            if count > 0 {
                input += buffer[..<count]
                return .some
            }
            return count < 0 && errno == EAGAIN ? .nothing : .ended
        }
    }

    private func wait(_ events: Int32, until end: Date) throws {
        var entry = pollfd(fd: descriptor, events: Int16(events), revents: 0)
        let left = end.timeIntervalSinceNow
        guard left > 0, poll(&entry, 1, Int32(left * 1000) + 1) > 0 else {
            throw RawError(description: "nothing happened in time")
        }
    }

    /// What was received and not read yet.
    private var frameInInput: RawFrame? {
        guard input.count - start >= 10 else { return nil }
        func number(_ at: Int) -> UInt32 { input[start + at..<start + at + 4].reduce(0) { $0 << 8 | UInt32($1) } }
        let length = Int(number(0))
        guard input.count - start >= 10 + length else { return nil }
        let frame = RawFrame(
            id: number(4), type: input[start + 8], flags: input[start + 9],
            data: Bytes(input[start + 10..<start + 10 + length]))
        start += 10 + length
        return frame
    }

    /// The next frame; `nil` at the end of the connection.
    func next(within seconds: Double = RawConnection.patience) throws -> RawFrame? {
        let end = Date().addingTimeInterval(seconds)
        while true {
            if let frame = frameInInput { return frame }
            switch fill() {
            case .some: continue
            case .nothing: try wait(POLLIN, until: end)
            case .ended: return nil
            }
        }
    }

    /// The next frame; throws at the end of the connection.
    func frame() throws -> RawFrame {
        guard let frame = try next() else { throw RawError(description: "the connection was closed") }
        return frame
    }

    /// The next frame, which must be the Response of a call.
    func answer(_ id: UInt32) throws -> Answer {
        let frame = try frame()
        guard frame.type == RawFrame.response, frame.id == id, frame.flags == 0 else {
            throw RawError(description: "expected the response of \(id), got \(frame)")
        }
        return Answer(frame.data)
    }

    /// The next frame, which must be a message of a stream; `nil`: its end.
    func message(_ id: UInt32) throws -> Bytes? {
        let frame = try frame()
        guard frame.type == RawFrame.message, frame.id == id else {
            throw RawError(description: "expected a message of \(id), got \(frame)")
        }
        if frame.isEnd {
            endMetadata = Answer(frame.data).metadata
            return nil
        }
        guard frame.flags == 0 else { throw RawError(description: "flags \(frame.flags) in \(frame)") }
        return frame.data
    }

    /// One unary call.
    func call(
        _ path: String, _ payload: Bytes = [], flags: UInt8 = 0, timeout: Int64 = 0, metadata: [(String, String)] = []
    ) throws -> Answer {
        try answer(open(path, payload, flags: flags, timeout: timeout, metadata: metadata))
    }

    /// Whether an echo comes back as the very next frame: the connection lives, and nothing else was on its way.
    func isAliveAndQuiet() throws -> Bool {
        let text = Proto.field(1, "still here")
        let answer = try call("fnrpc.v1.Diagnostics/Echo", text)
        return answer.code == 0 && answer.payload == text
    }

    /// Whether the peer closes, after whatever frames.
    func isClosedByPeer() -> Bool {
        while true {
            do { if try next() == nil { return true } } catch { return false }
        }
    }
}
