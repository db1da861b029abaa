import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// What runs for a version, for `latest` and for the working copy.
@Suite struct CatalogVersionsTests {
    private func expectAll(_ client: Client) async throws {
        #expect(try await client.mark("mark", .version(1)) == "one a")
        #expect(try await client.mark("mark", .version(2)) == "two b")
        #expect(try await client.mark("mark", .alias("latest")) == "two b")
        #expect(try await client.mark() == "two c")
    }

    @Test func everyVersionKeepsItsCodeAndItsEnvironment() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("one", more: "config: {MARK: a}\n"))
            try daemon.deploy("mark", TestDaemon.marked("two", more: "config: {MARK: b}\n"))
            let client = try await daemon.client()
            #expect(try await client.mark() == "two b")
            try await client.setMark("c")
            try await expectAll(client)
            let function: Function = try await client.ask(
                "Functions/Get", GetFunctionRequest(app: "demo", function: "mark"))
            #expect(function.latestVersion == 2 && function.workingVersion == 0)

            daemon.crash()
            try daemon.start()
            let again = try await daemon.client()
            try await expectAll(again)
            let published: Version = try await again.ask(
                "Versions/Publish", PublishVersionRequest(app: "demo", function: "mark", description: "third"))
            #expect(published.number == 3)
            #expect(try await again.mark("mark", .alias("latest")) == "two c")
            let restored: Function = try await again.ask(
                "Versions/Restore", RestoreVersionRequest(app: "demo", function: "mark", number: 1))
            #expect(restored.workingVersion == 1 && restored.latestVersion == 3)
            #expect(try await again.mark() == "one a")
            #expect(try await again.mark("mark", .alias("latest")) == "two c")
            await client.close()
            await again.close()
        }
    }

    @Test func recordsSayWhatWasAskedForAndWhatRan() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("one"))
            let client = try await daemon.client()
            for revision in [FunctionRevision.latest, .version(1), .alias("latest")] {
                _ = try await client.mark("mark", revision)
            }
            var calls: [CallRecord] = []
            try await eventually("three records") {
                let list: ListCallsResponse = try await client.ask(
                    "Calls/List", ListCallsRequest(app: "demo", function: "mark"))
                calls = list.calls
                return calls.count == 3
            }
            #expect(
                Set(calls.map { "\($0.requestedVersion) \($0.requestedAlias) \($0.version)" })
                    == ["0  1", "1  1", "0 latest 1"])
            await client.close()
        }
    }

    @Test func anUpdateLosesNoCallAndIsSeenByTheNext() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("x", more: "config: {MARK: \"0\"}\nmax_containers: 2\n"))
            let client = try await daemon.client()
            let state = Lock((acknowledged: 0, isDone: false, calls: 0))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 {
                    group.addTask {
                        while !state.withLock({ $0.isDone }) {
                            let before = state.withLock { $0.acknowledged }
                            let seen = try await client.mark()
                            let number = try #require(Int(seen.dropFirst(2)))
                            #expect(number >= before, "older than what was acknowledged")
                            state.withLock { $0.calls += 1 }
                        }
                    }
                }
                group.addTask {
                    defer { state.withLock { $0.isDone = true } }
                    for number in 1...20 {
                        try await client.setMark(String(number))
                        let calls = state.withLock { state in
                            state.acknowledged = number
                            return state.calls
                        }
                        try await eventually("calls between updates") { state.withLock { $0.calls } >= calls + 8 }
                    }
                }
                try await group.waitForAll()
            }
            #expect(try await client.mark() == "x 20")
            #expect(state.withLock { $0.calls } >= 160)
            await client.close()
        }
    }

    @Test func aVersionThatRunsIsNotDeleted() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("one"))
            try daemon.deploy("mark", TestDaemon.marked("two"))
            let client = try await daemon.client()
            func delete(_ number: UInt32, force: Bool = false) -> DeleteVersionRequest {
                DeleteVersionRequest(app: "demo", function: "mark", number: number, force: force)
            }
            // Referrers are named.
            let _: Alias = try await client.ask(
                "Aliases/Create", CreateAliasRequest(app: "demo", function: "mark", name: "prod", version: 1))
            let _: Trigger = try await client.ask(
                "Triggers/Create",
                CreateTriggerRequest(app: "demo", name: "door", source: "/door", function: "mark", version: 1))
            for force in [false, true] {
                let used = await client.failure("Versions/Delete", delete(1, force: force))
                #expect(used?.code == .precondition, "\(used as Any)")
                #expect(used?.message.contains("prod") == true && used?.message.contains("door") == true)
            }
            // Calls are counted.
            async let running = client.mark("mark", .version(2), sleep: 10)
            try await eventually("the call runs") {
                let workers: ListWorkersResponse = try await client.ask(
                    "Workers/List", WorkersRequest(app: "demo", function: "mark", version: 2))
                return workers.workers.contains { $0.calls == 1 }
            }
            let refused = await client.failure("Versions/Delete", delete(2))
            #expect(
                refused?.code == .precondition && refused?.message.contains("1 running") == true, "\(refused as Any)")
            async let deletion: Deletion = client.ask("Versions/Delete", delete(2, force: true))
            try await eventually("late calls are refused") {
                do throws(ClientError) {
                    _ = try await client.invoke(app: "demo", function: "mark", version: 2, payload: Array("{}".utf8))
                    return false
                } catch {
                    #expect(error.code == .unavailable, "\(error)")
                    return true
                }
            }
            #expect(try await running == "two ")
            #expect(try await deletion.done)
            let gone = await #expect(throws: ClientError.self) { try await client.mark("mark", .version(2)) }
            #expect(gone?.code == .notFound)
            // The working copy is still what it was, and the number is gone for good.
            #expect(try await client.mark() == "two ")
            daemon.crash()
            try daemon.start()
            let again = try await daemon.client()
            let next: Version = try await again.ask(
                "Versions/Publish", PublishVersionRequest(app: "demo", function: "mark"))
            #expect(next.number == 3)
            await client.close()
            await again.close()
        }
    }
}
