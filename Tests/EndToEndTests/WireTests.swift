import Foundation
import Testing

/// Every answer of the protocol, by raw frames, against one real daemon for all of them.
@Suite(
    .serialized,
    SharedDaemon(["--listen", "tcp:127.0.0.1:0", "--unix-mode", "0666", "--peer-scopes", "uid:65534=read"]))
struct WireTests {
    static let echo = "fnrpc.v1.Diagnostics/Echo"
    static let echoStream = "fnrpc.v1.Diagnostics/EchoStream"
    static let collect = "fnrpc.v1.Diagnostics/Collect"
    static let generate = "fnrpc.v1.Diagnostics/Generate"
    static let invoke = "fnrpc.v1.Invocation/Invoke"
    static let invokeStream = "fnrpc.v1.Invocation/InvokeStream"

    /// An InvokeRequest for a function of the shared daemon.
    static func invocation(_ function: String, _ payload: String = "") -> Bytes {
        Proto.field(1, payload) + Proto.field(4, "demo") + Proto.field(5, function)
    }

    /// An EchoMessage.
    static func echoMessage(_ payload: Bytes) -> Bytes { Proto.field(1, payload) }
}

/// Runs a suite against one daemon, which is stopped after its last test and must leave nothing.
struct SharedDaemon: SuiteTrait, TestScoping {
    @TaskLocal static var current: TestDaemon?

    let arguments: [String]

    init(_ arguments: [String]) {
        self.arguments = arguments
    }

    func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        try await withDaemon(arguments) { daemon in
            try await Self.$current.withValue(daemon) { try await function() }
        }
    }

    /// The suite's daemon.
    static var daemon: TestDaemon {
        get throws { try #require(current, "the suite has no daemon") }
    }

    /// A new connection to it.
    static func connect() throws -> RawConnection { try RawConnection(unix: daemon.socket) }
}

extension TestDaemon {
    /// Scripts that do one thing: `NAME: SCRIPT`.
    static let scripts = [
        // Sleeps for as many seconds as its input says.
        "sleeper": "read seconds\nsleep $seconds\necho slept\n",
        // Never reads its input.
        "deaf": "sleep 30\n",
        // With one container.
        "lonely": "sleep 30\n",
        "cat": "cat\n",
        // Says who it is, and stays.
        "named": "echo $FN_CALL_ID\nsleep 30\n",
        // Does not care for its input.
        "hasty": "echo bye\n",
        "big": "head -c 5000000 /dev/zero\n",
    ]

    /// Deploys one of ``scripts`` to the app `demo`, once.
    func deploy(_ name: String, yaml: String = "") throws {
        guard !FileManager.default.fileExists(atPath: folder + "/functions/" + name) else { return }
        let folder = try write(
            name,
            [
                "func.yaml": """
                name: \(name)
                runtime: shell
                entry: run.sh
                memory: 32
                start_margin: false
                \(yaml)
                """,
                "run.sh": Self.scripts[name] ?? "",
            ])
        let result = try fnrpc("deploy", folder, "--app", "demo")
        try #require(result.code == 0, "\(result)")
    }

    /// The port of its TCP listener.
    var port: UInt16 {
        get throws {
            try #require(
                readyLine.split(separator: ":").last.flatMap {
                    UInt16($0.trimmingCharacters(in: .whitespacesAndNewlines))
                })
        }
    }

    /// Calls of functions so far: accepted and answered.
    func callCounts() throws -> (started: UInt64, finished: UInt64) {
        let info = Fields(try RawConnection(unix: socket).call("fnrpc.v1.System/Info").payload)
        return (info.number(14) ?? 0, info.number(15) ?? 0)
    }

    /// Waits until something holds; a guard against hanging, not a measure.
    func wait(_ what: String, until condition: () throws -> Bool) throws {
        let end = Date().addingTimeInterval(RawConnection.patience)
        while try !condition() {
            guard Date() < end else { throw RawError(description: "waited in vain until \(what)") }
            usleep(5000)
        }
    }

    /// A value of /proc/PID/status in KiB: VmHWM, VmRSS.
    func status(_ key: String) throws -> Int {
        let text = try String(contentsOfFile: "/proc/\(process.processIdentifier)/status", encoding: .utf8)
        let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(key + ":") })
        return try #require(line.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) })
    }
}
