import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// What calls and deletions know of each other.
@Suite struct DeletionTests {
    private func delete(_ number: UInt32, force: Bool = false) -> DeleteVersionRequest {
        DeleteVersionRequest(app: "demo", function: "mark", number: number, force: force)
    }

    /// The ids of the containers that somebody's calls have.
    private func containers(_ client: Client, version: UInt32) async throws -> [String] {
        let workers: ListWorkersResponse = try await client.ask(
            "Workers/List", WorkersRequest(app: "demo", function: "mark", version: version))
        return workers.workers.map(\.container)
    }

    private func awaitCall(_ client: Client, version: UInt32) async throws {
        try await eventually("a call of \(version) runs") {
            let workers: ListWorkersResponse = try await client.ask(
                "Workers/List", WorkersRequest(app: "demo", function: "mark", version: version))
            return workers.workers.contains { $0.calls == 1 }
        }
    }

    @Test func callersOfTheWorkingCopyDoNotNoticeThatItsVersionGoes() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("one"))
            let client = try await daemon.client()
            // A call of no version runs while the version that it equals is deleted.
            async let running = client.mark(sleep: 5)
            try await awaitCall(client, version: 0)
            let before = try await containers(client, version: 0)
            #expect(try await containers(client, version: 1).isEmpty, "nobody has called version 1")
            let gone: Deletion = try await client.ask("Versions/Delete", delete(1))
            #expect(gone.done && gone.count == 1)
            #expect(try await running == "one ")
            #expect(try await client.mark() == "one ")
            #expect(try await containers(client, version: 0) == before)
            var calls: [CallRecord] = []
            try await eventually("the records are there") {
                let list: ListCallsResponse = try await client.ask(
                    "Calls/List", ListCallsRequest(app: "demo", function: "mark"))
                calls = list.calls
                return calls.count == 2
            }
            #expect(calls.map(\.version).sorted() == [0, 1], "each what it was when it was called")
            await client.close()
        }
    }

    @Test func aVersionWithCallsStaysThoughTheWorkingCopyHasNone() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("one"))
            let client = try await daemon.client()
            #expect(try await client.mark() == "one ")
            let before = try await containers(client, version: 0)
            async let running = client.mark("mark", .version(1), sleep: 15)
            try await awaitCall(client, version: 1)
            let refused = await client.failure("Versions/Delete", delete(1))
            #expect(refused?.code == .precondition && refused?.message.contains("1 running") == true)
            async let deletion: Deletion = client.ask("Versions/Delete", delete(1, force: true))
            try await eventually("late calls of version 1 are refused") {
                do throws(ClientError) {
                    _ = try await client.invoke(app: "demo", function: "mark", version: 1, payload: Array("{}".utf8))
                    return false
                } catch {
                    #expect(error.code == .unavailable && error.message.contains("version 1 of demo/mark"))
                    return true
                }
            }
            // Nobody else waits for it.
            #expect(try await client.mark() == "one ")
            #expect(try await running == "one ")
            #expect(try await deletion.done)
            #expect(try await containers(client, version: 0) == before)
            await client.close()
        }
    }

    /// Calls in containers of before a change are calls, too.
    @Test func callsOfWhatWasReplacedForbidADeletion() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("one"))
            let client = try await daemon.client()
            async let running = client.mark(sleep: 15)
            try await awaitCall(client, version: 0)
            try await client.setMark("new")
            #expect(try await client.mark() == "one new")
            let request = DeleteFunctionRequest(app: "demo", function: "mark")
            let refused = await client.failure("Functions/Delete", request)
            #expect(refused?.code == .precondition && refused?.message.contains("1 running") == true)
            #expect(try await client.mark() == "one new", "calls are taken again")
            let deletion: Deletion = try await client.ask(
                "Functions/Delete", DeleteFunctionRequest(app: "demo", function: "mark", force: true))
            #expect(deletion.done && deletion.count == 2)
            #expect(try await running == "one ")
            await client.close()
        }
    }

    /// An answer has room for a part of what goes, and says how much there is.
    @Test func aHugeAppGoesAndTheAnswerFits() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("one"))
            let client = try await daemon.client()
            let count = 1100
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<count {
                    // Fewer at once than max-streams.
                    if number >= 200 { try await group.next() }
                    group.addTask {
                        let name = String(repeating: "t", count: 250 - "\(number)".count) + "\(number)"
                        let _: Trigger = try await client.ask(
                            "Triggers/Create",
                            CreateTriggerRequest(app: "demo", name: name, source: "/\(number)", function: "mark"))
                    }
                }
                try await group.waitForAll()
            }
            let shown = try daemon.fnrpc("app", "delete", "demo", "--preview")
            #expect(shown.output.hasSuffix("\nand \(count + 3 - 1000) more\n"), "\(shown.output.suffix(200))")
            let deletion: Deletion = try await client.ask("Apps/Delete", DeleteAppRequest(app: "demo", force: true))
            #expect(deletion.done && deletion.count == UInt64(count) + 3 && deletion.entities.count == 1000)
            let gone = await client.failure("Apps/Get", GetAppRequest(app: "demo"))
            #expect(gone?.code == .notFound)
            await client.close()
        }
    }
}
