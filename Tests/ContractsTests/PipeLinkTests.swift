import Drivers
import Glibc
import Loop
import Model
import Testing
import Wire

@testable import Contracts

/// Unary calls of hot functions on pipes, byte for byte.
@Suite struct PipeLinkTests {
    func bench(_ format: FunctionSpec.Format, _ pipes: Pipes) -> LinkBench {
        LinkBench { loop, descriptor, owner in
            close(descriptor)
            return PipeLink(loop: loop, process: pipes, format: format, owner: owner)
        }
    }

    private let callers = [
        CallHeader(name: "Accept", value: "a"), CallHeader(name: "X-Two", value: "1"),
        CallHeader(name: "x-two", value: "2"), CallHeader(name: "Connection", value: "close, X-Near"),
        CallHeader(name: "X-Near", value: "no"), CallHeader(name: "TE", value: "no"),
        CallHeader(name: "FN_Call_Id", value: "forged"), CallHeader(name: "fn-deadline", value: "forged"),
        CallHeader(name: "Content-Type", value: "no"), CallHeader(name: "Content-Length", value: "99"),
        CallHeader(name: "bad name", value: "no"), CallHeader(name: "Bad", value: "a\r\nX: y"),
    ]
    private let trace = [CallHeader(name: "traceparent", value: "00-x"), CallHeader(name: "secret", value: "no")]

    // MARK: - http

    @Test func httpRequestsAndAnswersAreWhatFnWrites() throws {
        let pipes = Pipes()
        let bench = bench(.http, pipes)
        defer { bench.close() }
        let request = InvokeBody(payload: [0x21], contentType: "a/b", headers: callers)
        try bench.invoke(1, request.encoded(), metadata: trace)
        #expect(
            pipes.standardInput.read(until: "!")
                == "POST /invoke HTTP/1.1\r\nHost: localhost\r\nFn_call_id: \(callID)\r\n"
                + "Fn_deadline: 1970-01-01T00:00:00.000Z\r\nFn_method: POST\r\nFn_request_url: /invoke\r\n"
                + "Content-Type: a/b\r\ntraceparent: 00-x\r\nAccept: a\r\nX-Two: 1\r\nx-two: 2\r\n"
                + "Content-Length: 1\r\n\r\n!")
        pipes.standardOutput.write("HTTP/1.1 404 Not Here\r\nContent-Type: c/d\r\nX: y\r\nContent-Length: 3\r\n\r\nabc")
        #expect(bench.owner.next() == "1: body c/d [\"Fn-Http-Status\", \"X\"] abc")
        #expect(bench.owner.body?.headers.first?.value == "404")
        // Drop by drop, in chunks, and 200 needs no words.
        try bench.invoke(2, [])
        #expect(pipes.standardInput.read(until: "\r\n\r\n").hasSuffix("Content-Length: 0\r\n\r\n"))
        for byte
            in "HTTP/1.1 100 Go on\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
            .utf8
        {
            pipes.standardOutput.write([byte])
        }
        #expect(bench.owner.next() == "2: body  [] ab")
        bench.service(3)
        #expect(bench.owner.next() == "3: refused 12 only functions of format ttrpc serve methods of their own")
    }

    @Test func httpRequestsByPathAreTheOriginalOnes() throws {
        let pipes = Pipes()
        let bench = bench(.http, pipes)
        defer { bench.close() }
        let headers = [
            CallHeader(name: "Host", value: "example.org:8080"), CallHeader(name: "X-Forwarded-Proto", value: "https"),
        ]
        let path = try pathRequest(method: "HEAD", path: "/u/7", query: "x=1", [PathParameter(name: "id", value: "7")])
        try bench.invoke(1, InvokeBody(headers: headers).encoded(), path: path)
        #expect(
            pipes.standardInput.read(until: "\r\n\r\n")
                == "HEAD /u/7?x=1 HTTP/1.1\r\nHost: example.org:8080\r\nFn_call_id: \(callID)\r\n"
                + "Fn_deadline: 1970-01-01T00:00:00.000Z\r\nFn_method: HEAD\r\n"
                + "Fn_request_url: https://example.org:8080/u/7?x=1\r\nFnrpc-Path-Param-id: 7\r\n"
                + "X-Forwarded-Proto: https\r\nContent-Length: 0\r\n\r\n")
        // An answer to HEAD has no body, whatever it says.
        pipes.standardOutput.write("HTTP/1.1 200 OK\r\nContent-Length: 1000\r\nX: y\r\n\r\n")
        #expect(bench.owner.next() == "1: body  [\"X\"] ")
        // A host that could end the line is none.
        let forged = InvokeBody(headers: [CallHeader(name: "Host", value: "a b")])
        try bench.invoke(2, forged.encoded(), path: path)
        #expect(pipes.standardInput.read(until: "\r\n\r\n").contains("\r\nHost: localhost\r\n"))
    }

    @Test(arguments: [
        ("Hello!\r\n\r\n", "its status line is not HTTP/1.1"),
        ("HTTP/1.1 200 OK\r\nX y\r\n\r\n", "a header line has no name"),
        ("HTTP/1.1 200 OK\r\nX: " + String(repeating: "x", count: 66_000), "its headers are too long"),
        ("HTTP/1.1 200 OK\r\nContent-Length: 4128769\r\n\r\n", "its reply is over the limit of 4128768 bytes"),
        (
            "HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 129) + "\r\n",
            "it has 129 headers in 1290 bytes; at most 128 in 65536 are allowed"
        ),
        (
            "HTTP/1.1 200 OK\r\nContent-Type: " + String(repeating: "x", count: 1025) + "\r\n\r\n",
            "its content type has 1025 bytes; at most 1024 are allowed"
        ),
    ])
    func garbageBreaksHTTP(text: String, reason: String) throws {
        let pipes = Pipes()
        let bench = bench(.http, pipes)
        defer { bench.close() }
        try bench.invoke(1, [])
        _ = pipes.standardInput.read(until: "\r\n\r\n")
        pipes.standardOutput.write(text)
        #expect(bench.owner.next() == "1: broken it broke format http: \(reason)")
        // Nothing is sent to it any more.
        try bench.invoke(2, [])
        #expect(bench.owner.next() == "2: not begun: it broke format http: \(reason)")
    }

    @Test func anAnswerMayEndWithStandardOutput() throws {
        let pipes = Pipes()
        let bench = bench(.http, pipes)
        defer { bench.close() }
        try bench.invoke(1, [])
        _ = pipes.standardInput.read(until: "\r\n\r\n")
        pipes.standardOutput.write("HTTP/1.1 200 OK\r\n\r\nabc")
        pipes.standardOutput.close()
        #expect(bench.owner.next()?.hasPrefix("lost: ") == true)
        #expect(bench.owner.next() == "1: body  [] abc")
    }

    @Test func aClosedOutputIsTheEnd() throws {
        let pipes = Pipes()
        let bench = bench(.http, pipes)
        defer { bench.close() }
        try bench.invoke(1, [])
        _ = pipes.standardInput.read(until: "\r\n\r\n")
        pipes.standardOutput.write("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc")
        pipes.standardOutput.close()
        #expect(bench.owner.next() == "lost: it closed its standard output")
        #expect(pending(bench) == [1])
    }

    // MARK: - json

    @Test func jsonRequestsAreOneLine() throws {
        let pipes = Pipes()
        let bench = bench(.json, pipes)
        defer { bench.close() }
        // Binary is mangled to valid UTF-8.
        let body: [UInt8] = Array("\"a\\\n\u{1}ä".utf8) + [0xFF]
        try bench.invoke(1, InvokeBody(payload: body, contentType: "a/b", headers: callers).encoded(), metadata: trace)
        #expect(
            pipes.standardInput.read(until: "\n")
                == #"{"call_id":"\#(callID)","deadline":"1970-01-01T00:00:00.000Z","body":"\"a\\\n\u0001ä�","#
                + #""content_type":"a/b","protocol":{"type":"http","method":"POST","request_url":"/invoke","#
                + #""headers":{"Content-Type":["a/b"],"traceparent":["00-x"],"Accept":["a"],"X-Two":["1","2"]}}}"#
                + "\n")
        pipes.standardOutput.write("{\"body\": \"\\u00e4\\ud83d\\ude00\\ud83d \\\"\\n\"")
        pipes.standardOutput.write(", \"content_type\": \"c/d\", \"more\": [{}, null, -1.5e3]}\n")
        #expect(bench.owner.next() == "1: body c/d [] ä😀� \"\n")
        // Blanks between answers mean nothing.
        pipes.standardOutput.write("  \r\n\t")
        let path = try pathRequest(method: "PUT", path: "/u/7", query: "", [PathParameter(name: "id", value: "7")])
        try bench.invoke(2, [], path: path)
        #expect(
            pipes.standardInput.read(until: "\n")
                == #"{"call_id":"\#(callID)","deadline":"1970-01-01T00:00:00.000Z","body":"","content_type":"","#
                + #""protocol":{"type":"http","method":"PUT","request_url":"/u/7","#
                + #""headers":{"Fnrpc-Path-Param-id":["7"]}}}"# + "\n")
        pipes.standardOutput.write("{}")
        #expect(bench.owner.next() == "2: body  [] ")
    }

    @Test(arguments: [
        ("{}", "", "", ""), (#"{"body":null,"content_type":null,"protocol":null}"#, "", "", ""),
        (#"{"protocol":{"status_code":404,"headers":{"X":["1","2"]}}}"#, "", "Fn-Http-Status=404 X=1 X=2", ""),
        (#"{"protocol":{"status_code":0,"headers":null}}"#, "", "", ""),
        (#"{"protocol":{"status_code":200,"headers":{"content-type":["h/h"],"Connection":["x"]}}}"#, "h/h", "", ""),
        (#"{"content_type":"t/t","protocol":{"headers":{"Content-Type":["h/h"]}},"body":"b"}"#, "t/t", "", "b"),
    ])
    func jsonAnswers(text: String, type: String, headers: String, body: String) throws {
        let reply = try Array(text.utf8).withUnsafeBytes { try JSONReply.read($0) }
        #expect(reply.contentType == type && reply.payload == Array(body.utf8))
        #expect(reply.headers.map { "\($0.name)=\($0.value)" }.joined(separator: " ") == headers)
    }

    @Test(arguments: [
        ("[]", "its answer is not a JSON object"), ("Hello", "its answer is not a JSON object"),
        (#"{"body":1}"#, "at byte 9: a text in quotes is missing"),
        (#"{"body":"a" "x":1}"#, "at byte 13: a comma or } is missing"),
        (#"{"protocol":{"status_code":99}}"#, "at byte 30: status_code 99 is out of range; 100 to 599"),
        (#"{"protocol":{"status_code":1.5}}"#, "at byte 31: 1.5 is not a whole number"),
        (#"{"protocol":{"status_code":"1"}}"#, "at byte 28: a value is missing"),
        (#"{"protocol":{"headers":{"X":"1"}}}"#, "at byte 29: an array is missing"),
        (#"{"protocol":{"headers":{"X y":["1"]}}}"#, "at byte 35: \"X y\" is not a header"),
        (#"{"protocol":{"headers":{"X":["1\n"]}}}"#, "at byte 35: \"X\" is not a header"),
        (#"{"content_type":"\n"}"#, "its content type has a control character"),
        (
            #"{"x":"# + String(repeating: "[", count: 200) + String(repeating: "]", count: 200) + "}",
            "at byte 134: nested deeper than 128 levels"
        ),
        ("{\"x\":\"LONG", "its JSON is over the limit of 8388608 bytes"),
        ("{\"body\":\"LARGE\"}", "its reply is over the limit of 4128768 bytes"),
    ])
    func garbageBreaksJSON(text: String, reason: String) throws {
        let pipes = Pipes()
        let bench = bench(.json, pipes)
        defer { bench.close() }
        try bench.invoke(1, [])
        _ = pipes.standardInput.read(until: "\n")
        for part in text.split(separator: "L", maxSplits: 1, omittingEmptySubsequences: false) {
            switch part {
            case "ONG": pipes.standardOutput.write([UInt8](repeating: 0x78, count: 8 << 20))
            case "ARGE\"}":
                pipes.standardOutput.write([UInt8](repeating: 0x78, count: 4_128_769))
                pipes.standardOutput.write("\"}")
            default: pipes.standardOutput.write(String(part))
            }
        }
        #expect(bench.owner.next() == "1: broken it broke format json: \(reason)")
    }

    // MARK: - Both

    @Test(arguments: [FunctionSpec.Format.http, .json])
    func whatIsBehindAnAnswerCostsTheContainerOnly(format: FunctionSpec.Format) throws {
        let answer = format == .json ? "{\"body\":\"a\"}" : "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na"
        let pipes = Pipes()
        let bench = bench(format, pipes)
        defer { bench.close() }
        try bench.invoke(1, [])
        _ = pipes.standardInput.read(until: format == .json ? "\n" : "\r\n\r\n")
        pipes.standardOutput.write(answer + "x")
        #expect(bench.owner.next() == "lost: it wrote to standard output what belongs to no call")
        #expect(bench.owner.next() == "1: body  [] a")
        try bench.invoke(2, [])
        #expect(bench.owner.next() == "2: not begun: it wrote to standard output what belongs to no call")
    }

    @Test func whatIsSaidBetweenCallsIsNoAnswer() throws {
        let pipes = Pipes()
        let bench = bench(.json, pipes)
        defer { bench.close() }
        pipes.standardOutput.write("{\"body\":\"early\"}")
        #expect(bench.owner.next() == "lost: it wrote to standard output what belongs to no call")
        try bench.invoke(1, [])
        #expect(bench.owner.next() == "1: not begun: it wrote to standard output what belongs to no call")
    }

    @Test func whoAnswersBeforeReadingIsNotCalledAgain() throws {
        let pipes = Pipes()
        let bench = bench(.http, pipes)
        defer { bench.close() }
        try bench.invoke(1, InvokeBody(payload: [UInt8](repeating: 7, count: 1 << 20)).encoded())
        _ = pipes.standardInput.read(until: "\r\n\r\n")
        pipes.standardOutput.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(bench.owner.next()?.hasPrefix("lost: ") == true)
        #expect(bench.owner.next() == "1: body  [] ")
    }

    @Test func aFunctionThatClosesItsInputIsNotCalledAgain() throws {
        let pipes = Pipes()
        let bench = bench(.http, pipes)
        defer { bench.close() }
        pipes.standardInput.close()
        try bench.invoke(1, [])
        bench.onLoop {}
        pipes.standardOutput.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(bench.owner.next()?.hasPrefix("lost: ") == true)
        #expect(bench.owner.next() == "1: body  [] ")
    }

    @Test func anAbandonedCallIsAnsweredByNobody() throws {
        let pipes = Pipes()
        let bench = bench(.json, pipes)
        defer { bench.close() }
        let token = Token(1)
        let link = Carried(value: bench.link)
        try InvokeBody().encoded().withUnsafeBytes { bytes in
            link.value?.send(
                FunctionCall(
                    request: try InvokeScan(scanning: bytes), id: callID, deadline: Timestamp(nanoseconds: 0),
                    timeoutNanos: 7, token: token))
        }
        _ = pipes.standardInput.read(until: "\n")
        bench.onLoop { link.value?.abandon(token) }
        pipes.standardOutput.write("{}")
        #expect(pending(bench) == [])
        try bench.invoke(2, [])
        #expect(bench.owner.next()?.hasPrefix("2: not begun: ") == true)
    }

    @Test func pipesAreLentToStreamedCalls() throws {
        let pipes = Pipes()
        let bench = bench(.json, pipes)
        defer { bench.close() }
        let link = Carried(value: bench.link)
        bench.onLoop { link.value?.lend() }
        // The link does not look at them.
        pipes.standardOutput.write("of a stream")
        bench.onLoop {}
        var bytes = [UInt8](repeating: 0, count: 100)
        #expect(pipes.output.map { read($0, &bytes, 100) } == 11)
        bench.onLoop { link.value?.takeBack() }
        try bench.invoke(1, [])
        _ = pipes.standardInput.read(until: "\n")
        pipes.standardOutput.write("{}")
        #expect(bench.owner.next() == "1: body  [] ")
        bench.onLoop { link.value?.lend() }
        pipes.closeInput()
        bench.onLoop { link.value?.takeBack() }
        #expect(bench.owner.next() == "lost: it was left with a part of a call")
    }

    func pending(_ bench: LinkBench) -> [Int] {
        let taken = Lock<[Int]>([])
        bench.onLoop { [link = Carried(value: bench.link)] in
            let tokens = link.value?.takePending() ?? []
            taken.withLock { $0 = tokens.compactMap { ($0 as? Token)?.number } }
        }
        return taken.withLock { $0 }
    }
}

/// What a matched path says.
func pathRequest(
    method: String, path: String, query: String, _ parameters: [PathParameter], source: String = "/u/:id"
) throws(Failure) -> PathRequest {
    let bytes = InvokeBody().encoded(for: InvokeTarget(method: method, path: path, query: query))
    let result = bytes.withUnsafeBytes { bytes -> Result<PathRequest, Failure> in
        guard let scan = try? InvokeScan(scanning: bytes) else { return .failure(Failure(.internalError, "")) }
        do throws(Failure) {
            return .success(try PathRequest(scan.target, parameters, source: source, trigger: "t"))
        } catch {
            return .failure(error)
        }
    }
    return try result.get()
}
