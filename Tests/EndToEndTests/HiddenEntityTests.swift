import Foundation
import Testing

/// What callers without rights are told: the same of what is there and of what is not.
@Suite struct HiddenEntityTests {
    /// One request that names something.
    private struct Attempt {
        var method = WireTests.invoke
        var payload: Bytes = []
        var flags: UInt8 = 0
        /// A message of the stream.
        var message: Bytes?
        var metadata: [(String, String)] = []
        /// What it names, in the order in which an answer may repeat it.
        var names: [String]
    }

    /// An answer without the names that the caller wrote itself.
    private func answer(_ connection: RawConnection, _ attempt: Attempt, _ token: String?) throws -> String {
        let bearer = token.map { [("authorization", "Bearer " + $0)] } ?? []
        let id = try connection.open(
            attempt.method, attempt.payload, flags: attempt.flags, metadata: attempt.metadata + bearer)
        if let message = attempt.message { try connection.send(.data(id, message)) }
        let frame = try connection.frame()
        guard frame.type == RawFrame.response else { return "message \(Hex.text(frame.data))" }
        let answer = Answer(frame.data)
        var text = answer.message
        for (index, name) in attempt.names.enumerated() {
            text = text.replacingOccurrences(of: name, with: "NAME\(index)")
        }
        // Each call has an id of its own, known or not.
        let metadata = answer.metadata.map { $0.key == "fn-call-id" ? $0.key : "\($0.key) \($0.value)" }.sorted()
        return "\(answer.code) \(answer.reason) \(text) \(answer.field) \(metadata) "
            + "\(answer.details.keys.sorted())"
    }

    private func answers(_ daemon: TestDaemon, _ attempts: [Attempt], _ token: String?) throws -> Set<String> {
        let connection = try RawConnection(unix: daemon.socket)
        defer { connection.close() }
        return Set(try attempts.map { try answer(connection, $0, token) })
    }

    private func token(_ daemon: TestDaemon, _ name: String, _ scopes: String...) throws -> String {
        let request = Proto.field(1, name) + scopes.flatMap { Proto.field(2, $0) }
        let answer = try RawConnection(unix: daemon.socket).call("fnrpc.v1.Tokens/Create", request)
        try #require(answer.code == 0, "\(answer)")
        return Fields(answer.payload).text(2)
    }

    /// Apps `demo` and `more`: in both a function `hidden` with the service `both.Served`; in `demo` a version, an alias,
    /// a trigger, a secret, a service of its own, and another function `open`.
    private func furnish(_ daemon: TestDaemon) throws {
        for (app, name, services) in [
            ("demo", "hidden", "[one.Served, both.Served]"), ("more", "hidden", "[both.Served]"),
            ("demo", "open", "[]"),
        ] {
            let folder = try daemon.write(
                "\(app)-\(name)",
                [
                    "func.yaml": "name: \(name)\nruntime: python\nentry: func.handler\nformat: ttrpc\n"
                        + "services: \(services)\n", "func.py": "raise SystemExit(1)\n",
                ])
            let result = try daemon.fnrpc("deploy", folder, "--app", app)
            try #require(result.code == 0, "\(result)")
        }
        for arguments in [
            ["alias", "set", "demo/hidden", "live", "1"], ["trigger", "create", "demo", "door", "/here/:id", "hidden"],
        ] {
            let result = try TestDaemon.run(
                TestDaemon.binaries + "/fnrpc", arguments, environment: ["FNRPC_ADDRESS": "unix:" + daemon.socket])
            try #require(result.code == 0, "\(arguments): \(result)")
        }
        let secret = Proto.field(1, "demo") + Proto.field(2, "key") + Proto.field(3, "value")
        let made = try RawConnection(unix: daemon.socket).call("fnrpc.v1.Secrets/Create", secret)
        try #require(made.code == 0, "\(made)")
    }

    private func byName(_ app: String, _ function: String, _ more: Bytes = []) -> (Bytes, [String]) {
        (Proto.field(4, app) + Proto.field(5, function) + more, [app, function])
    }

    private func byPath(_ app: String, _ path: String, method: String = "GET") -> (Bytes, [String]) {
        (Proto.field(4, app) + Proto.field(10, method) + Proto.field(11, path), [path, app])
    }

    /// As Invoke, and as the first message of InvokeStream.
    private func both(_ requests: [(Bytes, [String])]) -> [[Attempt]] {
        [
            requests.map { Attempt(payload: $0.0, names: $0.1) },
            requests.map { Attempt(method: WireTests.invokeStream, flags: 0x02, message: $0.0, names: $0.1) },
        ]
    }

    /// Calls of things that are there, that are not, and that lack what is asked for of them. Each list has one answer.
    private var invocations: [[Attempt]] {
        let pairs = [("demo", "hidden"), ("demo", "gone"), ("nowhere", "hidden")]
        let versions = [Proto.field(6, varint: 1), Proto.field(6, varint: 99)]
        let aliases = [Proto.field(9, "live"), Proto.field(9, "none"), Proto.field(9, "latest")]
        let named = pairs.flatMap { pair in
            ([[]] + versions + aliases).map { byName(pair.0, pair.1, $0) }
        }
        let paths = [("demo", "/here/1"), ("demo", "/gone/1"), ("nowhere", "/here/1")].flatMap { app, path in
            ["GET", "B D"].map { byPath(app, path, method: $0) }
        }
        return both(named) + both(paths) + services
    }

    /// Calls by the name of a service, unary and streamed, with and without an app.
    private var services: [[Attempt]] {
        let versions = [[], [("fnrpc-version", "1")], [("fnrpc-version", "99")]]
        let aliases = [[("fnrpc-alias", "live")], [("fnrpc-alias", "none")]]
        return [UInt8(0), 0x02].flatMap { flags -> [[Attempt]] in
            func attempts(_ app: String?, _ service: String) -> [Attempt] {
                (versions + aliases).map { metadata in
                    Attempt(
                        method: service + "/Method", flags: flags,
                        metadata: metadata + (app.map { [("fnrpc-app", $0)] } ?? []),
                        names: [service] + (app.map { [$0] } ?? []))
                }
            }
            let inApp = [("demo", "one.Served"), ("demo", "no.Served"), ("nowhere", "one.Served")]
            let anywhere = ["one.Served", "both.Served", "no.Served"]
            return [inApp.flatMap { attempts($0.0, $0.1) }, anywhere.flatMap { attempts(nil, $0) }]
        }
    }

    @Test func callersWithoutRightsLearnNothingByCalling() async throws {
        try await withDaemon { daemon in
            try furnish(daemon)
            // One that may call elsewhere, one that may call another function of the app, one that may look only.
            let strangers = [
                try token(daemon, "elsewhere", "invoke:elsewhere/x", "invoke:other"),
                try token(daemon, "neighbour", "invoke:demo/open", "invoke:other"),
                try token(daemon, "reader", "read"),
            ]
            for attempts in invocations {
                for stranger in strangers {
                    let seen = try answers(daemon, attempts, stranger)
                    #expect(seen.count == 1 && seen.allSatisfy { $0.hasPrefix("7 NOT_PERMITTED ") }, "\(seen)")
                }
            }
            // Those with rights are told what is wrong, so the requests do differ.
            let friend = try token(daemon, "friend", "invoke")
            for attempts in invocations {
                let seen = try answers(daemon, attempts, friend)
                #expect(seen.count > 1, "\(seen)")
            }
        }
    }

    @Test func whoMayCallOneFunctionIsToldOfItsVersions() async throws {
        try await withDaemon { daemon in
            try furnish(daemon)
            let owner = try token(daemon, "owner", "invoke:demo/hidden", "invoke:other")
            let connection = try RawConnection(unix: daemon.socket)
            func message(_ method: String, _ payload: Bytes = [], _ metadata: (String, String)...) throws -> String {
                let answer = try connection.call(
                    method, payload, metadata: metadata + [("authorization", "Bearer " + owner)])
                return "\(answer.code) \(answer.message)"
            }
            let app = ("fnrpc-app", "demo")
            #expect(
                try message("one.Served/Call", [], app, ("fnrpc-version", "99"))
                    == "5 fnrpc-version: 99 of the function that serves \"one.Served\" not found")
            // In `more`, the same service is another's.
            #expect(
                try message("both.Served/Call", [], ("fnrpc-alias", "none"))
                    == "5 fnrpc-alias: \"none\" of the function that serves \"both.Served\" not found")
            #expect(
                try message(WireTests.invoke, byName("demo", "hidden", Proto.field(6, varint: 99)).0).hasPrefix("5 "))
            #expect(try message(WireTests.invoke, byPath("demo", "/here/1", method: "B D").0).hasPrefix("3 method: "))
        }
    }

    /// Every method of every service, asked for what is there and for what is not.
    @Test func methodsForOthersAnswerNothing() async throws {
        try await withDaemon { daemon in
            try furnish(daemon)
            let strangers = [
                try token(daemon, "elsewhere", "invoke:elsewhere"), try token(daemon, "neighbour", "invoke:demo/open"),
            ]
            let connection = try RawConnection(unix: daemon.socket)
            let set = Fields(
                Fields(try connection.call("fnrpc.v1.Reflection/GetFileDescriptorSet").payload).part(1) ?? [])
            var count = 0
            for file in set.all(1).map(Fields.init) {
                for service in file.all(6).map(Fields.init) {
                    let name = "\(file.text(2)).\(service.text(1))"
                    // About the connection; of what the caller sends; tested above.
                    guard name.hasPrefix("fnrpc.v1.") || name.hasPrefix("grpc."),
                        !["fnrpc.v1.Transport", "fnrpc.v1.Diagnostics", "fnrpc.v1.Invocation"].contains(name)
                    else { continue }
                    for method in service.all(2).map(Fields.init) {
                        count += 1
                        let flags: UInt8 =
                            method.number(5) == 1 ? 0x02 : method.number(6) == 1 ? 0x01 : 0
                        let attempts = [
                            ["demo", "hidden"], ["demo", "gone"], ["nowhere", "hidden"], ["more", "key"],
                            ["demo/hidden", "demo"], ["demo/gone", "demo"], ["one.Served", "demo"],
                            ["no.Served", "demo"],
                        ].map { names in
                            Attempt(
                                method: "\(name)/\(method.text(1))",
                                payload: names.enumerated().flatMap { Proto.field(UInt64($0 + 1), $1) },
                                flags: flags, names: names)
                        }
                        for stranger in strangers {
                            // Those for everybody have one field more or less.
                            let known = name.hasSuffix("Health") ? attempts.map(Self.shortened) : attempts
                            let seen = try answers(daemon, known, stranger)
                            #expect(seen.count == 1, "\(name)/\(method.text(1)): \(seen)")
                        }
                    }
                }
            }
            #expect(count > 60)
            // The same requests tell a reader more.
            let reader = try token(daemon, "reader", "read")
            let health = ["demo/hidden", "demo/gone", "one.Served", "no.Served"].map {
                Attempt(method: "grpc.health.v1.Health/Check", payload: Proto.field(1, $0), names: [$0])
            }
            #expect(try answers(daemon, health, reader).count == 2)
            let neighbour = Attempt(
                method: "grpc.health.v1.Health/Check", payload: Proto.field(1, "demo/open"), names: [])
            #expect(try answers(daemon, [neighbour], strangers[1]).first?.hasPrefix("0 ") == true)
        }
    }

    private static func shortened(_ attempt: Attempt) -> Attempt {
        var attempt = attempt
        attempt.payload = attempt.names.first.map { Proto.field(1, $0) } ?? []
        return attempt
    }
}
