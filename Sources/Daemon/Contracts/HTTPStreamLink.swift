package import Loop
package import Model
internal import Wire

/// Contract `http-stream` (Fn): POST /call over the function's Unix socket, one request at a time, HTTP/1.1.
///
/// The connection is closed after a second without use: some FDKs close idle ones by themselves, and Python's spins on
/// them after 75 s. A reused connection that ends before the first byte of an answer is dialled again once.
// SAFETY: everything is loop-confined; `send` goes to the loop first.
package final class HTTPStreamLink: FunctionLink, ConnectionOwner, @unchecked Sendable {
    /// How long an unused connection stays, milliseconds.
    private static let idleMilliseconds: UInt64 = 1000

    private let loop: EventLoop
    private let connect: () -> Result<Int32, Failure>
    private weak var owner: (any FunctionLinkOwner)?
    private var connection: Connection?
    private var parser = HTTPResponseParser()
    private var current: AnyObject?
    private var request: [UInt8] = []
    private var isReused = false
    private var idleTimer: LoopTimer?
    private var isClosed = false

    /// On the loop.
    ///
    /// - Parameters:
    ///   - descriptor: the first connected socket; taken over.
    ///   - connect: makes further ones.
    package init(
        loop: EventLoop, descriptor: Int32?, connect: @escaping () -> Result<Int32, Failure>,
        owner: any FunctionLinkOwner
    ) {
        self.loop = loop
        self.connect = connect
        self.owner = owner
        if let descriptor {
            connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: .toFunction)
            startIdleTimer()
        }
    }

    package func send(_ call: FunctionCall) {
        let request = Self.encode(call)
        let token = UncheckedToken(call.token)
        loop.run { [self] in
            guard owner?.wants(token.object) == true else { return }
            guard !isClosed else {
                owner?.answered(token.object, .broken("its container was closed"))
                return
            }
            current = token.object
            self.request = request
            isReused = connection != nil
            idleTimer?.stop()
            transmit()
        }
    }

    package func abandon(_ token: AnyObject) {
        guard current === token else { return }
        current = nil
        // The answer to an abandoned request would be taken for the next one's.
        connection?.close()
        connection = nil
    }

    package func takePending() -> [AnyObject] {
        defer { current = nil }
        return current.map { [$0] } ?? []
    }

    package func exited(_ description: String, success: Bool) {}

    package func close() {
        isClosed = true
        idleTimer?.close()
        idleTimer = nil
        connection?.close()
        connection = nil
    }

    package func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep {
        // Bytes that nobody asked for would be taken for the next call's answer.
        guard current != nil else { return .close }
        var consumed = 0
        do throws(HTTPResponseParser.Malformed) {
            guard let response = try parser.parse(bytes, consumed: &consumed) else {
                return .consumed(consumed, needed: 0)
            }
            // Bytes behind the answer belong to nothing that was asked.
            let isClean = consumed == bytes.count
            finish(response, keepsConnection: response.keepsAlive && isClean)
            return response.keepsAlive && isClean ? .consumed(consumed, needed: 0) : .close
        } catch {
            fail("it broke HTTP/1.1: \(error.reason)")
            return .close
        }
    }

    package func connectionClosed(_ connection: Connection) {
        guard connection === self.connection else { return }
        self.connection = nil
        guard current != nil else { return }
        if let response = parser.finish() {
            finish(response, keepsConnection: false)
        } else if isReused && !parser.hasBegun {
            isReused = false
            transmit()
        } else {
            parser = HTTPResponseParser()
            owner?.linkLost("it closed its connection")
        }
    }

    private func transmit() {
        parser = HTTPResponseParser()
        if connection == nil {
            switch connect() {
            case .success(let descriptor):
                connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: .toFunction)
            case .failure(let failure):
                owner?.linkLost(failure.message)
                return
            }
        }
        let request = request
        connection?.write(count: request.count) { $0.copyBytes(from: request) }
    }

    private func finish(_ response: HTTPResponseParser.Response, keepsConnection: Bool) {
        guard let token = current else { return }
        current = nil
        request = []
        if keepsConnection { startIdleTimer() } else { connection = nil }
        switch response.status {
        case 200:
            let type = response.headers.first { $0.name.lowercased() == "content-type" }?.value ?? ""
            let headers = response.headers.filter { $0.name.lowercased() != "content-type" }
            owner?.answered(token, .body(InvokeBody(payload: response.body, contentType: type, headers: headers)))
        case 502: owner?.answered(token, .failed(code: 2, message: String(decoding: response.body, as: UTF8.self)))
        case 504: owner?.answered(token, .failed(code: 4, message: "the function says that its time is over"))
        default: owner?.answered(token, .broken("it answered with HTTP status \(response.status)"))
        }
    }

    private func fail(_ reason: String) {
        guard let token = current else { return }
        current = nil
        connection = nil
        owner?.answered(token, .broken(reason))
    }

    private func startIdleTimer() {
        let timer =
            idleTimer
            ?? LoopTimer(loop) { [weak self] in
                guard let self, self.current == nil else { return }
                self.connection?.close()
                self.connection = nil
            }
        idleTimer = timer
        timer.start(milliseconds: Self.idleMilliseconds)
    }

    /// Headers that are between two neighbours (RFC 9110 §7.6.1), or ours to set.
    private static let reserved: Set<String> = [
        "connection", "proxy-connection", "keep-alive", "proxy-authenticate", "proxy-authorization", "te", "trailer",
        "transfer-encoding", "upgrade", "content-length", "content-type", "host", "fn-call-id", "fn-deadline",
    ]

    private static func encode(_ call: FunctionCall) -> [UInt8] {
        var head = "POST /call HTTP/1.1\r\nHost: localhost\r\nFn-Call-Id: \(call.id)\r\n"
        head += "Fn-Deadline: \(call.deadline.rfc3339(fractionDigits: 3))\r\n"
        let type = String(decoding: call.request.contentType, as: UTF8.self)
        if !type.isEmpty && isValue(type) { head += "Content-Type: \(type)\r\n" }
        call.request.forEachHeader { name, value in
            let name = String(decoding: name, as: UTF8.self)
            let value = String(decoding: value, as: UTF8.self)
            // A name or value that could end the line would let a caller write headers of its own.
            guard isToken(name), isValue(value), !reserved.contains(name.lowercased()) else { return }
            head += "\(name): \(value)\r\n"
        }
        head += "Content-Length: \(call.request.payload.count)\r\n\r\n"
        var bytes = Array(head.utf8)
        bytes.append(contentsOf: call.request.payload)
        return bytes
    }

    private static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }

    private static func isValue(_ text: String) -> Bool {
        text.utf8.allSatisfy { $0 >= 32 && $0 != 127 || $0 == 9 }
    }
}

/// Carries an object to its loop.
// SAFETY: the object is used on the link's loop only.
struct UncheckedToken: @unchecked Sendable {
    let object: AnyObject

    init(_ object: AnyObject) {
        self.object = object
    }
}
