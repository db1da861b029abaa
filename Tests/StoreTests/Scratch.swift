import Foundation
import Glibc
import Model
import Store
import Synchronization
import Testing

/// A folder of its own for one test, removed with it.
final class Scratch: Sendable {
    let path: String

    /// Of all tests of this process. Removed at its end too: the last reference to a test's folder may be held by a
    /// thread that the end of the process stops.
    private static let root: URL = {
        atexit { try? FileManager.default.removeItem(at: Scratch.path(of: getpid())) }
        return path(of: getpid())
    }()

    private static func path(of process: pid_t) -> URL {
        FileManager.default.temporaryDirectory.appending(path: "fnrpc-store-\(process)")
    }

    init() throws {
        let url = Self.root.appending(path: UUID().uuidString)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func names(_ folder: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: path + "/" + folder).sorted()
    }
}

/// A clock that a test turns. Every look moves it too, so that no two entities have one time.
final class ManualClock: Sendable {
    private let time: Mutex<Int64>

    private let tick: Int64

    /// - Parameter tick: how far a look moves it, nanoseconds.
    init(nanoseconds: Int64 = 1_700_000_000_000_000_000, tick: Int64 = 1_000_000) {
        time = Mutex(nanoseconds)
        self.tick = tick
    }

    var now: @Sendable () -> Timestamp {
        {
            Timestamp(
                nanoseconds: self.time.withLock { time in
                    time += self.tick
                    return time
                })
        }
    }

    func advance(seconds: Int64) { time.withLock { $0 += seconds * 1_000_000_000 } }
}

/// Python, as a witness that shares no code with us.
enum Python {
    /// Runs a script; its standard output.
    static func run(_ script: String, _ arguments: [String]) throws -> String {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", script] + arguments
        let output = Pipe()
        process.standardOutput = output
        try process.run()
        let data = output.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "python3 failed")
        return String(decoding: data, as: UTF8.self)
    }

    /// Runs SQL statements on a database from outside; the rows of the last one.
    static func sql(_ path: String, _ statements: String...) throws -> String {
        let script = """
            import sqlite3, sys
            c = sqlite3.connect(sys.argv[1], isolation_level=None)
            c.execute("PRAGMA foreign_keys = ON")
            rows = []
            for s in sys.argv[2:]:
                try:
                    rows = c.execute(s).fetchall()
                except sqlite3.IntegrityError as e:
                    rows = [("refused",)]
            print("\\n".join("|".join(str(v) for v in r) for r in rows), end="")
            """
        return try run(script, [path] + statements)
    }
}

/// The failure that a body throws; records an issue if it throws none or something else.
func failure(
    sourceLocation: SourceLocation = #_sourceLocation, _ body: () async throws -> some Any
) async -> Failure {
    do {
        let value = try await body()
        Issue.record("nothing was thrown, but \(value) returned", sourceLocation: sourceLocation)
    } catch let error as Failure {
        return error
    } catch {
        Issue.record("not a Failure: \(error)", sourceLocation: sourceLocation)
    }
    return Failure(.unimplemented, "")
}

/// SplitMix64, for runs that can be repeated.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var value = state
        value = (value ^ (value >> 30)) &* 0xBF58_476D_1CE4_E5B9
        value = (value ^ (value >> 27)) &* 0x94D0_49BB_1331_11EB
        return value ^ (value >> 31)
    }
}
