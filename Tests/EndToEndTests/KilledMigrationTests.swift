import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// kill -9 while entities are rewritten in another api_version.
@Suite struct KilledMigrationTests {
    private static let apps = 3000

    /// How many entities are of each api_version.
    private func counts(_ client: Client) async throws -> [UInt32: UInt64] {
        let answer: CountByApiVersionResponse = try await client.ask(
            "Entities/CountByApiVersion", CountByApiVersionRequest())
        return Dictionary(answer.counts.map { ($0.apiVersion, $0.entities) }, uniquingKeysWith: +)
    }

    private func migrate(_ client: Client, to version: UInt32) async throws -> ClientStream {
        try await client.stream(
            service: "fnrpc.v1.Entities", method: "Migrate", kind: .serverStreaming,
            payload: MigrateEntitiesRequest(to: version).encoded())
    }

    private func apps(_ client: Client) async throws -> [App] {
        var (apps, cursor): ([App], String) = ([], "")
        repeat {
            let page: ListAppsResponse = try await client.ask(
                "Apps/List", ListAppsRequest(page: Page(cursor: cursor, size: 1000)))
            apps += page.apps
            cursor = page.nextCursor
        } while !cursor.isEmpty
        return apps
    }

    @Test(.timeLimit(.minutes(3))) func itGoesOnWhereItWasKilled() async throws {
        try await withDaemon(["--allow-test-versions", "true"]) { daemon in
            var client = try await daemon.client()
            await withTaskGroup(of: Void.self) { [client] group in
                for caller in 0..<8 {
                    group.addTask {
                        for number in stride(from: caller, to: Self.apps, by: 8) {
                            let request = CreateAppRequest(name: "a\(number)", config: ["N": "\(number)"])
                            #expect(await client.failure("Apps/Create", request) == nil)
                        }
                    }
                }
            }
            // The built-in runtimes, too.
            let all = try #require(try await counts(client)[1])
            #expect(try await counts(client) == [1: all] && all > UInt64(Self.apps))
            let before = try await apps(client)
            // Up and down. The first progress is told after 200 of 3000; where it was at the end before it was killed, because
            // this process had to wait, the next one counts.
            var killedWithin = 0
            for round in 0..<12 where killedWithin < 2 {
                let (target, other): (UInt32, UInt32) = round % 2 == 0 ? (2, 1) : (1, 2)
                let stream = try await migrate(client, to: target)
                let first = try MigrateEntitiesProgress(
                    decoding: try #require(try await stream.receive()), strict: true)
                daemon.crash()
                await client.close()
                try daemon.start()
                client = try await daemon.client()
                let half = try await counts(client)
                #expect(half.values.reduce(0, +) == all)
                #expect(half[target] ?? 0 >= first.done && first.done > 0, "what was told is on disk: \(half)")
                if half[other] ?? 0 > 0 { killedWithin += 1 }

                let rest = try await migrate(client, to: target)
                var last = MigrateEntitiesProgress()
                while let message = try await rest.receive() {
                    last = try MigrateEntitiesProgress(decoding: message, strict: true)
                }
                #expect(last.done == last.total && last.refused == 0 && last.problems.isEmpty)
                #expect(last.total <= all - first.done, "what was done before is not done again: \(last)")
                #expect(try await counts(client) == [target: all])
                // Everything else is as it was.
                let after = try await apps(client).map { app in
                    var app = app
                    app.meta.apiVersion = 1
                    return app
                }
                #expect((after == before) == true)
            }
            #expect(killedWithin == 2)
            await client.close()
        }
    }
}
