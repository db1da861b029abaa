import Access
import Foundation
import Glibc
import Model
import Testing

@Suite struct AuditLogTests {
    private func entry(
        _ app: String = "shop", _ failure: Failure.Code? = nil, trace: String? = nil
    ) -> AuditEntry {
        AuditEntry(
            time: Timestamp(nanoseconds: 1_700_000_000_123_456_789), principal: "token ci", peer: "tcp 127.0.0.1:4",
            method: "fnrpc.v1.Apps/Create", target: [("app", app), ("function", "hello")], failure: failure,
            connection: 12, trace: trace)
    }

    private struct Line: Codable, Equatable {
        var time, principal, peer, method: String
        var target: [String: String]
        var outcome: String
        var connection: UInt64
        var trace: String?
    }

    private func lines(_ text: String) throws -> [Line] {
        try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
    }

    @Test func aChangeIsOneLine() throws {
        let scratch = try Scratch()
        let reports = Lock<[String]>([])
        let log = AuditLog(path: scratch.path + "/audit.log") { text in reports.withLock { $0.append(text) } }
        log.record(entry())
        log.record(entry("x", .notPermitted, trace: "4bf92f3577b34da6a3ce929d0e0e4736"))
        let expected = Line(
            time: "2023-11-14T22:13:20.123456789Z", principal: "token ci", peer: "tcp 127.0.0.1:4",
            method: "fnrpc.v1.Apps/Create", target: ["app": "shop", "function": "hello"], outcome: "ok", connection: 12)
        var second = expected
        second.target["app"] = "x"
        second.outcome = "NOT_PERMITTED"
        second.trace = "4bf92f3577b34da6a3ce929d0e0e4736"
        #expect(try lines(scratch.text("audit.log")) == [expected, second])
        let mode = try FileManager.default.attributesOfItem(atPath: scratch.path + "/audit.log")[.posixPermissions]
        #expect(mode as? Int == 0o600 && reports.withLock { $0.isEmpty })
    }

    @Test func whatIsThereStays() throws {
        let scratch = try Scratch()
        do {
            let log = AuditLog(path: scratch.path + "/audit.log") { _ in }
            log.record(entry("first"))
        }
        chmod(scratch.path + "/audit.log", 0o644)
        let log = AuditLog(path: scratch.path + "/audit.log") { _ in }
        log.record(entry("second"))
        #expect(try lines(scratch.text("audit.log")).map { $0.target["app"] } == ["first", "second"])
        let mode = try FileManager.default.attributesOfItem(atPath: scratch.path + "/audit.log")[.posixPermissions]
        #expect(mode as? Int == 0o600)
    }

    @Test func valuesCannotEscape() throws {
        let hostile = "\"},\n\u{1b}[2J\\\u{0}\u{7f}\u{9b}é🙂"
        let line = String(decoding: entry(hostile).line, as: UTF8.self)
        #expect(line.count { $0.isNewline } == 1 && line.hasSuffix("}\n"))
        #expect(!line.dropLast().unicodeScalars.contains { $0.properties.generalCategory == .control })
        #expect(try lines(line).first?.target == ["app": hostile, "function": "hello"])
    }

    @Test func longValuesAreCut() throws {
        let long = String(repeating: "a", count: 255) + "é" + String(repeating: "b", count: 1 << 20)
        let line = entry(long).line
        #expect(line.count < 600)
        #expect(try lines(String(decoding: line, as: UTF8.self))[0].target["app"] == long.prefix(255) + "…")
        let fits = String(repeating: "a", count: 256)
        #expect(try lines(String(decoding: entry(fits).line, as: UTF8.self))[0].target["app"] == fits)
        var many = entry()
        many.target = (0..<1000).map { ("k\($0)", "v") }
        #expect(try lines(String(decoding: many.line, as: UTF8.self))[0].target.count == 16)
    }

    @Test func filesTakeTurns() throws {
        let scratch = try Scratch()
        let size = entry("n00").line.count
        let log = AuditLog(path: scratch.path + "/audit.log", limit: 3 * size + 1) { _ in }
        for number in 0..<20 { log.record(entry("n" + (number < 10 ? "0" : "") + "\(number)")) }
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path).sorted()
        #expect(names == ["audit.log", "audit.log.1", "audit.log.2", "audit.log.3", "audit.log.4"])
        let all = try names.reversed().flatMap { try lines(scratch.text($0)) }.compactMap { $0.target["app"] }
        // Seven files of three were begun; the two oldest are gone.
        #expect(all == (6..<20).map { "n" + ($0 < 10 ? "0" : "") + "\($0)" })
        for name in names {
            let mode = try FileManager.default.attributesOfItem(atPath: scratch.path + "/" + name)[.posixPermissions]
            #expect(mode as? Int == 0o600)
        }
    }

    @Test func threadsDoNotMixTheirLines() async throws {
        let scratch = try Scratch()
        let log = AuditLog(path: scratch.path + "/audit.log", limit: 20_000) { _ in }
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 { group.addTask { for _ in 0..<50 { log.record(entry()) } } }
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: scratch.path)
        #expect(try names.flatMap { try lines(scratch.text($0)) }.count == 200)
    }

    @Test func aFileThatCannotBeWrittenStopsNothing() throws {
        let scratch = try Scratch()
        let reports = Lock<[String]>([])
        let path = scratch.path + "/audit.log"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        let log = AuditLog(path: path) { text in reports.withLock { $0.append(text) } }
        #expect(reports.withLock { $0.count } == 1 && reports.withLock { $0[0].contains("cannot be opened") })
        for _ in 0..<10 { log.record(entry()) }
        // One report; the next one has a minute's time.
        #expect(reports.withLock { $0.count } == 2 && reports.withLock { $0[1].contains("1 lines were not written") })
        #expect(log.linesLost == 10)
        // As soon as it can be written, it is.
        try FileManager.default.removeItem(atPath: path)
        log.record(entry("back"))
        #expect(try lines(scratch.text("audit.log")).map { $0.target["app"] } == ["back"])
        #expect(reports.withLock { $0.count } == 2 && log.linesLost == 10)
    }

    @Test func aLinkOrAPipeIsNotFollowed() throws {
        let scratch = try Scratch()
        try Data().write(to: URL(fileURLWithPath: scratch.path + "/victim"))
        symlink(scratch.path + "/victim", scratch.path + "/audit.log")
        mkfifo(scratch.path + "/pipe", 0o600)
        let link = AuditLog(path: scratch.path + "/audit.log") { _ in }
        let pipe = AuditLog(path: scratch.path + "/pipe") { _ in }
        link.record(entry())
        pipe.record(entry())
        #expect(try scratch.text("victim").isEmpty)
    }

    @Test(.enabled(if: geteuid() == 0, "a file system can only be mounted by root"))
    func aFullDiskLeavesWholeLines() throws {
        let scratch = try Scratch()
        try #require(mount("tmpfs", scratch.path, "tmpfs", 0, "size=16k") == 0)
        // Detached: a process that another test starts right now holds our descriptors until its exec.
        defer { #expect(umount2(scratch.path, Int32(MNT_DETACH)) == 0) }
        let reports = Lock<[String]>([])
        let log = AuditLog(path: scratch.path + "/audit.log") { text in reports.withLock { $0.append(text) } }
        for _ in 0..<200 { log.record(entry(String(repeating: "a", count: 200))) }
        let written = try lines(scratch.text("audit.log")).count
        #expect(written > 10 && written < 60)
        #expect(reports.withLock { $0.count } == 1 && reports.withLock { $0[0].contains("No space left") })
        #expect(mount("tmpfs", scratch.path, "tmpfs", UInt(MS_REMOUNT), "size=1m") == 0)
        log.record(entry("back"))
        let all = try lines(scratch.text("audit.log"))
        #expect(all.count == written + 1 && all.last?.target["app"] == "back")
    }
}
