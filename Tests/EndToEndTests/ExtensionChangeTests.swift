import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// Plug-ins that are asked about changes and told of them, beside a real daemon.
@Suite(.serialized) struct ExtensionChangeTests {
    /// The example refuses apps whose names begin with "forbidden".
    @Test func anAppIsRefusedWhateverMakesIt() async throws {
        var archive = Data()
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("x"), app: "forbidden-d")
            #expect(try daemon.fnrpc("system", "export", daemon.folder + "/all.tar").code == 0)
            archive = try Data(contentsOf: URL(fileURLWithPath: daemon.folder + "/all.tar"))
        }
        try await withPlugIn { plugIn in
            try await withDaemon(plugIn.option("names", "timeout=20s")) { daemon in
                let client = try await daemon.client()
                let text = "name: 'forbidden-a' begins with forbidden; choose another"
                let created = await client.failure("Apps/Create", CreateAppRequest(name: "forbidden-a"))
                #expect(created?.code == .invalid && created?.message == text, "\(created as Any)")
                let shown = try daemon.fnrpc("app", "create", "forbidden-a")
                #expect(shown.code == 4 && shown.errors == "fnrpc: \(text)\n", "\(shown)")

                let folder = try daemon.write("mark", TestDaemon.marked("x"))
                let deployed = try daemon.fnrpc("deploy", folder, "--app", "forbidden-b")
                #expect(deployed.code == 4 && deployed.errors.contains("begins with forbidden"), "\(deployed)")
                let route = await client.failure(
                    "Routes/Create", CreateRouteRequest(app: "forbidden-c", path: "/x", image: "registry/x:1"))
                #expect(route?.code == .invalid && route?.message.contains("begins with forbidden") == true)
                try archive.write(to: URL(fileURLWithPath: daemon.folder + "/all.tar"))
                let imported = try daemon.fnrpc("system", "import", daemon.folder + "/all.tar")
                #expect(imported.code == 4 && imported.errors.contains("'forbidden-d' begins"), "\(imported)")

                let list: ListAppsResponse = try await client.ask("Apps/List", ListAppsRequest())
                #expect(list.apps.isEmpty)
                let count: CountByApiVersionResponse = try await client.ask(
                    "Entities/CountByApiVersion", CountByApiVersionRequest(kind: "function"))
                #expect(count.counts.isEmpty)

                let app: App = try await client.ask("Apps/Create", CreateAppRequest(name: "allowed"))
                let _: Deletion = try await client.ask("Apps/Delete", DeleteAppRequest(app: "allowed"))
                try await eventually("the deletion is told") {
                    try plugIn.lines().contains("app.delete allowed \(app.meta.id)")
                }
                await client.close()
            }
        }
    }

    private static let closed = """
        describes(["app.list", "app.get"], [])

        def before_change(event):
            name = dict(fields(event)).get(3, b"")
            if name != b"open":
                raise Refused(7, f"closed: {name.decode()}")
            return b""

        example.METHODS[b"BeforeChange"] = before_change
        """

    /// Whoever wants to hear of lists or gets alone is asked about all of them.
    @Test(arguments: ["app.list", "app.get"]) func everyLookAtAppsIsAskedAbout(event: String) async throws {
        let script = Self.closed.replacing(#"["app.list", "app.get"]"#, with: #"["\#(event)"]"#)
        try await withPlugIn(script) { plugIn in
            try await withDaemon(plugIn.option("closed", "timeout=20s")) { daemon in
                let client = try await daemon.client()
                for name in ["open", "shut"] {
                    let _: App = try await client.ask("Apps/Create", CreateAppRequest(name: name))
                }
                let list = await client.failure("Apps/List", ListAppsRequest())
                guard event == "app.get" else {
                    #expect(list?.code == .notPermitted && list?.message == "closed: ", "\(list as Any)")
                    let _: App = try await client.ask("Apps/Get", GetAppRequest(app: "shut"))
                    await client.close()
                    return
                }
                #expect(list == nil)
                let apps: ListAppsResponse = try await client.ask("Apps/List", ListAppsRequest())
                let id = try #require(apps.apps.first { $0.name.text == "shut" }).meta.id.description
                for (method, failure, name) in [
                    ("Get", await client.failure("Apps/Get", GetAppRequest(app: "shut")), "shut"),
                    ("Usage", await client.failure("Apps/Usage", AppUsageRequest(app: "shut")), "shut"),
                    ("GetRaw", await client.failure("Entities/GetRaw", GetRawRequest(kind: "app", id: id)), id),
                ] {
                    #expect(failure?.code == .notPermitted && failure?.message == "closed: \(name)", "\(method)")
                }
                let _: AppUsage = try await client.ask("Apps/Usage", AppUsageRequest(app: "open"))
                await client.close()
            }
        }
    }

    /// Says every event with the numbers of its fields; refuses to delete what is called "kept".
    private static let telling = """
        kinds = ["app", "function", "trigger"]
        describes([f"{kind}.delete" for kind in kinds],
                  [f"{kind}.{action}" for kind in kinds for action in ("create", "update", "delete")])

        def told(phase, event):
            values = dict(fields(event))
            numbers = ",".join(str(number) for number in sorted(values))
            print(phase, values[1].decode(), values[3].decode(), values.get(2, b"-").decode(), numbers, flush=True)
            return values

        def before_change(event):
            if told("before", event).get(3) == b"kept":
                raise Refused(9, "kept: it stays")
            return b""

        def after_change(event):
            told("after", event)
            return b""

        example.METHODS[b"BeforeChange"] = before_change
        example.METHODS[b"AfterChange"] = after_change
        """

    @Test func everyRowOfACascadeIsAskedAboutAndTold() async throws {
        try await withPlugIn(Self.telling) { plugIn in
            try await withDaemon(plugIn.option("tell", "timeout=20s")) { daemon in
                let client = try await daemon.client()
                var ids: [String: String] = [:]
                for (app, trigger) in [("demo", "kept"), ("other", "door")] {
                    for name in ["one", "two"] {
                        try daemon.deploy(name, TestDaemon.marked(name, name: name), app: app)
                        let function: Function = try await client.ask(
                            "Functions/Get", GetFunctionRequest(app: app, function: name))
                        ids["function.delete \(name)"] = function.meta.id.description
                        ids["app.delete \(app)"] = function.appID.description
                    }
                    let made: Trigger = try await client.ask(
                        "Triggers/Create",
                        CreateTriggerRequest(app: app, name: trigger, source: "/\(trigger)", function: "two"))
                    ids["trigger.delete \(trigger)"] = made.meta.id.description
                }
                let refused = await client.failure("Apps/Delete", DeleteAppRequest(app: "demo", force: true))
                #expect(refused?.code == .precondition && refused?.message == "kept: it stays", "\(refused as Any)")
                #expect(try await client.mark("two") == "two ", "nothing of it was done, and calls go on")
                let seen = try plugIn.lines()
                #expect(!seen.contains { $0.hasPrefix("after ") && $0.contains(".delete") })
                #expect(seen.contains { $0.hasPrefix("before trigger.delete kept ") && $0.hasSuffix(" 1,2,3") })

                let _: Deletion = try await client.ask("Apps/Delete", DeleteAppRequest(app: "other", force: true))
                let names = ["function.delete one", "function.delete two", "trigger.delete door", "app.delete other"]
                try await eventually("the deletions are told") {
                    try plugIn.lines().last?.hasPrefix("after app.delete") == true
                }
                let told = try plugIn.lines()[seen.count...]
                let before = told.filter { $0.hasPrefix("before ") }.map { $0.dropFirst(7) }
                let after = told.filter { $0.hasPrefix("after ") }.map { $0.dropFirst(6) }
                // With id and name, and nothing else.
                #expect(Set(before) == Set(names.map { "\($0) \(ids[$0] ?? "?") 1,2,3"[...] }))
                #expect(before == after && before.count == 4, "in the order in which it happens")
                await client.close()
            }
        }
    }

    @Test func theFailChoiceHoldsWhileThePlugInIsDeadOrHangs() async throws {
        for fail in ["closed", "open"] {
            try await withPlugIn { plugIn in
                try await withDaemon(plugIn.option("names", "timeout=500ms,fail=\(fail)")) { daemon in
                    let client = try await daemon.client()
                    func create(_ name: String) async -> ClientError? {
                        await client.failure("Apps/Create", CreateAppRequest(name: name))
                    }
                    // What is not asked about meanwhile is made, so that each needs a name of its own.
                    var tries = 0
                    func refuses(_ name: String) async -> Bool {
                        tries += 1
                        return await create("forbidden-\(name)\(tries)")?.code == .invalid
                    }
                    #expect(await create("first") == nil)
                    #expect(await create("forbidden-1")?.code == .invalid)

                    plugIn.hang()
                    let hung = await create("forbidden-2")
                    plugIn.goOn()
                    try await eventually("it answers again") { await refuses("late") }

                    plugIn.die()
                    let dead = await create("forbidden-3")
                    if fail == "closed" {
                        #expect(hung?.code == .unavailable && dead?.code == .unavailable)
                        let texts = (hung?.message ?? "", dead?.message ?? "")
                        #expect(texts.0.hasPrefix("extension names: ") && texts.0.contains("500 ms"), "\(texts.0)")
                        #expect(texts.1.hasPrefix("extension names: ") && texts.1.contains("(fail=closed)"))
                    } else {
                        #expect(hung == nil && dead == nil, "\(hung as Any) \(dead as Any)")
                    }
                    try await plugIn.start()
                    try await eventually("it is asked again") { await refuses("new") }
                    let list: ListAppsResponse = try await client.ask("Apps/List", ListAppsRequest())
                    let names = Set(list.apps.map(\.name.text)).filter {
                        !$0.hasPrefix("forbidden-late") && !$0.hasPrefix("forbidden-new")
                    }
                    #expect(names == (fail == "closed" ? ["first"] : ["first", "forbidden-2", "forbidden-3"]))
                    #expect(daemon.log.contains("extension names: "))
                    await client.close()
                }
            }
        }
    }

    private func callFailure(_ client: Client) async -> ClientError? {
        do throws(ClientError) {
            _ = try await client.invoke(app: "demo", function: "mark", payload: Array("{}".utf8))
            return nil
        } catch {
            return error
        }
    }

    /// Who waits for a plug-in hears of the stop, and nothing is left of the daemon; withDaemon looks.
    @Test func theDaemonStopsWhileThePlugInHangs() async throws {
        try await withPlugIn { plugIn in
            let arguments = plugIn.option("names", "timeout=60s") + ["--drain-timeout", "0.5"]
            try await withDaemon(arguments) { daemon in
                try daemon.deploy("mark", TestDaemon.marked("x"))
                let client = try await daemon.client()
                #expect(try await client.mark() == "x ")
                plugIn.hang()
                async let created = client.failure("Apps/Create", CreateAppRequest(name: "new"))
                async let called = callFailure(client)
                try await eventually("the call waits for the plug-in") {
                    let info: SystemInfoResponse = try await client.ask("System/Info", SystemInfoRequest())
                    return info.callsStarted == info.callsFinished + 1
                }
                let began = ContinuousClock.now
                #expect(daemon.stop() == 0)
                #expect(ContinuousClock.now - began < .seconds(20), "not as long as the plug-in may take")
                let (change, call) = await (created, called)
                #expect(change?.code == .unavailable && call?.code == .unavailable, "\(change as Any) \(call as Any)")
                await client.close()
                try daemon.start()
                plugIn.goOn()
                let list: ListAppsResponse = try await daemon.client().ask("Apps/List", ListAppsRequest())
                #expect(list.apps.map(\.name.text) == ["demo"])
            }
        }
    }
}
