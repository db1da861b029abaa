import FnrpcClient
import Foundation
import Model
import Testing
import Wire

@testable import fnrpc

/// What the commands of apps, functions, versions, aliases and workers send, and what they show, against a server that we know by the protocol only.
@Suite struct FunctionCommandTests {
    static let id = Identifier.random(at: .now())
    private static let time = Timestamp(nanoseconds: 1_763_000_000_000_000_000)
    private static let digest = Digest(bytes: [UInt8](repeating: 7, count: 32))

    private static func meta(_ labels: [String: String] = [:]) -> Meta {
        Meta(id: id, revision: 4, createdAt: time, labels: labels, extra: ["tool": #"{"a":[1]}"#])
    }

    static func function(latest: UInt32, working: UInt32) throws -> Function {
        Function(
            meta: meta(), appID: id, appName: try Name("demo", field: "app"), name: try Name("hello", field: "name"),
            spec: FunctionSpec(runtime: .python, entry: "func.handler", format: .ttrpc), package: digest,
            latestVersion: latest, lastVersionNumber: latest, workingVersion: working)
    }

    static func version(_ number: UInt32) -> Version {
        Version(
            meta: meta(), functionID: id, number: number, description: "note",
            spec: FunctionSpec(runtime: .python, entry: "func.handler", format: .ttrpc), package: digest,
            packageBytes: 9)
    }

    private static func alias(_ target: Alias.Target) throws -> Alias {
        Alias(
            meta: meta(), functionID: id, name: try Name("prod", field: "name"), target: target, stickyKey: "user",
            history: [Alias.Target(version: 1, setAt: time)])
    }

    /// Answers of one message each, by method; the rest is not found.
    func withServer(
        _ answers: [String: [UInt8]], _ body: (TtrpcServer) throws -> Void
    ) throws {
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch) { request, _ in
            answers[request.name].map { [.response($0)] } ?? [.status(5, "\(request.name) is missing")]
        }
        defer { server.stop() }
        try body(server)
    }

    func fnrpc(_ server: TtrpcServer, _ arguments: [String]) throws -> FnrpcProcess.Result {
        try FnrpcProcess.run(arguments + ["--address", server.address])
    }

    func request<M: WireMessage>(_ server: TtrpcServer, _ name: String) throws -> M {
        let last = try #require(server.requests.last)
        #expect(last.name == name)
        return try M(decoding: last.payload, strict: true)
    }

    // MARK: - Apps

    @Test func appsAreMadeAndChanged() throws {
        let app = App(meta: Self.meta(), name: try Name("demo", field: "name"), config: ["A": "1"])
        try withServer(["fnrpc.v1.Apps/Create": app.encoded(), "fnrpc.v1.Apps/Update": app.encoded()]) { server in
            let made = try fnrpc(
                server,
                [
                    "app", "create", "demo", "--config", "A=1", "--config", "B=x=y", "--annotation", "n=v",
                    "--syslog-url", "tcp://h:1", "--label", "team=core", "--extra", #"tool={"a":[1]}"#,
                ])
            #expect(made.output == "created app demo (\(Self.id))\n" && made.code == 0)
            let create: CreateAppRequest = try request(server, "fnrpc.v1.Apps/Create")
            #expect(create.config == ["A": "1", "B": "x=y"] && create.annotations == ["n": "v"])
            #expect(create.syslogURL == "tcp://h:1" && create.labels == ["team": "core"])
            #expect(create.extra == ["tool": #"{"a":[1]}"#])

            let changed = try fnrpc(
                server, ["app", "update", "demo", "--config", "A=", "--revision", "3", "--output", "json"])
            let update: UpdateAppRequest = try request(server, "fnrpc.v1.Apps/Update")
            #expect(update.config == ["A": ""] && update.revision == 3 && update.syslogURL == nil)
            let json = try JSONParser.parse(Array(changed.output.utf8)).text()
            #expect(json.contains(#""config":{"A":"1"}"#) && json.contains(#""extra":{"tool":{"a":[1]}}"#))
        }
    }

    @Test func anAppShowsWhatIsInItAndHowItsCallsWent() throws {
        let app = App(meta: Self.meta(), name: try Name("demo", field: "name"))
        let usage = AppUsage(
            functions: 2, triggers: 3, versions: 4, containers: 5, memoryMiB: 640,
            lastHour: CallCounts(success: 1, failed: 2), lastDay: CallCounts(success: 10, timeout: 7))
        try withServer(["fnrpc.v1.Apps/Get": app.encoded(), "fnrpc.v1.Apps/Usage": usage.encoded()]) { server in
            let shown = try fnrpc(server, ["app", "get", "demo"]).output
            #expect(shown.contains("containers:       5 (640 MiB)\n"))
            #expect(shown.contains("calls in an hour: 1 success, 2 failed, 0 error, 0 timeout, 0 cancelled\n"))
            #expect(shown.contains("calls in a day:   10 success, 0 failed, 0 error, 7 timeout, 0 cancelled\n"))
            let json = try fnrpc(server, ["app", "get", "demo", "--output", "json"]).output
            #expect(json.contains(#""memory_mib": 640"#) && json.contains(#""triggers": 3"#))
        }
    }

    @Test func aDeletionSaysWhatGoes() throws {
        let deletion = Deletion(entities: [EntityName(kind: "app", id: Self.id.description, name: "demo")])
        try withServer(["fnrpc.v1.Apps/Delete": deletion.encoded()]) { server in
            let shown = try fnrpc(server, ["app", "delete", "demo", "--preview", "--force", "--revision", "7"])
            #expect(shown.output == "would delete app demo (\(Self.id))\n")
            let sent: DeleteAppRequest = try request(server, "fnrpc.v1.Apps/Delete")
            #expect(sent.preview && sent.force && sent.revision == 7)
        }
    }

    @Test func listsFollowCursorsAndStopAtTheLimit() throws {
        let scratch = try Scratch()
        let app = App(meta: Self.meta(), name: try Name("demo", field: "name"))
        let server = try TtrpcServer(scratch) { request, _ in
            let page = (try? ListAppsRequest(decoding: request.payload, strict: true))?.page
            let next = page?.cursor == "c" ? "" : "c"
            return [.response(ListAppsResponse(apps: [app, app], nextCursor: next).encoded())]
        }
        defer { server.stop() }
        let all = try fnrpc(server, ["app", "list", "--filter", "labels.a = b"])
        #expect(all.output.split(separator: "\n").count == 5)
        let last: ListAppsRequest = try request(server, "fnrpc.v1.Apps/List")
        #expect(last.filter == "labels.a = b" && last.page.cursor == "c")
        let some = try fnrpc(server, ["app", "list", "--limit", "3"])
        #expect(some.output.split(separator: "\n").count == 4)
        let rest: ListAppsRequest = try request(server, "fnrpc.v1.Apps/List")
        #expect(rest.page.size == 1)
    }

    // MARK: - Functions

    @Test func everySettingCanBeChanged() throws {
        let answer = try Self.function(latest: 3, working: 0).encoded()
        try withServer(["fnrpc.v1.Functions/Update": answer]) { server in
            let result = try fnrpc(
                server,
                [
                    "fn", "update", "demo/hello", "--runtime", "binary", "--entry", "f", "--entrypoint", "a 'b c'",
                    "--format", "ttrpc", "--image", "i:1", "--type", "async", "--memory", "256", "--cpu", "0.25",
                    "--timeout", "2m", "--idle-timeout", "90", "--concurrency", "8", "--min-containers", "0",
                    "--max-containers", "0", "--max-queue", "0", "--pids", "99", "--tmp-size", "16", "--network",
                    "host", "--service", "p.A", "--service", "p.B", "--descriptor-set", "s.pb", "--secret", "key",
                    "--header", "X=1", "--header", "X=2", "--header", "Y=", "--config", "A=", "--annotation", "n=v",
                    "--on-success", "demo/done", "--on-failure", "", "--record", "errors", "--record-input", "false",
                    "--reserved-containers", "3", "--queue-ahead", "true",
                    "--clear", "secrets", "--clear", "headers",
                    "--label", "l=1", "--extra", "e=2", "--revision", "4",
                ])
            #expect(result.code == 0 && result.errors.isEmpty)
            #expect(
                result.output
                    == "updated function demo/hello, revision 4; working copy: changed since version 3, not published\n"
            )
            let sent: UpdateFunctionRequest = try request(server, "fnrpc.v1.Functions/Update")
            var patch = FunctionPatch()
            patch.runtime = .binary
            patch.entry = "f"
            patch.entrypoint = ["a", "b c"]
            patch.format = .ttrpc
            patch.image = "i:1"
            patch.callType = .async
            patch.memoryMiB = 256
            patch.cpuMilli = 250
            patch.timeoutNanos = 120_000_000_000
            patch.idleTimeoutNanos = 90_000_000_000
            patch.concurrency = 8
            patch.minContainers = 0
            patch.maxContainers = 0
            patch.maxQueue = 0
            patch.pids = 99
            patch.tmpMiB = 16
            patch.network = .host
            patch.services = ["p.A", "p.B"]
            patch.descriptorSet = "s.pb"
            patch.secrets = ["key"]
            patch.headers = ["X": ["1", "2"], "Y": []]
            patch.config = ["A": ""]
            patch.annotations = ["n": "v"]
            patch.onSuccess = "demo/done"
            patch.onFailure = ""
            patch.record = .errors
            patch.recordInput = false
            patch.reservedContainers = 3
            patch.queueAhead = true
            #expect(sent.spec == patch)
            #expect(sent.clear == ["secrets", "headers"] && sent.revision == 4 && sent.packageDigest == nil)
            #expect(sent.labels == ["l": "1"] && sent.extra == ["e": "2"])
            // What is not named does not travel.
            _ = try fnrpc(server, ["function", "update", "demo/hello"])
            let empty: UpdateFunctionRequest = try request(server, "fnrpc.v1.Functions/Update")
            #expect(empty.spec == FunctionPatch() && empty.revision == nil)
        }
    }

    @Test(
        arguments: [(3, 3, "version 3"), (3, 2, "version 2"), (0, 0, "not published")] as [(UInt32, UInt32, String)])
    func theWorkingCopyIsCompared(latest: UInt32, working: UInt32, text: String) throws {
        let answer = try Self.function(latest: latest, working: working).encoded()
        try withServer(["fnrpc.v1.Functions/Get": answer]) { server in
            let shown = try fnrpc(server, ["fn", "get", "demo/hello"])
            #expect(shown.output.contains("working copy:   \(text)\n"))
            let json = try fnrpc(server, ["fn", "get", "demo/hello", "--output", "json"]).output
            #expect(json.contains(#""working_version": \#(working)"#) && json.contains(#""type": "sync""#))
        }
    }

    /// An id stands for any name.
    @Test func idsAreUnderstood() throws {
        try withServer(["fnrpc.v1.Functions/Get": try Self.function(latest: 1, working: 1).encoded()]) { server in
            #expect(try fnrpc(server, ["fn", "get", "\(Self.id)/\(Self.id)"]).code == 0)
            let sent: GetFunctionRequest = try request(server, "fnrpc.v1.Functions/Get")
            #expect(sent.app == Self.id.description && sent.function == Self.id.description)
        }
    }

    @Test func imagesNeedNoFolder() throws {
        try withServer(["fnrpc.v1.Functions/Create": try Self.function(latest: 0, working: 0).encoded()]) { server in
            let made = try fnrpc(server, ["fn", "create", "demo/img", "--image", "r/i:1", "--memory", "64"])
            #expect(made.code == 0)
            let sent: CreateFunctionRequest = try request(server, "fnrpc.v1.Functions/Create")
            let spec = try #require(sent.spec)
            #expect(spec.image == "r/i:1" && spec.runtime == .none && spec.format == .httpStream)
            #expect(spec.memoryMiB == 64 && sent.packageDigest.isEmpty)
        }
    }

    // MARK: - Versions

    @Test func versions() throws {
        let deletion = Deletion(
            entities: [EntityName(kind: "version", id: Self.id.description, name: "demo/hello@3")], done: true)
        let answers = [
            "fnrpc.v1.Versions/Publish": Self.version(3).encoded(), "fnrpc.v1.Versions/Get": Self.version(3).encoded(),
            "fnrpc.v1.Versions/Update": Self.version(3).encoded(), "fnrpc.v1.Versions/Delete": deletion.encoded(),
            "fnrpc.v1.Versions/Restore": try Self.function(latest: 4, working: 3).encoded(),
        ]
        try withServer(answers) { server in
            let published = try fnrpc(
                server, ["version", "publish", "demo/hello", "--require-change", "--description", "d"])
            #expect(published.output == "published demo/hello@3\n")
            let publish: PublishVersionRequest = try request(server, "fnrpc.v1.Versions/Publish")
            #expect(publish.requireChange && publish.description == "d")

            #expect(
                try fnrpc(server, ["version", "get", "demo/hello@3"]).output.hasPrefix("version:        demo/hello@3\n")
            )
            _ = try fnrpc(server, ["version", "update", "demo/hello@3", "--description", ""])
            let update: UpdateVersionRequest = try request(server, "fnrpc.v1.Versions/Update")
            #expect(update.number == 3 && update.description == "")

            let gone = try fnrpc(server, ["version", "delete", "demo/hello@3", "--force"])
            #expect(gone.output == "deleted version demo/hello@3 (\(Self.id))\n")
            let delete: DeleteVersionRequest = try request(server, "fnrpc.v1.Versions/Delete")
            #expect(delete.force && delete.number == 3)

            for arguments in [["demo/hello", "3"], ["demo/hello@3"]] {
                let restored = try fnrpc(server, ["version", "restore"] + arguments)
                #expect(restored.output == "restored demo/hello@3; working copy: version 3\n")
                let restore: RestoreVersionRequest = try request(server, "fnrpc.v1.Versions/Restore")
                #expect(restore.number == 3)
            }
        }
    }

    // MARK: - Aliases

    @Test(arguments: [
        ("4=10%", 4, 1000), ("4=0.01%", 4, 1), ("4=0.1%", 4, 10), ("4=100%", 4, 10_000), ("4=99.99%", 4, 9999),
        ("4=0%", 4, 0), ("4=100.01%", 0, 0), ("4=0.001%", 0, 0), ("4=10", 0, 0), ("0=10%", 0, 0), ("x=10%", 0, 0),
        ("4=-1%", 0, 0), ("4=.5%", 0, 0), ("4=5.%", 0, 0), ("4=1e1%", 0, 0), ("4==1%", 0, 0), ("4=%", 0, 0),
        ("4=101%", 0, 0), ("4=9999999999%", 0, 0),
    ])
    func weights(text: String, version: UInt32, weight: UInt32) {
        let read = AliasWeight(argument: text)
        #expect(read?.version ?? 0 == version && read?.weight ?? 0 == weight)
    }

    @Test(
        arguments: [(1000, "10%"), (1, "0.01%"), (10, "0.1%"), (1025, "10.25%"), (10_000, "100%"), (0, "0%")]
            as [(UInt32, String)])
    func percentages(weight: UInt32, text: String) {
        #expect(AliasWeight.percent(weight) == text)
    }

    @Test func setChangesAnAliasOrMakesIt() throws {
        let target = Alias.Target(version: 3, secondVersion: 4, secondWeight: 1025, setAt: Self.time)
        let alias = try Self.alias(target).encoded()
        let arguments = [
            "alias", "set", "demo/hello", "prod", "3", "--weight", "4=10.25%", "--sticky", "user",
        ]
        try withServer(["fnrpc.v1.Aliases/Update": alias]) { server in
            let set = try fnrpc(server, arguments + ["--revision", "2"])
            #expect(set.output == "set alias demo/hello@prod: version 3, and 4 for 10.25% of the calls\n")
            let sent: UpdateAliasRequest = try request(server, "fnrpc.v1.Aliases/Update")
            #expect(sent.version == 3 && sent.secondVersion == 4 && sent.secondWeight == 1025)
            #expect(sent.stickyKey == "user" && sent.revision == 2)
        }
        try withServer(["fnrpc.v1.Aliases/Create": alias]) { server in
            let made = try fnrpc(server, arguments)
            #expect(made.output.hasPrefix("created alias demo/hello@prod: version 3"))
            let sent: CreateAliasRequest = try request(server, "fnrpc.v1.Aliases/Create")
            #expect(sent.name == "prod" && sent.version == 3 && sent.secondVersion == 4 && sent.secondWeight == 1025)
            // Who expects a revision expects an alias.
            #expect(try fnrpc(server, arguments + ["--revision", "2"]).code == 3)
        }
        // What is missing is told as the daemon tells it.
        try withServer([:]) { server in
            let failed = try fnrpc(server, arguments)
            #expect(failed.code == 3 && failed.errors.contains("fnrpc.v1.Aliases/Create is missing"))
        }
    }

    @Test func anAliasShowsItsHistory() throws {
        let alias = try Self.alias(Alias.Target(version: 3, setAt: Self.time)).encoded()
        try withServer(["fnrpc.v1.Aliases/Get": alias, "fnrpc.v1.Aliases/Rollback": alias]) { server in
            let shown = try fnrpc(server, ["alias", "get", "demo/hello", "prod"]).output
            #expect(shown.contains("from \(Shown.time(Self.time)): 1\n"))
            let json = try fnrpc(server, ["alias", "get", "demo/hello", "prod", "--output", "json"]).output
            #expect(json.contains(#""second_version": null"#) && json.contains(#""sticky_key": "user""#))
            let back = try fnrpc(server, ["alias", "rollback", "demo/hello", "prod"])
            #expect(back.output == "rolled back alias demo/hello@prod: version 3\n")
        }
    }

    // MARK: - Workers

    @Test func workers() throws {
        let list = ListWorkersResponse(
            workers: [Worker(container: "c1", version: 2, state: "busy", calls: 1, memoryMiB: 64)], waitingCalls: 3)
        let answers = [
            "fnrpc.v1.Workers/List": list.encoded(), "fnrpc.v1.Workers/ScaleUp": ScaleResponse(count: 2).encoded(),
            "fnrpc.v1.Workers/ScaleDown": ScaleResponse(count: 1).encoded(),
            "fnrpc.v1.Workers/Detach": ScaleResponse(count: 0).encoded(),
        ]
        try withServer(answers) { server in
            let shown = try fnrpc(server, ["worker", "list", "demo/hello@2"]).output
            #expect(shown.contains("c1") && shown.hasSuffix("3 calls wait for a container\n"))
            let listed: WorkersRequest = try request(server, "fnrpc.v1.Workers/List")
            #expect(listed.version == 2)
            let json = try fnrpc(server, ["worker", "list", "demo/hello", "--output", "json"]).output
            #expect(json.contains(#""waiting_calls": 3"#) && json.contains(#""state": "busy""#))
            let up = try fnrpc(server, ["worker", "scale-up", "demo/hello@2", "--count", "2"])
            #expect(up.output == "started 2 containers of demo/hello@2\n")
            let scale: ScaleRequest = try request(server, "fnrpc.v1.Workers/ScaleUp")
            #expect(scale.count == 2 && scale.version == 2)
            #expect(
                try fnrpc(server, ["worker", "scale-down", "demo/hello"]).output
                    == "removed 1 container of demo/hello\n")
            #expect(
                try fnrpc(server, ["worker", "detach", "demo/hello", "--output", "json"]).output
                    == "{\n  \"count\": 0\n}\n")
        }
    }

    // MARK: - Usage

    @Test(arguments: [
        ["app", "create", "a/b"], ["app", "create", "a", "--config", "x"], ["app", "list", "--limit", "0"],
        ["app", "create", "a", "--config", "x=1", "--config", "x=2"], ["app", "update", "a", "--revision", "0"],
        ["fn", "create", "a/b"], ["fn", "update", "a"], ["fn", "update", "a/b@1"],
        ["fn", "update", "a/b", "--cpu", "x"],
        ["fn", "update", "a/b", "--cpu", "0.0005"], ["fn", "update", "a/b", "--clear", "config"],
        ["fn", "update", "a/b", "--entrypoint", "'"], ["fn", "update", "a/b", "--entrypoint", ""],
        ["version", "get", "a/b"], ["version", "get", "a/b@0"], ["version", "restore", "a/b@1", "2"],
        ["version", "restore", "a/b", "0"], ["version", "update", "a/b@1"], ["version", "publish", "a/b@1"],
        ["version", "download", "a/b"], ["alias", "set", "a/b", "prod"], ["alias", "set", "a/b", "prod", "0"],
        ["alias", "set", "a/b", "prod", "1", "--weight", "1=10%"], ["alias", "set", "a/b", "p/q", "1"],
        ["worker", "scale-up", "a/b", "--count", "0"], ["worker", "list", "a"],
    ])
    func badUsage(arguments: [String]) async {
        let outcome = await Outcome.running(arguments + ["--address", "unix:/nowhere/fnrpc.sock"])
        #expect(outcome.exitCode == 2)
        #expect(outcome.complaint.contains("; see fnrpc"))
    }

    @Test(arguments: [
        ["app", "create"], ["app", "update"], ["app", "delete"], ["fn", "create"], ["fn", "update"], ["fn", "delete"],
        ["fn", "download"], ["version", "publish"], ["version", "get"], ["version", "update"], ["version", "restore"],
        ["version", "download"], ["version", "delete"], ["alias", "set"], ["alias", "get"], ["alias", "list"],
        ["alias", "rollback"], ["alias", "delete"], ["worker", "list"], ["worker", "scale-up"],
        ["worker", "scale-down"], ["worker", "detach"],
    ])
    func everyCommandHasHelpWithAnExample(command: [String]) async {
        let outcome = await Outcome.running(command + ["--help"])
        #expect(outcome.exitCode == 0)
        #expect(outcome.help.contains("Example: fnrpc " + command.joined(separator: " ")))
        #expect(outcome.help.contains("--output <output>") && outcome.help.contains("--address"))
    }
}
