internal import Wire

/// A call of a function whose body and answer are streamed, of any size. Thread-safe: one task may send while another
/// receives.
///
/// Credit goes both ways: the daemon sends at most 1 MiB ahead of ``receive()``, and ``send(_:)`` waits until the
/// daemon has room. So a slow reader costs nobody anything. A stream that nobody holds any more is given up.
public final class InvocationStream: Sendable {
    private let stream: ClientStream
    private let state: InvocationState

    init(_ stream: ClientStream) {
        self.stream = stream
        let state = InvocationState()
        self.state = state
        // Credit has to be seen while the caller only sends. The task keeps the stream, not this object; it ends with
        // it.
        Task { await Self.pump(stream, state) }
    }

    deinit {
        stream.cancel()
    }

    /// As the function named it; known after the first ``receive()``, empty before and if there is none.
    public var contentType: String { state.contentType }

    /// In the function's order; known after the first ``receive()``.
    public var headers: [Header] { state.headers }

    /// The id of the call's record; known when ``receive()`` has given `nil`. The error of a call that failed has its own.
    public var callID: String? { stream.metadata.last { $0.name == "fn-call-id" }?.value }

    /// The version that answered; known when ``receive()`` has given `nil`.
    public var version: UInt32? {
        stream.metadata.last { $0.name == "fnrpc-version" }.flatMap { UInt32($0.value) }
    }

    /// Sends the next part of the body, in pieces of at most 256 KiB; returns when the last one was taken.
    ///
    /// - Throws: the function's or the daemon's error if the call has ended; `precondition` if the function has
    ///   answered without reading on; `invalid` after ``finish()``; `cancelled`, also for the whole call, if the task
    ///   is.
    public func send(_ bytes: [UInt8]) async throws(ClientError) {
        guard !state.isFinished else { throw ClientError(.invalid, "nothing can be sent after finish()") }
        var sent = 0
        while sent < bytes.count {
            switch state.takeCredit(bytes.count - sent) {
            case .send(let count):
                let piece = Array(bytes[sent..<sent + count])
                try await stream.send(InvokeChunk(payload: piece).encoded())
                sent += count
            case .end(let end): throw end.sendError
            case .wait:
                await withTaskCancellationHandler {
                    await state.waitToSend()
                } onCancel: { [stream] in
                    stream.cancel()
                }
            }
        }
    }

    /// Ends the body. Idempotent; does nothing if the function has answered already.
    ///
    /// - Throws: the function's or the daemon's error if the call has failed.
    public func finish() async throws(ClientError) {
        guard state.finish() else { return }
        do throws(ClientError) {
            // The half stays open, because credit for the answer still goes this way.
            try await stream.send(InvokeChunk(isEnd: true).encoded())
        } catch {
            if error.code != .precondition { throw error }
        }
    }

    /// The next part of the answer, never empty; `nil`: the function has ended it well.
    ///
    /// - Throws: the function's or the daemon's error, after the parts that came before it; `timeout`; `unavailable` if
    ///   the connection was lost; `cancelled`, also for the whole call, if the task is.
    public func receive() async throws(ClientError) -> [UInt8]? {
        while true {
            switch state.read() {
            case .part(let part, let grant):
                if grant > 0 { stream.post(InvokeChunk(credit: UInt32(grant)).encoded()) }
                return part
            case .end(.closed), .end(.response): return nil
            case .end(.failure(let error)): throw error
            case .empty:
                await withTaskCancellationHandler {
                    await state.waitToRead()
                } onCancel: { [stream] in
                    stream.cancel()
                }
            }
        }
    }

    /// Gives the call up. Idempotent; does nothing after the end.
    public func cancel() {
        stream.cancel()
    }

    private static func pump(_ stream: ClientStream, _ state: InvocationState) async {
        do throws(ClientError) {
            while let message = try await stream.receive() {
                if let error = state.receive(try chunk(message)) { throw error }
            }
            state.end(.closed(stream.metadata))
        } catch {
            state.end(.failure(error))
            stream.cancel()
        }
    }

    private static func chunk(_ message: [UInt8]) throws(ClientError) -> InvokeChunk {
        let result = message.withUnsafeBytes { bytes -> Result<InvokeChunk, EnvelopeError> in
            do throws(EnvelopeError) { return .success(try InvokeChunk(decoding: bytes)) } catch {
                return .failure(error)
            }
        }
        switch result {
        case .success(let chunk): return chunk
        case .failure(let error): throw ClientError(.internalError, "the daemon's answer: \(error.message)")
        }
    }
}

extension Client {
    /// Calls a function and streams body and answer.
    ///
    /// - Parameter timeout: for the whole call, on both ends; `nil`: the function's own limit only.
    /// - Returns: a stream whose first message was sent; whether the daemon takes the call shows when it is used.
    public func invokeStream(
        _ target: InvocationTarget, contentType: String = "application/octet-stream", headers: [Header] = [],
        timeout: Duration? = nil
    ) async throws(ClientError) -> InvocationStream {
        // Room for all that credit lets come, with what is around the payloads, so that it never stops the connection.
        let stream = try await stream(
            service: "fnrpc.v1.Invocation", method: "InvokeStream", kind: .bidirectional, timeout: timeout,
            inboxBytes: 2 * InvocationState.window)
        let first = InvokeChunk(
            contentType: contentType, headers: headers.map { CallHeader(name: $0.name, value: $0.value) },
            target: target.encoded, credit: UInt32(InvocationState.window))
        do throws(ClientError) {
            try await stream.send(first.encoded())
        } catch  where error.code != .precondition {
            throw error
        }
        return InvocationStream(stream)
    }

    /// Calls a function by its name and streams body and answer.
    ///
    /// - Parameters:
    ///   - version: 0 is the function as last deployed.
    ///   - timeout: for the whole call, on both ends; `nil`: the function's own limit only.
    /// - Returns: as ``invokeStream(_:contentType:headers:timeout:)``.
    public func invokeStream(
        app: String, function: String, version: UInt32 = 0, contentType: String = "application/octet-stream",
        headers: [Header] = [], timeout: Duration? = nil
    ) async throws(ClientError) -> InvocationStream {
        try await invokeStream(
            .function(app: app, name: function, revision: .version(version)), contentType: contentType,
            headers: headers, timeout: timeout)
    }
}
