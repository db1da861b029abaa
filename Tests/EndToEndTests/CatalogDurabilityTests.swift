import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// What is acknowledged stays; what changes is told.
@Suite struct CatalogDurabilityTests {
    @Test func whatWasAcknowledgedSurvivesKill9() async throws {
        try await withDaemon { daemon in
            let client = try await daemon.client()
            let _: App = try await client.ask("Apps/Create", CreateAppRequest(name: "demo"))
            let spec = FunctionSpec(
                runtime: try #require(FunctionSpec.Runtime(rawValue: "")), entry: "", format: .default)
            // It is killed while further creates run.
            let acknowledged = await withTaskGroup(of: [String].self) { group in
                for caller in 0..<8 {
                    group.addTask {
                        var names: [String] = []
                        for number in 0..<100_000 {
                            var spec = spec
                            spec.image = "registry/x:\(number)"
                            let request = CreateFunctionRequest(
                                app: "demo", function: "f\(caller)-\(number)", spec: spec)
                            if await client.failure("Functions/Create", request) != nil { break }
                            names.append(request.function)
                            if caller == 0 && number == 40 { daemon.crash() }
                        }
                        return names
                    }
                }
                return await group.reduce(into: []) { $0 += $1 }
            }
            #expect(acknowledged.count > 100, "\(acknowledged.count)")
            try daemon.start()
            let again = try await daemon.client()
            var (found, cursor): (Set<String>, String) = ([], "")
            repeat {
                let page: ListFunctionsResponse = try await again.ask(
                    "Functions/List", ListFunctionsRequest(app: "demo", page: Page(cursor: cursor, size: 100)))
                found.formUnion(page.functions.map(\.name.text))
                cursor = page.nextCursor
            } while !cursor.isEmpty
            #expect(Set(acknowledged).subtracting(found).isEmpty)
            // At most one unanswered create of each caller may be there too.
            #expect(found.count <= acknowledged.count + 8)
            await client.close()
            await again.close()
        }
    }

    @Test func eventsGoOnWhereTheyEnded() async throws {
        try await withDaemon { daemon in
            let client = try await daemon.client()
            for number in 1...3 {
                let _: App = try await client.ask("Apps/Create", CreateAppRequest(name: "a\(number)"))
            }
            let seen = try await client.events(after: 0, count: 3, kinds: ["app"])
            #expect(seen.map(\.name) == ["a1", "a2", "a3"])
            #expect(seen.allSatisfy { $0.kind == "app" && $0.action == "create" })
            let last = try #require(seen.last?.sequence)
            // Waiting for what has not happened yet.
            async let next = client.events(after: last, count: 2, kinds: ["app"])
            let _: App = try await client.ask("Apps/Update", UpdateAppRequest(app: "a1", config: ["K": "v"]))
            let _: Deletion = try await client.ask("Apps/Delete", DeleteAppRequest(app: "a2"))
            let changes = try await next
            #expect(changes.map { "\($0.action) \($0.name)" } == ["update a1", "delete a2"])
            #expect(changes.map(\.sequence) == [last + 1, last + 2])
            daemon.crash()
            try daemon.start()
            let again = try await daemon.client()
            let _: App = try await again.ask("Apps/Create", CreateAppRequest(name: "a4"))
            let resumed = try await again.events(after: last + 1, count: 2, kinds: ["app"])
            #expect(resumed[0].sequence == last + 2 && resumed[1].sequence > last + 3, "a start leaves numbers out")
            #expect(resumed.map { "\($0.action) \($0.name)" } == ["delete a2", "create a4"])
            await client.close()
            await again.close()
        }
    }

    /// Who wants few kinds learns how far it is all the same.
    @Test func followersLearnTheirPosition() async throws {
        try await withDaemon { daemon in
            let client = try await daemon.client()
            let _: App = try await client.ask("Apps/Create", CreateAppRequest(name: "a1"))
            func follow(_ request: FollowEventsRequest) async throws -> ClientStream {
                try await client.stream(
                    service: "fnrpc.v1.Events", method: "Follow", kind: .serverStreaming, payload: request.encoded(),
                    timeout: .seconds(60))
            }
            let stream = try await follow(FollowEventsRequest(follow: true, kinds: ["token"], positions: true))
            let start = try Event(decoding: try #require(try await stream.receive()), strict: true)
            #expect(start.sequence > 0 && start.encoded() == Event(sequence: start.sequence).encoded())
            let _: App = try await client.ask("Apps/Create", CreateAppRequest(name: "a2"))
            let next = try Event(decoding: try #require(try await stream.receive()), strict: true)
            #expect(next.encoded() == Event(sequence: start.sequence + 1).encoded())
            stream.cancel()
            let beyond = try await follow(FollowEventsRequest(after: next.sequence + 1))
            let failure = await #expect(throws: ClientError.self) { _ = try await beyond.receive() }
            #expect(failure?.code == .precondition, "\(failure as Any)")
            await client.close()
        }
    }

    @Test func entitiesAreOfTheVersionThatWasNamed() async throws {
        try await withDaemon(["--allow-test-versions", "true"]) { daemon in
            let plain = try await daemon.client()
            var options = ClientOptions()
            options.apiVersion = 2
            let test = try await Client.connect(to: Address("unix:" + daemon.socket), options: options)
            let _: App = try await plain.ask("Apps/Create", CreateAppRequest(name: "released"))
            let made: App = try await test.ask(
                "Apps/Create", CreateAppRequest(name: "tested", extra: ["color": "\"red\""]))
            #expect(made.meta.apiVersion == 2 && made.meta.extra == ["color": "\"red\""])
            for (number, name) in [(1, "released"), (2, "tested")] {
                let list: ListAppsResponse = try await plain.ask(
                    "Apps/List", ListAppsRequest(filter: "api_version = \(number)"))
                #expect(list.apps.map(\.name.text) == [name])
            }
            options.apiVersion = 9
            let unknown = try await Client.connect(to: Address("unix:" + daemon.socket), options: options)
            let refused = await unknown.failure("Apps/List", ListAppsRequest())
            #expect(refused?.code == .invalid && refused?.message.hasSuffix("it accepts 0, 1, 2") == true)
            for client in [plain, test, unknown] { await client.close() }
        }
    }
}
