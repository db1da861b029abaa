import Foundation
import Testing

/// A connection of another process, which a test leads statement by statement. Used by one test at a time.
final class OpenDatabase {
    private let process = Process()
    private let input = Pipe()
    private let output = Pipe()

    init(_ path: String) throws {
        let script = """
            import sqlite3, sys
            c = sqlite3.connect(sys.argv[1], isolation_level=None, timeout=0)
            for line in sys.stdin:
                try:
                    print("|".join(str(v) for r in c.execute(line).fetchall() for v in r), flush=True)
                except sqlite3.Error as e:
                    print("error:", e, flush=True)
            """
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = ["-c", script, path]
        process.standardInput = input
        process.standardOutput = output
        try process.run()
    }

    deinit {
        try? input.fileHandleForWriting.close()
        process.waitUntilExit()
    }

    /// Runs one statement of one line; its values, or `error: …`.
    @discardableResult
    func sql(_ statement: String) throws -> String {
        input.fileHandleForWriting.write(Data((statement + "\n").utf8))
        var line = Data()
        while line.last != UInt8(ascii: "\n") {
            let piece = output.fileHandleForReading.availableData
            try #require(!piece.isEmpty, "the other process ended")
            line += piece
        }
        return String(decoding: line.dropLast(), as: UTF8.self)
    }

    /// kill -9.
    func kill() {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }
}
