import Foundation
import Testing

/// Requests that the function's format cannot take: their callers' mistakes, and nobody else's.
@Suite struct RefusedRequestTests {
    /// Answers each line with how many have come; `cloudevent` takes it for an event, `json` for an answer.
    private static let counter = """
        count=0
        while read -r call; do
            count=$((count + 1))
            echo "{\\"contentType\\":\\"text/plain\\",\\"data\\":\\"$count\\",\\"body\\":\\"$count\\"}"
        done

        """

    private func deploy(_ name: String, format: String, to daemon: TestDaemon) throws {
        try daemon.deploy(
            name,
            [
                "func.yaml": "name: \(name)\nruntime: shell\nentry: run.sh\nformat: \(format)\nmax_containers: 1\n",
                "run.sh": Self.counter,
            ])
    }

    private func record(_ answer: Answer, _ daemon: TestDaemon) async throws -> String {
        let id = answer.metadata["fn-call-id"] ?? ""
        var record = ""
        try await eventually("the call is recorded") {
            let shown = try daemon.fnrpc("call", "get", id, "--output", "json")
            record = shown.output
            return shown.code == 0
        }
        return record
    }

    private func stream(_ connection: RawConnection, _ function: String, _ parts: Bytes...) throws -> Answer {
        let id = try connection.open(WireTests.invokeStream, flags: 0x02)
        for (index, part) in parts.enumerated() {
            try connection.send(.data(id, (index == 0 ? WireTests.invocation(function) : []) + part))
        }
        try connection.send(.end(id))
        return try connection.answer(id)
    }

    @Test func aBodyThatIsNoJSONIsTheCallersMistake() async throws {
        try await withDaemon { daemon in
            try deploy("event", format: "cloudevent", to: daemon)
            let connection = try RawConnection(unix: daemon.socket)
            let event = Proto.field(2, "application/cloudevents+json")
            let extensions = Proto.field(1, #"{"extensions":1}"#) + event
            for (body, message) in [
                (Proto.field(1, "nonsense"), "payload: is not JSON, which format cloudevent takes alone: "),
                (Proto.field(1, "{} {}"), "payload: is not JSON"),
                (Proto.field(1, "[1]") + event, "payload: is not a JSON object"),
                (extensions, "payload: is not a JSON object"),
            ] {
                let refused = try connection.call(WireTests.invoke, WireTests.invocation("event") + body)
                #expect(refused.code == 3 && refused.reason == "INVALID" && refused.field == "payload", "\(refused)")
                #expect(refused.message.hasPrefix(message), "\(refused)")
                let record = try await record(refused, daemon)
                #expect(record.contains(#""status": "error""#) && record.contains(#""started_at": null"#), "\(record)")
            }
            // None of them has cost a container.
            #expect(try daemon.fnrpc("system", "info").output.contains("containers:      0"))
            let command = try daemon.fnrpc("invoke", "demo/event", "-d", "nonsense")
            #expect(command.code == 4 && !command.errors.contains("the function failed"), "\(command)")
            #expect(try daemon.fnrpc("invoke", "demo/event", "-d", "{}").output == "1")
            // Of a stream it shows only when all has come; the container stays all the same.
            let streamed = try stream(connection, "event", Proto.field(1, "non"), Proto.field(1, "sense"))
            #expect(streamed.code == 3 && streamed.reason == "INVALID", "\(streamed)")
            #expect(streamed.message.hasPrefix("payload: is not JSON"), "\(streamed)")
            #expect(try await record(streamed, daemon).contains(#""status": "error""#))
            #expect(try daemon.fnrpc("invoke", "demo/event", "-d", "[2]").output == "2")
            #expect(try !daemon.fnrpc("call", "list", "demo/event").output.contains("failed"))
        }
    }

    @Test func aStreamedBodyIsAsLongAsItsCallerSays() async throws {
        try await withDaemon { daemon in
            try deploy("web", format: "http", to: daemon)
            let connection = try RawConnection(unix: daemon.socket)
            let length = Proto.field(3, Proto.field(1, "Content-Length") + Proto.field(2, "3"))
            for (body, message) in [("ab", "the body has 2 bytes"), ("abcd", "the body is longer")] {
                let refused = try stream(connection, "web", length + Proto.field(1, body))
                #expect(refused.code == 3 && refused.reason == "INVALID", "\(refused)")
                #expect(refused.message.hasPrefix("payload: " + message), "\(refused)")
            }
        }
    }

    @Test(arguments: ["default", "json", "http", "http-stream", "cloudevent"])
    func headersThatAreNoneAreRefused(format: String) async throws {
        try await withDaemon { daemon in
            try deploy("it", format: format, to: daemon)
            let connection = try RawConnection(unix: daemon.socket)
            func header(_ name: String, _ value: String) -> Bytes {
                Proto.field(3, Proto.field(1, name) + Proto.field(2, value))
            }
            let cases: [(Bytes, String)] = [
                (header("X-Bad\r\nInjected", "1"), #"headers: "X-Bad\r\nInjected" is no name"#),
                (header("X-Bad", "1\r\nInjected: 2"), #"headers: the value of "X-Bad" has a control character"#),
                (header("Fine", "ü\t") + header("X-Bad", "\n"), #"headers: the value of "X-Bad" has a control"#),
                (header("X Bad", "1"), #"headers: "X Bad" is no name"#), (header("", "1"), #"headers: "" is no name"#),
                (Proto.field(2, "text/plain\r\nInjected: 2"), "content_type: has a control character"),
            ]
            for (bad, message) in cases {
                let unary = try connection.call(WireTests.invoke, WireTests.invocation("it") + bad)
                for refused in [unary, try stream(connection, "it", bad)] {
                    #expect(refused.code == 3 && refused.reason == "INVALID", "\(refused)")
                    #expect(refused.message.hasPrefix(message) && !refused.message.contains(": 2"), "\(refused)")
                    #expect(refused.metadata["fnrpc-version"] == "1")
                }
            }
            #expect(try daemon.fnrpc("system", "info").output.contains("containers:      0"))
        }
    }

    /// With `ttrpc` a header is a message like any other.
    @Test func ttrpcFunctionsGetHeadersAsTheyAre() async throws {
        try await withDaemon { daemon in
            let echo = TestDaemon.repository.path + "/examples/echo-ttrpc"
            #expect(try daemon.fnrpc("deploy", echo, "--app", "demo").code == 0)
            let connection = try RawConnection(unix: daemon.socket)
            let header = Proto.field(3, Proto.field(1, "a\r\nb") + Proto.field(2, "c\r\nd"))
            let answer = try connection.call(WireTests.invoke, WireTests.invocation("echo-ttrpc") + header)
            #expect(answer.code == 0, "\(answer)")
        }
    }
}
