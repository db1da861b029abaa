import Foundation
import Testing

/// Many callers that do everything at once, right and wrong, and go as they please. Afterwards nothing may be left.
@Suite struct StormTests {
    @Test func afterAStormEverythingIsIdle() async throws {
        // For a longer look, under a sanitizer or not.
        let environment = ProcessInfo.processInfo.environment
        let seconds = environment["FNRPC_STORM_SECONDS"].flatMap { Double($0) } ?? 5
        let loops = environment["FNRPC_STORM_LOOPS"] ?? "2"
        let seed = UInt64(environment["FNRPC_STORM_SEED"] ?? "") ?? 1
        try await withDaemon(["--loops", loops, "--buffer-budget-mib", "64", "--max-output-mib", "5"]) { daemon in
            try daemon.deployEcho()
            try daemon.deploy("cat", yaml: "max_containers: 4\nmax_queue: 8\ntimeout: 20\n")
            let failures = Failures()
            let end = Date().addingTimeInterval(seconds)
            let callers = (0..<12).map { number in
                Thread {
                    var random = SeededRandom(seed: seed &* 100 &+ UInt64(number))
                    while Date() < end {
                        do {
                            var caller = try Caller(daemon.socket, &random)
                            try caller.run(&random)
                        } catch { failures.add("\(number): \(error)") }
                    }
                    failures.leave()
                }
            }
            for _ in callers { failures.enter() }
            for caller in callers { caller.start() }
            failures.wait()
            #expect(failures.all == [])
            try daemon.wait("everything is idle") {
                let info = Fields(try RawConnection(unix: daemon.socket).call("fnrpc.v1.System/Info").payload)
                return info.number(14) == info.number(15) && info.number(16) == 1
            }
            let connection = try RawConnection(unix: daemon.socket)
            #expect(try connection.isAliveAndQuiet())
            #expect(try connection.call("echo.v1.Echo/Unary", Proto.field(1, "after")).code == 0)
            // With calls that finish or not, it would wait for the time to drain, 10 s and more.
            connection.close()
            let begun = Date()
            #expect(daemon.stop() == 0)
            #expect(Date().timeIntervalSince(begun) < 8)
        }
    }

    /// What went wrong in threads, and how many of them still run.
    // SAFETY: `texts` is guarded by its lock.
    private final class Failures: @unchecked Sendable {
        private let lock = NSLock()
        private let group = DispatchGroup()
        private var texts: [String] = []

        var all: [String] { lock.withLock { texts } }
        func add(_ text: String) { lock.withLock { texts.append(text) } }
        func enter() { group.enter() }
        func leave() { group.leave() }
        func wait() { group.wait() }
    }
}

/// The same numbers in every run.
private struct SeededRandom: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed &* 0x9E37_79B9_7F4A_7C15
    }

    mutating func next() -> UInt64 {
        state ^= state << 13
        state ^= state >> 7
        state ^= state << 17
        return state
    }
}

/// One connection of the storm.
private struct Caller {
    private let connection: RawConnection
    /// Ids that wait for their end.
    private var open: Set<UInt32> = []
    private var cancels: Bool

    init(_ socket: String, _ random: inout SeededRandom) throws {
        connection = try RawConnection(unix: socket)
        cancels = Bool.random(using: &random)
    }

    mutating func run(_ random: inout SeededRandom) throws {
        if cancels {
            let features = Proto.field(1, "cancel") + Proto.field(1, "goaway")
            open.insert(try connection.open("fnrpc.v1.Transport/Hello", features))
        }
        for _ in 0..<Int.random(in: 1...30, using: &random) {
            try act(&random)
            if Int.random(in: 0..<4, using: &random) == 0 { try readSome() }
        }
        switch Int.random(in: 0..<4, using: &random) {
        case 0: connection.close()
        case 1:
            connection.endSending()
            if !connection.isClosedByPeer() { throw RawError(description: "half closed, but not closed") }
        default: try readToTheEnd()
        }
    }

    /// Every id has exactly one end.
    private mutating func readToTheEnd() throws {
        while !open.isEmpty { try take(connection.frame()) }
        guard try connection.isAliveAndQuiet() else { throw RawError(description: "not alive and quiet") }
    }

    private mutating func readSome() throws {
        for _ in 0..<20 {
            guard let frame = try? connection.next(within: 0.001) else { return }
            try take(frame)
        }
    }

    private mutating func take(_ frame: RawFrame) throws {
        let ends = frame.type == RawFrame.response || frame.flags & 0x01 != 0
        guard frame.type == RawFrame.response || frame.type == RawFrame.message else {
            throw RawError(description: "an unknown frame: \(frame)")
        }
        guard open.contains(frame.id) else { throw RawError(description: "after its end: \(frame)") }
        if ends { open.remove(frame.id) }
    }

    private mutating func start(
        _ path: String, _ payload: Bytes = [], flags: UInt8 = 0, _ random: inout SeededRandom
    ) throws -> UInt32 {
        let timeouts: [Int64] = [0, 0, 0, 1, 1_000_000, 20_000_000, 500_000_000]
        let id = try connection.open(
            path, payload, flags: flags, timeout: timeouts.randomElement(using: &random) ?? 0,
            metadata: [("fnrpc-invocation-id", "storm-\(Int.random(in: 0..<20, using: &random))")])
        open.insert(id)
        return id
    }

    private mutating func act(_ random: inout SeededRandom) throws {
        let sizes = [0, 1, 100, 5000, 70_000, 200_000]
        let body = Bytes(repeating: 0x73, count: sizes.randomElement(using: &random) ?? 0)
        let message = Proto.field(1, body)
        switch Int.random(in: 0..<14, using: &random) {
        case 0: _ = try start(WireTests.echo, message, &random)
        case 1: _ = try start(WireTests.invoke, Proto.field(1, body) + Self.target("echo-ttrpc"), &random)
        case 2:
            guard Int.random(in: 0..<4, using: &random) == 0 else { return }
            _ = try start(WireTests.invoke, Proto.field(1, body) + Self.target("cat"), &random)
        case 3: _ = try start("echo.v1.Echo/Unary", message, &random)
        case 4: _ = try start("echo.v1.Echo/ServerStream", message + Proto.field(2, varint: 20), flags: 0x01, &random)
        case 5: try stream(try start("echo.v1.Echo/Bidi", flags: 0x02, &random), message, &random)
        case 6: try stream(try start("echo.v1.Echo/ClientStream", flags: 0x02, &random), message, &random)
        case 7: try invokeStream("echo-ttrpc", message, &random)
        case 8:
            guard Int.random(in: 0..<4, using: &random) == 0 else { return }
            try invokeStream("cat", message, &random)
        case 9: try stream(try start(WireTests.echoStream, flags: 0x02, &random), message, &random)
        case 10: try stream(try start(WireTests.collect, flags: 0x02, &random), message, &random)
        case 11:
            let request = Proto.field(1, varint: 50) + Proto.field(2, varint: UInt64(body.count))
            try maybeCancel(try start(WireTests.generate, request, flags: 0x01, &random), &random)
        case 12:
            // Without a way to end it, it would never end.
            guard cancels else { return }
            let id = try start("grpc.health.v1.Health/Watch", flags: 0x01, &random)
            try connection.send(RawFrame(id: id, type: RawFrame.cancel))
        default: try misbehave(&random)
        }
    }

    private static func target(_ function: String) -> Bytes { Proto.field(4, "demo") + Proto.field(5, function) }

    private mutating func stream(_ id: UInt32, _ message: Bytes, _ random: inout SeededRandom) throws {
        for _ in 0..<Int.random(in: 0..<10, using: &random) { try connection.send(.data(id, message)) }
        try maybeCancel(id, &random)
        try connection.send(.end(id))
    }

    private mutating func invokeStream(_ function: String, _ message: Bytes, _ random: inout SeededRandom) throws {
        let id = try start(WireTests.invokeStream, flags: 0x02, &random)
        let counts = Bool.random(using: &random)
        let first = Self.target(function) + (counts ? Proto.field(7, varint: 1000) : [])
        try connection.send(.data(id, first))
        for _ in 0..<Int.random(in: 0..<5, using: &random) { try connection.send(.data(id, message)) }
        try maybeCancel(id, &random)
        // Whoever counts says its end in a message, and goes on to give credit.
        guard counts else { return try connection.send(.end(id)) }
        try connection.send(.data(id, Proto.field(8, varint: 1)))
        for credit in [1, 5000, 1 << 30] as [UInt64] {
            try connection.send(.data(id, Proto.field(7, varint: credit)))
        }
    }

    private func maybeCancel(_ id: UInt32, _ random: inout SeededRandom) throws {
        guard cancels, Int.random(in: 0..<4, using: &random) == 0 else { return }
        try connection.send(RawFrame(id: id, type: RawFrame.cancel))
    }

    private mutating func misbehave(_ random: inout SeededRandom) throws {
        switch Int.random(in: 0..<6, using: &random) {
        case 0:
            // Stream data on a unary call.
            let id = try start(WireTests.invoke, Self.target("echo-ttrpc"), &random)
            try connection.send(.data(id, [1, 2, 3]))
            try readToTheEndOf(id)
        case 1: try stream(try start("fnrpc.v1.Invocation/InvokeStream", flags: 0x02, &random), [0xFF], &random)
        case 2: _ = try start("echo.v1.Echo/Nothing", flags: [0, 1].randomElement(using: &random) ?? 0, &random)
        case 3: _ = try start("no.Such/Thing", [], &random)
        case 4:
            let id = Proto.field(1, "storm-\(Int.random(in: 0..<20, using: &random))")
            _ = try start("fnrpc.v1.Invocation/Cancel", id, &random)
        default: try connection.send(RawFrame(id: 1, type: 0x77, data: [1]), RawFrame(id: 1, type: RawFrame.response))
        }
    }

    /// An answer to the data may come behind that to the call, if both crossed.
    private mutating func readToTheEndOf(_ id: UInt32) throws {
        while open.contains(id) { try take(connection.frame()) }
    }
}
