import FnrpcClient
import Foundation
import Testing

@Suite(.serialized) struct MetricsTests {
    /// Every number is exact: the daemon counts before it answers.
    @Test func whatWasCalledIsCounted() async throws {
        try await withDaemon(["--metrics-listen", "tcp:127.0.0.1:0"]) { daemon in
            let port = try port(daemon)
            let folder = try daemon.write("hello", MainJobTests.hello)
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            let client = try await daemon.client()
            for _ in 0..<7 { _ = try await client.invoke(app: "demo", function: "hello", payload: Array("{}".utf8)) }
            for _ in 0..<2 {
                await #expect(throws: ClientError.self) {
                    try await client.invoke(app: "demo", function: "absent", payload: [])
                }
            }
            await #expect(throws: ClientError.self) {
                try await client.call(service: "no.Such", method: "Thing", payload: [])
            }
            let values = try scrape(port)
            let invoke = "service=\"fnrpc.v1.Invocation\",method=\"Invoke\""
            let routed = "service=\"routed\",method=\"\""
            let duration = "fnrpc_request_duration_seconds"
            #expect(values["fnrpc_requests_started_total{\(invoke)}"] == 9)
            #expect(values["fnrpc_requests_total{\(invoke),code=\"OK\"}"] == 7)
            #expect(values["fnrpc_requests_total{\(invoke),code=\"NOT_FOUND\"}"] == 2)
            #expect(values["\(duration)_count{\(invoke)}"] == 9)
            #expect(values["\(duration)_bucket{\(invoke),le=\"+Inf\"}"] == 9)
            #expect(values["fnrpc_requests_started_total{\(routed)}"] == 1)
            #expect(values["fnrpc_calls_started_total"] == 7 && values["fnrpc_calls_finished_total"] == 7)
            #expect(values["fnrpc_containers"] == 1 && values["fnrpc_waiting_calls"] == 0)
            #expect(values["fnrpc_records_dropped_total"] == 0 && values["fnrpc_audit_lines_lost_total"] == 0)
            let sum = try #require(values["\(duration)_sum{\(invoke)}"])
            #expect(sum > 0 && sum < 60)
            try checkProcess(values)

            // Bytes of connections only grow, also when one closes.
            let before = try #require(values["fnrpc_connection_bytes_total{direction=\"received\"}"])
            #expect(before > 100)
            await client.close()
            var after = values
            try await eventually("the connection is gone") {
                after = try scrape(port)
                return after["fnrpc_connections"] == 0
            }
            #expect(try #require(after["fnrpc_connection_bytes_total{direction=\"received\"}"]) >= before)
            _ = try daemon.fnrpc("app", "list")
            let last = try scrape(port)
            #expect(try #require(last["fnrpc_connection_bytes_total{direction=\"received\"}"]) > before)
        }
    }

    private func checkProcess(_ values: [String: Double]) throws {
        #expect(try #require(values["process_resident_memory_bytes"]) > 1_000_000)
        #expect(try #require(values["process_open_fds"]) > 8)
        #expect(try #require(values["process_cpu_seconds_total"]) > 0)
        #expect(try #require(values["fnrpc_uptime_seconds"]) > 0)
        #expect(values["fnrpc_buffered_bytes_limit"] == 268_435_456)
    }

    @Test func requestsThatAreRefusedAreCountedOnce() async throws {
        try await withDaemon(["--metrics-listen", "tcp:127.0.0.1:0"]) { daemon in
            let port = try port(daemon)
            let client = try await daemon.client()
            func refused(_ service: String, _ method: String, _ payload: [UInt8]) async {
                do {
                    let reply = try await client.call(service: service, method: method, payload: payload)
                    Issue.record("\(service)/\(method) was answered: \(reply)")
                } catch {}
            }
            await refused("fnrpc.v1.Apps", "Get", [0xFF])
            await refused("fnrpc.v1.Apps", "Get", [UInt8](repeating: 0, count: 400 << 10))
            await refused("fnrpc.v1.Invocation", "Invoke", [0x08, 1])
            await #expect(throws: ClientError.self) {
                try await client.call(
                    service: "fnrpc.v1.Apps", method: "Get", payload: [],
                    metadata: [Header("authorization", "Bearer none")])
            }
            // A stream that names no function ends before it is a call.
            let stream = try await client.stream(
                service: "fnrpc.v1.Invocation", method: "InvokeStream", kind: .bidirectional)
            try await stream.finishSending()
            await #expect(throws: ClientError.self) { try await stream.receive() }
            let values = try scrape(port)
            let get = "service=\"fnrpc.v1.Apps\",method=\"Get\""
            #expect(values["fnrpc_requests_started_total{\(get)}"] == 3)
            #expect(values["fnrpc_requests_total{\(get),code=\"INVALID_ARGUMENT\"}"] == 1)
            #expect(values["fnrpc_requests_total{\(get),code=\"RESOURCE_EXHAUSTED\"}"] == 1)
            #expect(values["fnrpc_requests_total{\(get),code=\"UNAUTHENTICATED\"}"] == 1)
            #expect(values["fnrpc_request_duration_seconds_count{\(get)}"] == 3)
            let invoke = "service=\"fnrpc.v1.Invocation\",method=\"Invoke\""
            #expect(values["fnrpc_requests_total{\(invoke),code=\"INVALID_ARGUMENT\"}"] == 1)
            let body = "service=\"fnrpc.v1.Invocation\",method=\"InvokeStream\""
            #expect(values["fnrpc_requests_started_total{\(body)}"] == 1)
            #expect(values["fnrpc_requests_total{\(body),code=\"INVALID_ARGUMENT\"}"] == 1)
            #expect(values["fnrpc_request_duration_seconds_count{\(body)}"] == 1)
            await client.close()
        }
    }

    @Test func callsThatWaitAreCounted() async throws {
        try await withDaemon(["--metrics-listen", "tcp:127.0.0.1:0"]) { daemon in
            let port = try port(daemon)
            let folder = try daemon.write(
                "slow",
                [
                    "func.yaml": "name: slow\nruntime: python\nentry: func.handler\nmax_containers: 1\n",
                    "func.py": "import time\ndef handler():\n    time.sleep(1)\n    return 1\n",
                ])
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            let client = try await daemon.client()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<3 {
                    group.addTask { _ = try await client.invoke(app: "demo", function: "slow", payload: []) }
                }
                var values = try scrape(port)
                try await eventually("two calls wait") {
                    values = try scrape(port)
                    return values["fnrpc_waiting_calls"] == 2
                }
                #expect(values["fnrpc_calls_started_total"] == 3 && values["fnrpc_containers"] == 1)
                try await group.waitForAll()
            }
            let values = try scrape(port)
            #expect(values["fnrpc_waiting_calls"] == 0 && values["fnrpc_calls_finished_total"] == 3)
            await client.close()
        }
    }

    /// A hostile client gets its answer or its end, and the daemon goes on.
    @Test func hostileRequestsHarmNobody() async throws {
        try await withDaemon(["--metrics-listen", "tcp:localhost:0"]) { daemon in
            let port = try port(daemon)
            let requests: [([UInt8], String)] = [
                (Array("GET /metrics HTTP/1.1\r\n\r\n".utf8), "HTTP/1.1 200 "),
                (Array("POST /metrics HTTP/1.1\r\nContent-Length: 99999999\r\n\r\nx".utf8), "HTTP/1.1 405 "),
                (Array("GET /../../etc/passwd HTTP/1.1\r\n\r\n".utf8), "HTTP/1.1 404 "),
                (Array("GET /metrics HTTP/2.0\r\n\r\n".utf8), "HTTP/1.1 400 "),
                (Array("GET /metrics HTTP/1.1\r\nA: \r\r\n\r\n".utf8), "HTTP/1.1 400 "),
                (Array("G".utf8) + [UInt8](repeating: 0x41, count: 100_000), "HTTP/1.1 400 "),
                ([0x16, 0x03, 0x01, 0x02, 0x00], "HTTP/1.1 400 "),
                ([0, 0, 0, 5, 0, 0, 0, 1, 1, 0], "HTTP/1.1 400 "),
            ]
            for (bytes, start) in requests {
                #expect(
                    try exchange(port, bytes).hasPrefix(start), "\(String(decoding: bytes.prefix(60), as: UTF8.self))")
            }
            // Silent ones, up to the limit; then one of them goes.
            var silent = try (0..<16).map { _ in try connect(port) }
            defer { for descriptor in silent { close(descriptor) } }
            #expect(try exchange(port, Array("GET /metrics HTTP/1.1\r\n\r\n".utf8)) == "")
            close(silent.removeLast())
            while try exchange(port, Array("GET /metrics HTTP/1.1\r\n\r\n".utf8)) == "" {}
            #expect(try daemon.fnrpc("app", "list").code == 0)
        }
    }

    @Test func onlyThisMachineMayRead() throws {
        for (address, message) in [
            ("tcp:0.0.0.0:0", "must be an address of this machine alone"), ("unix:/tmp/x", "is no address"),
            ("tcp:127.0.0.1", "metrics-listen: \"tcp:127.0.0.1\""), ("tls:127.0.0.1:1", "is no address"),
            ("tcp:127.0.0.1:1?app=x", "must be an address of this machine alone"),
        ] {
            let result = try TestDaemon.run(TestDaemon.binaries + "/fnrpcd", ["--metrics-listen", address])
            #expect(result.code == 2 && result.errors.contains(message), "\(result)")
        }
    }

    // MARK: - HTTP by hand

    func port(_ daemon: TestDaemon) throws -> UInt16 {
        let line = try #require(daemon.log.split(separator: "\n").first { $0.contains("metrics at http://") })
        return try #require(UInt16(line.dropLast("/metrics".count).split(separator: ":").last ?? ""))
    }

    func scrape(_ port: UInt16) throws -> [String: Double] {
        let answer = try exchange(port, Array("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8))
        try #require(answer.hasPrefix("HTTP/1.1 200 OK\r\n"), "\(answer)")
        var values: [String: Double] = [:]
        for line in answer.components(separatedBy: "\r\n\r\n").last?.split(separator: "\n") ?? []
        where !line.hasPrefix("#") {
            let blank = try #require(line.lastIndex(of: " "))
            values[String(line[..<blank])] = try #require(Double(String(line[line.index(after: blank)...])) as Double?)
        }
        return values
    }

    private func connect(_ port: UInt16) throws -> Int32 {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = port.bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        let connected = withUnsafePointer(to: &address) {
            $0.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                Glibc.connect(descriptor, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        try #require(connected == 0)
        return descriptor
    }

    /// What comes back until the end, or until the connection breaks.
    private func exchange(_ port: UInt16, _ bytes: [UInt8]) throws -> String {
        let descriptor = try connect(port)
        defer { close(descriptor) }
        _ = send(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL))
        var all: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(descriptor, &buffer, buffer.count, 0)
            guard count > 0 else { return String(decoding: all, as: UTF8.self) }
            all += buffer[..<count]
        }
    }
}
