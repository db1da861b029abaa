import Foundation
import Testing

/// Request metadata that names a version of the daemon's own methods.
@Suite struct APIVersionTests {
    private static let list = "fnrpc.v1.Apps/List"
    private static let watch = "grpc.health.v1.Health/Watch"

    private func naming(_ version: String) -> [(String, String)] { [("fnrpc-api-version", version)] }

    @Test func theVersionIsNamedInTheAnswer() async throws {
        try await withDaemon(["--allow-test-versions", "true"]) { daemon in
            let connection = try RawConnection(unix: daemon.socket)
            defer { connection.close() }
            let plain = try connection.call(Self.list)
            #expect(plain.code == 0 && plain.metadata == ["fnrpc-api-version": "1"])
            for number in ["0", "1", "2"] {
                let answer = try connection.call(Self.list, metadata: naming(number))
                #expect(answer.code == 0 && answer.metadata == ["fnrpc-api-version": number])
            }
            // Errors of the method, too.
            let missing = try connection.call(
                "fnrpc.v1.Apps/Get", Proto.field(1, "none"), metadata: naming("2"))
            #expect(missing.code == 5 && missing.metadata == ["fnrpc-api-version": "2"])
            for text in ["3", "", "one", "01"] {
                let refused = try connection.call(Self.list, metadata: naming(text))
                #expect(refused.code == 3 && refused.message.hasSuffix("it accepts 0, 1, 2"))
                #expect(refused.message.hasPrefix("fnrpc-api-version: \"\(text)\""))
                #expect(refused.details["BadRequest"] != nil)
            }
            let stream = try connection.open(Self.watch, flags: 0x01, metadata: naming("3"))
            #expect(try connection.answer(stream).code == 3)
            // Echo, as calls of functions, does not look.
            let echo = try connection.call("fnrpc.v1.Diagnostics/Echo", metadata: naming("3"))
            #expect(echo.code == 0 && echo.metadata.isEmpty)
            #expect(try connection.isAliveAndQuiet())
            let result = try daemon.fnrpc("app", "list", "--api-version", "3")
            #expect(result.code == 4 && result.errors.contains("it accepts 0, 1, 2"))
            #expect(try daemon.fnrpc("app", "list", "--api-version", "2").code == 0)
            let info = try daemon.fnrpc("system", "info")
            #expect(info.output.contains("0 (test), 1 (current), 2 (test)"))
        }
    }

    /// A daemon of later years, in which 1 is deprecated.
    @Test func aDeprecatedVersionWarnsUntilItsSunset() async throws {
        let later = try TestDaemon(environment: ["FNRPC_TEST_SUNSET": "2027-06-01T00:00:00Z"])
        try await serving(later) { daemon in
            let connection = try RawConnection(unix: daemon.socket)
            defer { connection.close() }
            let warned = [
                "fnrpc-api-version": "1", "fnrpc-warning": "api_version 1 is deprecated; sunset 2027-06-01",
            ]
            // What succeeds, what is refused by the method and before it, and what ends a stream.
            let list = try connection.call(Self.list, metadata: naming("1"))
            #expect(list.code == 0 && list.metadata == warned)
            let missing = try connection.call("fnrpc.v1.Apps/Get", Proto.field(1, "none"), metadata: naming("1"))
            #expect(missing.code == 5 && missing.metadata == warned)
            let unknown = try connection.call("fnrpc.v1.Apps/Nothing", metadata: naming("1"))
            #expect(unknown.code == 12 && unknown.metadata == warned)
            let stream = try connection.open(Self.watch, Proto.field(9, "x"), flags: 0x01, metadata: naming("1"))
            let ended = try connection.answer(stream)
            #expect(ended.code == 3 && ended.metadata == warned)
            // Who names none means the current one, and others are not deprecated.
            #expect(try connection.call(Self.list).metadata == ["fnrpc-api-version": "3"])
            #expect(try connection.call(Self.list, metadata: naming("2")).metadata == ["fnrpc-api-version": "2"])
            #expect(try connection.isAliveAndQuiet())

            let shown = "0 (test), 1 (deprecated, sunset 2027-06-01), 2 (test), 3 (current)"
            let info = try daemon.fnrpc("system", "info")
            #expect(info.code == 0 && info.output.contains(shown) && info.errors.isEmpty, "\(info)")
            let json = try daemon.fnrpc("rpc", "fnrpc.v1.System/Info", "--compact").output
            #expect(json.contains(#"{"number":1,"status":"deprecated","sunsetAt":"1811808000000000000"}"#), "\(json)")
            let asked = try daemon.fnrpc("app", "list", "--api-version", "1")
            #expect(
                asked.code == 0 && asked.errors.contains("api_version 1 is deprecated; sunset 2027-06-01"), "\(asked)")
        }
    }

    @Test func testVersionsNeedTheSetting() async throws {
        try await withDaemon(["--allow-test-versions", "false"]) { daemon in
            let connection = try RawConnection(unix: daemon.socket)
            defer { connection.close() }
            #expect(try connection.call(Self.list, metadata: naming("1")).code == 0)
            for number in ["0", "2"] {
                let refused = try connection.call(Self.list, metadata: naming(number))
                #expect(refused.code == 9 && refused.message.contains("allow-test-versions"))
            }
            let info = try daemon.fnrpc("rpc", "fnrpc.v1.System/Info", "--compact").output
            #expect(info.contains(#""apiVersions":[1]"#) && info.contains(#"{"number":2,"status":"test"}"#))
            #expect(try connection.call(Self.list, metadata: naming("4")).message.hasSuffix("it accepts 1"))
            #expect(try connection.isAliveAndQuiet())
        }
    }
}
