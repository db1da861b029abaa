import FnrpcClient
import Foundation
import Model
import Synchronization
import Testing

@testable import fnrpc

/// `fnrpc invoke` as a process: one message where the body fits, pieces where it does not.
@Suite struct InvokeTests {
    /// What the server got of one InvokeStream.
    private final class Received: Sendable {
        let bytes = Mutex(0)
        let largest = Mutex(0)
        let head = Mutex<[UInt32: String]>([:])
    }

    private static func message(payload: [UInt8] = [], type: String = "", credit: UInt64? = nil) -> [UInt8] {
        var writer = ProtobufWriter()
        if !payload.isEmpty { writer.field(1, payload) }
        if !type.isEmpty { writer.field(2, Array(type.utf8)) }
        if let credit { writer.field(7, value: .varint(credit)) }
        return writer.bytes
    }

    /// Echoes unary and streamed bodies; `silent` only counts and answers at the end, `fail` fails at once.
    private static func answers(
        _ request: TtrpcServer.Request, _ event: TtrpcServer.Event, _ received: Received
    ) -> [TtrpcServer.Answer] {
        guard request.method == "InvokeStream" else {
            var payload: [UInt8] = []
            var reader = ProtobufReader(request.payload[...])
            while let field = try? reader.next() {
                if case .bytes(let content) = field.value, field.number == 1 { payload = Array(content) }
            }
            return [.response(message(payload: payload, type: "text/x"), metadata: ["fn-call-id": "01CALL"])]
        }
        guard case .data(let bytes) = event else { return [] }
        var (payload, isEnd, credit) = ([UInt8](), false, UInt64(0))
        var reader = ProtobufReader(bytes[...])
        while let field = try? reader.next() {
            switch (field.number, field.value) {
            case (1, .bytes(let content)): payload = Array(content)
            case (7, .varint(let more)): credit = more
            case (8, .varint(let end)): isEnd = end != 0
            default: break
            }
        }
        let texts = TtrpcServer.texts(of: bytes)
        if texts[5] != nil {
            received.head.withLock { $0 = texts }
            if texts[5] == "fail" { return [.status(2, "exit code 1; see its log")] }
            return [.data(message(type: "text/y", credit: 512 << 10))]
        }
        received.bytes.withLock { $0 += payload.count }
        received.largest.withLock { $0 = max($0, payload.count) }
        let isSilent = received.head.withLock { $0[5] == "silent" }
        if isEnd {
            let count = Array(String(received.bytes.withLock { $0 }).utf8)
            return (isSilent ? [.data(message(payload: count))] : []) + [.finished]
        }
        guard !payload.isEmpty || credit > 0 else { return [] }
        // What comes back must fit into the caller's credit, so it may send as much as it has read.
        return [.data(message(payload: isSilent ? [] : payload, credit: isSilent ? UInt64(payload.count) : credit))]
    }

    private func invoke(
        _ arguments: [String], input: String = ""
    ) throws -> (result: FnrpcProcess.Result, received: Received, methods: [String]) {
        let scratch = try Scratch()
        let received = Received()
        let server = try TtrpcServer(scratch) { request, event in Self.answers(request, event, received) }
        defer { server.stop() }
        let result = try FnrpcProcess.run(["invoke"] + arguments + ["--address", server.address], input: input)
        return (result, received, server.requests.map(\.method))
    }

    @Test func whatFitsIsOneMessage() throws {
        let text = try invoke(["demo/echo", "-d", "Ada"])
        #expect(text.result.output == "Ada" && text.result.code == 0)
        #expect(text.methods == ["Invoke"])
        let stdin = try invoke(["demo/echo", "-d", "-"], input: "Bob")
        #expect(stdin.result.output == "Bob" && stdin.methods == ["Invoke"])
        let scratch = try Scratch()
        try scratch.write("body", "Eve")
        #expect(try invoke(["demo/echo", "-d", "@\(scratch.path)/body"]).result.output == "Eve")
        #expect(try invoke(["demo/echo", "-f", scratch.path + "/body", "--timeout", "3s"]).result.output == "Eve")
        let json = try invoke(["demo/echo", "-d", "Ada", "--output", "json"]).result.output
        #expect(json.contains("\"call_id\": \"01CALL\"") && json.contains("\"body\": \"Ada\""))
    }

    @Test func pathsAndAliasesAreSent() throws {
        func sent(_ arguments: [String], input: String = "") throws -> [UInt32: String] {
            let call = try invoke(arguments + ["--stream"], input: input)
            #expect(call.result.code == 0, "\(call.result.errors)")
            return call.received.head.withLock { $0 }
        }
        let alias = try sent(["demo/silent@live", "-d", "x"])
        #expect(alias[4] == "demo" && alias[5] == "silent" && alias[9] == "live" && alias[11] == nil)
        // The fake server answers what it takes for a function.
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch) { _, _ in [.response([])] }
        defer { server.stop() }
        for (arguments, method) in [
            (["--path", "/greet/42", "--query", "a=b", "-d", ""], "GET"),
            (["--path", "/greet/42", "--query", "a=b", "-d", "x"], "POST"),
            (["--path", "/greet/42", "--query", "a=b", "--method", "PATCH", "-d", ""], "PATCH"),
        ] {
            let result = try FnrpcProcess.run(["invoke", "demo"] + arguments + ["--address", server.address])
            #expect(result.code == 0, "\(result.errors)")
            let texts = TtrpcServer.texts(of: try #require(server.requests.last).payload)
            #expect(texts[4] == "demo" && texts[10] == method && texts[11] == "/greet/42" && texts[12] == "a=b")
        }
    }

    @Test func referencesAreReadAsTheyAreMeant() throws {
        func read(
            _ text: String, path: String? = nil, method: String? = nil, query: String? = nil
        ) throws -> InvocationTarget {
            try InvokeReference(text, path: path, method: method, query: query).target(hasBody: true)
        }
        #expect(try read("a/f") == .function(app: "a", name: "f"))
        #expect(try read("a/f@3") == .function(app: "a", name: "f", revision: .version(3)))
        #expect(try read("a/f@v3") == .function(app: "a", name: "f", revision: .alias("v3")))
        #expect(try read("a", path: "/x") == .path(app: "a", method: "POST", path: "/x"))
        let ids = (1...3).map { Identifier(high: 1, low: $0).description }
        #expect(try read("\(ids[0])/\(ids[1])") == .function(app: ids[0], name: ids[1]))
        #expect(
            try read("\(ids[0])/f@\(ids[2])") == .function(app: ids[0], name: "f", revision: .alias(ids[2])))
        #expect(try read(ids[0], path: "/x") == .path(app: ids[0], method: "POST", path: "/x"))
        for (text, path, method, words) in [
            ("a/f", "/x", nil, "app alone"), ("a", nil, nil, "APP/FUNCTION"), ("a/f@", nil, nil, "not a number"),
            ("a/f@0", nil, nil, "not a number"), ("a/f@99999999999", nil, nil, "not a number"),
            ("a/f@x y", nil, nil, "alias: "), ("a/f@x@y", nil, nil, "alias: "), ("a/f", nil, "GET", "--path"),
            ("a", "x", nil, "--path: "), ("a", "/../x", nil, "--path: "), ("a b", "/x", nil, "app: "),
        ] as [(String, String?, String?, String)] {
            let error = #expect(throws: Failure.self) { try read(text, path: path, method: method) }
            #expect(error?.message.contains(words) == true, "\(text): \(error as Any)")
        }
    }

    @Test func whatDoesNotFitIsStreamed() throws {
        let body = String(repeating: "0123456789abcdef", count: 400_000)
        let echo = try invoke(["demo/echo@3", "-d", "-"], input: body)
        let isSame = echo.result.output == body
        #expect(isSame, "\(echo.result.output.utf8.count) of \(body.utf8.count) bytes; \(echo.result.errors)")
        #expect(echo.methods == ["InvokeStream"])
        #expect(echo.received.largest.withLock { $0 } <= 256 << 10)
        let head = echo.received.head.withLock { $0 }
        #expect(head[2] == "application/octet-stream" && head[4] == "demo" && head[5] == "echo")
        let count = try invoke(["demo/silent", "-f", "-", "--content-type", "a/b"], input: body)
        #expect(count.result.output == "\(body.utf8.count)")
        #expect(count.received.head.withLock { $0[2] } == "a/b")
    }

    @Test func streamIsPieceByPiece() throws {
        let short = try invoke(["demo/echo", "-d", "Ada", "--stream"])
        #expect(short.result.output == "Ada" && short.methods == ["InvokeStream"])
        let json = try invoke(["demo/echo", "-d", "Ada", "--stream", "--output", "json"]).result.output
        #expect(json.contains("\"content_type\": \"text/y\"") && json.contains("\"body\": \"Ada\""))
        #expect(try invoke(["demo/echo", "--stream"]).result.output == "")
        // The answer to a part is there before the next is written.
        let scratch = try Scratch()
        let received = Received()
        let server = try TtrpcServer(scratch) { request, event in Self.answers(request, event, received) }
        defer { server.stop() }
        let process = FnrpcProcess.make(["invoke", "demo/echo", "-d", "-", "--stream", "--address", server.address])
        let (stdin, stdout) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardOutput = stdout
        try process.run()
        for part in ["one", "two"] {
            try stdin.fileHandleForWriting.write(contentsOf: Data(part.utf8))
            #expect(String(decoding: stdout.fileHandleForReading.availableData, as: UTF8.self) == part)
        }
        // Ctrl-C ends it although the input is still open.
        process.interrupt()
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
    }

    /// A call that ends before its body does: the command does not wait for more input.
    @Test func aCallThatFailsEndsTheReading() throws {
        let scratch = try Scratch()
        let received = Received()
        let server = try TtrpcServer(scratch) { request, event in Self.answers(request, event, received) }
        defer { server.stop() }
        let process = FnrpcProcess.make(["invoke", "demo/fail", "-d", "-", "--stream", "--address", server.address])
        let (stdin, errors) = (Pipe(), Pipe())
        process.standardInput = stdin
        process.standardError = errors
        try process.run()
        let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
        process.waitUntilExit()
        #expect(process.terminationStatus != 0)
        #expect(text == "fnrpc: exit code 1; see its log\n")
        try stdin.fileHandleForWriting.close()
    }
}

@Suite struct NounTests {
    private static func token() -> [UInt8] {
        var meta = ProtobufWriter()
        meta.field(2, Array("01JD5V7Q3M0K8T2W4X6Y9Z1ABC".utf8))
        meta.field(3, value: .varint(1))
        var token = ProtobufWriter()
        token.field(1, meta.bytes)
        token.field(2, Array("ci".utf8))
        token.field(3, Array("invoke:demo".utf8))
        return token.bytes
    }

    private static func answers(_ request: TtrpcServer.Request) -> [TtrpcServer.Answer] {
        var writer = ProtobufWriter()
        switch request.name {
        case "fnrpc.v1.Tokens/Create":
            writer.field(1, token())
            writer.field(2, Array("fnrpc_secret".utf8))
        case "fnrpc.v1.Tokens/List": writer.field(1, token())
        case "fnrpc.v1.Tokens/Revoke": writer.raw(token())
        case "fnrpc.v1.Connections/List":
            var info = ProtobufWriter()
            info.field(1, value: .varint(17))
            info.field(3, Array("uid 0".utf8))
            writer.field(1, info.bytes)
            writer.field(2, value: .varint(5))
        case "fnrpc.v1.Connections/Close": break
        default: return [.status(12, request.name)]
        }
        return [.response(writer.bytes)]
    }

    @Test func tokensAndConnections() throws {
        let scratch = try Scratch()
        let server = try TtrpcServer(scratch) { request, _ in Self.answers(request) }
        defer { server.stop() }
        func run(_ arguments: [String]) throws -> FnrpcProcess.Result {
            try FnrpcProcess.run(arguments + ["--address", server.address])
        }
        let create = ["token", "create", "ci", "--scope", "invoke:demo", "--scope", "read", "--lifetime", "1h"]
        #expect(try run(create).output == "fnrpc_secret\n")
        let sent = try #require(server.requests.last)
        #expect(sent.payload.suffix(7) == [0x18, 0x80, 0xC0, 0xE2, 0x85, 0xE3, 0x68])
        let json = try run(create + ["--output", "json"]).output
        #expect(json.contains("\"secret\": \"fnrpc_secret\"") && json.contains("\"invoke:demo\""))
        #expect(try run(["token", "list"]).output.contains("ci    invoke:demo  never    never"))
        #expect(try run(["token", "revoke", "ci"]).output == "revoked ci (01JD5V7Q3M0K8T2W4X6Y9Z1ABC)\n")
        let list = try run(["connection", "list"])
        #expect(list.output.contains("17  -          uid 0"))
        #expect(list.errors == "warning: these are the oldest 1 of 5 connections\n")
        #expect(try run(["connection", "close", "17"]).output == "closed connection 17\n")
        #expect(server.requests.last?.payload == [0x08, 17])
    }
}
