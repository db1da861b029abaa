import ArgumentParser
import Dispatch
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc top`.
struct TopCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "top", abstract: "Shows what is called now, again and again, until you press q.",
        discussion: """
            Example: fnrpc top demo --interval 5s
            Where standard output is no terminal, or with --output json, each interval is one line. Of functions it knows
            the 1000 with most calls since the daemon started.
            """)

    @OptionGroup var scope: ScopeArgument

    @Option(help: "How often, 100ms to 1h. Default: 1s.", transform: TimeSpan.read)
    var interval = TimeSpan(seconds: 1)

    @Option(help: "End after so many intervals.", transform: UInt32.read)
    var count: UInt32?

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        try TimeSpan.check(interval, "--interval", from: 100_000_000, to: 3_600_000_000_000)
        guard count != 0 else { throw ValidationError("--count: 0 is out of range; at least 1") }
    }

    func run() async throws {
        try await connection.withClient { client in
            if output.output == .table, Terminal.isTerminal(STDOUT_FILENO) {
                try await watch(client)
            } else {
                try await list(client)
            }
        }
    }

    private func ask(_ client: Client) async throws -> SystemStatsResponse {
        try await scope.ask(client, limit: ScopeArgument.mostFunctions, buckets: true)
    }

    /// One line for each interval.
    private func list(_ client: Client) async throws {
        var before = try await ask(client)
        var clock = Ticks(every: interval.duration)
        var left = count
        while left != 0 {
            try await clock.next()
            let now = try await ask(client)
            let activity = Activity(from: before, to: now, isAll: scope.isEmpty)
            switch output.output {
            case .json: try Terminal.print(JSON(activity, at: .now()).text())
            case .table: try Terminal.print(Shown.time(.now()) + " " + activity.summary)
            }
            before = now
            left = left.map { $0 - 1 }
        }
    }

    // MARK: - On the screen

    private enum Event {
        case tick
        case resized
        case quit
    }

    private func watch(_ client: Client) async throws {
        // Before the screen, so that nobody sees it if the daemon refuses.
        var before = try await ask(client)
        var activity = Activity(from: nil, to: before, isAll: scope.isEmpty)
        var period: UInt64?
        let (events, feed) = AsyncStream.makeStream(of: Event.self)
        let screen = try Screen()
        defer { screen.close() }
        let resizing = DispatchSource.makeSignalSource(signal: SIGWINCH, queue: .global())
        resizing.setEventHandler { feed.yield(.resized) }
        resizing.activate()
        defer { resizing.cancel() }
        let keys = try InputReader()
        let typing = Task {
            // Without a terminal there is nobody who types.
            guard Terminal.isTerminal(STDIN_FILENO) else { return }
            while let bytes = try? await keys.next() {
                if bytes.contains(UInt8(ascii: "q")) { feed.yield(.quit) }
            }
        }
        var clock = Ticks(every: interval.duration)
        var tick = clock.announce { feed.yield(.tick) }
        defer {
            tick.cancel()
            typing.cancel()
            keys.stop()
        }
        var left = count
        try screen.show(activity.lines(interval: period, height: screen.size.height))
        for await event in events {
            switch event {
            case .quit: return
            case .resized: break
            case .tick:
                let now = try await ask(client)
                activity = Activity(from: before, to: now, isAll: scope.isEmpty)
                (before, period) = (now, interval.nanoseconds)
                left = left.map { $0 - 1 }
                tick = clock.announce { feed.yield(.tick) }
            }
            try screen.show(activity.lines(interval: period, height: screen.size.height))
            if left == 0 { return }
        }
    }
}

/// Moments of one distance; those that were missed are left out.
private struct Ticks {
    private let period: Duration
    private var due: ContinuousClock.Instant

    init(every period: Duration) {
        self.period = period
        due = .now
    }

    private mutating func advance() -> ContinuousClock.Instant {
        due = max(due + period, .now)
        return due
    }

    /// Waits for the next one.
    mutating func next() async throws { try await Task.sleep(until: advance(), clock: .continuous) }

    /// Says when the next one has come, unless it is cancelled before.
    mutating func announce(_ body: @escaping @Sendable () -> Void) -> Task<Void, Never> {
        let due = advance()
        return Task { if (try? await Task.sleep(until: due, clock: .continuous)) != nil { body() } }
    }
}
