package import Loop
package import Model
internal import Wire

/// Contract `http-stream` (Fn): POST /call over the function's Unix socket, HTTP/1.1, one request at a time on each
/// connection. Calls at once have a connection each; there are never more than such calls, idle ones included.
// SAFETY: everything is loop-confined; `send` goes to the loop first.
package final class HTTPStreamLink: FunctionLink, @unchecked Sendable {
    private let loop: EventLoop
    private let connect: () -> Result<Int32, Failure>
    private weak var owner: (any FunctionLinkOwner)?
    /// Connections that calls are on.
    private var busy: [ObjectIdentifier: HTTPExchange] = [:]
    /// The others, the most recently used last.
    private var idle: [HTTPExchange] = []
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
        if let descriptor { idle.append(makeExchange(descriptor)) }
    }

    private func makeExchange(_ descriptor: Int32? = nil) -> HTTPExchange {
        HTTPExchange(loop: loop, descriptor: descriptor, connect: connect) { [weak self] exchange, token, end in
            self?.ended(exchange, token, end)
        }
    }

    package func send(_ call: FunctionCall) {
        let token = UncheckedToken(call.token)
        guard case .invoke(let invoke) = call.target else {
            return loop.run { [self] in owner?.answered(token.object, .hasNoServices) }
        }
        let count = invoke.payload.count
        let request = CallHead(call, invoke).httpStream(length: count, body: invoke.payload)
        send(PreparedRequest(bytes: request, bodyCount: count, reply: nil), for: token.object)
    }

    package func send(_ request: PreparedRequest, for token: AnyObject) {
        let token = UncheckedToken(token)
        loop.run { [self] in
            guard owner?.wants(token.object) == true else { return }
            guard !isClosed else {
                owner?.callNotBegun(token.object, request, "its container was closed")
                return
            }
            let exchange = idle.popLast() ?? makeExchange()
            busy[ObjectIdentifier(token.object)] = exchange
            exchange.begin(token.object, request)
        }
    }

    private func ended(_ exchange: HTTPExchange, _ token: AnyObject?, _ end: HTTPExchange.End) {
        guard let token else {
            exchange.close()
            return idle.removeAll { $0 === exchange }
        }
        busy[ObjectIdentifier(token)] = nil
        switch end {
        case .answered(let reply, let isReusable):
            if isReusable, !isClosed { idle.append(exchange) } else { exchange.close() }
            owner?.answered(token, reply)
        case .lost(let reason):
            exchange.close()
            owner?.callLost(token, reason)
        case .notBegun(let request, let reason):
            exchange.close()
            owner?.callNotBegun(token, request, reason)
        }
    }

    package func abandon(_ token: AnyObject) {
        // The answer to an abandoned request would be taken for the next one's.
        busy.removeValue(forKey: ObjectIdentifier(token))?.close()
    }

    package func takePending() -> [AnyObject] {
        let pending = busy.values
        busy = [:]
        return pending.compactMap { exchange in
            defer { exchange.close() }
            return exchange.token
        }
    }

    package func exited(_ description: String, success: Bool) {
        for exchange in idle + busy.values { exchange.exited() }
    }

    /// Some functions serve as many connections at a time as they take calls: a streamed call's own comes when an idle one
    /// has gone.
    package func lend() {
        guard !idle.isEmpty else { return }
        idle.removeFirst().close()
    }

    package func close() {
        isClosed = true
        for exchange in idle + busy.values { exchange.close() }
        (idle, busy) = ([], [:])
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
