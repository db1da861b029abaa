import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc events`.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "Shows every change of apps, functions and all other entities, in order.",
        discussion: """
            Example: fnrpc events --follow --kind function --kind version
            Without --follow it shows what there is and ends. With it, it waits for what comes, goes on where it was
            when the connection was lost, and ends by Ctrl-C. With --output json each event is one line.
            """)

    @Flag(name: [.short, .long], help: "Wait for further changes; without --after, show only those.")
    var follow = false

    @Option(
        help: ArgumentHelp(
            "Only what comes behind this one; 0 is everything that is kept.", valueName: "sequence"),
        transform: UInt64.read)
    var after: UInt64?

    @Option(help: "Only this kind of entity, such as app; may be given several times.")
    var kind: [String] = []

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        try await connection.withClient { client in
            var position = EventPosition(after: after ?? (follow ? nil : 0), start: .now())
            var wait = Self.firstWait
            while true {
                // A daemon that stops may end the stream well.
                var reason = "the daemon has ended the stream"
                do {
                    try await show(client, &position) { wait = Self.firstWait }
                    guard follow else { return }
                } catch let error as ClientError where follow && (error.code == .unavailable || error.code == .busy) {
                    reason = error.message
                }
                if wait == Self.firstWait { Terminal.warn("\(reason); going on as soon as possible") }
                try await Task.sleep(for: wait)
                wait = min(wait * 2, Self.longestWait)
                position.resume()
            }
        }
    }

    /// Between attempts to reach the daemon again; doubled each time up to the longest.
    private static let firstWait = Duration.milliseconds(100)
    private static let longestWait = Duration.seconds(5)

    /// Shows what one stream gives, to its end.
    private func show(_ client: Client, _ position: inout EventPosition, progress: () -> Void) async throws {
        let request = FollowEventsRequest(
            after: position.after, follow: follow, kinds: kind, positions: follow)
        let stream = try await client.stream(
            service: "fnrpc.v1.Events", method: "Follow", kind: .serverStreaming, payload: request.encoded())
        while let message = try await stream.receive() {
            let event = try Event(decoding: message, strict: false)
            progress()
            if event.kind.isEmpty {
                position.reached(event.sequence)
                continue
            }
            guard position.takes(event) else { continue }
            switch output.output {
            case .json: try Terminal.print(JSON(event).text())
            case .table: try Terminal.print(event.line)
            }
        }
    }
}

/// How far a reader of events is.
struct EventPosition: Equatable {
    /// The last sequence that was seen; `nil`: only what comes from now on is wanted.
    private(set) var after: UInt64?
    /// What happened before is not wanted; `nil`: it is.
    private var start: Timestamp?

    /// - Parameter start: when the reader began.
    init(after: UInt64?, start: Timestamp) {
        self.after = after
        self.start = after == nil ? start : nil
    }

    /// Whether an event is new to the reader, and counts it.
    mutating func takes(_ event: Event) -> Bool {
        if let after, event.sequence <= after { return false }
        // Before a loss of the connection, "from now on" was the daemon's decision.
        let isTooOld = after != nil && (start.map { event.at < $0.nanoseconds } ?? false)
        after = event.sequence
        if isTooOld { return false }
        start = nil
        return true
    }

    /// The daemon has said how far it is, without an event that is wanted.
    mutating func reached(_ sequence: UInt64) {
        after = max(after ?? 0, sequence)
        start = nil
    }

    /// Makes the next stream go on: what came while there was none is wanted even if nothing was seen before.
    mutating func resume() {
        if after == nil { after = 0 }
    }
}

extension Event {
    /// For people.
    var line: String {
        let words = [
            Timestamp(nanoseconds: at).rfc3339(fractionDigits: 3), Self.padded(action, 6), Self.padded(kind, 8), name,
            "revision \(revision)", "sequence \(sequence)",
        ]
        return Terminal.harmless(words.joined(separator: " "))
    }

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(width - text.count, 0))
    }
}
