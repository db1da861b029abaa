internal import NIOCore
internal import NIOPosix

#if canImport(Glibc)
    internal import Glibc
#endif

/// One connection to a daemon. Thread-safe.
final class Connection: Sendable {
    private let channel: any Channel
    private let handler: NIOLoopBound<CallHandler>
    private let openFlag: OpenFlag

    private init(channel: any Channel, handler: NIOLoopBound<CallHandler>, openFlag: OpenFlag) {
        self.channel = channel
        self.handler = handler
        self.openFlag = openFlag
    }

    /// Whether further calls can be sent.
    var isOpen: Bool { openFlag.isSet && channel.isActive }

    /// Connects; fails with code `unavailable` and the address.
    static func open(_ address: Address, limits: Client.Limits) async throws(ClientError) -> Connection {
        let openFlag = OpenFlag()
        let bootstrap = ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(.nanoseconds(limits.connectTimeout.clampedNanoseconds))
            .channelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(
                        CallHandler(address: address, limits: limits, isOpen: openFlag))
                }
            }
        do {
            let channel: any Channel
            switch address.endpoint {
            case .unix(let path): channel = try await bootstrap.connect(unixDomainSocketPath: path).get()
            case .tcp(let host, let port): channel = try await bootstrap.connect(host: host, port: port).get()
            }
            let handler = try await channel.eventLoop.submit {
                NIOLoopBound(
                    try channel.pipeline.syncOperations.handler(type: CallHandler.self), eventLoop: channel.eventLoop)
            }.get()
            return Connection(channel: channel, handler: handler, openFlag: openFlag)
        } catch {
            throw ConnectFailure(error).described(address)
        }
    }

    /// Sends a call and waits for its end.
    func call(
        _ request: RequestEncoder, expiry: (after: TimeAmount, error: ClientError)?
    ) async throws(ClientError) -> CallOutcome {
        let frame = try request.frame(channel.allocator)
        let ticket = Ticket()
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                channel.eventLoop.execute { [handler] in
                    handler.value.send(frame, ticket: ticket, expiry: expiry) { continuation.resume(returning: $0) }
                }
            }
        } onCancel: {
            ticket.isCancelled.store(true, ordering: .releasing)
            channel.eventLoop.execute { [handler] in
                handler.value.finish(ticket, .failure(.cancelledByTask))
            }
        }
    }

    /// Closes; pending calls fail.
    func close() {
        openFlag.clear()
        channel.eventLoop.execute { [handler] in
            handler.value.fail(ClientError(.unavailable, "the client was closed before the reply came"))
        }
    }
}

/// Why a connect failed, in words.
private struct ConnectFailure {
    private let error: any Error

    init(_ error: any Error) {
        self.error = error
    }

    func described(_ address: Address) -> ClientError {
        ClientError(.unavailable, "cannot reach the daemon at \(address): \(reason)")
    }

    private var reason: String {
        switch error {
        case let error as IOError: Self.reason(error)
        case is ChannelError: "it did not answer in time; check that fnrpcd runs there"
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first?.error as? IOError {
                Self.reason(first)
            } else if error.connectionErrors.isEmpty {
                "the host is not known; check the address"
            } else {
                "it did not answer in time; check that fnrpcd runs there"
            }
        default: "\(error)"
        }
    }

    private static func reason(_ error: IOError) -> String {
        switch error.errnoCode {
        case ENOENT: "the socket does not exist; start fnrpcd, or give its address"
        case ECONNREFUSED: "nobody listens there; start fnrpcd, or give its address"
        case EACCES, EPERM: "permission denied; use sudo, or join the group that may use the socket"
        default: error.description
        }
    }
}

extension Duration {
    /// Nanoseconds, cut to what 63 bits hold.
    var clampedNanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (product, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        guard !overflow else { return seconds < 0 ? .min : .max }
        let (sum, carry) = product.addingReportingOverflow(attoseconds / 1_000_000_000)
        return carry ? .max : sum
    }
}
