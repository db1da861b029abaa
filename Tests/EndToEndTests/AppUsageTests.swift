import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// What `fnrpc app get` counts.
@Suite struct AppUsageTests {
    private static let files = [
        "func.yaml": "name: mark\nruntime: python\nentry: func.handler\nmemory: 64\nmax_containers: 1\nmax_queue: 0\n",
        "func.py": """
        import time
        def handler(sleep=0, fail=False, **_):
            time.sleep(sleep)
            if fail:
                raise ValueError("as asked")
            return {}

        """,
    ]

    private func call(_ client: Client, _ body: String, timeout: Duration = .seconds(60)) async -> ClientError? {
        do throws(ClientError) {
            _ = try await client.invoke(
                .function(app: "demo", name: "mark"), payload: Array(body.utf8), contentType: "application/json",
                timeout: timeout)
            return nil
        } catch {
            return error
        }
    }

    /// What the command says in JSON.
    private func shown(_ daemon: TestDaemon) throws -> [String: Any] {
        let result = try daemon.fnrpc("app", "get", "demo", "--output", "json")
        #expect(result.code == 0, "\(result)")
        return try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    }

    private func workers(_ client: Client) async throws -> [Wire.Worker] {
        let list: ListWorkersResponse = try await client.ask(
            "Workers/List", WorkersRequest(app: "demo", function: "mark"))
        return list.workers
    }

    private func usage(_ client: Client) async throws -> AppUsage {
        try await client.ask("Apps/Usage", AppUsageRequest(app: "demo"))
    }

    private func counts(_ counts: CallCounts?) -> [UInt64] {
        counts.map { [$0.success, $0.failed, $0.error, $0.timeout, $0.cancelled] } ?? []
    }

    @Test func callsAreCountedByStatusForAnHourAndADay() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", Self.files)
            try daemon.deploy("mark", Self.files)
            let client = try await daemon.client()
            let _: Trigger = try await client.ask(
                "Triggers/Create", CreateTriggerRequest(app: "demo", name: "t", source: "/t", function: "mark"))
            for _ in 0..<4 { #expect(await call(client, "{}") == nil) }
            #expect(await call(client, #"{"fail":true}"#)?.code == .functionFailed)
            #expect(await call(client, #"{"sleep":60}"#, timeout: .seconds(1))?.code == .timeout)
            try await eventually("nothing is busy") { try await workers(client).allSatisfy { $0.state == "idle" } }
            let leaving = try await daemon.client()
            async let left = call(leaving, #"{"sleep":60}"#)
            try await eventually("the call runs") { try await workers(client).contains { $0.state == "busy" } }
            #expect(await call(client, "{}")?.code == .busy)
            await leaving.close()
            #expect(await left != nil)
            try await eventually("all are counted") { try await counts(usage(client).lastHour) == [4, 1, 1, 1, 1] }

            // Time goes by.
            #expect(daemon.stop() == 0)
            let age = try TestDaemon.run(
                "/usr/bin/python3",
                [
                    "-c",
                    """
                    import sqlite3, sys
                    database = sqlite3.connect(sys.argv[1])
                    ids = [row[0] for row in database.execute("SELECT id FROM calls WHERE status = 'success'")]
                    for id, hours in zip(ids, [2, 25]):
                        database.execute(
                            "UPDATE calls SET created_at = created_at - ? WHERE id = ?", (hours * 3600 * 10**9, id))
                    database.commit()
                    """, daemon.folder + "/data/fnrpc.db",
                ])
            #expect(age.code == 0, "\(age)")
            try daemon.start()
            let again = try await daemon.client()
            let later = try await usage(again)
            #expect(counts(later.lastHour) == [2, 1, 1, 1, 1] && counts(later.lastDay) == [3, 1, 1, 1, 1])
            #expect(later.functions == 1 && later.versions == 2 && later.triggers == 1)
            #expect(later.containers == 0 && later.memoryMiB == 0)
            #expect(await call(again, "{}") == nil)
            let json = try shown(daemon)
            let found = try #require(json["usage"] as? [String: Any], "\(json)")
            #expect(found["containers"] as? Int == 1 && found["memory_mib"] as? Int == 64, "\(json)")
            let (hour, day) = (found["calls_last_hour"] as? [String: Int], found["calls_last_day"] as? [String: Int])
            #expect(hour == ["success": 3, "failed": 1, "error": 1, "timeout": 1, "cancelled": 1], "\(json)")
            #expect(day == ["success": 4, "failed": 1, "error": 1, "timeout": 1, "cancelled": 1], "\(json)")
            let table = try daemon.fnrpc("app", "get", "demo")
            #expect(table.output.contains("1 (64 MiB)") && table.output.contains("1 failed"), "\(table)")
            await client.close()
            await again.close()
        }
    }

    /// A container that a change has replaced counts until its call has ended.
    @Test func replacedContainersAreSeenWhileTheyRun() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", Self.files)
            let client = try await daemon.client()
            async let running = call(client, #"{"sleep":8}"#)
            try await eventually("the call runs") { try await workers(client).contains { $0.state == "busy" } }
            let old = try #require(try await workers(client).first)
            try await client.setMark("new")
            let seen = try await workers(client)
            #expect(seen.map(\.container) == [old.container] && seen.map(\.calls) == [1], "\(seen)")
            let during = try await usage(client)
            #expect(during.containers == 1 && during.memoryMiB == 64, "\(during)")
            #expect(await call(client, "{}") == nil)
            #expect(try await workers(client).count == 2)
            #expect(try await usage(client).containers == 2)
            #expect(await running == nil)
            try await eventually("the old one leaves") { try await workers(client).count == 1 }
            #expect(try await workers(client).first?.container != old.container)
            #expect(try await usage(client).memoryMiB == 64)
            await client.close()
        }
    }
}
