import Model
import Testing
import Wire

@testable import Extensions

@Suite struct CallProposalTests {
    @Test func aCallTravelsWhole() async throws {
        let bench = Bench()
        let fake = FakePlugIn(bench.path, answering: { _ in .message([]) })
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        let call = makeCall([CallHeader(name: "k", value: "v")])
        #expect(try await plugIn.ask(call).get() == call)
        let sent = try BeforeCallRequest(decoding: try #require(fake.requests.first).payload, strict: true)
        #expect(sent.callID == call.id.description && sent.principal == "uid 7" && sent.version == 3)
        #expect(sent.app == "shop" && sent.function == "pay" && sent.timeoutNanos == 1_000_000_000)
        #expect(sent.metadata == call.metadata && !sent.isStream && sent.service.isEmpty && sent.traceID.isEmpty)
    }

    private func change(_ fill: (inout BeforeCallResponse) -> Void) throws(Failure) -> CallProposal {
        var answer = BeforeCallResponse()
        fill(&answer)
        // As it comes off the wire.
        let copy = try BeforeCallResponse(decoding: answer.encoded(), strict: true)
        return try makeCall([CallHeader(name: "a", value: "1"), CallHeader(name: "b", value: "2")]).changed(by: copy)
    }

    @Test func targetMetadataAndTimeCanBeChanged() throws {
        let elsewhere = try change { $0.function = "pay-canary" }
        #expect(elsewhere.app == "shop" && elsewhere.function == "pay-canary" && elsewhere.version == 0)
        let older = try change { $0.version = 2 }
        #expect(older.function == "pay" && older.version == 2)
        let other = try change {
            $0.app = "test"
            $0.version = 9
        }
        #expect(other.app == "test" && other.function == "pay" && other.version == 9)
        #expect(try change { $0.timeoutNanos = 1 }.timeoutNanos == 1)
        #expect(try change { $0.timeoutNanos = .max }.timeoutNanos == 1_000_000_000)
        let metadata = try change {
            $0.removeMetadata = ["a", "none"]
            $0.setMetadata = [CallHeader(name: "b", value: "3"), CallHeader(name: "c", value: "4")]
        }.metadata
        #expect(metadata == [CallHeader(name: "b", value: "3"), CallHeader(name: "c", value: "4")])
    }

    @Test(arguments: ["", "authorization", "Authorization", "fnrpc-app", "fn-call-id", "fn-deadline"])
    func reservedMetadataIsRefused(key: String) {
        let failure = #expect(throws: Failure.self) {
            try change { $0.setMetadata = [CallHeader(name: key, value: "x")] }
        }
        #expect(failure?.message.hasPrefix("set_metadata: ") == true)
    }

    @Test func whatMakesNoSenseIsRefused() throws {
        #expect(throws: Failure.self) { try change { $0.timeoutNanos = 0 } }
        #expect(throws: Failure.self) { try change { $0.app = "no name!" } }
        #expect(throws: Failure.self) { try change { $0.function = "" } }
        // Two entries are there already.
        let entries = (0..<127).map { CallHeader(name: "k\($0)", value: "") }
        #expect(try change { $0.setMetadata = Array(entries.dropLast()) }.metadata.count == 128)
        #expect(throws: Failure.self) { try change { $0.setMetadata = entries } }
        let room = EnvelopeLimits.metadataBytes - 4 - 1
        let long = String(repeating: "x", count: room)
        #expect(try change { $0.setMetadata = [CallHeader(name: "c", value: long)] }.metadata.count == 3)
        #expect(throws: Failure.self) { try change { $0.setMetadata = [CallHeader(name: "c", value: long + "x")] } }
    }

    @Test(arguments: [PlugInSetting.FailChoice.open, .closed])
    func anAnswerThatCannotBeUsedHasTheFailChoice(fail: PlugInSetting.FailChoice) async throws {
        let bench = Bench()
        var answer = BeforeCallResponse()
        answer.setMetadata = [CallHeader(name: "authorization", value: "x")]
        let bytes = answer.encoded()
        let fake = FakePlugIn(bench.path, answering: { _ in .message(bytes) })
        let plugIn = try bench.plugIn("timeout=10s,fail=\(fail.rawValue)")
        defer { bench.close(plugIn, fake) }
        let call = makeCall()
        switch await plugIn.ask(call) {
        case .success(let result): #expect(fail == .open && result == call)
        case .failure(let failure):
            #expect(fail == .closed && failure.code == .unavailable)
            #expect(
                failure.message.contains("extension fake: its answer cannot be used: set_metadata: \"authorization\""))
        }
    }

    @Test func theEndOfACallIsTold() async throws {
        let bench = Bench()
        let fake = FakePlugIn(bench.path, answering: { _ in .message([]) })
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn, fake) }
        let app = try makeApp("shop")
        plugIn.after(
            CallRecord(
                meta: app.meta, appID: app.meta.id, appName: "shop", functionID: app.meta.id, functionName: "pay",
                version: 3, status: .failed, error: "it broke", startedAt: nil, completedAt: .now(), waitNanos: 5,
                coldStartNanos: 6, runNanos: 7, container: "c", log: [1], logTruncated: false, traceID: "t"))
        await bench.until("nobody was told") { fake.requests.count == 1 }
        let told = try AfterCallRequest(decoding: try #require(fake.requests.first).payload, strict: true)
        #expect(told.callID == app.meta.id.description && told.app == "shop" && told.function == "pay")
        #expect(told.version == 3 && told.status == "failed" && told.error == "it broke" && told.traceID == "t")
        #expect(told.waitNanos == 5 && told.coldStartNanos == 6 && told.runNanos == 7)
    }
}
