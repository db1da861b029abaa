import Foundation
import Logging
import Model
import Server
import Testing

/// What a daemon that stops leaves: nothing, whatever its functions are doing.
@Suite(.serialized) struct StopTests {
    @Test func nothingIsLeftOnTheMachine() async throws {
        let arguments = ["--metrics-listen", "tcp:127.0.0.1:0", "--freeze-after", "0.5"]
        try await withDaemon(arguments + ["--drain-timeout", "4", "--loops", "2"]) { daemon in
            try Load.deploy(to: daemon)
            let load = try Load(daemon.socket)
            try await eventually("what is idle is frozen") { try daemon.metric("fnrpc_containers_frozen") ?? 0 >= 4 }
            let processes = daemon.descendants()
            #expect(processes.values.count { $0 == "fnrpc-init" } >= 12)
            try load.begin()
            #expect(daemon.stop() == 0)
            try load.expectEnds()
            #expect(processes.keys.filter { kill($0, 0) == 0 } == [])
            #expect(try FileManager.default.contentsOfDirectory(atPath: daemon.folder + "/data/run") == [])
            #expect(try daemon.leftovers() == [])
        }
    }

    /// In a process of its own, so that no other test is in it.
    @Test func nothingIsLeftInTheProcess() async throws {
        let daemon = try TestDaemon()
        defer { daemon.remove() }
        try daemon.learnInstance()
        try Load.deploy(to: daemon)
        #expect(daemon.stop() == 0)
        let (folder, uidBase) = (daemon.folder, daemon.uidBase)
        await #expect(processExitsWith: .success) { [folder = folder as String, uidBase = uidBase as UInt32] in
            signal(SIGPIPE, SIG_IGN)
            // What the language's runtime makes once.
            try await Self.serve(folder, uidBase)
            let before = (descriptors: try Self.descriptors(), threads: try Self.threads())
            try await Self.serve(folder, uidBase)
            var more = try Self.descriptors().difference(from: before.descriptors).map { "\($0)" }
            // Threads of the runtime's own pools end by themselves, and come again.
            let end = ContinuousClock.now + .seconds(30)
            while try Self.threads().count > before.threads.count, ContinuousClock.now < end {
                try await Task.sleep(for: .milliseconds(10))
            }
            let threads = try Self.threads()
            if threads.count > before.threads.count { more.append("\(threads) instead of \(before.threads)") }
            more += threads.filter { $0.hasPrefix("fnrpc-") }
            // What an expectation says does not leave this process.
            try more.joined(separator: "\n").write(toFile: folder + "/more", atomically: false, encoding: .utf8)
        }
        let more = try String(contentsOfFile: folder + "/more", encoding: .utf8)
        #expect(more == "")
        // Daemons of other tests that were started meanwhile have copies of its mounts.
        let left = try daemon.leftovers(seenBy: ["self"])
        #expect(left == [])
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder + "/data/run") == [])
    }

    /// The whole daemon in this process: started, used, stopped.
    private static func serve(_ folder: String, _ uidBase: UInt32) async throws {
        var configuration = Configuration()
        configuration.dataDirectory = folder + "/data"
        configuration.listen = [.unix(folder + "/s"), .tcp(host: "127.0.0.1", port: 0)]
        configuration.metricsListen = .tcp(host: "127.0.0.1", port: 0)
        configuration.runtimeFiles = TestDaemon.binaries + "/fnrpc-runtime"
        configuration.uidBase = uidBase
        configuration.loops = 2
        configuration.drainTimeout = 4
        configuration.freezeAfter = 0.5
        let server = try await Server.start(configuration, log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let load = try Load(folder + "/s")
        try load.begin()
        await server.stop()
        try load.expectEnds()
    }

    /// What this process has open, by kind.
    private static func descriptors() throws -> [String] {
        let folder = "/proc/self/fd"
        return try FileManager.default.contentsOfDirectory(atPath: folder).compactMap { number in
            // Without the numbers of sockets and pipes; what this process was born with may be removed by others meanwhile.
            (try? FileManager.default.destinationOfSymbolicLink(atPath: folder + "/" + number)).map {
                String($0.prefix { $0 != "[" }).replacingOccurrences(of: " (deleted)", with: "")
            }
        }.sorted()
    }

    /// The names of this process's threads.
    private static func threads() throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: "/proc/self/task").compactMap {
            try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)
        }
    }
}

/// Functions of every format, and calls of them: some are over, some run when the daemon stops.
private final class Load {
    private static let functions: [(name: String, kind: FailureKind, format: FunctionSpec.Format)] =
        [.httpStream, .ttrpc, .http, .json, .default].flatMap { (format: FunctionSpec.Format) in
            // The third does not care for SIGTERM, and does not end by itself.
            ["none", "crash", "ignore", "slow"].map { ("\($0)-\(format.rawValue)", FailureKind(act: $0), format) }
        } + [("silence", FailureKind(act: "silence"), .httpStream)]

    private let socket: String
    private var finishing: [RawConnection] = []
    private var endless: [RawConnection] = []

    static func deploy(to daemon: TestDaemon) throws {
        for (name, kind, format) in functions { try daemon.deploy(name, kind.files(as: name, format)) }
    }

    /// Calls everything once, unary and streamed, to the end.
    init(_ socket: String) throws {
        self.socket = socket
        for (name, kind, _) in Self.functions where kind.act != "silence" {
            let connection = try RawConnection(unix: socket)
            let answer = try connection.call(WireTests.invoke, WireTests.invocation(name, "x"))
            #expect(answer.code == 0, "\(name): \(answer)")
            let stream = try connection.open(WireTests.invokeStream, flags: 0x02)
            try connection.send(.data(stream, WireTests.invocation(name, "x") + Proto.field(8, varint: 1)))
            while try connection.message(stream) != nil {}
            guard kind.act == "crash" else { continue }
            let failed = try connection.call(WireTests.invoke, WireTests.invocation(name, "fail"))
            #expect(failed.code == 2 && failed.message.contains("SIGSEGV"), "\(name): \(failed)")
        }
    }

    /// Calls that run on, until ``expectEnds()``.
    func begin() throws {
        for (name, kind, _) in Self.functions {
            let connection = try RawConnection(unix: socket)
            switch kind.act {
            case "slow":
                try connection.open(WireTests.invoke, WireTests.invocation(name, "fail"))
                finishing.append(connection)
            case "ignore":
                try connection.open(WireTests.invoke, WireTests.invocation(name, "fail"))
                let streaming = try RawConnection(unix: socket)
                let stream = try streaming.open(WireTests.invokeStream, flags: 0x02)
                try streaming.send(.data(stream, WireTests.invocation(name, "fail")))
                endless += [connection, streaming]
            case "silence":
                try connection.open(WireTests.invoke, WireTests.invocation(name))
                endless.append(connection)
            default: break
            }
        }
        // Every call before has been taken.
        for connection in finishing + endless {
            try connection.open("fnrpc.v1.Diagnostics/Echo")
            _ = try connection.frame()
        }
    }

    /// The daemon has stopped: those that could finish have, the others were told so.
    func expectEnds() throws {
        for connection in finishing {
            let answer = Answer(try connection.frame().data)
            #expect(answer.code == 0 && Fields(answer.payload).text(1) == "ok", "\(answer)")
        }
        for connection in endless {
            let answer = Answer(try connection.frame().data)
            #expect(answer.code == 14 && answer.reason == "UNAVAILABLE", "\(answer)")
        }
        for connection in finishing + endless { connection.close() }
    }
}
