import FnrpcClient
import Foundation
import Model
import Synchronization
import Testing
import Wire

/// Every way in which functions fail, in real containers, while another function is called without pause.
@Suite(
    .serialized,
    SharedDaemon(["--metrics-listen", "tcp:127.0.0.1:0", "--init-timeout", "3", "--freeze-after", "2"]))
struct FailureKindTests {
    @Test(arguments: FailureKind.cases)
    func failureIsToldRecordedAndForgotten(kind: FailureKind, format: FunctionSpec.Format) async throws {
        let daemon = try SharedDaemon.daemon
        let name = "\(kind.act)-\(format.rawValue)"
        try await whileOthersAreCalled(daemon) {
            let before = try await daemon.settledFootprint()
            try daemon.deploy(name, kind.files(as: name, format))
            try await fail(kind, format, name, daemon)
            if !kind.stays { try await daemon.waitForFootprint(before, after: "the container of \(name) has gone") }
            if kind.moment == .start {
                try await fail(kind, format, name, daemon)
            } else {
                try expectAnswer(name, daemon)
            }
            #expect(try daemon.fnrpc("fn", "delete", "demo/\(name)").code == 0)
            try await daemon.waitForFootprint(before, after: "\(name) is deleted")
        }
    }

    private func expectAnswer(_ name: String, _ daemon: TestDaemon) throws {
        let answer = try RawConnection(unix: daemon.socket).call(WireTests.invoke, WireTests.invocation(name, "x"))
        #expect(answer.code == 0 && Fields(answer.payload).text(1) == "ok", "\(name): \(answer)")
    }

    /// Has it fail once; what the caller and the record say.
    private func fail(_ kind: FailureKind, _ format: FunctionSpec.Format, _ name: String, _ daemon: TestDaemon)
        async throws
    {
        // In a call is where it fails, not in the start before it.
        if kind.moment != .start {
            try await eventually("\(name) is hot") {
                try RawConnection(unix: daemon.socket).call(WireTests.invoke, WireTests.invocation(name, "x")).code == 0
            }
        }
        let connection = try RawConnection(unix: daemon.socket)
        let body = "fail" + String(repeating: "x", count: kind.payload)
        switch kind.moment {
        case .start, .call:
            let answer = try connection.call(WireTests.invoke, WireTests.invocation(name, body))
            let isRight =
                kind.text.isEmpty
                ? answer.code == 0 && Fields(answer.payload).text(1) == "ok"
                : answer.code == kind.status ?? Int(kind.code.status) && answer.reason == kind.code.rawValue
            let isTold = kind.text.isEmpty ? answer.message.isEmpty : answer.message.contains(kind.text)
            #expect(isRight && isTold, "\(name): \(answer)")
        case .callerLeaves:
            try connection.open(WireTests.invoke, WireTests.invocation(name, body))
            // The call before it was taken.
            _ = try connection.open(WireTests.echo)
            _ = try connection.frame()
            connection.close()
        case .idle: break
        case .frozen: try expectAnswerOfAnother(name, daemon, connection)
        case .orphaned:
            try expectAnswerOfAnother(name, daemon, connection, sparesFirst: true)
            try expectEndOfOrphan(daemon)
        }
        try await expectRecord(kind, format, name, daemon)
    }

    /// A call that the daemon takes before it can see that the function's frozen container has died.
    private func expectAnswerOfAnother(
        _ name: String, _ daemon: TestDaemon, _ connection: RawConnection, sparesFirst: Bool = false
    ) throws {
        try daemon.wait("it is frozen") { try daemon.frozenGroups().count == 1 }
        let group = try #require(try daemon.frozenGroups().first)
        #expect(try connection.isAliveAndQuiet())
        try daemon.pause()
        defer { daemon.goOn() }
        let id = try connection.open(WireTests.invoke, WireTests.invocation(name, "x"))
        let all = try daemon.processes(in: group)
        #expect(all.count == 2)
        let processes = all.filter { !sparesFirst || !isFirst($0) }
        for process in processes { kill(process, SIGKILL) }
        try daemon.wait("they have ended") { processes.allSatisfy { FreezingTests.hasEnded($0) } }
        daemon.goOn()
        let answer = try connection.answer(id)
        #expect(answer.code == 0 && Fields(answer.payload).text(1) == "ok", "\(name): \(answer)")
        try daemon.wait("the dead one is removed") { !FileManager.default.fileExists(atPath: group) }
    }

    private func isFirst(_ process: pid_t) -> Bool {
        (try? String(contentsOfFile: "/proc/\(process)/cmdline", encoding: .utf8))?.contains("fnrpc-init") ?? false
    }

    /// The daemon notices by itself that a frozen container has no function any more.
    private func expectEndOfOrphan(_ daemon: TestDaemon) throws {
        try daemon.wait("it is frozen") { try daemon.frozenGroups().count == 1 }
        let group = try #require(try daemon.frozenGroups().first)
        for process in try daemon.processes(in: group) where !isFirst(process) { kill(process, SIGKILL) }
        try daemon.wait("it is removed") { !FileManager.default.fileExists(atPath: group) }
    }

    private func expectRecord(
        _ kind: FailureKind, _ format: FunctionSpec.Format, _ name: String, _ daemon: TestDaemon
    ) async throws {
        let request = ListCallsRequest(app: "demo", function: name, page: Page(size: 1))
        func newest() throws -> CallRecord? {
            let answer = try RawConnection(unix: daemon.socket).call("fnrpc.v1.Calls/List", request.encoded())
            return try ListCallsResponse(decoding: answer.payload, strict: true).calls.first
        }
        // Only who has an answer finds the record at once.
        if kind.moment == .callerLeaves {
            try await eventually("its record") { try newest()?.status == kind.record }
        }
        let call = try #require(try newest())
        #expect(call.status == kind.record && call.reason == kind.reason && call.exit == kind.exit, "\(name): \(call)")
        #expect(
            call.status.hasErrorText ? call.error.contains(kind.text) : call.error.isEmpty, "\(name): \(call.error)")
        // With the formats on pipes a container counts as started when its program is.
        #expect((call.startedAt == nil) == (kind.moment == .start && format.usesSocket), "\(name): \(call)")
        let id = call.meta.id.description
        if call.status == .failed {
            let log = try daemon.fnrpc("call", "logs", id).output
            #expect(log.split(separator: "\n").contains { $0.hasPrefix("fnrpc: ") }, "\(name): \(log)")
        }
        if kind.act == "write" { #expect(call.logTruncated && call.logBytes == 1 << 20) }
        let shown = try daemon.fnrpc("call", "get", id).output
        for word in [call.status.rawValue, call.reason.rawValue] where !word.isEmpty {
            #expect(shown.contains(word), "\(name): \(shown)")
        }
    }
}

extension TestDaemon {
    /// Stops every thread of it, until ``goOn()``.
    fileprivate func pause() throws {
        kill(process.processIdentifier, SIGSTOP)
        let tasks = "/proc/\(process.processIdentifier)/task"
        try wait("it stands still") {
            try FileManager.default.contentsOfDirectory(atPath: tasks).allSatisfy {
                try String(contentsOfFile: "\(tasks)/\($0)/stat", encoding: .utf8).contains(") T ")
            }
        }
    }

    fileprivate func goOn() { kill(process.processIdentifier, SIGCONT) }
}

/// Calls another function, again and again, while `body` runs; none of these calls may fail.
private func whileOthersAreCalled(_ daemon: TestDaemon, _ body: () async throws -> Void) async throws {
    if try daemon.fnrpc("fn", "get", "demo/steady").code != 0 { try daemon.deployEcho(as: "steady") }
    let connection = try RawConnection(unix: daemon.socket)
    let isOver = Atomic(false)
    let end = Mutex<String?>(nil)
    // Not a task: those wait for each other where tests block.
    let caller = Thread {
        var count = 0
        var failure = ""
        repeat {
            count += 1
            do {
                let answer = try connection.call(WireTests.invoke, WireTests.invocation("steady", "\(count)"))
                if Fields(answer.payload).text(1) != "\(count)" { failure = "call \(count): \(answer)" }
            } catch { failure = "call \(count): \(error)" }
            usleep(2000)
        } while failure.isEmpty && (count < 2 || !isOver.load(ordering: .relaxed))
        end.withLock { $0 = failure }
    }
    caller.start()
    let result: Result<Void, any Error>
    do { result = .success(try await body()) } catch { result = .failure(error) }
    isOver.store(true, ordering: .relaxed)
    try await eventually("the other calls end") { end.withLock { $0 } != nil }
    #expect(end.withLock { $0 } == "")
    try result.get()
}
