import Foundation
import Testing

extension WireTests {
    /// Who may do what, by token and by peer.
    @Suite struct Security {
        private func create(_ name: String, _ scopes: String..., lifetime: UInt64 = 0) throws -> String {
            let request =
                Proto.field(1, name) + scopes.flatMap { Proto.field(2, $0) }
                + (lifetime > 0 ? Proto.field(3, varint: lifetime) : [])
            let answer = try SharedDaemon.connect().call("fnrpc.v1.Tokens/Create", request)
            try #require(answer.code == 0, "\(answer.message)")
            return Fields(answer.payload).text(2)
        }

        private func tcp() throws -> RawConnection { try RawConnection(port: SharedDaemon.daemon.port) }

        /// The code of a call with a token.
        private func code(
            _ connection: RawConnection, _ token: String, _ path: String, _ payload: Bytes = []
        ) throws -> Int {
            try connection.call(path, payload, metadata: [("authorization", "Bearer " + token)]).code
        }

        private func lines(_ text: String) throws -> [String] {
            let log = try String(contentsOfFile: SharedDaemon.daemon.folder + "/data/audit.log", encoding: .utf8)
            return log.split(separator: "\n").map(String.init).filter { $0.contains(text) }
        }

        @Test func tcpWithoutATokenIs16() throws {
            let connection = try tcp()
            let methods = [
                WireTests.echo, "fnrpc.v1.Apps/List", "grpc.health.v1.Health/Check", "fnrpc.v1.Transport/Hello",
                "fnrpc.v1.Reflection/List", WireTests.invoke, "some.other/Service",
            ]
            for method in methods { #expect(try connection.call(method).code == 16, "\(method)") }
            for flags: UInt8 in [0x01, 0x02] {
                #expect(try connection.call(WireTests.echoStream, flags: flags).code == 16)
            }
        }

        @Test func badTokensAre16InOneWording() throws {
            let connection = try tcp()
            let good = try create("mutilated", "read")
            let bad = [
                "x", "", String(good.dropLast()), good + "A", String(good.dropLast()) + (good.last == "A" ? "B" : "A"),
                String(repeating: "x", count: 5000),
            ]
            var texts: Set<String> = []
            for token in bad {
                let answer = try connection.call(WireTests.echo, metadata: [("authorization", "Bearer " + token)])
                #expect(answer.code == 16 && answer.reason == "UNAUTHENTICATED")
                if !token.isEmpty { texts.insert(answer.message) }
            }
            #expect(texts.count == 1)
            #expect(try connection.call(WireTests.echo, metadata: [("authorization", "Basic eDp5")]).code == 16)
            #expect(try code(connection, good, WireTests.echo) == 0)
        }

        @Test func everyScopeAllowsWhatItSaysAndNoMore() throws {
            try SharedDaemon.daemon.deploy("cat")
            let create = Proto.field(1, "made-by-token")
            let cat = WireTests.invocation("cat", "x")
            let others = Proto.field(4, "other") + Proto.field(5, "cat")
            // Echo, list, create, call demo/cat, call other/cat (which does not exist)
            let expected: [(String, [String], [Int])] = [
                ("t-admin", ["admin"], [0, 0, 0, 0, 5]), ("t-read", ["read"], [0, 0, 7, 7, 7]),
                ("t-invoke", ["invoke"], [0, 7, 7, 0, 5]), ("t-app", ["invoke:demo"], [0, 7, 7, 0, 7]),
                ("t-function", ["invoke:demo/cat"], [0, 7, 7, 0, 7]),
                ("t-another", ["invoke:demo/dog"], [0, 7, 7, 7, 7]),
                ("t-both", ["read", "invoke:demo/cat"], [0, 0, 7, 0, 7]),
            ]
            for (name, scopes, codes) in expected {
                let request = Proto.field(1, name) + scopes.flatMap { Proto.field(2, $0) }
                let made = try SharedDaemon.connect().call("fnrpc.v1.Tokens/Create", request)
                let token = Fields(made.payload).text(2)
                let connection = try tcp()
                let calls: [(String, Bytes)] = [
                    (WireTests.echo, []), ("fnrpc.v1.Apps/List", []), ("fnrpc.v1.Apps/Create", create),
                    (WireTests.invoke, cat), (WireTests.invoke, others),
                ]
                #expect(try calls.map { try code(connection, token, $0.0, $0.1) } == codes, "\(scopes)")
                let stream = try connection.open(
                    WireTests.invokeStream, flags: 0x02, metadata: [("authorization", "Bearer " + token)])
                try connection.send(.data(stream, others))
                #expect(try connection.answer(stream).code == codes[4])
            }
        }

        /// PROTOCOL.md §10: the methods that somebody and a reader may call, and no other.
        private func documented() throws -> Set<String> {
            let text = try String(
                contentsOf: TestDaemon.repository.appendingPathComponent("PROTOCOL.md"), encoding: .utf8)
            var methods: Set<String> = []
            for row in ["| to be somebody |", "| `read` |"] {
                let line = try #require(text.split(separator: "\n").first { $0.hasPrefix(row) })
                for name in line.dropFirst(row.count).split(separator: "`") where name.contains("/") {
                    let sides = name.split(separator: "/").map { $0.split { "{},".contains($0) } }
                    for service in sides[0] { for method in sides[1] { methods.insert("\(service)/\(method)") } }
                }
            }
            return methods
        }

        @Test func aReaderMayCallWhatTheTableSays() throws {
            let connection = try tcp()
            let token = try create("reader-of-all", "read")
            // A field that nobody knows: whoever may call is told so.
            let unknown = Proto.field(99, varint: 1)
            let reply = try SharedDaemon.connect().call("fnrpc.v1.Reflection/GetFileDescriptorSet")
            let set = Fields(Fields(reply.payload).part(1) ?? [])
            let documented = try documented()
            var count = 0
            for file in set.all(1).map(Fields.init) {
                for service in file.all(6).map(Fields.init) {
                    let (package, short) = (file.text(2), service.text(1))
                    // The first two are everybody's, and Invocation asks for other scopes.
                    guard package.hasPrefix("fnrpc.v1") || package.hasPrefix("grpc."),
                        !["Transport", "Diagnostics", "Invocation"].contains(short)
                    else { continue }
                    for method in service.all(2).map(Fields.init) {
                        count += 1
                        let flags: UInt8 = method.number(5) == 1 ? 0x02 : method.number(6) == 1 ? 0x01 : 0
                        let name = "\(short)/\(method.text(1))"
                        let stream = try connection.open(
                            "\(package).\(name)", unknown, flags: flags,
                            metadata: [("authorization", "Bearer " + token)])
                        let code = try connection.answer(stream).code
                        let mayCall = documented.contains(name) || documented.contains("\(short)/*")
                        #expect(mayCall ? code == 3 : code == 7, "\(name): \(code)")
                    }
                }
            }
            #expect(count > 60)
        }

        @Test func aTokenSpeaksForOneCallAndNotForTheConnection() throws {
            let token = try create("once", "admin")
            let connection = try tcp()
            #expect(try code(connection, token, "fnrpc.v1.Apps/List") == 0)
            #expect(try connection.call("fnrpc.v1.Apps/List").code == 16)
            // A weaker token than the peer itself has: the token counts.
            let weak = try create("weak", "invoke:demo")
            #expect(try code(SharedDaemon.connect(), weak, "fnrpc.v1.Apps/List") == 7)
        }

        @Test func aRevokedTokenIsRefusedAtOnce() throws {
            let token = try create("revoked", "read")
            let connection = try tcp()
            #expect(try code(connection, token, "fnrpc.v1.Apps/List") == 0)
            let revoked = try SharedDaemon.connect().call("fnrpc.v1.Tokens/Revoke", Proto.field(1, "revoked"))
            #expect(revoked.code == 0)
            #expect(try code(connection, token, "fnrpc.v1.Apps/List") == 16)
            #expect(try code(tcp(), token, "fnrpc.v1.Apps/List") == 16)
        }

        @Test func anExpiredTokenIsRefusedOnAnOldConnectionToo() throws {
            let token = try create("short", "read", lifetime: 1_000_000_000)
            let connection = try tcp()
            #expect(try code(connection, token, "fnrpc.v1.Apps/List") == 0)
            try SharedDaemon.daemon.wait("it expires") { try code(connection, token, "fnrpc.v1.Apps/List") == 16 }
            #expect(try code(tcp(), token, "fnrpc.v1.Apps/List") == 16)
        }

        @Test func onlyTheSameCallerCancels() throws {
            let daemon = try SharedDaemon.daemon
            try daemon.deploy("sleeper")
            let (mine, theirs) = (try create("mine", "invoke:demo"), try create("theirs", "invoke:demo"))
            let connection = try tcp()
            let before = try daemon.callCounts().started
            let id = try connection.open(
                WireTests.invoke, WireTests.invocation("sleeper", "30\n"),
                metadata: [("authorization", "Bearer " + mine), ("fnrpc-invocation-id", "private")])
            try daemon.wait("the call has begun") { try daemon.callCounts().started > before }
            func cancel(_ token: String) throws -> UInt64 {
                let answer = try tcp().call(
                    "fnrpc.v1.Invocation/Cancel", Proto.field(1, "private"),
                    metadata: [("authorization", "Bearer " + token)])
                return Fields(answer.payload).number(1) ?? 0
            }
            #expect(try cancel(theirs) == 0)
            #expect(try cancel(mine) == 1)
            #expect(try connection.answer(id).code == 1)
        }

        /// Connects as another user, sends one frame and gives the data of the one that comes back.
        private func answer(uid: Int, _ frame: RawFrame) throws -> Answer {
            let script = """
                import os, socket, sys
                uid = int(sys.argv[1])
                os.setgroups([]); os.setresgid(uid, uid, uid); os.setresuid(uid, uid, uid)
                s = socket.socket(socket.AF_UNIX)
                s.settimeout(20)
                s.connect(sys.argv[2])
                s.sendall(bytes.fromhex(sys.argv[3]))
                data = b""
                while len(data) < 10 or len(data) < 10 + int.from_bytes(data[:4], "big"):
                    part = s.recv(65536)
                    if not part: break
                    data += part
                print(data[10:].hex())
                """
            let result = try TestDaemon.run(
                "/usr/bin/python3", ["-c", script, "\(uid)", SharedDaemon.daemon.socket, Hex.text(frame.bytes)])
            try #require(result.code == 0, "\(result)")
            return Answer(try Hex.bytes(result.output))
        }

        @Test func anotherUserOfTheSocketIsNobodyUnlessARuleSaysWho() throws {
            let stranger = try answer(uid: 65533, .request(1, WireTests.echo))
            #expect(stranger.code == 16 && stranger.message.contains("uid 65533"), "\(stranger)")
            #expect(try answer(uid: 65534, .request(1, "fnrpc.v1.Apps/List")).code == 0)
            #expect(try answer(uid: 65534, .request(1, "fnrpc.v1.Apps/Create", Proto.field(1, "x"))).code == 7)
            #expect(try answer(uid: 65534, .request(1, WireTests.invoke, WireTests.invocation("cat"))).code == 7)
            let token = try create("carried", "invoke:demo")
            let bearer = [("authorization", "Bearer " + token)]
            #expect(try answer(uid: 65533, .request(1, WireTests.echo, metadata: bearer)).code == 0)
        }

        @Test func changesAreAuditedAndReadsAreNot() throws {
            let connection = try SharedDaemon.connect()
            let before = try lines("").count
            _ = try connection.call("fnrpc.v1.Apps/List")
            _ = try connection.call("fnrpc.v1.Connections/List")
            _ = try connection.call(WireTests.echo)
            #expect(try lines("").count == before)
            #expect(try connection.call("fnrpc.v1.Apps/Create", Proto.field(1, "audited")).code == 0)
            #expect(try connection.call("fnrpc.v1.Apps/Create", Proto.field(1, "audited")).code == 6)
            let token = try create("auditor", "admin")
            #expect(try code(tcp(), token, "fnrpc.v1.Tokens/Revoke", Proto.field(1, "auditor")) == 0)
            let app = try lines("\"app\":\"audited\"")
            #expect(app.count == 2)
            #expect(app[0].contains("\"principal\":\"uid 0\"") && app[0].contains("\"outcome\":\"ok\""))
            #expect(app[0].contains("\"method\":\"fnrpc.v1.Apps/Create\""))
            #expect(app[1].contains("\"outcome\":\"EXISTS\""))
            let tokens = try lines("auditor")
            #expect(tokens.count == 2 && tokens[1].contains("\"principal\":\"token auditor\""), "\(tokens)")
            #expect(!(try lines("")).joined().contains(token), "never a secret")
            let mode = try FileManager.default.attributesOfItem(
                atPath: SharedDaemon.daemon.folder + "/data/audit.log")[.posixPermissions]
            #expect(mode as? Int == 0o600)
        }
    }
}

/// TCP that is open to everybody, on request.
@Suite struct WireInsecureTests {
    @Test func insecureTCPLetsEverybodyInAndSaysSo() async throws {
        try await withDaemon(["--listen", "tcp:127.0.0.1:0", "--insecure-tcp"]) { daemon in
            let connection = try RawConnection(port: daemon.port)
            #expect(try connection.call("fnrpc.v1.Apps/Create", Proto.field(1, "open")).code == 0)
            #expect(try connection.isAliveAndQuiet())
            let bad = try connection.call(WireTests.echo, metadata: [("authorization", "Bearer wrong")])
            #expect(bad.code == 16, "a token that is shown must be valid")
            #expect(daemon.log.contains("insecure"), "\(daemon.log)")
        }
    }
}

/// Hexadecimal text; blanks between bytes, and lines that begin with #, are passed over.
enum Hex {
    static func bytes(_ text: String) throws -> Bytes {
        let digits = text.split(separator: "\n").filter { !$0.hasPrefix("#") }.joined().filter { !$0.isWhitespace }
        var bytes = Bytes()
        var rest = Substring(digits)
        while !rest.isEmpty {
            guard rest.count >= 2, let byte = UInt8(rest.prefix(2), radix: 16) else {
                throw RawError(description: "not hexadecimal: \(rest.prefix(20))")
            }
            bytes.append(byte)
            rest = rest.dropFirst(2)
        }
        return bytes
    }

    static func text(_ bytes: Bytes) -> String {
        bytes.map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }
}
