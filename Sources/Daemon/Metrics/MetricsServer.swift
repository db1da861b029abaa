internal import Glibc
internal import Loop
package import Model

/// Serves metrics over HTTP on a loopback address, to anybody on this machine: `GET /metrics`, one answer for each
/// connection. It has a loop of its own, so that no call waits while metrics are written. Thread-safe.
// SAFETY: `listener` and `connections` are confined to the loop; everything else never changes.
package final class MetricsServer: @unchecked Sendable {
    /// Connections at once; further ones are closed.
    package static let maxConnections = 16
    /// How long a client may take for its request, and may take nothing of its answer, nanoseconds.
    package static let clientNanos: UInt64 = 10_000_000_000

    /// The port that it got.
    package let port: UInt16
    private let loop: EventLoop
    private let text: @Sendable () -> [UInt8]
    private var listener: Listener?
    private var connections: [ObjectIdentifier: Scrape] = [:]

    /// Serves from now on, until ``stop()``, which has to come.
    ///
    /// - Parameters:
    ///   - host: a loopback address, or a name of one; others are refused.
    ///   - port: 0 lets the kernel choose.
    ///   - text: makes the metrics; called on the server's own loop.
    package init(host: String, port: UInt16, text: @escaping @Sendable () -> [UInt8]) throws(Failure) {
        let bound: (descriptor: Int32, port: UInt16)
        do throws(Failure) { bound = try ListeningSocket.tcp(host: host, port: port) } catch {
            throw Failure(error.code, "metrics-\(error.message)")
        }
        self.port = bound.port
        self.text = text
        loop = EventLoop()
        loop.post { [self] in
            listener = Listener(loop: loop, descriptor: bound.descriptor) { [unowned self] in self.accept($0) }
        }
    }

    /// Stops listening, closes every connection and ends the loop.
    package func stop() {
        loop.post { [self] in
            listener?.close()
            listener = nil
            for scrape in connections.values { scrape.close() }
        }
        loop.stop()
    }

    private func accept(_ socket: AcceptedSocket) {
        guard connections.count < Self.maxConnections else {
            Glibc.close(socket.descriptor)
            return
        }
        let scrape = Scrape(text: text) { [unowned self] in connections[ObjectIdentifier($0)] = nil }
        connections[ObjectIdentifier(scrape)] = scrape
        scrape.start(loop, socket.descriptor)
    }
}

/// One connection: a request, its answer, the end. Loop-confined.
private final class Scrape: ConnectionOwner {
    private let text: @Sendable () -> [UInt8]
    private let onClose: (Scrape) -> Void
    private var connection: Connection?
    private var isAnswered = false

    init(text: @escaping @Sendable () -> [UInt8], onClose: @escaping (Scrape) -> Void) {
        self.text = text
        self.onClose = onClose
    }

    func start(_ loop: EventLoop, _ descriptor: Int32) {
        var options = Connection.Options()
        options.firstNanos = MetricsServer.clientNanos
        options.frameNanos = MetricsServer.clientNanos
        options.stallNanos = MetricsServer.clientNanos
        connection = Connection(loop: loop, descriptor: descriptor, owner: self, options: options)
    }

    func close() {
        connection?.close()
    }

    func connection(_ connection: Connection, received bytes: UnsafeRawBufferPointer) -> InputStep {
        // What comes behind the request, a body for example, is for nobody.
        if isAnswered { return .consumed(bytes.count, needed: 0) }
        guard let response = ScrapeRequest(bytes).response(text) else { return .consumed(0, needed: 0) }
        isAnswered = true
        _ = connection.write(count: response.count) { $0.copyBytes(from: response) }
        connection.finish()
        return .consumed(bytes.count, needed: 0)
    }

    func connectionClosed(_ connection: Connection) {
        self.connection = nil
        onClose(self)
    }
}
