import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// Ids instead of names, wherever the command takes names.
@Suite struct IdentifierTests {
    @Test func theCommandTakesIds() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("one"))
            let client = try await daemon.client()
            let first: Function = try await client.ask(
                "Functions/Get", GetFunctionRequest(app: "demo", function: "mark"))
            let (app, function) = (first.appID.description, first.meta.id.description)
            let folder = try daemon.write("mark", TestDaemon.marked("two"))
            let deployed = try daemon.fnrpc("deploy", folder, "--app", app)
            #expect(deployed.code == 0 && deployed.output.hasPrefix("deployed demo/mark version 2"), "\(deployed)")
            let alias: Alias = try await client.ask(
                "Aliases/Create", CreateAliasRequest(app: app, function: function, name: "prod", version: 1))
            let _: Trigger = try await client.ask(
                "Triggers/Create",
                CreateTriggerRequest(app: app, name: "t", source: "/t", function: function, alias: "prod"))

            for (target, code) in [
                ("\(app)/\(function)", "two"), ("demo/\(function)@1", "one"),
                ("\(app)/mark@\(alias.meta.id)", "one"), ("\(app)/\(function)@latest", "two"),
            ] {
                let result = try daemon.fnrpc("invoke", target, "-d", "{}")
                #expect(result.code == 0 && result.output.contains(code), "\(target): \(result)")
            }
            let path = try daemon.fnrpc("invoke", app, "--path", "/t", "-d", "{}")
            #expect(path.code == 0 && path.output.contains("one"), "\(path)")

            // What was asked for by an alias has its name, however it was named.
            try await eventually("records of calls by the alias") {
                let named: ListCallsResponse = try await client.ask(
                    "Calls/List", ListCallsRequest(app: "demo", filter: "requested_alias = prod"))
                return named.calls.count == 2
            }
            for scope in [app, "\(app)/\(function)", "demo/\(function)"] {
                let list = try daemon.fnrpc("call", "list", scope, "--output", "json")
                let json = try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [String: Any]
                #expect(list.code == 0 && (json?["calls"] as? [Any])?.count == 5, "\(scope): \(list)")
            }
            let nobody = Identifier(high: 1, low: 2).description
            let missing = [
                try daemon.fnrpc("invoke", "\(nobody)/mark", "-d", "{}"),
                try daemon.fnrpc("invoke", "demo/mark@\(nobody)", "-d", "{}"),
                try daemon.fnrpc("deploy", folder, "--app", nobody), try daemon.fnrpc("call", "list", nobody),
            ]
            for result in missing { #expect(result.code == 3, "\(result)") }
            await client.close()
        }
    }
}
