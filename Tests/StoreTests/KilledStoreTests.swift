import Foundation
import Model
import Testing
import Wire

@testable import Store

/// kill -9 in the middle of commits, of this very program started once more.
@Suite struct KilledStoreTests {
    /// Names the database to the process that will be killed.
    private static let variable = "FNRPC_TEST_KILLED_STORE"

    /// Changes the store from eight sides until it is killed; says on standard error's file what was answered.
    @Test(.enabled(if: ProcessInfo.processInfo.environment[variable] != nil, "runs in a process of its own"))
    func changeUntilKilled() async throws {
        let folder = try #require(ProcessInfo.processInfo.environment[Self.variable])
        let test = try TestStore(.sqlite, path: folder + "/fnrpc.db")
        let answers = open(folder + "/answers", O_WRONLY | O_CREAT | O_APPEND, 0o600)
        let run = test.store.lastSequence
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<8 {
                group.addTask {
                    for number in 0..<1_000_000 {
                        let name = "r\(run)-\(caller)-\(number)"
                        let context = ChangeContext(now: .now())
                        // Two rows in one operation: never one without the other.
                        try await test.store.change(context) { tx throws(Failure) in
                            _ = try tx.createApp(CreateAppRequest(name: name))
                            _ = try tx.createSecret(CreateSecretRequest(app: name, name: "s", value: [1]))
                        }
                        let line = Array((name + "\n").utf8)
                        #expect(write(answers, line, line.count) == line.count)
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    /// This program's command line, for one test.
    private static func child(_ folder: String) throws -> Process {
        let line = try Data(contentsOf: URL(fileURLWithPath: "/proc/self/cmdline"))
        var arguments = line.split(separator: 0).dropFirst().map { String(decoding: $0, as: UTF8.self) }
        while let place = arguments.firstIndex(of: "--filter") { arguments.removeSubrange(place...place + 1) }
        let process = Process()
        process.executableURL = URL(
            fileURLWithPath: try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"))
        process.arguments = arguments + ["--filter", "KilledStoreTests/changeUntilKilled"]
        process.environment = ProcessInfo.processInfo.environment.merging([variable: folder]) { $1 }
        process.standardOutput = FileHandle.nullDevice
        process.standardError = FileHandle.nullDevice
        return process
    }

    @Test func whatWasAnsweredIsThere() async throws {
        let scratch = try Scratch()
        let answers = scratch.path + "/answers"
        let files = FileManager.default
        var size = 0
        for _ in 0..<4 {
            let process = try Self.child(scratch.path)
            try process.run()
            // Somewhere in the middle of the work.
            while process.isRunning, (files.contents(atPath: answers)?.count ?? 0) < size + 2000 { await Task.yield() }
            try #require(process.isRunning, "it ended by itself")
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            let text = try #require(files.contents(atPath: answers))
            size = text.count

            let test = try TestStore(.sqlite, path: scratch.path + "/fnrpc.db")
            let rows = try test.rows()
            #expect(violations(of: rows).isEmpty)
            let apps = Set(rows.filter { $0.kind == .app }.map(\.key))
            let answered = String(decoding: text, as: UTF8.self).split(separator: "\n").map(String.init)
            #expect(answered.allSatisfy { apps.contains($0) }, "\(answered.filter { !apps.contains($0) })")
            #expect(rows.count == 2 * apps.count && apps.count >= answered.count)
            // What was done is told, each once, and no more than that.
            let events = try await test.store.driver.events(after: 0, limit: 1_000_000)
            #expect(events.count == rows.count && test.store.lastSequence == UInt64(rows.count))
            #expect((Set(events.map(\.id)) == Set(rows.map(\.id))) == true)
            try test.store.close()
            #expect(try Python.sql(test.path, "PRAGMA integrity_check") == "ok")
        }
    }
}
