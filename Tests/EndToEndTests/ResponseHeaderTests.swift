import FnrpcClient
import Foundation
import Testing

/// What a function's spec adds to its replies, and what a caller may say of paths, through a real daemon.
@Suite struct ResponseHeaderTests {
    private static let headers =
        "headers: {Cache-Control: no-store, X-Many: [a, b], Content-Type: text/html}\n"
    private static let expected = [
        Header("Cache-Control", "no-store"), Header("X-Many", "a"), Header("X-Many", "b"),
    ]

    private func read(_ stream: InvocationStream) async throws -> [UInt8] {
        try await stream.finish()
        var body: [UInt8] = []
        while let part = try await stream.receive() { body += part }
        return body
    }

    @Test func everyReplyHasTheHeadersOfItsFunction() async throws {
        try await withDaemon { daemon in
            for (name, script) in [("said", "cat"), ("silent", "cat >/dev/null"), ("failing", "exit 3")] {
                let folder = try daemon.write(
                    name,
                    [
                        "func.yaml": "name: \(name)\nruntime: shell\nentry: run.sh\nmemory: 32\n" + Self.headers,
                        "run.sh": script + "\n",
                    ])
                #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            }
            let client = try await daemon.client()
            for (name, body) in [("said", Array("hello".utf8)), ("silent", [])] {
                let reply = try await client.invoke(app: "demo", function: name, payload: Array("hello".utf8))
                #expect(reply.payload == body && reply.contentType == "text/html")
                #expect(reply.headers == Self.expected)
                let stream = try await client.invokeStream(app: "demo", function: name)
                try await stream.send(Array("hello".utf8))
                #expect(try await read(stream) == body)
                #expect(stream.contentType == "text/html" && stream.headers == Self.expected)
            }
            await #expect(throws: ClientError.self) {
                _ = try await client.invoke(app: "demo", function: "failing", payload: [])
            }
            // They are part of the version, and survive a restart.
            #expect(daemon.stop() == 0)
            try daemon.start()
            let again = try await client.invoke(app: "demo", function: "said", payload: [])
            #expect(again.headers == Self.expected)
            #expect(try daemon.fnrpc("fn", "get", "demo/said").output.contains("no-store"))
            await client.close()
        }
    }

    @Test func aFunctionsOwnTypeWins() async throws {
        try await withDaemon { daemon in
            // The echo answers with the caller's content type, and no headers.
            let folder = TestDaemon.repository.path + "/examples/echo-ttrpc"
            let yaml = try String(contentsOfFile: folder + "/func.yaml", encoding: .utf8)
            let copy = try daemon.write("echo-ttrpc", ["func.yaml": yaml + Self.headers])
            for file in ["echo", "echo.pb"] {
                try FileManager.default.copyItem(atPath: "\(folder)/\(file)", toPath: "\(copy)/\(file)")
            }
            let deployed = try daemon.fnrpc("deploy", copy, "--app", "demo")
            #expect(deployed.code == 0, "\(deployed.errors)")
            let client = try await daemon.client()
            let reply = try await client.invoke(
                app: "demo", function: "echo-ttrpc", payload: [1], contentType: "a/b")
            #expect(reply.contentType == "a/b" && reply.headers == Self.expected, "\(reply)")
            let stream = try await client.invokeStream(app: "demo", function: "echo-ttrpc", contentType: "a/b")
            try await stream.send([1, 2])
            #expect(try await read(stream) == [1, 2])
            #expect(stream.headers == Self.expected, "\(stream.contentType) \(stream.headers)")
            await client.close()
        }
    }

    @Test func callersAreToldWhatTheyMayNotSay() async throws {
        try await withDaemon { daemon in
            let folder = try daemon.write(
                "cat", ["func.yaml": "name: cat\nruntime: shell\nentry: run.sh\nmemory: 32\n", "run.sh": "cat\n"])
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            let client = try await daemon.client()
            func failure(_ target: InvocationTarget, _ headers: [Header] = []) async throws -> ClientError? {
                let unary = await #expect(throws: ClientError.self) {
                    _ = try await client.invoke(target, payload: [], headers: headers)
                }
                let stream = await #expect(throws: ClientError.self) {
                    try await read(try await client.invokeStream(target, headers: headers))
                }
                #expect(unary?.code == stream?.code && unary?.message == stream?.message, "\(stream as Any)")
                return unary
            }
            let cat = InvocationTarget.function(app: "demo", name: "cat")
            let forged = try await failure(cat, [Header("Fn_Http_Method", "GET")])
            #expect(forged?.code == .invalid && forged?.message.contains("Fn_Http_Method") == true)
            #expect(try await failure(.path(app: "demo", path: "/nothing"))?.code == .notFound)
            #expect(try await failure(.path(app: "demo", path: "/a/../b"))?.code == .invalid)
            #expect(
                try await failure(.function(app: "demo", name: "cat", revision: .alias("live")))?.code == .notFound)
            let latest = InvocationTarget.function(app: "demo", name: "cat", revision: .alias("latest"))
            #expect(try await client.invoke(latest, payload: [7]).payload == [7])
            #expect(try daemon.fnrpc("invoke", "demo/cat@latest", "-d", "x").output == "x")
            #expect(try daemon.fnrpc("invoke", "demo", "--path", "/x", "-d", "x").code == 3)
            await client.close()
        }
    }
}
