import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Testing

@testable import fnrpc

@Suite struct OutcomeTests {
    @Test(
        arguments: [
            (Failure.Code.notFound, 3), (.invalid, 4), (.tooLarge, 4), (.exists, 4), (.conflict, 4), (.precondition, 4),
            (.functionFailed, 5), (.timeout, 6), (.busy, 7), (.unavailable, 8), (.notPermitted, 9), (.internalError, 1),
            (.unimplemented, 1), (.cancelled, 1),
        ] as [(Failure.Code, Int32)])
    func codes(code: Failure.Code, exit: Int32) throws {
        #expect(Outcome(Failure(code, "words")) == Outcome(exitCode: exit, complaint: "words"))
        let client = try #require(ClientError.Code(rawValue: code.rawValue))
        let outcome = Outcome(ClientError(client, "words.", callID: "01X"))
        #expect(outcome.exitCode == exit)
        #expect(outcome.complaint.hasPrefix("words; "))
        #expect(!outcome.complaint.contains("\n"))
    }

    @Test func theFailedCallLeadsToItsLog() {
        let outcome = Outcome(ClientError(.functionFailed, "exit code 1", callID: "01X"))
        #expect(outcome.complaint == "exit code 1; see fnrpc call logs 01X")
        // Advice of the daemon's own is not doubled.
        #expect(Outcome(ClientError(.busy, "full; come back")).complaint == "full; come back")
    }

    @Test(arguments: [
        ["frob"], ["init"], ["init", "a/b", "--runtime", "python"], ["init", "a", "--runtime", "go"],
        ["init", "a", "--runtime", "shell", "--format", "ttrpc"], ["deploy", "x"], ["deploy", "x", "--app", "a/b"],
        ["invoke", "demo"], ["invoke", "demo/x@0"], ["invoke", "demo/x", "-d", "a", "-f", "b"],
        ["invoke", "demo/x", "--timeout", "nan"], ["app", "list", "--output", "xml"],
        ["app", "list", "--address", "here"], ["app", "list", "--address", ""], ["call", "get", "x"],
        ["call", "list", "--limit", "0"], ["call", "list", "a/b@1"], ["version", "list", "a/b@1"], ["fn", "get", "a"],
        ["system", "frob"], ["rpc"], ["rpc", "S"], ["rpc", "S/M", "--metadata", "x"],
        ["rpc", "S/M", "--timeout", "soon"],
        ["rpc", "S/M", "--app", "a/b"], ["token", "create", "ci"], ["token", "create", "ci", "--scope", "root"],
        ["token", "create", "a/b", "--scope", "read"], ["connection", "close", "x"],
        ["app", "list", "--address", "tls:h:1", "--tls-cert", "c"], ["app", "list", "--tls-ca", "c"],
    ])
    func badUsage(arguments: [String]) async {
        let outcome = await Outcome.running(arguments)
        #expect(outcome.exitCode == 2)
        #expect(outcome.complaint.contains("; see fnrpc"))
        #expect(!outcome.complaint.contains("\n"))
    }

    @Test(arguments: [
        ["init"], ["deploy"], ["invoke"], ["app", "list"], ["app", "get"], ["fn", "list"], ["fn", "get"],
        ["version", "list"], ["call", "list"], ["call", "get"], ["call", "logs"], ["system", "info"],
        ["token", "create"], ["token", "list"], ["token", "revoke"], ["connection", "list"], ["connection", "close"],
        ["rpc", "call"], ["rpc", "list"], ["rpc", "describe"],
    ])
    func everyCommandHasHelpWithAnExample(command: [String]) async {
        let outcome = await Outcome.running(command + ["--help"])
        #expect(outcome.exitCode == 0)
        let shown = command == ["rpc", "call"] ? ["rpc"] : command
        #expect(outcome.help.contains("Example: fnrpc " + shown.joined(separator: " ")))
        // These have one form only: JSON, and .proto.
        let hasForms = ![["init"], ["rpc", "call"], ["rpc", "describe"]].contains(command)
        #expect(outcome.help.contains("--output <output>") == hasForms)
        #expect(outcome.help.contains("--address") == (command != ["init"]))
    }

    @Test(arguments: [
        ["app", "list"], ["app", "get", "a"], ["fn", "list", "a"], ["fn", "get", "a/b"], ["fn", "get", "a/b@2"],
        ["version", "list", "a/b"], ["call", "list"], ["call", "get", "01JD5V7Q3M0K8T2W4X6Y9Z1ABC"],
        ["call", "logs", "01JD5V7Q3M0K8T2W4X6Y9Z1ABC"], ["system", "info"], ["invoke", "a/b", "-d", "x"],
        ["rpc", "S/M"], ["rpc", "list"], ["rpc", "describe", "S"], ["token", "list"], ["token", "revoke", "x"],
        ["token", "create", "x", "--scope", "read"], ["connection", "list"], ["connection", "close", "1"],
        ["invoke", "a/b", "-d", "x", "--stream"],
    ])
    func noDaemon(arguments: [String]) async {
        let outcome = await Outcome.running(arguments + ["--address", "unix:/nowhere/fnrpc.sock"])
        #expect(outcome.exitCode == 8)
        #expect(outcome.complaint.contains("unix:/nowhere/fnrpc.sock"))
        #expect(!outcome.complaint.contains("\n"))
    }

    @Test func aFolderThatCannotBeDeployedIsRefused() async throws {
        let scratch = try Scratch()
        let address = ["--app", "demo", "--address", "unix:/nowhere/fnrpc.sock"]
        #expect(await Outcome.running(["deploy", scratch.path + "/none"] + address).exitCode == 4)
        #expect(await Outcome.running(["deploy", scratch.path] + address).complaint.contains("has no func.yaml"))
        try scratch.write("func.yaml", "runtime: python\nentry: func.handler\nmemory: 0\n")
        let memory = await Outcome.running(["deploy", scratch.path + "/"] + address)
        #expect(
            memory
                == Outcome(
                    exitCode: 4, complaint: "\(scratch.path)/func.yaml:3: memory: 0 is out of range; 4 to 65536 MiB"))
        try scratch.write("func.yaml", "runtime: python\nentry: f.h\nconfig: {A=: x}\nannotations: {a b: x, c d: y}\n")
        let several = await Outcome.running(["deploy", scratch.path] + address)
        #expect(several.complaint.contains("/func.yaml:3: config: "))
        #expect(several.details.count == 2 && several.details.allSatisfy { $0.contains("/func.yaml:4: annotations: ") })
        try scratch.write("func.yaml", "name: x\nruntime: python\nentry: func.handler\n")
        let entry = await Outcome.running(["deploy", scratch.path] + address)
        #expect(entry.exitCode == 4)
        #expect(entry.complaint.contains("/func.yaml:3: entry: \"func.handler\" needs func.py"))
        try scratch.write("func.py", "")
        #expect(await Outcome.running(["deploy", scratch.path] + address).exitCode == 8)
        try scratch.write("func.yml", "")
        #expect(
            await Outcome.running(["deploy", scratch.path] + address).complaint.contains("both func.yaml and func.yml"))
    }

    @Test func descriptorsAreCheckedBeforeTheDeploy() async throws {
        let files = try Descriptions(Descriptions.everything)
        let scratch = try Scratch()
        let address = ["--app", "demo", "--address", "unix:/nowhere/fnrpc.sock"]
        func complaint(_ services: String) async throws -> String {
            try scratch.write(
                "func.yaml", "runtime: python\nentry: f.h\nservices: [\(services)]\ndescriptor_set: api/set.pb\n")
            return await Outcome.running(["deploy", scratch.path] + address).complaint
        }
        try scratch.write("f.py", "")
        #expect(try await complaint("t.Greeter").contains("func.yaml:4: descriptor_set: \"api/set.pb\" does not exist"))
        try scratch.write("api/set.pb", "not a set")
        #expect(try await complaint("t.Greeter").contains("is not a FileDescriptorSet"))
        let copied = try run(["cp", files.path, "api/set.pb"], directory: scratch.path)
        #expect(copied.status == 0)
        #expect(try await complaint("t.Greeter").contains("unix:/nowhere/fnrpc.sock"))
        #expect(
            try await complaint("t.Greeter, t.Other").hasSuffix(
                ":4: descriptor_set: \"api/set.pb\" does not describe t.Other; it describes t.Greeter"))
        try scratch.write(".fnrpcignore", "api/\n")
        #expect(try await complaint("t.Greeter").contains("is not packed, because .fnrpcignore names it"))
        try scratch.write(".fnrpcignore", "")
        try scratch.write("api/set.pb", String(repeating: "x", count: (256 << 10) + 1))
        #expect(try await complaint("t.Greeter").contains("262145 bytes; at most 262144"))
    }

    @Test func theVersionIsKnown() async {
        let outcome = await Outcome.running(["--version"])
        #expect(outcome == Outcome(exitCode: 0, help: "fnrpc \(Release.version)\n"))
    }

    @Test func theAddressComesFromTheFlagThenTheEnvironment() throws {
        let plain = try ConnectionOptions.parse([])
        #expect(try plain.resolved([:]).description == "unix:/run/fnrpc/fnrpc.sock")
        #expect(try plain.resolved(["FNRPC_ADDRESS": ""]).description == "unix:/run/fnrpc/fnrpc.sock")
        #expect(try plain.resolved(["FNRPC_ADDRESS": "tcp:h:1"]).description == "tcp:h:1")
        let flagged = try ConnectionOptions.parse(["--address", "unix:/x"])
        #expect(try flagged.resolved(["FNRPC_ADDRESS": "tcp:h:1"]).description == "unix:/x")
        #expect(throws: ValidationError.self) { try plain.resolved(["FNRPC_ADDRESS": "h:1"]) }
    }
}

@Suite struct OutputTests {
    @Test func jsonIsStable() {
        let value = JSON.object([
            "b": .array([.integer(-1), .unsigned(.max), .null, .bool(true)]), "a": .string("q\"\\/\n\u{1}é"),
            "c": .object([:]), "d": .array([]), "e": .number(1.5),
        ])
        #expect(
            value.text()
                == #"{"a":"q\"\\/\n\u0001é","b":[-1,18446744073709551615,null,true],"c":{},"d":[],"e":1.5}"#)
        #expect(JSON.object(["a": .array([.null])]).text(pretty: true) == "{\n  \"a\": [\n    null\n  ]\n}")
        #expect(JSON.body([0xFF], "body") == ["body_base64": .string("/w==")])
    }

    @Test func tablesCannotDriveTheTerminal() {
        var table = Table("A", "BB")
        table.rows = [["1", "x\u{1B}[2Jy\nz"], ["long", ""]]
        #expect(table.text == "A     BB\n1     x [2Jy z\nlong\n")
        // Those that turn text around, and their neighbours, which do not.
        for scalar in ["\u{202A}", "\u{202E}", "\u{2066}", "\u{2069}", "\u{200E}", "\u{200F}", "\u{61C}"] {
            let hex = scalar.unicodeScalars.map { String($0.value, radix: 16) }.joined()
            let code = String(repeating: "0", count: 4 - hex.count) + hex
            #expect(Terminal.harmless("a\(scalar)b") == "a b")
            #expect(quoted("a\(scalar)b") == "\"a\\u{\(code.uppercased())}b\"")
            #expect(JSON.string(scalar).text() == "\"\\u\(code)\"")
        }
        let neighbours = "\u{200D}\u{2010}\u{2029}\u{202F}\u{2065}\u{206A}\u{61D}é"
        #expect(Terminal.harmless(neighbours).unicodeScalars.elementsEqual(neighbours.unicodeScalars))
    }

    @Test(
        arguments: [
            (0, "0 ns"), (999, "999 ns"), (1500, "1.5 µs"), (12_345_000, "12.3 ms"), (123_456_000, "123 ms"),
            (30_000_000_000, "30 s"),
        ] as [(UInt64, String)])
    func durations(nanos: UInt64, text: String) {
        #expect(Shown.duration(nanos) == text)
    }

    @Test(arguments: [
        ("", ""), ("{}", "application/json"), (" [1]\n", "application/json"), ("{nope", "text/plain"),
        ("Ada", "text/plain"), ("  ", "text/plain"),
    ])
    func bodiesHaveAType(text: String, type: String) {
        #expect(CallBody(Array(text.utf8)).contentType == type)
        #expect(CallBody([0xFF, 0x00]).contentType == "application/octet-stream")
    }

    @Test func aBodyOverTheLimitIsReadOnlyInPart() async throws {
        let scratch = try Scratch()
        try scratch.write("big", String(repeating: "x", count: CallBody.unaryBytes + 1))
        for option in [(nil, scratch.path + "/big"), ("@\(scratch.path)/big", nil)] as [(String?, String?)] {
            var big = try CallBody(data: option.0, file: option.1)
            #expect(!big.isWhole && big.bytes.isEmpty)
            try await big.fill(CallBody.unaryBytes)
            #expect(!big.isWhole)
            #expect(big.contentType == "application/octet-stream")
            var count = 0
            while let piece = try await big.next() { count += piece.count }
            #expect(count == CallBody.unaryBytes + 1)
        }
        try scratch.write("fits", String(repeating: "x", count: CallBody.unaryBytes))
        var fits = try CallBody(data: nil, file: scratch.path + "/fits")
        try await fits.fill(CallBody.unaryBytes)
        #expect(fits.isWhole && fits.bytes.count == CallBody.unaryBytes)
        let missing = #expect(throws: Failure.self) { try CallBody(data: nil, file: scratch.path + "/none") }
        #expect(missing?.code == .invalid)
    }

    /// A read that waits for ever ends when it is stopped, and leaves the descriptor's data alone.
    @Test func aReadCanBeStopped() async throws {
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        let reader = try InputReader(descriptor: ends[0], name: "pipe", isOwned: true)
        #expect(write(ends[1], "ab", 2) == 2)
        #expect(try await reader.next() == Array("ab".utf8))
        async let waiting = reader.next()
        reader.stop()
        #expect(try await waiting == nil)
        close(ends[1])
    }
}

@Suite struct OptionTests {
    @Test(
        arguments: [
            ("5s", 5_000_000_000), ("1.5", 1_500_000_000), ("500ms", 500_000_000), ("2m", 120_000_000_000),
            ("720h", 2_592_000_000_000_000), ("3us", 3000), ("0", 0), ("0s", 0), ("0ms", 0), ("0.1us", nil), ("", nil),
            ("s", nil), ("-1s", nil),
            ("nan", nil),
            ("1d", nil), ("1e9", nil), ("0x5", nil), ("99999999h", nil),
        ] as [(String, UInt64?)])
    func spans(text: String, nanos: UInt64?) {
        #expect(TimeSpan(argument: text)?.nanoseconds == nanos)
    }

    @Test func methods() throws {
        #expect(try MethodReference("a.b.S/M") == MethodReference("a.b.S.M"))
        #expect(try MethodReference("/a.b.S/M").service == "a.b.S")
        #expect(try MethodReference("S/M").method == "M")
        for bad in ["", "M", "/M", "S/", "a/b/c", "."] {
            #expect(throws: Failure.self) { try MethodReference(bad) }
        }
    }

    @Test func tlsComesFromFlagsThenTheEnvironment() throws {
        let address = try Address("tls:h:1")
        let environment = ["FNRPC_TLS_CA": "/ca", "FNRPC_TLS_NAME": "n", "FNRPC_TOKEN": "t\n"]
        let flagged = try ConnectionOptions.parse(["--tls-ca", "/own", "--address", "tls:h:1"])
        let options = try flagged.options(for: address, environment)
        #expect(options.tls == TLSOptions(caFile: "/own", serverName: "n"))
        #expect(options.token == "t")
        #expect(throws: ValidationError.self) {
            try flagged.options(for: address, ["FNRPC_TLS_CERT": "/cert"])
        }
        // Variables for other daemons do not matter to a socket; a flag is a mistake.
        let plain = try ConnectionOptions.parse([])
        #expect(try plain.options(for: .standard, environment).tls == nil)
        #expect(throws: (any Error).self) { try ConnectionOptions.parse(["--tls-ca", "/own"]) }
    }
}
