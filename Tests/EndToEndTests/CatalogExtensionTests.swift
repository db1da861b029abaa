import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// The example plug-in, and one that refuses deletions and redirects calls, beside a real daemon.
@Suite struct CatalogExtensionTests {
    /// The example with other answers.
    private static let other = """
        import importlib.util, sys
        spec = importlib.util.spec_from_file_location("extension", sys.argv[1])
        example = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(example)
        field, fields = example.field, example.fields

        def before_change(event):
            values = dict(fields(event))
            if values.get(3) == b"kept":
                raise example.Refused(9, f"{values[1].decode()}: kept stays")
            return b""

        def before_call(call):
            return field(2, "new") if dict(fields(call)).get(3) == b"old" else b""

        before = ["app.delete", "function.delete", "trigger.delete", "call"]
        after = ["app.create", "function.create", "trigger.create", "app.delete", "function.delete", "trigger.delete"]
        example.METHODS[b"Describe"] = lambda _: field(1, "other") + b"".join(
            [field(2, event) for event in before] + [field(3, event) for event in after])
        example.METHODS[b"BeforeChange"] = before_change
        example.METHODS[b"BeforeCall"] = before_call
        example.main(sys.argv[2])

        """

    /// Runs a plug-in; gives what it has printed.
    private func withPlugIn(
        _ arguments: [String], _ body: (@Sendable () throws -> [String]) async throws -> Void
    ) async throws {
        let output = "/tmp/fnrpc-plugin-\(UUID().uuidString)"
        try Data().write(to: URL(fileURLWithPath: output))
        defer { try? FileManager.default.removeItem(atPath: output) }
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/python3")
        process.arguments = arguments
        process.standardOutput = FileHandle(forWritingAtPath: output)
        try process.run()
        defer {
            process.terminate()
            process.waitUntilExit()
        }
        let lines: @Sendable () throws -> [String] = {
            try String(contentsOfFile: output, encoding: .utf8).split(separator: "\n").map(String.init)
        }
        try await eventually("the plug-in is ready") { try lines().first == "ready" }
        try await body(lines)
    }

    private static let example = TestDaemon.repository.path + "/examples/extension-python/extension.py"

    @Test func anAppIsRefusedWhateverMakesIt() async throws {
        let socket = "/tmp/fnrpc-plugin-\(UUID().uuidString).sock"
        defer { try? FileManager.default.removeItem(atPath: socket) }
        try await withPlugIn([Self.example, socket]) { lines in
            try await withDaemon(["--extension", "names=unix:\(socket),timeout=20s"]) { daemon in
                let client = try await daemon.client()
                let folder = try daemon.write("mark", TestDaemon.marked("x"))
                let deployed = try daemon.fnrpc("deploy", folder, "--app", "forbidden-a")
                #expect(deployed.code == 4 && deployed.errors.contains("begins with forbidden"), "\(deployed)")
                let route = await client.failure(
                    "Routes/Create", CreateRouteRequest(app: "forbidden-b", path: "/x", image: "registry/x:1"))
                #expect(route?.code == .invalid && route?.message.contains("begins with forbidden") == true)
                let list: ListAppsResponse = try await client.ask("Apps/List", ListAppsRequest())
                #expect(list.apps.isEmpty)

                let app: App = try await client.ask("Apps/Create", CreateAppRequest(name: "allowed"))
                let _: Deletion = try await client.ask("Apps/Delete", DeleteAppRequest(app: "allowed"))
                try await eventually("the deletion is told") {
                    try lines().contains("app.delete allowed \(app.meta.id)")
                }
                await client.close()
            }
        }
    }

    @Test func everyRowOfACascadeIsAskedAboutAndTold() async throws {
        let socket = "/tmp/fnrpc-plugin-\(UUID().uuidString).sock"
        defer { try? FileManager.default.removeItem(atPath: socket) }
        let script = socket + ".py"
        try Self.other.write(toFile: script, atomically: false, encoding: .utf8)
        defer { try? FileManager.default.removeItem(atPath: script) }
        try await withPlugIn([script, Self.example, socket]) { lines in
            try await withDaemon(["--extension", "other=unix:\(socket),timeout=20s"]) { daemon in
                let client = try await daemon.client()
                try daemon.deploy("old", TestDaemon.marked("old", name: "old"))
                try daemon.deploy("new", TestDaemon.marked("new", name: "new"))
                #expect(try await client.mark("old") == "new ", "it goes where the plug-in says")
                let _: Trigger = try await client.ask(
                    "Triggers/Create", CreateTriggerRequest(app: "demo", name: "kept", source: "/kept", function: "new")
                )
                let refused = await client.failure("Apps/Delete", DeleteAppRequest(app: "demo", force: true))
                #expect(refused?.message.contains("trigger.delete: kept stays") == true, "\(refused as Any)")
                #expect(try await client.mark("new") == "new ", "nothing of it was done")
                let _: Trigger = try await client.ask("Triggers/Get", GetTriggerRequest(app: "demo", trigger: "kept"))

                let _: Deletion = try await client.ask(
                    "Functions/Delete", DeleteFunctionRequest(app: "demo", function: "old"))
                try await eventually("all is told") {
                    let told = try lines().dropFirst().map { $0.split(separator: " ").prefix(2).joined(separator: " ") }
                    return told == [
                        "app.create demo", "function.create old", "function.create new", "trigger.create kept",
                        "function.delete old",
                    ]
                }
                await client.close()
            }
        }
    }
}
