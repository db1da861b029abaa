import FnrpcClient
import Foundation
import Testing

/// A function that a newer fnrpcd has stored: it is there, and cannot be called, whatever leads to it.
@Suite struct NewerEntityTests {
    private static let targets = [
        ("now", "/now", "hello"), ("one", "/one", "hello@1"), ("live", "/live", "hello@live"),
        ("last", "/last", "hello@latest"),
    ]

    /// Rewrites the rows of a kind as a later version of the API would.
    private func age(_ kind: String, _ daemon: TestDaemon) throws {
        let script = """
            import sqlite3, sys
            database = sqlite3.connect(sys.argv[1])
            assert database.execute("UPDATE entities SET api_version = 7 WHERE kind = ?", [sys.argv[2]]).rowcount == 1
            database.commit()
            """
        let result = try TestDaemon.run(
            "/usr/bin/python3", ["-c", script, daemon.folder + "/data/fnrpc.db", kind])
        try #require(result.code == 0, "\(result.errors)")
    }

    private func fnrpc(_ daemon: TestDaemon, _ arguments: [String]) throws -> TestDaemon.CommandResult {
        try TestDaemon.run(
            TestDaemon.binaries + "/fnrpc", arguments, environment: ["FNRPC_ADDRESS": "unix:" + daemon.socket])
    }

    private func furnish(_ daemon: TestDaemon) throws {
        try daemon.deploy(
            "hello",
            [
                "func.yaml":
                    "name: hello\nruntime: python\nentry: func.handler\nformat: ttrpc\nservices: [one.Served]\n",
                "func.py": "def handler(**_):\n    return 1\n",
            ])
        let set = try fnrpc(daemon, ["alias", "set", "demo/hello", "live", "1"])
        try #require(set.code == 0, "\(set.errors)")
        for (name, path, target) in Self.targets {
            let made = try fnrpc(daemon, ["trigger", "create", "demo", name, path, target])
            try #require(made.code == 0, "\(made.errors)")
        }
    }

    @Test func whateverLeadsToItSaysSo() async throws {
        try await withDaemon { daemon in
            try furnish(daemon)
            let get = try fnrpc(daemon, ["fn", "get", "demo/hello", "--output", "json"])
            let json = try JSONSerialization.jsonObject(with: Data(get.output.utf8)) as? [String: Any]
            let id = try #require(json?["id"] as? String)
            #expect(daemon.stop() == 0)
            try age("function", daemon)
            try daemon.start()

            let connection = try RawConnection(unix: daemon.socket)
            defer { connection.close() }
            let byName = Proto.field(4, "demo") + Proto.field(5, "hello")
            let function = Proto.field(1, "demo") + Proto.field(2, "hello")
            let count = function + Proto.field(4, varint: 1)
            var calls: [(String, Bytes, [(String, String)])] = [
                (WireTests.invoke, byName, []), (WireTests.invoke, byName + Proto.field(6, varint: 1), []),
                (WireTests.invoke, byName + Proto.field(9, "live"), []), ("one.Served/Call", [], []),
                ("one.Served/Call", [], [("fnrpc-app", "demo")]), ("one.Served/Call", [], [("fnrpc-version", "1")]),
                ("fnrpc.v1.Workers/List", function, []), ("fnrpc.v1.Workers/Detach", function, []),
                ("fnrpc.v1.Workers/ScaleUp", count, []), ("fnrpc.v1.Workers/ScaleDown", count, []),
                ("fnrpc.v1.Functions/Get", function, []),
            ]
            calls += Self.targets.map { (WireTests.invoke, Proto.field(4, "demo") + Proto.field(11, $0.1), []) }
            for (method, payload, metadata) in calls {
                let answer = try connection.call(method, payload, metadata: metadata)
                #expect(answer.code == 9, "\(method): \(answer)")
                #expect(answer.message.contains("function \(id) has api_version 7"), "\(method): \(answer)")
            }
            // What calls it can be looked at.
            let list = try fnrpc(daemon, ["trigger", "list", "demo"])
            #expect(list.code == 0 && list.output.split(separator: "\n").count == 5, "\(list)")
            for (name, _, target) in Self.targets {
                let shown = try fnrpc(daemon, ["trigger", "get", "demo", name])
                let version = target.dropFirst("hello".count)
                #expect(shown.code == 0 && shown.output.contains(id), "\(shown)")
                if version != "@live" {
                    #expect(shown.output.contains("\(id)\(version)\n"))
                    #expect(list.output.contains("\(id)\(version) "))
                }
            }
            let migrated = try fnrpc(daemon, ["system", "migrate", "--to", "1"])
            #expect(migrated.code == 0 && migrated.output.contains("stays: \(id): "), "\(migrated)")
        }
    }

    /// The function can be read, one of its versions cannot.
    @Test func aVersionSaysSoItself() async throws {
        try await withDaemon { daemon in
            try furnish(daemon)
            #expect(daemon.stop() == 0)
            try age("version", daemon)
            try daemon.start()
            let connection = try RawConnection(unix: daemon.socket)
            defer { connection.close() }
            func answer(_ number: UInt64, _ text: String) throws -> String {
                let answer = try connection.call(WireTests.invoke, Proto.field(4, "demo") + Proto.field(number, text))
                return "\(answer.code) \(answer.message.contains("has api_version 7"))"
            }
            for (_, path, target) in Self.targets where target != "hello" {
                #expect(try answer(11, path) == "9 true", "\(path)")
            }
            let old = try connection.call("one.Served/Call", metadata: [("fnrpc-version", "1")])
            #expect(old.code == 9 && old.message.contains("has api_version 7"), "\(old)")
            // The working copy is another thing.
            #expect(try answer(11, "/now") == "0 false")
            let function = Proto.field(1, "demo") + Proto.field(2, "hello")
            #expect(try connection.call("fnrpc.v1.Workers/List", function).code == 0)
            let workers = try connection.call("fnrpc.v1.Workers/List", function + Proto.field(3, varint: 1))
            #expect(workers.code == 9 && workers.message.contains("has api_version 7"), "\(workers)")
        }
    }
}
