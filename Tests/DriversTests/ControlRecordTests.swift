import Drivers
import Model
import Testing

@Suite struct ControlRecordTests {
    @Test func swiftAndCHaveTheSameNumbers() throws {
        let header = try #require(Posix.text(of: Workbench.repository + "/Sources/Sandbox/control.h"))
        var macros: [String: Int] = [:]
        for line in header.split(separator: "\n") {
            let words = line.split(separator: " ")
            if words.count == 3, words[0] == "#define", let value = Int(words[2]) {
                macros[String(words[1].dropFirst("FNRPC_CONTROL_".count))] = value
            }
        }
        typealias Layout = ControlRecord.Layout
        #expect(
            macros == [
                "FD": 3, "VERSION": Int(Layout.version), "HEADER_SIZE": Layout.headerSize, "MAX_SIZE": Layout.maxSize,
                "ASSIGN": Int(Layout.assign), "TIE": Int(Layout.tie), "READY": Int(Layout.ready), "STARTED": Int(Layout.started),
                "EXEC_FAILED": Int(Layout.execFailed), "EXITED": Int(Layout.exited), "READY_SIZE": Layout.readySize,
                "STARTED_SIZE": Layout.startedSize, "EXEC_FAILED_SIZE": Layout.execFailedSize,
                "EXITED_SIZE": Layout.exitedSize, "ASSIGN_ARGUMENTS": Layout.assignArguments,
                "ASSIGN_ENVIRONMENT": Layout.assignEnvironment, "ASSIGN_STRINGS": Layout.assignStrings,
                "EXITED_CODE": Layout.exitedCode, "EXITED_SIGNAL": Layout.exitedSignal,
                "EXITED_USER": Layout.exitedUser, "EXITED_SYSTEM": Layout.exitedSystem,
                "EXITED_MAXRSS": Layout.exitedMaxRSS, "EXITED_WALL": Layout.exitedWall,
            ])
    }

    @Test func assignmentHasTheLayoutOfTheHeader() throws {
        let record = try ControlRecord.assign(
            Assignment(arguments: ["a", ""], environment: ["K=v"], workingDirectory: "/f"))
        #expect(
            record == [1, 0, 1, 0, 26, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0] + Array("/f\0a\0\0K=v\0".utf8))
    }

    @Test(arguments: [
        (Assignment(arguments: [], environment: [], workingDirectory: "/"), "no words"),
        (Assignment(arguments: ["a"], environment: [], workingDirectory: "f"), "not absolute"),
        (Assignment(arguments: ["a\0b"], environment: [], workingDirectory: "/"), "NUL"),
        (Assignment(arguments: ["a"], environment: ["K=\0"], workingDirectory: "/"), "NUL"),
        (
            Assignment(arguments: [String(repeating: "x", count: 131_072)], environment: [], workingDirectory: "/"),
            "131072 bytes is over the limit of 131071"
        ),
        (
            Assignment(
                arguments: [String](repeating: String(repeating: "x", count: 65_536), count: 3), environment: [],
                workingDirectory: "/"), "over the limit of 196608"
        ),
        (
            Assignment(arguments: [String](repeating: "", count: 16_385), environment: [], workingDirectory: "/"),
            "16385 words are over the limit of 16384"
        ),
    ]) func refusedAssignments(assignment: Assignment, reason: String) throws {
        let failure = try #require(throws: Failure.self) { try ControlRecord.assign(assignment) }
        #expect(failure.code == .invalid)
        #expect(failure.message.contains(reason), "\(failure.message)")
    }

    static let exited: [UInt8] =
        [1, 0, 19, 0, 48, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0]
        + [5, 0, 0, 0, 0, 0, 0, 0, 6, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0]

    @Test func readsReports() {
        #expect(read([1, 0, 16, 0, 8, 0, 0, 0]) == .ready)
        #expect(read([1, 0, 17, 0, 12, 0, 0, 0, 2, 1, 0, 0]) == .started(pid: 258))
        #expect(read([1, 0, 18, 0, 12, 0, 0, 0, 2, 0, 0, 0]) == .execFailed(errno: 2))
        #expect(
            read(Self.exited)
                == .exited(
                    SandboxExit(code: 3, signal: nil, userMicros: 5, systemMicros: 6, maxRSSKiB: 7, wallNanos: 8)))
    }

    /// Every other version, type, size, length and value is refused; none may trap.
    @Test func refusesEverythingElse() {
        let good: [[UInt8]] = [
            [1, 0, 16, 0, 8, 0, 0, 0], [1, 0, 17, 0, 12, 0, 0, 0, 2, 0, 0, 0], [1, 0, 18, 0, 12, 0, 0, 0, 2, 0, 0, 0],
            Self.exited,
        ]
        for record in good {
            for length in 0..<record.count { #expect(read(Array(record[..<length])) == nil) }
            #expect(read(record + [0]) == nil)
            for offset in 0..<8 {
                for value in UInt8.min...UInt8.max where value != record[offset] {
                    var bad = record
                    bad[offset] = value
                    // STARTED and EXEC_FAILED have one size; no other header byte may change.
                    if offset == 2, record.count == 12, value == 17 || value == 18 { continue }
                    #expect(read(bad) == nil, "\(bad)")
                }
            }
        }
        for pid: UInt8 in [0, 1] { #expect(read([1, 0, 17, 0, 12, 0, 0, 0, pid, 0, 0, 0]) == nil) }
        #expect(read([1, 0, 17, 0, 12, 0, 0, 0, 255, 255, 255, 255]) == nil)
        #expect(read([1, 0, 18, 0, 12, 0, 0, 0, 0, 0, 0, 0]) == nil)
        var both = Self.exited
        both[12] = 9
        #expect(read(both) == nil, "a code and a signal")
        var large = Self.exited
        large[9] = 1
        #expect(read(large) == nil, "code 259")
    }

    @Test func acceptsReportsInOrderOnly() {
        let exit = SandboxReport.exited(
            SandboxExit(code: 0, signal: nil, userMicros: 0, systemMicros: 0, maxRSSKiB: 0, wallNanos: 0))
        let cases: [([SandboxReport], Bool)] = [
            ([.ready, .started(pid: 2), exit], true), ([.ready, .execFailed(errno: 2)], true),
            ([.started(pid: 2)], false), ([exit], false), ([.ready, .ready], false), ([.ready, exit], false),
            ([.ready, .started(pid: 2), .started(pid: 3)], false), ([.ready, .started(pid: 2), exit, exit], false),
            ([.ready, .execFailed(errno: 2), .started(pid: 2)], false),
            ([.ready, .started(pid: 2), .execFailed(errno: 2)], false),
        ]
        for (reports, good) in cases {
            var order = ReportOrder()
            let accepted = reports.map { order.accepts($0) }
            #expect(accepted.dropLast().allSatisfy { $0 })
            #expect(accepted.last == good, "\(reports)")
            if !good { #expect(!order.accepts(.ready) && !order.accepts(exit)) }
        }
    }

    private func read(_ bytes: [UInt8]) -> SandboxReport? { bytes.withUnsafeBytes { ControlRecord.report($0) } }
}
