internal import Glibc
internal import Loop
internal import Model
package import Telemetry

/// Sends what functions write to their apps' syslog servers. Each server has a thread and a bounded queue of its own: one
/// that is slow or gone delays no call and no other server. What cannot be sent is counted. Thread-safe.
package final class Syslog: Sendable {
    /// Servers at once.
    package static let maxServers = 64

    private let hostname: String
    private let caFile: String
    private let counters: Counters
    private let log: @Sendable (String) -> Void
    private let state = Lock(State())

    private struct State {
        var servers: [String: Held] = [:]
        /// Without sources; they send what they have.
        var ending: [SyslogServer] = []
    }

    /// A server with its sources.
    private struct Held {
        let server: SyslogServer
        var sources: Int
    }

    /// - Parameters:
    ///   - hostname: how messages name this machine.
    ///   - caFile: PEM; who signs the certificates of servers; empty: the machine's authorities.
    ///   - log: one line to the daemon's log, when a server cannot be reached and when it can again.
    package init(hostname: String, caFile: String, counters: Counters, log: @escaping @Sendable (String) -> Void) {
        self.hostname = hostname
        self.caFile = caFile
        self.counters = counters
        self.log = log
    }

    /// This machine's name.
    package static var hostname: String {
        var buffer = [CChar](repeating: 0, count: 256)
        guard gethostname(&buffer, buffer.count - 1) == 0 else { return "" }
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// What a container writes to; `nil`: its app has no syslog server, or there are too many.
    ///
    /// - Parameter url: as the app has it; empty: none.
    package func source(
        url: String, app: String, function: String, version: UInt32, container: String
    ) -> SyslogSource? {
        guard !url.isEmpty else { return nil }
        // It was checked when the app was changed; one of before may be none.
        guard let address = try? SyslogAddress(url) else {
            log("app \(app): its syslog_url \(quoted(url)) is not understood; nothing is sent there")
            return nil
        }
        let server = state.withLock { state -> SyslogServer? in
            if let held = state.servers[url] {
                state.servers[url]?.sources += 1
                return held.server
            }
            state.ending.removeAll { $0.hasEnded }
            guard state.servers.count + state.ending.count < Self.maxServers else { return nil }
            let server = SyslogServer(address, url: url, caFile: caFile, counters: counters, log: log)
            state.servers[url] = Held(server: server, sources: 1)
            return server
        }
        guard let server else {
            log("app \(app): \(Self.maxServers) syslog servers are in use, the limit; nothing is sent to \(url)")
            return nil
        }
        let origin = SyslogMessage.Origin(
            hostname: hostname, app: app, function: function, version: version, container: container)
        return SyslogSource(server: server, origin: origin) { [weak self] in self?.release(url) }
    }

    /// A server without containers ends; it sends what it has before.
    private func release(_ url: String) {
        let ended = state.withLock { state -> SyslogServer? in
            guard var held = state.servers[url] else { return nil }
            held.sources -= 1
            state.servers[url] = held.sources == 0 ? nil : held
            guard held.sources == 0 else { return nil }
            state.ending.append(held.server)
            return held.server
        }
        ended?.close()
    }

    /// Sends what waits, for at most some seconds, and ends. Blocks. Call once.
    package func stop() {
        let servers = state.withLock { state in
            defer { state = State() }
            return state.servers.values.map(\.server) + state.ending
        }
        for server in servers { server.close() }
        for server in servers { server.join() }
    }
}

/// What one container writes to its app's syslog server; ended by the last reference. Used by one thread at a time.
package final class SyslogSource: Sendable {
    private let server: SyslogServer
    private let origin: SyslogMessage.Origin
    private let release: @Sendable () -> Void

    init(server: SyslogServer, origin: SyslogMessage.Origin, release: @escaping @Sendable () -> Void) {
        self.server = server
        self.origin = origin
        self.release = release
    }

    deinit {
        server.forget(origin.container)
        release()
    }

    /// Passes on what was written; never waits.
    ///
    /// - Parameter call: whose it is; empty: of no single call.
    package func write(_ bytes: UnsafeRawBufferPointer, call: String) {
        server.add(SyslogServer.Piece(origin: origin, time: .now(), call: call, bytes: Array(bytes), endsLine: false))
    }

    /// What has been written without the end of a line is one.
    package func endLine() {
        server.add(SyslogServer.Piece(origin: origin, time: .now(), call: "", bytes: [], endsLine: true))
    }
}
