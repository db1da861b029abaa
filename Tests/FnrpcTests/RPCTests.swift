import FnrpcClient
import Foundation
import Model
import Testing
import Wire

@testable import fnrpc

/// The command as a process, against a server that we know by the protocol only.
@Suite struct RPCTests {
    private func withServer(_ body: (TtrpcServer, Descriptions) throws -> Void) throws {
        let scratch = try Scratch()
        let files = try Descriptions(Descriptions.everything)
        let set = files.bytes
        let server = try TtrpcServer(scratch) { request, event in Self.answers(request, event, set) }
        defer { server.stop() }
        try body(server, files)
    }

    private static func answers(
        _ request: TtrpcServer.Request, _ event: TtrpcServer.Event, _ set: [UInt8]
    ) -> [TtrpcServer.Answer] {
        var writer = ProtobufWriter()
        switch (request.name, event) {
        case ("fnrpc.v1.Reflection/GetFileDescriptorSet", _):
            writer.field(1, set)
            return [.response(writer.bytes)]
        case ("fnrpc.v1.Reflection/List", _):
            for (name, app) in [("fnrpc.v1.Apps", ""), ("t.Greeter", "demo")] {
                var info = ProtobufWriter()
                info.field(1, Array(name.utf8))
                if !app.isEmpty {
                    info.field(2, Array(app.utf8))
                    info.field(3, Array("hello".utf8))
                    info.field(4, value: .varint(1))
                }
                writer.field(1, info.bytes)
            }
            return [.response(writer.bytes)]
        case ("t.Greeter/Say", _):
            return [.response(request.payload, metadata: ["sent": request.metadata["k"] ?? ""])]
        case ("t.Greeter/Count", .request):
            return [.data(request.payload), .data([0x28, 2]), .data([]), .finished]
        case ("t.Greeter/Talk", .data(let bytes)): return [.data(bytes)]
        case ("t.Greeter/Talk", .finished): return [.data([0x40, 1]), .finished]
        case ("t.Greeter/Collect", .finished): return [.response([0x40, 1])]
        case (_, .request) where request.method == "Collect" || request.method == "Talk": return []
        case ("t.Greeter/Collect", _): return []
        default: return [.status(12, "service \(request.service)")]
        }
    }

    private func rpc(
        _ server: TtrpcServer, _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) throws -> FnrpcProcess.Result {
        try FnrpcProcess.run(
            ["rpc"] + arguments + ["--address", server.address], input: input, environment: environment)
    }

    @Test func unary() throws {
        try withServer { server, files in
            let data = #"{"aInt64":"5","aString":"x"}"#
            let compact = try rpc(server, ["t.Greeter/Say", "-d", data, "--compact"])
            #expect(compact.output == #"{"aInt64":"5","aString":"x"}"# + "\n")
            #expect(compact.code == 0 && compact.errors.isEmpty)
            let pretty = try rpc(server, ["t.Greeter.Say", "-d", "-", "--metadata", "k=v=w", "--verbose"], input: data)
            #expect(pretty.output == "{\n  \"aInt64\": \"5\",\n  \"aString\": \"x\"\n}\n")
            #expect(pretty.errors == "sent: v=w\n")
            #expect(try rpc(server, ["call", "t.Greeter/Say"]).output == "{}\n")
            let offline = try rpc(
                server, ["t.Greeter/Say", "--protoset", files.path, "--app", "demo", "--timeout", "5s"])
            #expect(offline.output == "{}\n")
            #expect(server.requests.last?.metadata["fnrpc-app"] == "demo")
            #expect(server.requests.map(\.name).filter { $0 == "fnrpc.v1.Reflection/GetFileDescriptorSet" }.count == 3)
        }
    }

    @Test func serverStreaming() throws {
        try withServer { server, _ in
            let result = try rpc(server, ["t.Greeter/Count", "-d", #"{"aInt32":1}"#, "--compact"])
            #expect(result.output == "{\"aInt32\":1}\n{\"aInt32\":2}\n{}\n")
            #expect(result.code == 0)
        }
    }

    @Test func clientStreaming() throws {
        try withServer { server, _ in
            let result = try rpc(server, ["t.Greeter/Collect", "-d", #"{"aInt32":1}{"aInt32":2}"#, "--compact"])
            #expect(result.output == "{\"aBool\":true}\n")
            #expect(try rpc(server, ["t.Greeter/Collect", "--compact"]).output == "{\"aBool\":true}\n")
        }
    }

    /// Each answer is there before the next message is written.
    @Test func bidirectional() throws {
        try withServer { server, _ in
            let process = FnrpcProcess.make(
                ["rpc", "t.Greeter/Talk", "-d", "-", "--compact", "--address", server.address])
            let (stdin, stdout) = (Pipe(), Pipe())
            process.standardInput = stdin
            process.standardOutput = stdout
            try process.run()
            for number in 1...3 {
                try stdin.fileHandleForWriting.write(contentsOf: Data("{\"aInt32\":\(number)}\n".utf8))
                let line = "{\"aInt32\":\(number)}\n"
                var got = ""
                while got.utf8.count < line.utf8.count {
                    let piece = stdout.fileHandleForReading.availableData
                    if piece.isEmpty { break }
                    got += String(decoding: piece, as: UTF8.self)
                }
                #expect(got == line)
            }
            try stdin.fileHandleForWriting.close()
            let rest = stdout.fileHandleForReading.readDataToEndOfFile()
            process.waitUntilExit()
            #expect(String(decoding: rest, as: UTF8.self) == "{\"aBool\":true}\n")
            #expect(process.terminationStatus == 0)
        }
    }

    @Test func mistakesInTheDataAreNamed() throws {
        try withServer { server, _ in
            let field = try rpc(server, ["t.Greeter/Say", "-d", #"{"nope":1}"#])
            #expect(field.code == 4)
            #expect(field.errors.hasPrefix("fnrpc: the message: \"nope\" is not a field of t.All; it has aDouble"))
            let many = try rpc(server, ["t.Greeter/Say", "-d", "{}{}"])
            #expect(many.code == 4 && many.errors.contains("takes one message"))
            let later = try rpc(server, ["t.Greeter/Talk", "-d", #"{"aInt32":1}{"aInt32":"x"}"#, "--compact"])
            #expect(later.code == 4)
            #expect(later.errors.contains("aInt32: \"x\" is not a whole number"))
            let cut = try rpc(server, ["t.Greeter/Collect", "-d", "-"], input: "{\"aInt32\":1}\n{\"aInt32\":")
            #expect(cut.code == 4 && cut.errors.contains("the text ends"))
            #expect(try rpc(server, ["t.Greeter/Say", "-d", "@/nowhere"]).code == 4)
            let method = try rpc(server, ["t.Greeter/Nope"])
            #expect(method.code == 3 && method.errors.contains("it has Say, Collect, Count, Talk"))
            // The daemon's own services are in the set without a name.
            #expect(try rpc(server, ["fnrpc.v1.Apps/List"]).code == 3)
            #expect(server.requests.last?.payload.isEmpty == true)
            let service = try rpc(server, ["t.Nope/Say"])
            #expect(server.requests.last?.payload.isEmpty == false)
            #expect(service.code == 3 && service.errors.contains("described are: t.Greeter"))
        }
    }

    @Test func listsAndDescriptions() throws {
        try withServer { server, files in
            let all = try rpc(server, ["list"])
            #expect(all.output.contains("fnrpc.v1.Apps  fnrpcd      no\n"))
            #expect(all.output.contains("t.Greeter      demo/hello  yes\n"))
            let methods = try rpc(server, ["list", "t.Greeter"])
            #expect(methods.output.contains("Talk     bidirectional     t.All  t.All\n"))
            #expect(try rpc(server, ["list", "--protoset", files.path]).output.contains("t.Greeter  -          yes"))
            let service = try rpc(server, ["describe", "t.Greeter"])
            #expect(service.output.hasPrefix("service t.Greeter {\n  rpc Say(t.All) returns (t.All);\n"))
            #expect(service.output.contains("  rpc Talk(stream t.All) returns (stream t.All);\n}\n"))
            #expect(try rpc(server, ["describe", "t.Nope"]).code == 3)
        }
    }

    @Test func tokensGoAlongFromFileAndEnvironment() throws {
        try withServer { server, _ in
            let scratch = try Scratch()
            try scratch.write("token", "  from-file\n")
            func sent(_ arguments: [String], _ environment: [String: String]) throws -> String? {
                _ = try rpc(server, ["t.Greeter/Say"] + arguments, environment: environment)
                return server.requests.last?.metadata["authorization"]
            }
            #expect(try sent([], [:]) == nil)
            #expect(try sent([], ["FNRPC_TOKEN": "abc"]) == "Bearer abc")
            #expect(try sent([], ["FNRPC_TOKEN_FILE": scratch.path + "/token"]) == "Bearer from-file")
            #expect(try sent(["--token-file", scratch.path + "/token"], ["FNRPC_TOKEN": "abc"]) == "Bearer from-file")
            let missing = try rpc(server, ["t.Greeter/Say", "--token-file", scratch.path + "/none"])
            #expect(missing.code == 4 && missing.errors.contains("--token-file"))
            let tls = try rpc(server, ["t.Greeter/Say", "--tls-ca", "x"])
            #expect(tls.code == 2 && tls.errors.contains("is without TLS"))
        }
    }
}

@Suite struct WarningTests {
    @Test func theVersionIsSentAndItsWarningShownOnce() throws {
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch) { _, event in
            guard case .request = event else { return [] }
            return [.response([], metadata: ["fnrpc-warning": "api_version 1 is \u{1B}[31mdeprecated"])]
        }
        defer { server.stop() }
        // Two calls: the connection and its list.
        let result = try FnrpcProcess.run(["fn", "get", "a/b", "--api-version", "1", "--address", server.address])
        #expect(!server.requests.isEmpty)
        for request in server.requests { #expect(request.metadata["fnrpc-api-version"] == "1") }
        let warnings = result.errors.split(separator: "\n").filter { $0.hasPrefix("warning: ") }
        #expect(warnings == ["warning: api_version 1 is  [31mdeprecated"])
        _ = try FnrpcProcess.run(["app", "list", "--address", server.address])
        #expect(server.requests.last?.metadata["fnrpc-api-version"] == nil)
        #expect(try FnrpcProcess.run(["app", "list", "--api-version", "x", "--address", server.address]).code == 2)
    }
}

@Suite struct StatusTests {
    @Test func everythingThatIsWrongIsShown() throws {
        let failure = Failure(.invalid, "memory: 0 is out of range; 4", further: ["pids: 1 \u{1B}[31mis", "no field"])
        let error = ClientError(.invalid, failure.message, status: failure.encodedStatus())
        #expect(
            Outcome(error).details == ["pids: 1 \u{1B}[31mis", "no field"]
                && Outcome(error).complaint == failure.message)
        #expect(Outcome(failure).details == failure.further)
        // A function's own words need not begin with the field.
        var foreign = ProtobufWriter()
        foreign.field(1, TtrpcServer.pair("name", "too short"))
        var any = ProtobufWriter()
        any.field(1, Array("type.googleapis.com/google.rpc.BadRequest".utf8))
        any.field(2, foreign.bytes)
        var status = ProtobufWriter()
        status.field(1, value: .varint(3))
        status.field(3, any.bytes)
        #expect(Outcome(ClientError(.invalid, "no", status: status.bytes)).details == ["name: too short"])
        #expect(Outcome(ClientError(.busy, "full", status: Failure(.busy, "full").encodedStatus())).details == [])
    }

    @Test func detailsOfAnErrorAreShown() throws {
        let scratch = try Scratch()
        var retry = ProtobufWriter()
        retry.field(1, [0x08, 1, 0x10, 0x80, 0xCA, 0xB5, 0xEE, 0x01])
        var quota = ProtobufWriter()
        quota.field(1, TtrpcServer.pair("max_queue", "full"))
        var info = ProtobufWriter()
        info.field(1, Array("BUSY".utf8))
        info.field(2, Array("fnrpc".utf8))
        let details = [
            ("google.rpc.RetryInfo", retry.bytes), ("google.rpc.QuotaFailure", quota.bytes),
            ("google.rpc.ErrorInfo", info.bytes), ("some.Other", [1, 2, 3]),
        ]
        let files = try Descriptions(Descriptions.everything)
        let server = try TtrpcServer(scratch) { request, event in
            guard case .request = event else { return [] }
            return [.status(8, "the queue is \u{1B}[31mfull; wait", details: details)]
        }
        defer { server.stop() }
        for method in ["Say", "Count", "Talk", "Collect"] {
            let result = try FnrpcProcess.run(
                ["rpc", "t.Greeter/\(method)", "--protoset", files.path, "--address", server.address])
            #expect(result.code == 7)
            #expect(
                result.errors
                    == """
                    fnrpc: the queue is  [31mfull; wait
                      status: RESOURCE_EXHAUSTED (8)
                      RetryInfo: {"retryDelay":"1.500s"}
                      QuotaFailure: {"violations":[{"subject":"max_queue","description":"full"}]}
                      ErrorInfo: {"reason":"BUSY","domain":"fnrpc"}
                      Other: {"value":"AQID"}

                    """)
        }
    }
}
