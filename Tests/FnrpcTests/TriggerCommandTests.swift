import FnrpcClient
import Foundation
import Model
import Synchronization
import Testing
import Wire

@testable import fnrpc

/// Triggers, routes and runtimes: what goes over the wire, and what is shown.
@Suite struct TriggerCommandTests {
    typealias Answers = @Sendable (TtrpcServer.Request) throws -> [UInt8]

    /// The server that answers unary calls, by the command's own messages.
    private func withServer(_ answers: @escaping Answers, _ body: (TtrpcServer) throws -> Void) throws {
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch) { request, _ in
            do {
                return [.response(try answers(request))]
            } catch let failure as Failure {
                return [.status(failure.code.status, failure.message)]
            } catch {
                return [.status(13, "\(error)")]
            }
        }
        defer { server.stop() }
        try body(server)
    }

    private func run(_ server: TtrpcServer, _ arguments: [String], input: String = "") throws -> FnrpcProcess.Result {
        var arguments = arguments
        // Before --, behind which everything is the runtime's command.
        arguments.insert(
            contentsOf: ["--address", server.address], at: arguments.firstIndex(of: "--") ?? arguments.count)
        return try FnrpcProcess.run(arguments, input: input)
    }

    private func json(_ result: FnrpcProcess.Result) throws -> [String: Any] {
        #expect(result.code == 0 && result.errors.isEmpty)
        return try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
    }

    static let id = "01JD5V7Q3M0K8T2W4X6Y9Z1ABC"
    static let other = "01JD5V7Q3M0K8T2W4X6Y9Z1ABD"

    static func meta(_ labels: [String: String] = [:], _ extra: [String: String] = [:]) throws -> Meta {
        Meta(
            id: try #require(Identifier(id)), revision: 3, createdAt: Timestamp(nanoseconds: 1_700_000_000_123_456_789),
            labels: labels, extra: extra)
    }

    static func trigger(_ name: String = "greet", version: UInt32 = 0, alias: String? = nil) throws -> Trigger {
        Trigger(
            meta: try meta(["team": "core"], ["note": "{\"a\":[1]}"]), appID: try #require(Identifier(other)),
            functionID: try #require(Identifier(other)), name: try Name(name, field: "name"), source: "/greet/:name",
            version: version, aliasID: alias.flatMap { Identifier($0) })
    }

    @Test func aTriggerIsMade() throws {
        let seen = Mutex<CreateTriggerRequest?>(nil)
        try withServer { request in
            seen.withLock { $0 = try? CreateTriggerRequest(decoding: request.payload, strict: true) }
            return try Self.trigger(version: 4).encoded()
        } _: { server in
            let arguments = [
                "trigger", "create", "demo", "greet", "/greet/:name", "hello@4", "--label", "team=core", "--label",
                "empty=", "--extra", "note={\"a\":[1]}", "--extra", "x=\"=\"",
            ]
            let shown = try json(try run(server, arguments + ["--output", "json"]))
            let request = try #require(seen.withLock { $0 })
            #expect(request.app == "demo" && request.name == "greet" && request.source == "/greet/:name")
            #expect(request.function == "hello" && request.version == 4 && request.alias.isEmpty)
            #expect(request.labels == ["team": "core", "empty": ""])
            #expect(request.extra == ["note": "{\"a\":[1]}", "x": "\"=\""])
            #expect(server.requests.map(\.name) == ["fnrpc.v1.Triggers/Create"])
            #expect(
                Set(shown.keys) == [
                    "alias_id", "latest", "api_version", "app_id", "created_at", "extra", "function_id", "id", "labels",
                    "name",
                    "owns_function", "revision", "source", "type", "updated_at", "version",
                ])
            #expect(shown["created_at"] as? String == "2023-11-14T22:13:20.123456789Z")
            #expect(shown["revision"] as? Int == 3 && shown["version"] as? Int == 4 && shown["alias_id"] is NSNull)
            #expect((shown["extra"] as? [String: [String: [Int]]]) == ["note": ["a": [1]]])
            let table = try run(server, arguments)
            #expect(table.output == "created trigger greet for /greet/:name (\(Self.id))\n")
        }
    }

    @Test(
        arguments: [
            ("hello", 0, ""), ("hello@0", 0, ""), ("hello@7", 7, ""), ("hello@prod", 0, "prod"),
            (other, 0, ""), ("hello@\(other)", 0, other), ("hello@4294967295", 4_294_967_295, ""),
        ] as [(String, UInt32, String)])
    func targets(text: String, version: UInt32, alias: String) throws {
        let target = try TriggerTarget(text, field: "function")
        #expect(target.version == version && target.alias == alias)
        #expect(target.function == text.split(separator: "@")[0])
    }

    @Test(arguments: ["", "a/b", "a@4294967296", "a@b@c", "a@b c", "@1", "a b"])
    func badTargets(text: String) {
        let failure = #expect(throws: Failure.self) { try TriggerTarget(text, field: "--function") }
        #expect(failure?.code == .invalid)
        #expect(failure?.message.hasPrefix("--function: ") == true)
    }

    /// What is not given stays: absent and zero differ.
    @Test func aTriggerIsChanged() throws {
        let seen = Mutex<UpdateTriggerRequest?>(nil)
        try withServer { request in
            seen.withLock { $0 = try? UpdateTriggerRequest(decoding: request.payload, strict: true) }
            return try Self.trigger().encoded()
        } _: { server in
            let base = ["trigger", "update", "demo", "greet"]
            let labels = try run(server, base + ["--label", "team=", "--revision", "2"])
            #expect(labels.output == "updated trigger greet, revision 3\n")
            var request = try #require(seen.withLock { $0 })
            #expect(request.labels == ["team": ""] && request.revision == 2)
            #expect(request.source == nil && request.function == nil && request.version == nil && request.alias == nil)
            _ = try run(server, base + ["--function", "hello", "--source", "/a/*"])
            request = try #require(seen.withLock { $0 })
            #expect(request.function == "hello" && request.version == nil && request.alias == nil)
            #expect(request.source == "/a/*" && request.revision == nil)
            _ = try run(server, base + ["--function", "hello@0"])
            request = try #require(seen.withLock { $0 })
            #expect(request.function == "hello" && request.version == 0 && request.alias == nil)
            _ = try run(server, base + ["--function", "hello@prod"])
            request = try #require(seen.withLock { $0 })
            #expect(request.version == nil && request.alias == "prod")
        }
    }

    /// Two pages, and names in place of ids.
    @Test func triggersAreListed() throws {
        let isNewer = Mutex(false)
        try withServer { request in
            switch request.name {
            case "fnrpc.v1.Triggers/List":
                let asked = try ListTriggersRequest(decoding: request.payload, strict: true)
                guard asked.app == "demo", asked.function == "hello", asked.filter == "labels.a = b" else {
                    throw Failure(.invalid, "another request")
                }
                if asked.page.cursor.isEmpty {
                    return ListTriggersResponse(
                        triggers: [try Self.trigger("a", version: 2), try Self.trigger("b", alias: Self.other)],
                        nextCursor: "next"
                    ).encoded()
                }
                return ListTriggersResponse(triggers: [try Self.trigger("c\u{2D}")]).encoded()
            case "fnrpc.v1.Functions/Get":
                throw Failure(isNewer.withLock { $0 } ? .precondition : .notFound, "function cannot be read")
            case "fnrpc.v1.Aliases/Get":
                let asked = try GetAliasRequest(decoding: request.payload, strict: true)
                return Alias(
                    meta: try Self.meta(), functionID: try #require(Identifier(asked.function)),
                    name: try Name("prod", field: "alias"),
                    target: Alias.Target(version: 1, setAt: Timestamp(nanoseconds: 1))
                ).encoded()
            default: throw Failure(.unimplemented, request.name)
            }
        } _: { server in
            let arguments = ["trigger", "list", "demo", "--function", "hello", "--filter", "labels.a = b"]
            let table = try run(server, arguments)
            #expect(table.code == 0, "\(table.errors)")
            let lines = table.output.split(separator: "\n")
            #expect(lines.count == 4)
            #expect(lines[0].hasPrefix("NAME  TYPE  SOURCE"))
            // The function is gone meanwhile, or of a newer daemon.
            #expect(lines[1].contains("\(Self.other)@2 "))
            isNewer.withLock { $0 = true }
            #expect(try run(server, arguments).output == table.output)
            #expect(lines[2].contains("\(Self.other)@prod "))
            let shown = try json(try run(server, arguments + ["--output", "json"]))
            let names = (shown["triggers"] as? [[String: Any]])?.compactMap { $0["name"] as? String }
            #expect(names == ["a", "b", "c-"])
            let wrong = try run(server, ["trigger", "list", "demo", "--filter", "x"])
            #expect(wrong.code == 4 && wrong.errors.contains("another request"))
        }
    }

    static let deletion = Deletion(
        entities: [
            EntityName(kind: "trigger", id: id, name: "demo/greet"),
            EntityName(kind: "function", id: other, name: "demo/f"),
        ], done: true)

    @Test(arguments: [
        ["trigger", "delete", "demo", "greet"], ["route", "delete", "demo", "/greet"], ["runtime", "delete", "node"],
        ["secret", "delete", "demo", "key"],
    ])
    func deletionsSayWhatIsGone(arguments: [String]) throws {
        try withServer { _ in
            Self.deletion.encoded()
        } _: { server in
            let table = try run(server, arguments + ["--revision", "7"])
            #expect(
                table.output == "deleted trigger demo/greet (\(Self.id))\ndeleted function demo/f (\(Self.other))\n")
            let request = try #require(server.requests.first)
            #expect(request.name == "fnrpc.v1.\(arguments[0].capitalized)s/Delete")
            // The revision is the last field of each.
            #expect(request.payload.last == 7)
            let shown = try json(try run(server, arguments + ["--output", "json"]))
            #expect(shown["done"] as? Bool == true)
            #expect(
                shown["entities"] as? [[String: String]] == [
                    ["kind": "trigger", "id": Self.id, "name": "demo/greet"],
                    ["kind": "function", "id": Self.other, "name": "demo/f"],
                ])
        }
    }

    @Test func routes() throws {
        let route = Route(
            meta: try Self.meta(), appID: Self.other, appName: "demo", path: "/r", image: "img:1", memoryMiB: 256,
            type: "sync", format: "http", headers: [HeaderValues(name: "X-A", values: ["1", "2"])],
            timeoutNanos: 5_000_000_000, idleTimeoutNanos: 30_000_000_000, config: ["K": "V"], functionID: Self.other,
            functionName: "route-r", triggerName: "route-r")
        let payload = Mutex<[UInt8]>([])
        try withServer { request in
            payload.withLock { $0 = request.payload }
            return request.method == "List"
                ? ListRoutesResponse(routes: [route]).encoded() : route.encoded()
        } _: { server in
            let created = try json(
                try run(
                    server,
                    [
                        "route", "create", "demo", "/r", "img:1", "--memory", "256", "--type", "sync", "--format",
                        "http",
                        "--header", "X-A=1", "--header", "X-A=2", "--header", "B==", "--timeout", "5", "--idle-timeout",
                        "30s", "--config", "K=V=W", "--output", "json",
                    ]))
            let create = try CreateRouteRequest(decoding: payload.withLock { $0 }, strict: true)
            #expect(create.app == "demo" && create.path == "/r" && create.image == "img:1" && create.memoryMiB == 256)
            #expect(create.type == "sync" && create.format == "http" && create.config == ["K": "V=W"])
            #expect(
                create.headers.map(\.name) == ["B", "X-A"] && create.headers.map(\.values) == [["="], ["1", "2"]])
            #expect(create.timeoutNanos == 5_000_000_000 && create.idleTimeoutNanos == 30_000_000_000)
            #expect((created["headers"] as? [String: [String]]) == ["X-A": ["1", "2"]])
            #expect(created["timeout_nanos"] as? Int == 5_000_000_000 && created["function"] as? String == "route-r")
            _ = try run(server, ["route", "create", "demo", "/r", "img:1"])
            let plain = try CreateRouteRequest(decoding: payload.withLock { $0 }, strict: true)
            #expect(plain.memoryMiB == nil && plain.timeoutNanos == nil && plain.idleTimeoutNanos == nil)
            let updated = try run(
                server, ["route", "update", "demo", "/r", "--header", "X-A=", "--config", "K=", "--image", "img:2"])
            #expect(updated.output == "updated route /r of demo, revision 3\n")
            let update = try UpdateRouteRequest(decoding: payload.withLock { $0 }, strict: true)
            #expect(update.headers.map(\.name) == ["X-A"] && update.headers.map(\.values) == [[]])
            #expect(update.config == ["K": ""] && update.image == "img:2")
            #expect(update.memoryMiB == nil && update.type == nil && update.newPath == nil)
            let list = try run(server, ["route", "list", "demo", "--image", "img:1"])
            #expect(list.output.hasSuffix("/r    img:1  sync  http    256 MiB  5 s      route-r\n"))
            #expect(try ListRoutesRequest(decoding: payload.withLock { $0 }, strict: true).image == "img:1")
            let got = try run(server, ["route", "get", "demo", "/r"])
            #expect(got.output.contains("\nheader X-A:   1\nheader X-A:   2\n"))
        }
    }

    @Test func runtimes() throws {
        let runtime = Runtime(
            meta: try Self.meta(), name: try Name("node", field: "name"), description: "d", root: "image:node:22",
            command: ["node", "{entry}", "-x"], zygote: true, poolSize: 4)
        let payload = Mutex<[UInt8]>([])
        try withServer { request in
            payload.withLock { $0 = request.payload }
            return request.method == "List"
                ? ListRuntimesResponse(runtimes: [runtime]).encoded() : runtime.encoded()
        } _: { server in
            let created = try json(
                try run(
                    server,
                    [
                        "runtime", "create", "node", "--root", "image:node:22", "--zygote", "--pool-size", "4",
                        "--description", "d", "--output", "json", "--", "node", "{entry}", "-x", "--output",
                    ]))
            let create = try CreateRuntimeRequest(decoding: payload.withLock { $0 }, strict: true)
            #expect(create.command == ["node", "{entry}", "-x", "--output"] && create.root == "image:node:22")
            #expect(create.zygote && create.poolSize == 4 && create.description == "d")
            #expect(created["command"] as? [String] == ["node", "{entry}", "-x"])
            #expect(created["built_in"] as? Bool == false)
            _ = try run(server, ["runtime", "update", "node", "--no-zygote", "--description", ""])
            let update = try UpdateRuntimeRequest(decoding: payload.withLock { $0 }, strict: true)
            #expect(update.zygote == false && update.description?.isEmpty == true)
            #expect(update.root == nil && update.poolSize == nil && update.command.isEmpty)
            let list = try run(server, ["runtime", "list"])
            #expect(list.output.contains("node  image:node:22  node {entry} -x  yes     4     d"))
        }
    }
}
