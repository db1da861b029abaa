import Drivers
import Loop
import Model
import Testing
import Wire

@testable import Contracts

/// What functions of each format are told of a call by path.
@Suite struct PathCallTests {
    private static let parameters = [
        PathParameter(name: "id", value: "a/b ä"), PathParameter(name: "Lang", value: "en"),
    ]

    private func path(
        method: String = "PUT", path: String = "/u/a%2Fb%20%C3%A4/en", query: String = "x=1&y"
    ) throws(Failure) -> PathRequest {
        try pathRequest(method: method, path: path, query: query, Self.parameters, source: "/u/:id/:Lang")
    }

    private let callers = [
        CallHeader(name: "Accept", value: "a"), CallHeader(name: "Accept", value: "b"),
        CallHeader(name: "Host", value: "h"), CallHeader(name: "Connection", value: "close"),
        CallHeader(name: "Content-Length", value: "1"), CallHeader(name: "content-type", value: "no"),
    ]
    private let head =
        "POST /call HTTP/1.1\r\nHost: localhost\r\nFn-Call-Id: \(callID)\r\nFn-Deadline: 1970-01-01T00:00:00.000Z\r\n"
        + "Content-Type: a/b\r\ntraceparent: 00-x\r\n"
        + "Fn-Intent: httprequest\r\nFn-Http-Method: PUT\r\nFn-Http-Request-Url: http://h/u/a%2Fb%20%C3%A4/en?x=1&y\r\n"
        + "Fnrpc-Path-Param-id: a/b ä\r\nFnrpc-Path-Param-Lang: en\r\n"
        + "Fn-Http-H-Accept: a\r\nFn-Http-H-Accept: b\r\nFn-Http-H-Content-Length: 1\r\nContent-Length: 1\r\n\r\n"
    private let metadata = [CallHeader(name: "traceparent", value: "00-x")]

    private func told() -> [CallHeader] {
        [
            CallHeader(name: "Fn-Intent", value: "httprequest"), CallHeader(name: "Fn-Http-Method", value: "PUT"),
            CallHeader(name: "Fn-Http-Request-Url", value: "/u/a%2Fb%20%C3%A4/en?x=1&y"),
            CallHeader(name: "Fnrpc-Path-Param-id", value: "a/b ä"),
            CallHeader(name: "Fnrpc-Path-Param-Lang", value: "en"),
        ]
    }

    private func streamCall(_ path: PathRequest) -> FunctionStreamCall {
        FunctionStreamCall(
            kind: .body(contentType: .init(start: nil, count: 0), headers: []), id: callID,
            deadline: Timestamp(nanoseconds: 0), timeoutNanos: 7, metadata: metadata, path: path)
    }

    @Test func httpFunctionsGetWhatAGatewayOfFnSends() throws {
        let bench = LinkBench.http()
        defer { bench.close() }
        let request = InvokeBody(payload: [0x21], contentType: "a/b", headers: callers)
        try bench.invoke(1, request.encoded(), metadata: metadata, path: path())
        #expect(bench.far.read(until: "!") == head + "!")
        // Their own answer, status and headers, stays as it is.
        bench.far.write("HTTP/1.1 200 OK\r\nFn-Http-Status: 404\r\nFn-Http-H-X: y\r\nContent-Length: 0\r\n\r\n")
        #expect(bench.owner.next() == "1: body  [\"Fn-Http-Status\", \"Fn-Http-H-X\"] ")
        // The next one, by name, has nothing of it.
        try bench.invoke(2, InvokeBody(headers: [CallHeader(name: "Accept", value: "a")]).encoded())
        let plain = bench.far.read(until: "\r\n\r\n")
        #expect(plain.contains("\r\nAccept: a\r\n") && !plain.contains("Fn-Http") && !plain.contains("Fn-Intent"))
    }

    @Test func httpStreamsBeginLikeCalls() throws {
        let bench = Bench()
        defer { bench.close() }
        let path = try path()
        try bench.open { [callers, self] loop, descriptor, owner in
            let type = Array("a/b".utf8)
            return type.withUnsafeBytes {
                HTTPStream(
                    loop: loop, descriptor: descriptor, call: streamCall(path), contentType: $0, headers: callers,
                    owner: owner)
            }
        }
        #expect(bench.far.read(until: "\r\n\r\n") == head)
    }

    @Test func ttrpcFunctionsGetHeadersBehindTheCallersOwn() throws {
        let bench = LinkBench.ttrpc()
        defer { bench.close() }
        let request = InvokeBody(payload: [1, 2], contentType: "a/b", headers: callers)
        for (number, path) in [(1, try path()), (2, nil)] as [(Int, PathRequest?)] {
            try bench.invoke(number, request.encoded(for: InvokeTarget(app: "x")), path: path)
            let data = try #require(bench.far.readFrame()).data
            try data.withUnsafeBytes { data in
                let body = try InvokeBody(decoding: try RequestEnvelope(scanning: data).payload)
                #expect(body.payload == [1, 2] && body.contentType == "a/b")
                #expect(body.headers == callers + (path == nil ? [] : told()))
            }
        }
    }

    @Test func ttrpcStreamsCarryThemInTheFirstMessage() throws {
        let bench = Bench()
        defer { bench.close() }
        let path = try path()
        try bench.open { [self] loop, descriptor, owner throws(Failure) in
            try TtrpcStream(loop: loop, descriptor: descriptor, call: streamCall(path), owner: owner)
        }
        #expect(bench.far.readFrame()?.header.type == FrameHeader.request)
        let first = InvokeBody(payload: [1], headers: callers)
        #expect(bench.send(first.encoded()) && bench.send(InvokeBody(payload: [2]).encoded()))
        let frames = [try #require(bench.far.readFrame()).data, try #require(bench.far.readFrame()).data]
        let bodies = try frames.map { try $0.withUnsafeBytes { try InvokeBody(decoding: $0) } }
        #expect(bodies[0].payload == [1] && bodies[0].headers == callers + told())
        #expect(bodies[1].payload == [2] && bodies[1].headers == [])
    }

    @Test func processesGetVariables() throws {
        func variables(_ path: PathRequest?) -> [String] {
            CallHead(
                id: "ID", deadline: Timestamp(nanoseconds: 0), contentType: "",
                headers: [CallHeader(name: "Accept", value: "a")], metadata: [], path: path
            ).assignment(Assignment(arguments: ["f"], environment: ["A=b"], workingDirectory: "/")).environment
        }
        let common = ["A=b", "FN_CALL_ID=ID", "FN_DEADLINE=1970-01-01T00:00:00.000Z"]
        #expect(
            variables(nil)
                == common + ["FN_METHOD=POST", "FN_REQUEST_URL=/invoke", "FN_PATH=/invoke", "FN_HEADER_ACCEPT=a"])
        #expect(
            variables(try path())
                == common + [
                    "FN_METHOD=PUT", "FN_REQUEST_URL=/u/a%2Fb%20%C3%A4/en?x=1&y", "FN_PATH=/u/:id/:Lang",
                    "FN_HTTP_METHOD=PUT", "FN_HTTP_REQUEST_URL=/u/a%2Fb%20%C3%A4/en?x=1&y",
                    "FN_PATH_PARAM_ID=a/b ä", "FN_PATH_PARAM_LANG=en", "FN_HEADER_ACCEPT=a",
                ])
    }

    @Test func methodAndQueryAreChecked() throws {
        #expect(try path(method: "", query: "").method == "POST")
        #expect(try path(query: "").url == "/u/a%2Fb%20%C3%A4/en")
        #expect(try path(method: String(repeating: "M", count: 32)).method.utf8.count == 32)
        #expect(
            try path(query: String(repeating: "q", count: 8192)).url.hasSuffix(
                "?" + String(repeating: "q", count: 8192)))
        for (method, query, field) in [
            (String(repeating: "M", count: 33), "", "method"), ("G T", "", "method"), ("GET\r\nX: y", "", "method"),
            ("É", "", "method"), ("GET", String(repeating: "q", count: 8193), "query"), ("GET", "a b", "query"),
            ("GET", "a#b", "query"), ("GET", "a\r\nX: y", "query"), ("GET", "ä", "query"), ("GET", "\u{7f}", "query"),
        ] {
            let error = #expect(throws: Failure.self) { try path(method: method, query: query) }
            #expect(error?.code == .invalid && error?.message.hasPrefix(field + ": ") == true, "\(error as Any)")
        }
    }

    @Test func nobodyElseSaysWhatThePathSays() throws {
        func check(_ name: String) throws {
            let headers = [CallHeader(name: "a", value: ""), CallHeader(name: name, value: "v")]
            try InvokeBody(headers: headers).encoded().withUnsafeBytes { bytes in
                try ReservedHeaders.check(try InvokeScan(scanning: bytes))
            }
        }
        for name in [
            "Fn-Intent", "fn-intent", "FN_INTENT", "Fn-Http-Method", "fn-http-h-accept", "Fn_Http_H_X", "Fn-Http-",
            "Fnrpc-Path-Param-id", "fnrpc_path_x",
        ] {
            let error = #expect(throws: Failure.self, "\(name)") { try check(name) }
            #expect(error?.code == .invalid && error?.message.contains("\"\(name)\"") == true)
        }
        for name in ["Fn-Intention", "Fn-Http", "X-Fn-Http-Method", "Fn-Foo", "Fnrpc-Path", ""] { try check(name) }
    }
}
