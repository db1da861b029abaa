import Glibc
import Model
import Testing
import Wire

@testable import Extensions

@Suite struct PlugInTests {
    @Test func changesTravelWithTheirEntities() async throws {
        let bench = Bench()
        let fake = FakePlugIn(bench.path, answering: { _ in .message([]) })
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        let old = try makeApp("old")
        var new = old
        new.meta.labels = ["team": "pay"]
        try await plugIn.before(.update(from: old, to: new))
        try await plugIn.before(.delete(App.events, id: old.meta.id, name: "old"))
        try await plugIn.before(.list)
        plugIn.after(.got(new))
        await bench.until("nobody was told") { fake.requests.count == 4 }
        #expect(fake.requests.map(\.method) == ["BeforeChange", "BeforeChange", "BeforeChange", "AfterChange"])
        let events = try fake.requests.map { try ChangeEvent(decoding: $0.payload, strict: true) }
        #expect(events.map(\.event) == ["app.update", "app.delete", "app.list", "app.get"])
        #expect(try App(decoding: events[0].oldEntity, strict: true) == old)
        #expect(try App(decoding: events[0].newEntity, strict: true) == new)
        #expect(events[0].id == old.meta.id.description)
        let deleted = ChangeEvent(event: "app.delete", id: old.meta.id.description, name: "old")
        #expect(fake.requests[1].payload == deleted.encoded())
        #expect(fake.requests[2].payload == ChangeEvent(event: "app.list").encoded())
        #expect(try App(decoding: events[3].newEntity, strict: true) == new)
    }

    @Test func aRefusalIsPassedOnWithItsCode() async throws {
        let bench = Bench()
        let codes: [Int32] = Array(1...16) + [99, .max]
        let next = Lock(0)
        let fake = FakePlugIn(
            bench.path,
            answering: { _ in
                .status(
                    codes[
                        next.withLock { index in
                            defer { index += 1 }; return index
                        }], "name: not \u{201C}this\u{201D}")
            })
        let plugIn = try bench.plugIn("timeout=10s,fail=open")
        defer { bench.close(plugIn, fake) }
        for code in codes {
            let failure = await plugIn.refusal(of: try makeApp("a"))
            #expect(failure?.message == "name: not \u{201C}this\u{201D}")
            // Of no plug-in's status anybody says that the daemon failed.
            #expect(failure?.code != .internalError)
            #expect(failure?.status == ((1...16).contains(code) ? code : 2))
            // Field 1 of the Status that goes to the caller.
            let status = try #require(failure)
            #expect(status.encodedStatus().prefix(2) == [0x08, UInt8(status.status)])
        }
    }

    @Test func aLongRefusalIsCutAndAnEmptyOneNamesThePlugIn() async throws {
        let bench = Bench()
        let first = Lock(true)
        let fake = FakePlugIn(
            bench.path,
            answering: { _ in
                let isFirst = first.withLock { first in
                    defer { first = false }
                    return first
                }
                return .status(9, isFirst ? String(repeating: "x", count: PlugIn.maxMessageBytes + 1) : "")
            })
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        #expect(await plugIn.refusal(of: try makeApp("a"))?.message.utf8.count == PlugIn.maxMessageBytes)
        #expect(await plugIn.refusal(of: try makeApp("a"))?.message == "extension fake: refused")
    }

    @Test func whatIsNotWantedIsNotAskedEvenBeforeThatIsKnown() async throws {
        let bench = Bench()
        let gate = Gate()
        let fake = FakePlugIn(bench.path) { request in
            guard request.method == "Describe" else { return .status(7, "no") }
            gate.pass()
            return FakePlugIn.describe(before: [.appDelete], after: [])
        }
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        async let refusal = plugIn.refusal(of: try makeApp("a"))
        await bench.until("the question did not come") { plugIn.waiting == 1 }
        #expect(plugIn.interest == .everything)
        gate.open()
        #expect(try await refusal == nil)
        #expect(plugIn.interest == Interest(before: [.appDelete]))
        #expect(fake.requests.isEmpty)
        let id = try makeApp("a").meta.id
        await #expect(throws: Failure.self) { try await plugIn.before(.delete(App.events, id: id, name: "a")) }
    }

    @Test(arguments: [PlugInSetting.FailChoice.open, .closed])
    func silenceHasTheFailChoice(fail: PlugInSetting.FailChoice) async throws {
        let bench = Bench()
        let fake = FakePlugIn(bench.path, answering: { _ in .silence })
        let plugIn = try bench.plugIn("timeout=30ms,fail=\(fail.rawValue)")
        defer { bench.close(plugIn, fake) }
        let reason = "extension fake: it did not answer within 30 ms"
        for _ in 0..<2 {
            let failure = await plugIn.refusal(of: try makeApp("a"))
            let call = await plugIn.ask(makeCall())
            if fail == .open {
                #expect(failure == nil)
                #expect(throws: Never.self) { try call.get() }
            } else {
                #expect(failure?.code == .unavailable)
                #expect(failure?.message == reason + "; nothing was done (fail=closed)")
                #expect(throws: Failure.self) { try call.get() }
            }
        }
        let troubles = bench.lines.withLock { $0 }.filter { !$0.contains("connected") }
        #expect(troubles == ["extension fake: app.create: it did not answer within 30 ms"])
        #expect(plugIn.waiting == 0)
    }

    @Test func aLateAnswerIsNobodysElse() async throws {
        let bench = Bench()
        let gate = Gate()
        let fake = FakePlugIn(
            bench.path,
            answering: { request in
                guard request.streamID == 3 else { return .status(5, "the second") }
                gate.pass()
                return .status(7, "the first")
            })
        let plugIn = try bench.plugIn("timeout=300ms,fail=open")
        defer { bench.close(plugIn, fake) }
        #expect(await plugIn.refusal(of: try makeApp("a")) == nil)
        gate.open()
        #expect(await plugIn.refusal(of: try makeApp("a"))?.message == "the second")
        #expect(fake.accepted == 1)
    }

    @Test func aPlugInThatIsStartedAgainIsFoundAgain() async throws {
        let bench = Bench()
        let fake = FakePlugIn(bench.path, answering: { _ in .status(7, "no") })
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        #expect(await plugIn.refusal(of: try makeApp("a"))?.message == "no")
        fake.stop()
        await bench.until("it was not missed") {
            await plugIn.refusal(of: try? makeApp("a"))?.message.contains("it cannot be reached: ") == true
        }
        fake.start()
        await bench.until("it was not found") { await plugIn.refusal(of: try? makeApp("a"))?.message == "no" }
        #expect(fake.accepted == 2)
    }

    @Test func thousandTwentyFourQuestionsMayWait() async throws {
        let bench = Bench()
        let gate = Gate()
        let fake = FakePlugIn(
            bench.path,
            answering: { _ in
                gate.pass()
                return .message([])
            })
        let plugIn = try bench.plugIn("timeout=60s")
        defer { bench.close(plugIn, fake) }
        let answers = Lock(0)
        for _ in 0..<QuestionWindow.maxCount {
            plugIn.before(makeCall()) { result in
                if case .success = result { answers.withLock { $0 += 1 } }
            }
        }
        #expect(plugIn.waiting == 1024)
        let failure = await #expect(throws: Failure.self) { try await plugIn.ask(makeCall()).get() }
        #expect(failure?.message.contains("1024 questions wait for its answers, the limit") == true)
        #expect(failure?.code == .unavailable)
        #expect(plugIn.waiting == 1024)
        gate.open()
        await bench.until("not all were answered") { answers.withLock { $0 } == 1024 }
        #expect(plugIn.waiting == 0)
        await #expect(throws: Never.self) { try await plugIn.ask(makeCall()).get() }
    }

    /// A burst of changes waits for a plug-in that answers slowly; what is about to happen is asked meanwhile.
    @Test func everyChangeOfABurstIsTold() async throws {
        let bench = Bench()
        let gate = Gate()
        let fake = FakePlugIn(
            bench.path,
            answering: { request in
                if request.method == "AfterChange" { gate.pass() }
                return .message([])
            })
        let plugIn = try bench.plugIn("timeout=60s")
        defer { bench.close(plugIn, fake) }
        let app = try makeApp("a")
        let told = Lock(0)
        let burst = Task {
            for _ in 0..<(3 * QuestionWindow.maxCount) {
                await plugIn.room()
                plugIn.after(.create(app))
                told.withLock { $0 += 1 }
            }
        }
        await bench.until("the burst did not begin") { told.withLock { $0 } == QuestionWindow.maxCount }
        #expect(plugIn.waiting == QuestionWindow.maxCount)
        // Reads and calls have a share of their own, and so has what is about to happen.
        plugIn.after(.got(app))
        async let refusal = plugIn.refusal(of: app)
        await bench.until("there was no room") { plugIn.waiting == QuestionWindow.maxCount + 2 }
        gate.open()
        #expect(await refusal == nil)
        await burst.value
        await bench.until("not all were told") {
            fake.requests.filter { $0.method == "AfterChange" }.count == 3 * QuestionWindow.maxCount + 1
        }
        #expect(bench.lines.withLock { $0 }.filter { !$0.contains("connected") }.isEmpty)
    }

    /// Large entities wait for one another long before the connection keeps too much for a plug-in that stands.
    @Test func changesWaitByTheirBytesToo() async {
        let window = QuestionWindow()
        let half = QuestionWindow.maxChangeBytes / 2
        await window.room()
        #expect(window.enter(.changes, bytes: half))
        await window.room()
        #expect(window.enter(.changes, bytes: half))
        let (passed, waiter) = (Lock(false), Lock<Task<Void, Never>?>(nil))
        waiter.withLock { waiter in
            waiter = Task {
                await window.room()
                passed.withLock { $0 = true }
            }
        }
        for _ in 0..<100 { await Task.yield() }
        #expect(!passed.withLock { $0 })
        window.leave(.changes, bytes: half)
        await waiter.withLock { $0 }?.value
        #expect(passed.withLock { $0 } && window.count == 1)
    }

    @Test func whatWaitsFailsWhenTheDaemonStops() async throws {
        let bench = Bench()
        let fake = FakePlugIn(bench.path, answering: { _ in .silence })
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        async let refusal = plugIn.refusal(of: try makeApp("a"))
        await bench.until("it was not asked") { fake.requests.count == 1 }
        plugIn.close()
        #expect(try await refusal?.message.contains("the daemon is stopping") == true)
        #expect(await plugIn.refusal(of: try makeApp("a"))?.message.contains("the daemon is stopping") == true)
    }
}

/// Holds threads back until it is opened.
final class Gate: Sendable {
    private let isOpen = Lock(false)

    func open() { isOpen.withLock { $0 = true } }
    func pass() { while !isOpen.withLock({ $0 }) { usleep(1000) } }
}

extension PlugIn {
    fileprivate func refusal(of app: App?) async -> Failure? {
        guard let app else { return nil }
        return await refusal(of: app)
    }
}
