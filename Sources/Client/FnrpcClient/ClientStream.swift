internal import NIOCore
internal import Synchronization
internal import Wire

/// Who sends how much on a stream.
public enum StreamKind: Sendable, Hashable {
    /// Any number of messages to the server, one response back.
    case clientStreaming
    /// One message to the server, in the request; any number back.
    case serverStreaming
    /// Any number both ways.
    case bidirectional
}

/// One open stream. Thread-safe: one task may send while another receives.
///
/// A stream that nobody holds any more is given up. Its connection stops reading for a moment (1 s at most if other
/// calls share it) when 64 messages or 1 MiB wait to be received; a reader that is slower than that fails with code
/// `busy`.
public final class ClientStream: Sendable {
    /// What was asked for.
    public let kind: StreamKind
    private let name: String
    private let connection: Connection
    private let ticket: Ticket
    private let inbox: StreamInbox
    /// Kept, because a client without owner closes its connection.
    private let client: Client

    init(kind: StreamKind, name: String, connection: Connection, ticket: Ticket, inbox: StreamInbox, client: Client) {
        self.kind = kind
        self.name = name
        self.connection = connection
        self.ticket = ticket
        self.inbox = inbox
        self.client = client
    }

    deinit {
        if inbox.ended == nil { connection.cancel(ticket) }
    }

    /// What the server said beside its last message or its response, in its order; empty before, and if the stream failed.
    public var metadata: [Header] {
        switch inbox.ended {
        case .closed(let metadata): metadata
        case .response(let reply): reply.metadata
        case .failure, nil: []
        }
    }

    /// Sends one message; returns when the connection has taken it, which may have to wait for the peer.
    ///
    /// - Parameter message: at most 4 MiB.
    /// - Throws: `tooLarge` before anything is sent; the server's error if it has ended the stream; `precondition` if
    ///   it ended well; `invalid` after ``finishSending()`` and on a server stream; `cancelled`, also for the whole
    ///   stream, if the task is.
    public func send(_ message: [UInt8]) async throws(ClientError) {
        guard kind != .serverStreaming else {
            throw ClientError(.invalid, "\(name): a server stream takes its one message when it is opened")
        }
        guard message.count <= FrameHeader.maxLength else {
            throw ClientError(
                .tooLarge,
                "\(name): the message has \(message.count) bytes; a message takes at most \(FrameHeader.maxLength)")
        }
        guard !inbox.isSendingFinished else {
            throw ClientError(.invalid, "\(name): nothing can be sent after finishSending()")
        }
        try await connection.send(message, flags: 0, ticket: ticket, inbox: inbox)
    }

    /// Tells the server that no further message comes. Idempotent; does nothing if the server has ended the stream
    /// well.
    ///
    /// - Throws: the server's error if it has ended the stream.
    public func finishSending() async throws(ClientError) {
        guard kind != .serverStreaming, inbox.finishSending() else { return }
        switch inbox.ended {
        case .failure(let error): throw error
        case .closed, .response: return
        case nil: break
        }
        do throws(ClientError) {
            let flags = FrameHeader.remoteClosed | FrameHeader.noData
            try await connection.send([], flags: flags, ticket: ticket, inbox: inbox)
        } catch {
            // It may have ended meanwhile.
            if case .failure(let error) = inbox.ended { throw error }
        }
    }

    /// The next message; `nil`: the server has ended the stream well.
    ///
    /// - Throws: the server's error, after the messages that came before it; `timeout`; `busy` if messages were not
    ///   read in time; `unavailable` if the connection was lost; `cancelled`, also for the whole stream, if the task
    ///   is; `invalid` on a client stream, which has a ``response()`` instead.
    public func receive() async throws(ClientError) -> [UInt8]? {
        guard kind != .clientStreaming else {
            throw ClientError(.invalid, "\(name): a client stream is answered by one response; use response()")
        }
        while true {
            switch inbox.take() {
            case .message(let message, let wakesLoop):
                if wakesLoop { connection.readerMadeRoom(inbox) }
                return message
            case .end(.closed), .end(.response): return nil
            case .end(.failure(let error)): throw error
            case .empty: await wait()
            }
        }
    }

    /// The server's one answer to a client stream. It may come before ``finishSending()``.
    ///
    /// - Throws: as ``receive()``; `invalid` on other streams.
    public func response() async throws(ClientError) -> Reply {
        guard kind == .clientStreaming else {
            throw ClientError(.invalid, "\(name): only a client stream has one response; use receive()")
        }
        while true {
            switch inbox.take() {
            case .end(.response(let reply)): return reply
            case .end(.failure(let error)): throw error
            // Neither comes on a client stream: the connection's handler refuses them.
            case .message: continue
            case .end(.closed): throw ClientError(.internalError, "\(name): ended without a response")
            case .empty: await wait()
            }
        }
    }

    /// Gives the stream up: what was not read is dropped, everything else fails with code `cancelled`, and the server
    /// is told if it understands that. Idempotent; does nothing after the end.
    public func cancel() {
        inbox.end(.failure(.cancelledByTask), discarding: true)
        connection.cancel(ticket)
    }

    /// The messages one after the other, for `for try await`.
    public var messages: Messages { Messages(stream: self) }

    /// Reads ahead nothing: what it does not give is still there for ``ClientStream/receive()``.
    public struct Messages: AsyncSequence, AsyncIteratorProtocol, Sendable {
        let stream: ClientStream

        public func next() async throws(ClientError) -> [UInt8]? { try await stream.receive() }

        public func next(
            isolation actor: isolated (any Actor)?
        ) async throws(ClientError) -> [UInt8]? { try await stream.receive() }

        public func makeAsyncIterator() -> Messages { self }
    }

    /// Sends a small message without waiting.
    func post(_ message: [UInt8]) {
        connection.post(message, ticket: ticket, inbox: inbox)
    }

    private func wait() async {
        await withTaskCancellationHandler {
            await inbox.wait()
        } onCancel: {
            connection.cancel(ticket)
        }
    }
}
