import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// PROTOCOL.md §18 says which method does what Qinling and Fn did, by which command, and with which codes: all of it is true.
struct OperationTableTests {
    private static let long = String(repeating: "x", count: 300)

    @Test(.timeLimit(.minutes(3)))
    func everyRowIsTrue() async throws {
        let rows = try Self.rows()
        #expect(rows.count > 50)
        var documented: [String: Set<Int>] = [:]
        for row in rows {
            #expect(documented[row.method] ?? row.codes == row.codes, "\(row.method) has two sets of codes")
            documented[row.method] = row.codes
        }
        try await withDaemon(["--max-versions", "3", "--allow-test-versions", "false"]) { daemon in
            for command in Set(rows.map(\.command)) {
                let help = try TestDaemon.run(
                    TestDaemon.binaries + "/fnrpc", command.split(separator: " ").map(String.init) + ["--help"])
                #expect(help.code == 0 && help.output.contains("USAGE: fnrpc \(command)"), "fnrpc \(command): \(help)")
            }
            let client = try await daemon.client()
            try await Self.furnish(daemon, client)
            var seen: [String: Set<Int>] = [:]
            for (method, expected, request) in Self.cases + (try Self.calls(daemon)) {
                let code = try await Self.code(client, method, request)
                #expect(code == expected, "\(method) \(request.bytes)")
                seen[method, default: []].insert(code)
            }
            seen["Routes/Delete", default: []].insert(try await Self.deletionOfABusyRoute(daemon, client))
            #expect(Set(seen.keys) == Set(documented.keys))
            for (method, codes) in documented { #expect(seen[method] == codes, "\(method)") }
            // What the text above the table says of all methods.
            for method in documented.keys where method != "Invocation/Invoke" {
                let code = try await Self.code(client, method, Soup(), [Header("fnrpc-api-version", "2")])
                #expect(code == 9, "\(method) in a test version")
            }
            await client.close()
        }
    }

    /// Every change, on a file system that stops while the daemon runs.
    @Test(
        .enabled(if: access("/usr/sbin/mkfs.ext4", X_OK) == 0, "ext4 cannot be made here"), .timeLimit(.minutes(2)))
    func everyChangeSaysWhatTheDiskSays() async throws {
        let methods = Set(try Self.rows().map(\.method))
        // Not in the daemon's folder: daemons of other tests, which have mount namespaces of their own, see it to their end.
        let disk = FileManager.default.temporaryDirectory.appending(path: "fnrpc-disk-\(UUID().uuidString)").path
        try Self.shell("mkdir \(disk) && truncate -s 64M \(disk).img && /usr/sbin/mkfs.ext4 -q \(disk).img")
        defer { for path in [disk, disk + ".img"] { try? FileManager.default.removeItem(atPath: path) } }
        try Self.shell("mount -o loop \(disk).img \(disk)")
        defer { umount2(disk, Int32(MNT_DETACH)) }
        try await withDaemon(["--data-dir", disk]) { daemon in
            let client = try await daemon.client()
            try await Self.furnish(daemon, client)
            let alias = Soup([1: "demo", 2: "hello", 3: "prod"]).with(4, 1)
            #expect(try await Self.code(client, "Aliases/Create", alias) == 0)
            let route = Soup([1: "v1", 2: "/hello", 3: "x"])
            #expect(try await Self.code(client, "Routes/Create", route) == 0)
            try Self.shell("mount -o remount,abort \(disk)")
            for (method, request) in Self.changes {
                let parts = method.split(separator: "/").map(String.init)
                let error = await #expect(throws: ClientError.self, "\(method)") {
                    _ = try await client.call(service: "fnrpc.v1." + parts[0], method: parts[1], payload: request.bytes)
                }
                #expect(error?.code == .internalError, "\(method): \(error as Any)")
                #expect(error?.message.contains("read-only") == true, "\(method): \(error as Any)")
            }
            let verbs = ["Create", "Update", "Delete", "Publish"]
            let changing = methods.filter { verbs.contains(String($0.split(separator: "/")[1])) }
            #expect(Set(Self.changes.map(\.0)) == changing)
            // Reads and calls go on.
            for (method, request) in [("Apps/Get", Soup([1: "demo"])), ("Functions/List", Soup([1: "demo"]))] {
                #expect(try await Self.code(client, method, request) == 0, "\(method)")
            }
            await client.close()
        }
    }

    private static func shell(_ script: String) throws {
        let result = try TestDaemon.run("/bin/sh", ["-c", script])
        try #require(result.code == 0, "\(script): \(result)")
    }

    /// Would succeed, each on its own, after ``furnish(_:_:)``.
    private static let changes: [(String, Soup)] = [
        ("Apps/Create", Soup([1: "new"])), ("Apps/Update", Soup([1: "demo", 7: "udp://h:1"])),
        ("Apps/Delete", Soup([1: "empty"])),
        ("Functions/Create", Soup([1: "demo", 2: "made"]).with(3, Soup([21: "x"]))),
        ("Functions/Update", hello.with(5, Soup().with(5, 64))), ("Functions/Delete", Soup([1: "demo", 2: "other"])),
        ("Versions/Publish", hello), ("Versions/Update", Soup([1: "demo", 2: "hello", 5: "words"]).with(3, 1)),
        ("Versions/Delete", Soup([1: "demo", 2: "other"]).with(3, 1)),
        ("Aliases/Create", Soup([1: "demo", 2: "hello", 3: "next"]).with(4, 1)),
        ("Aliases/Update", Soup([1: "demo", 2: "hello", 3: "prod", 10: "words"])),
        ("Aliases/Delete", Soup([1: "demo", 2: "hello", 3: "prod"])),
        ("Triggers/Create", Soup([1: "demo", 2: "t", 4: "/t", 5: "hello"])),
        ("Triggers/Update", Soup([1: "demo", 2: "taken", 5: "/moved"])),
        ("Triggers/Delete", Soup([1: "demo", 2: "taken"])),
        ("Routes/Create", Soup([1: "v1", 2: "/b", 3: "x"])), ("Routes/Update", Soup([1: "v1", 2: "/hello", 5: "y"])),
        ("Routes/Delete", Soup([1: "v1", 2: "/hello"])), ("Runtimes/Create", Soup([1: "more", 4: "/bin/sh"])),
        ("Runtimes/Update", Soup([1: "mine", 4: "words"])), ("Runtimes/Delete", Soup([1: "mine"])),
    ]

    /// A route goes with its function, which a call holds up.
    private static func deletionOfABusyRoute(_ daemon: TestDaemon, _ client: Client) async throws -> Int {
        #expect(try await code(client, "Routes/Create", Soup([1: "v1", 2: "/busy", 3: "x"])) == 0)
        let yaml = "name: route-busy\nruntime: shell\nentry: f.sh\nformat: default\n"
        try daemon.deploy("route-busy", ["func.yaml": yaml, "f.sh": "sleep 60\n"], app: "v1")
        let caller = try await daemon.client()
        async let call = code(caller, "Invocation/Invoke", Soup([4: "v1", 11: "/busy"]))
        try await eventually("the call runs") {
            let workers: ListWorkersResponse = try await client.ask(
                "Workers/List", WorkersRequest(app: "v1", function: "route-busy"))
            return workers.workers.contains { $0.calls == 1 }
        }
        let result = try await code(client, "Routes/Delete", Soup([1: "v1", 2: "/busy"]))
        // Ends the call.
        await caller.close()
        _ = try? await call
        return result
    }

    /// About a call that is recorded already.
    private static func calls(_ daemon: TestDaemon) throws -> [(String, Int, Soup)] {
        let called = try daemon.fnrpc("invoke", "demo/hello", "--data", "x")
        #expect(called.code == 0, "\(called.errors)")
        let list = try daemon.fnrpc("call", "list", "--output", "json")
        let json = try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [String: Any]
        let call = try #require((json?["calls"] as? [[String: Any]])?.first?["id"] as? String)
        return [("Calls/Get", 0, Soup([1: call])), ("Calls/Logs", 0, Soup([1: call]))]
    }

    private struct Row {
        let method: String
        let command: String
        let codes: Set<Int>
    }

    private static func rows() throws -> [Row] {
        let text = try String(contentsOf: TestDaemon.repository.appendingPathComponent("PROTOCOL.md"), encoding: .utf8)
        let section = try #require(text.components(separatedBy: "\n## 18. ").last)
        return section.split(separator: "\n").compactMap { line in
            let cells = line.split(separator: "|").map { $0.trimmingCharacters(in: CharacterSet(charactersIn: " `")) }
            guard cells.count == 5, cells[2].contains("/"), cells[3].hasPrefix("fnrpc ") else { return nil }
            return Row(
                method: cells[2], command: String(cells[3].dropFirst(6)),
                codes: Set(cells[4].split { ", ".contains($0) }.compactMap { Int($0) }))
        }
    }

    /// google.rpc.Code of the answer.
    private static func code(
        _ client: Client, _ method: String, _ request: Soup, _ metadata: [Header] = []
    ) async throws -> Int {
        let parts = method.split(separator: "/").map(String.init)
        let service = "fnrpc.v1." + parts[0]
        do throws(ClientError) {
            if parts[1] == "Download" {
                let stream = try await client.stream(
                    service: service, method: parts[1], kind: .serverStreaming, payload: request.bytes,
                    metadata: metadata)
                while try await stream.receive() != nil {}
            } else {
                _ = try await client.call(
                    service: service, method: parts[1], payload: request.bytes, metadata: metadata,
                    timeout: .seconds(60))
            }
            return 0
        } catch {
            // Field 1 of the Status, which comes first.
            return error.status.count > 1 && error.status[0] == 8 ? Int(error.status[1]) : -1
        }
    }

    /// Makes what the cases are about.
    private static func furnish(_ daemon: TestDaemon, _ client: Client) async throws {
        for (name, script) in [("hello", "cat\n"), ("other", "cat\n"), ("broken", "exit 7\n")] {
            let folder = try daemon.write(
                name, ["func.yaml": "name: \(name)\nruntime: shell\nentry: f.sh\nformat: default\n", "f.sh": script])
            let result = try daemon.fnrpc("deploy", folder, "--app", "demo")
            #expect(result.code == 0, "\(result.errors)")
        }
        let image = Soup([1: "demo", 2: "img"]).with(
            3, Soup([21: "fnproject/hello@sha256:" + String(repeating: "a", count: 64)]))
        for (method, request) in [
            ("Functions/Deploy", image), ("Functions/Create", serving), ("Apps/Create", Soup([1: "empty"])),
            ("Runtimes/Create", Soup([1: "mine", 4: "/bin/sh", 4: "{entry}"])),
            ("Triggers/Create", Soup([1: "demo", 2: "taken", 4: "/taken", 5: "hello"])),
        ] {
            #expect(try await code(client, method, request) == 0, "\(method)")
        }
    }

    private static let hello = Soup([1: "demo", 2: "hello"])
    private static let noApp = Soup([1: "nothing", 2: "nothing", 3: "nothing"])
    private static let noFunction = Soup([1: "demo", 2: "nothing"])
    private static let img = Soup([1: "demo", 2: "img"])
    private static let serving = Soup([1: "demo", 2: "serving"]).with(3, Soup([4: "ttrpc", 16: "a.B", 21: "x"]))
    private static let noID = "01M7YXG96TAN3ZSTVYSR9987F7"
    private static let badApp = Soup([1: "a/b", 2: "hello"])
    /// In the order in which they are tried: some change what later ones find.
    private static let cases: [(String, Int, Soup)] = versions + aliases + functions + triggers + rest + deletions

    private static let versions: [(String, Int, Soup)] = [
        ("Versions/Publish", 9, hello.with(4, 1)), ("Versions/Publish", 10, hello.with(7, 77)),
        ("Versions/Publish", 0, hello),
        ("Versions/Publish", 3, Soup([1: "demo", 2: "hello", 3: long])), ("Versions/Publish", 5, noApp),
        ("Versions/Publish", 0, hello), ("Versions/Publish", 8, hello),
        ("Versions/List", 0, hello), ("Versions/List", 3, Soup([1: "demo", 2: "hello", 4: "("])),
        ("Versions/List", 5, noFunction),
        ("Versions/Get", 0, hello.with(3, 1)), ("Versions/Get", 3, hello), ("Versions/Get", 5, hello.with(3, 77)),
        ("Versions/Download", 0, hello.with(3, 1)), ("Versions/Download", 3, hello),
        ("Versions/Download", 5, hello.with(3, 77)), ("Versions/Download", 9, img.with(3, 1)),
        ("Versions/Update", 0, Soup([1: "demo", 2: "hello", 5: "words"]).with(3, 1)), ("Versions/Update", 3, hello),
        ("Versions/Update", 5, hello.with(3, 77)), ("Versions/Update", 10, hello.with(3, 1).with(4, 99)),
        ("Workers/ScaleUp", 0, hello.with(4, 1)), ("Workers/ScaleUp", 3, hello), ("Workers/ScaleUp", 5, noFunction),
        ("Workers/ScaleUp", 9, hello.with(4, 1000)), ("Workers/ScaleUp", 12, img.with(4, 1)),
        ("Workers/ScaleDown", 0, hello.with(4, 1)), ("Workers/ScaleDown", 3, hello),
        ("Workers/ScaleDown", 5, noFunction.with(4, 1)), ("Workers/ScaleDown", 12, img.with(4, 1)),
        ("Workers/Detach", 0, hello), ("Workers/Detach", 3, badApp), ("Workers/Detach", 5, noFunction),
        ("Workers/Detach", 12, img),
    ]

    private static let aliases: [(String, Int, Soup)] = [
        ("Aliases/Create", 0, Soup([1: "demo", 2: "hello", 3: "prod"]).with(4, 1)),
        ("Aliases/Create", 3, Soup([1: "demo", 2: "hello", 3: "latest"]).with(4, 1)),
        ("Aliases/Create", 5, noApp), ("Aliases/Create", 6, Soup([1: "demo", 2: "hello", 3: "prod"]).with(4, 1)),
        ("Aliases/List", 0, hello), ("Aliases/List", 3, Soup([1: "demo", 2: "hello", 4: "("])),
        ("Aliases/List", 5, noFunction), ("Aliases/Get", 0, Soup([1: "demo", 2: "hello", 3: "prod"])),
        ("Aliases/Get", 3, Soup([1: "demo", 2: "hello", 3: "a b"])), ("Aliases/Get", 5, noApp),
        ("Aliases/Update", 0, Soup([1: "demo", 2: "hello", 3: "prod"]).with(6, 2)),
        ("Aliases/Update", 3, Soup([1: "demo", 2: "hello", 3: "prod"]).with(6, 2).with(8, 10_001)),
        ("Aliases/Update", 5, noApp), ("Aliases/Update", 10, Soup([1: "demo", 2: "hello", 3: "prod", 5: "other"])),
        ("Triggers/Create", 0, Soup([1: "demo", 2: "t", 4: "/t/:x", 5: "hello", 7: "prod"])),
        ("Aliases/Delete", 9, Soup([1: "demo", 2: "hello", 3: "prod"])), ("Aliases/Delete", 3, badApp),
        ("Aliases/Delete", 5, noApp), ("Aliases/Delete", 10, Soup([1: "demo", 2: "hello", 3: "prod"]).with(4, 99)),
    ]

    private static let functions: [(String, Int, Soup)] = [
        ("Functions/Create", 0, Soup([1: "demo", 2: "made"]).with(3, Soup([21: "x"]))),
        ("Functions/Create", 3, Soup([1: "demo", 2: "made"]).with(3, Soup([21: "demo:1"]))),
        ("Functions/Create", 5, Soup([1: "nothing", 2: "made"]).with(3, Soup([21: "x"]))),
        ("Functions/Create", 6, Soup([1: "demo", 2: "made"]).with(3, Soup([21: "x"]))),
        ("Functions/List", 0, Soup([1: "demo"])), ("Functions/List", 3, Soup([1: "demo", 3: "("])),
        ("Functions/List", 5, Soup([1: "nothing"])), ("Functions/Get", 0, hello), ("Functions/Get", 3, badApp),
        ("Functions/Get", 5, noFunction), ("Functions/Update", 0, hello.with(5, Soup().with(5, 64))),
        ("Functions/Update", 3, hello.with(5, Soup().with(5, 1))),
        ("Functions/Update", 3, hello.with(5, Soup([2: "../f.sh"]))),
        ("Functions/Update", 3, hello.with(5, Soup([2: "gone.sh"]))), ("Functions/Update", 5, noFunction),
        ("Functions/Update", 6, Soup([1: "demo", 2: "made"]).with(5, Soup([4: "ttrpc", 16: "a.B"]))),
        ("Functions/Update", 10, hello.with(3, 99)), ("Functions/Download", 0, hello),
        ("Functions/Download", 3, badApp), ("Functions/Download", 5, noFunction), ("Functions/Download", 9, img),
        ("Invocation/Invoke", 0, Soup([4: "demo", 5: "hello", 1: "hi"])),
        ("Invocation/Invoke", 0, Soup([4: "demo", 11: "/t/1"])),
        ("Invocation/Invoke", 3, Soup([4: "demo", 5: "hello", 11: "/t"])),
        ("Invocation/Invoke", 5, Soup([4: "demo", 5: "nothing"])),
        ("Invocation/Invoke", 2, Soup([4: "demo", 5: "broken"])),
        ("Invocation/Invoke", 12, Soup([4: "demo", 5: "img"])),
    ]

    private static let triggers: [(String, Int, Soup)] = [
        ("Triggers/Create", 3, Soup([1: "demo", 2: "u", 4: "t", 5: "hello"])), ("Triggers/Create", 5, noApp),
        ("Triggers/Create", 6, Soup([1: "demo", 2: "u", 4: "/t/:y", 5: "hello"])),
        ("Triggers/List", 0, Soup([1: "demo"])), ("Triggers/List", 3, Soup([1: "demo", 4: "("])),
        ("Triggers/List", 5, Soup([1: "nothing"])), ("Triggers/Get", 0, Soup([1: "demo", 2: "t"])),
        ("Triggers/Get", 3, badApp), ("Triggers/Get", 5, noFunction),
        ("Triggers/Update", 0, Soup([1: "demo", 2: "t", 5: "/moved/:x"])),
        ("Triggers/Update", 3, Soup([1: "demo", 2: "t", 5: "moved"])), ("Triggers/Update", 5, noFunction),
        ("Triggers/Update", 6, Soup([1: "demo", 2: "t", 5: "/taken"])),
        ("Triggers/Update", 10, Soup([1: "demo", 2: "t", 4: "other"])),
        ("Routes/Create", 0, Soup([1: "v1", 2: "/hello", 3: "x"])), ("Routes/Create", 3, Soup([1: "v1", 2: "/b"])),
        ("Routes/Create", 5, Soup([1: noID, 2: "/b", 3: "x"])),
        ("Routes/Create", 6, Soup([1: "v1", 2: "/hello", 3: "x"])), ("Routes/List", 0, Soup([1: "v1"])),
        ("Routes/List", 3, Soup([1: "v1", 4: "("])), ("Routes/List", 5, Soup([1: "nothing"])),
        ("Routes/Get", 0, Soup([1: "v1", 2: "/hello"])), ("Routes/Get", 3, Soup([1: "v1", 2: "hello"])),
        ("Routes/Get", 5, Soup([1: "v1", 2: "/nothing"])), ("Routes/Update", 0, Soup([1: "v1", 2: "/hello", 5: "y"])),
        ("Routes/Update", 3, Soup([1: "v1", 2: "/hello", 7: "sometimes"])),
        ("Routes/Update", 5, Soup([1: "v1", 2: "/nothing"])),
        ("Routes/Update", 10, Soup([1: "v1", 2: "/hello", 4: "/other"])),
        ("Triggers/Create", 0, Soup([1: "demo", 2: "pinned", 4: "/pinned", 5: "hello"]).with(6, 1)),
        ("Routes/Update", 9, Soup([1: "demo", 2: "/pinned", 7: "async"])),
        ("Triggers/Delete", 0, Soup([1: "demo", 2: "pinned"])),
    ]

    private static let rest: [(String, Int, Soup)] = [
        ("Runtimes/Create", 0, Soup([1: "more", 4: "/bin/sh"])), ("Runtimes/Create", 3, Soup([1: "more2"])),
        ("Runtimes/Create", 9, Soup([1: "more2", 3: "folder:/nonexist", 4: "/bin/sh"])),
        ("Runtimes/Create", 6, Soup([1: "more", 4: "/bin/sh"])), ("Runtimes/List", 0, Soup()),
        ("Runtimes/List", 3, Soup([2: "("])), ("Runtimes/Get", 0, Soup([1: "mine"])),
        ("Runtimes/Get", 3, Soup([1: "a b"])), ("Runtimes/Get", 5, Soup([1: "nothing"])),
        ("Runtimes/Update", 0, Soup([1: "mine", 4: "words"])), ("Runtimes/Update", 3, Soup([1: "mine", 4: long])),
        ("Runtimes/Update", 5, Soup([1: "nothing"])), ("Runtimes/Update", 9, Soup([1: "shell", 6: "/bin/false"])),
        ("Runtimes/Update", 10, Soup([1: "mine", 3: "other"])), ("Apps/List", 0, Soup()),
        ("Apps/List", 3, Soup([2: "("])), ("Apps/Create", 0, Soup([1: "another"])),
        ("Apps/Create", 3, Soup([1: "a/b"])),
        ("Apps/Create", 6, Soup([1: "demo"])), ("Apps/Get", 0, Soup([1: "demo"])), ("Apps/Get", 3, Soup([1: "a/b"])),
        ("Apps/Get", 5, Soup([1: "nothing"])), ("Apps/Update", 0, Soup([1: "demo", 7: "udp://h:1"])),
        ("Apps/Update", 3, Soup([1: "demo", 7: "h:1"])), ("Apps/Update", 5, Soup([1: "nothing"])),
        ("Apps/Update", 10, Soup([1: "demo", 3: "other"])), ("Calls/List", 0, Soup()),
        ("Calls/List", 3, Soup([4: "("])), ("Calls/List", 5, Soup([1: "nothing"])),
        ("Calls/Get", 3, Soup([1: "x"])), ("Calls/Get", 5, Soup([1: noID])),
        ("Calls/Logs", 3, Soup([1: "x"])), ("Calls/Logs", 5, Soup([1: noID])),
        ("System/Info", 0, Soup()), ("System/Info", 3, Soup([99: "x"])),
    ]

    private static let deletions: [(String, Int, Soup)] = [
        ("Versions/Delete", 3, hello), ("Versions/Delete", 5, hello.with(3, 77)),
        ("Versions/Delete", 9, hello.with(3, 2)),
        ("Versions/Delete", 10, hello.with(3, 3).with(4, 99)), ("Versions/Delete", 0, hello.with(3, 3)),
        ("Functions/Delete", 3, badApp), ("Functions/Delete", 5, noFunction), ("Functions/Delete", 9, hello),
        ("Functions/Delete", 10, Soup([1: "demo", 2: "other"]).with(3, 99)),
        ("Functions/Delete", 0, Soup([1: "demo", 2: "other"])),
        ("Triggers/Delete", 3, badApp), ("Triggers/Delete", 5, noFunction),
        ("Triggers/Delete", 10, Soup([1: "demo", 2: "t"]).with(3, 99)),
        ("Triggers/Delete", 0, Soup([1: "demo", 2: "t"])),
        ("Aliases/Delete", 0, Soup([1: "demo", 2: "hello", 3: "prod"])),
        ("Routes/Delete", 3, Soup([1: "v1", 2: "hello"])), ("Routes/Delete", 5, Soup([1: "v1", 2: "/nothing"])),
        ("Routes/Delete", 10, Soup([1: "v1", 2: "/hello"]).with(3, 99)),
        ("Routes/Delete", 0, Soup([1: "v1", 2: "/hello"])), ("Runtimes/Delete", 3, Soup([1: "a b"])),
        ("Runtimes/Delete", 5, Soup([1: "nothing"])), ("Runtimes/Delete", 9, Soup([1: "shell"])),
        ("Runtimes/Delete", 10, Soup([1: "mine"]).with(2, 99)), ("Runtimes/Delete", 0, Soup([1: "mine"])),
        ("Apps/Delete", 3, Soup([1: "a/b"])), ("Apps/Delete", 5, Soup([1: "nothing"])),
        ("Apps/Delete", 9, Soup([1: "demo"])), ("Apps/Delete", 10, Soup([1: "empty"]).with(2, 99)),
        ("Apps/Delete", 0, Soup([1: "empty"])),
    ]
}
