import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// Secrets, runtimes and environment in real containers.
@Suite struct CatalogSecretsTests {
    private static let reader = [
        "func.yaml": "name: reader\nruntime: shell\nentry: run.sh\nmemory: 32\nsecrets: [key]\n",
        "run.sh": "cat /run/secrets/key; touch /run/secrets/x 2>/dev/null && echo writable; true\n",
    ]

    private func read(_ client: Client, _ function: String = "reader") async throws -> String {
        String(decoding: try await client.invoke(app: "demo", function: function, payload: []).payload, as: UTF8.self)
    }

    @Test func aValueIsInTheContainerAndNowhereElse() async throws {
        try await withDaemon { daemon in
            let client = try await daemon.client()
            let (first, second) = ("value-\(UUID().uuidString)", "value-\(UUID().uuidString)")
            let _: App = try await client.ask("Apps/Create", CreateAppRequest(name: "demo"))
            let _: Secret = try await client.ask(
                "Secrets/Create", CreateSecretRequest(app: "demo", name: "key", value: Array(first.utf8)))
            try daemon.deploy("reader", Self.reader)
            #expect(try await read(client) == first)
            let changed: Secret = try await client.ask(
                "Secrets/Update", UpdateSecretRequest(app: "demo", secret: "key", value: Array(second.utf8)))
            #expect(changed.valueBytes == 42)
            #expect(try await read(client) == second)
            let used = await client.failure("Secrets/Delete", DeleteSecretRequest(app: "demo", secret: "key"))
            #expect(used?.code == .precondition && used?.message.contains("demo/reader") == true, "\(used as Any)")

            // Only the file in the sandbox has it.
            let list = try await client.call(
                service: "fnrpc.v1.Secrets", method: "List", payload: ListSecretsRequest(app: "demo").encoded())
            let events = try await client.events(after: 0, count: 5)
            let said = String(decoding: list.payload, as: UTF8.self) + "\(events)" + daemon.log
            for value in [first, second] {
                #expect(!said.contains(value))
                let found = try TestDaemon.run("/usr/bin/grep", ["-raoF", value, daemon.folder])
                #expect(found.code == 1 && found.output.isEmpty, "\(found.output)")
            }
            let sanity = try TestDaemon.run("/usr/bin/grep", ["-raoF", "touch /run/secrets/x", daemon.folder])
            #expect(sanity.code == 0, "the search finds what is there")

            daemon.crash()
            try daemon.start()
            let again = try await daemon.client()
            #expect(try await read(again) == second)
            let _: Deletion = try await again.ask(
                "Functions/Delete", DeleteFunctionRequest(app: "demo", function: "reader"))
            let gone: Deletion = try await again.ask("Secrets/Delete", DeleteSecretRequest(app: "demo", secret: "key"))
            #expect(gone.done && gone.entities.map(\.kind) == ["secret"])
            await client.close()
            await again.close()
        }
    }

    @Test func aRuntimeStartsItsFunctions() async throws {
        try await withDaemon { daemon in
            let client = try await daemon.client()
            // A root of its own: only what is copied into it is there.
            let root = daemon.folder + "/root"
            try FileManager.default.createDirectory(atPath: root + "/bin", withIntermediateDirectories: true)
            let libraries = try TestDaemon.run("/usr/bin/ldd", ["/bin/cat"]).output
            for path in libraries.split(whereSeparator: \.isWhitespace).map(String.init) + ["/bin/cat"]
            where path.hasPrefix("/") {
                let folder = root + path.prefix(upTo: path.lastIndex(of: "/") ?? path.startIndex)
                try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
                try #require(try TestDaemon.run("/bin/cp", ["-L", path, root + path]).code == 0)
            }
            try "of the root\n".write(toFile: root + "/bin/text", atomically: false, encoding: .utf8)
            for runtime in [
                CreateRuntimeRequest(
                    name: "words", command: ["/bin/sh", "-c", "echo from words; cat {package}/{entry}"]),
                CreateRuntimeRequest(
                    name: "rooted", root: "folder:" + root, command: ["/bin/cat", "/bin/text", "{entry}"]),
            ] {
                let _: Runtime = try await client.ask("Runtimes/Create", runtime)
            }
            try daemon.deploy(
                "rooted", ["func.yaml": "name: rooted\nruntime: rooted\nentry: text\nmemory: 32\n", "text": "hello\n"])
            #expect(try await read(client, "rooted") == "of the root\nhello\n")
            try daemon.deploy(
                "said", ["func.yaml": "name: said\nruntime: words\nentry: text\nmemory: 32\n", "text": "hello\n"])
            #expect(try await read(client, "said") == "from words\nhello\n")
            let used = await client.failure("Runtimes/Delete", DeleteRuntimeRequest(runtime: "words"))
            #expect(used?.code == .precondition && used?.message.contains("demo/said") == true, "\(used as Any)")
            let _: Deletion = try await client.ask(
                "Functions/Delete", DeleteFunctionRequest(app: "demo", function: "said"))
            let gone: Deletion = try await client.ask("Runtimes/Delete", DeleteRuntimeRequest(runtime: "words"))
            #expect(gone.done)
            await client.close()
        }
    }

    @Test func theAppsConfigIsInTheEnvironment() async throws {
        try await withDaemon { daemon in
            let client = try await daemon.client()
            let _: App = try await client.ask(
                "Apps/Create", CreateAppRequest(name: "demo", config: ["MARK": "app"]))
            try daemon.deploy("mark", TestDaemon.marked("x"))
            try daemon.deploy("own", TestDaemon.marked("x", name: "own", more: "config: {MARK: own}\n"))
            #expect(try await client.mark() == "x app")
            #expect(try await client.mark("own") == "x own")
            func containers() async throws -> Set<String> {
                let list: ListWorkersResponse = try await client.ask(
                    "Workers/List", WorkersRequest(app: "demo", function: "mark"))
                return Set(list.workers.map(\.container))
            }
            let before = try await containers()
            #expect(before.count == 1)
            let _: App = try await client.ask("Apps/Update", UpdateAppRequest(app: "demo", config: ["MARK": "new"]))
            #expect(try await client.mark() == "x new")
            #expect(try await client.mark("mark", .version(1)) == "x new")
            #expect(try await client.mark("own") == "x own")
            #expect(try await containers().isDisjoint(with: before))
            await client.close()
        }
    }

    @Test func workersAreScaledAndDetached() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("x", more: "max_containers: 4\n"))
            let client = try await daemon.client()
            func idle() async throws -> Set<String> {
                let list: ListWorkersResponse = try await client.ask(
                    "Workers/List", WorkersRequest(app: "demo", function: "mark"))
                return Set(list.workers.filter { ["idle", "frozen"].contains($0.state) }.map(\.container))
            }
            func scale(_ method: String, _ count: UInt32) async throws -> UInt32 {
                let done: ScaleResponse = try await client.ask(
                    "Workers/" + method, ScaleRequest(app: "demo", function: "mark", count: count))
                return done.count
            }
            #expect(try await scale("ScaleUp", 3) == 3)
            try await eventually("three are idle") { try await idle().count == 3 }
            let before = try await idle()
            let many = await client.failure(
                "Workers/ScaleUp", ScaleRequest(app: "demo", function: "mark", count: 2))
            #expect(many?.message.contains("max_containers") == true, "\(many as Any)")
            #expect(try await scale("ScaleUp", 1) == 1)
            try await eventually("four are idle") { try await idle().count == 4 }
            #expect(try await scale("ScaleDown", 2) == 2)
            try await eventually("two are left") { try await idle().count == 2 }
            #expect(try await client.mark() == "x ")
            let detached: ScaleResponse = try await client.ask(
                "Workers/Detach", WorkersRequest(app: "demo", function: "mark"))
            #expect(detached.count == 2)
            #expect(try await client.mark() == "x ")
            try await eventually("only new ones") {
                let now = try await idle()
                return now.count >= 1 && now.isDisjoint(with: before)
            }
            await client.close()
        }
    }
}
