import FnrpcClient
import NIOSSL
import Testing

@Suite struct TLSTests {
    private func address(_ server: TLSServer, host: String = "localhost") throws(ClientError) -> Address {
        try Address("tls:\(host):\(server.port)")
    }

    /// Connects and calls, and gives the first failure.
    private func attempt(_ address: Address, _ tls: TLSOptions?) async -> ClientError? {
        await failure { () throws(ClientError) in
            let client = try await Client.connect(to: address, options: ClientOptions(tls: tls))
            let result = await failure { () throws(ClientError) in try await client.echo([1]) }
            await client.close()
            if let result { throw result }
            return true
        }
    }

    private func withCertificates(_ body: (Certificates) async throws -> Void) async throws {
        let certificates = try Certificates()
        defer { certificates.remove() }
        try await body(certificates)
    }

    @Test func callsAndStreamsWithBothEndsVerified() async throws {
        try await withCertificates { certificates in
            let server = try await TLSServer(certificates, wantsClient: true)
            let tls = TLSOptions(
                caFile: certificates.pem("ca"), certificateFile: certificates.pem("client"),
                keyFile: certificates.key("client"))
            for host in ["localhost", "127.0.0.1"] {
                let client = try await Client.connect(
                    to: address(server, host: host), options: ClientOptions(token: "t", tls: tls))
                let big = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0) }
                #expect(try await (client.echo(big) == big) == true)
                let stream = try await client.stream(service: "s", method: "m", kind: .bidirectional)
                for _ in 0..<10 { try await stream.send(big) }
                try await stream.finishSending()
                var count = 0
                for try await message in stream.messages {
                    #expect((message == big) == true)
                    count += 1
                }
                #expect(count == 10)
                await client.close()
            }
            try await server.stop()
        }
    }

    @Test func whatIsWrongWithTheServer() async throws {
        try await withCertificates { certificates in
            let trusted = TLSOptions(caFile: certificates.pem("ca"))
            let server = try await TLSServer(certificates)
            #expect(try await attempt(address(server), trusted) == nil)

            for tls in [nil, TLSOptions(caFile: certificates.pem("foreign-ca"))] {
                let unknown = try await attempt(address(server), tls)
                #expect(unknown?.code == .unavailable)
                #expect(unknown?.message.contains("not trusted") == true, "\(unknown as Any)")
                #expect(unknown?.message.contains("(CA)") == true)
            }

            let other = try await TLSServer(certificates, name: "other-name")
            for host in ["localhost", "127.0.0.1"] {
                let wrong = try await attempt(address(other, host: host), trusted)
                #expect(wrong?.code == .unavailable)
                #expect(wrong?.message.contains("not for this name") == true, "\(wrong as Any)")
            }
            let named = TLSOptions(caFile: certificates.pem("ca"), serverName: "elsewhere.example")
            #expect(try await attempt(address(other, host: "127.0.0.1"), named) == nil)

            let old = try await TLSServer(certificates, newest: .tlsv12)
            let refused = try await attempt(address(old), trusted)
            #expect(refused?.message.contains("TLS 1.3") == true, "\(refused as Any)")

            for server in [server, other, old] { try await server.stop() }
        }
    }

    @Test func whatIsWrongWithTheClient() async throws {
        try await withCertificates { certificates in
            let server = try await TLSServer(certificates, wantsClient: true)
            let without = try await attempt(address(server), TLSOptions(caFile: certificates.pem("ca")))
            #expect(without?.code == .unauthenticated)
            #expect(without?.message.contains("wants a client certificate") == true, "\(without as Any)")

            let foreign = try await attempt(
                address(server),
                TLSOptions(
                    caFile: certificates.pem("ca"), certificateFile: certificates.pem("foreign-client"),
                    keyFile: certificates.key("foreign-client")))
            #expect(foreign?.code == .unauthenticated)
            #expect(foreign?.message.contains("does not accept the client certificate") == true, "\(foreign as Any)")
            try await server.stop()
        }
    }

    @Test func filesThatCannotBeUsed() async throws {
        try await withCertificates { certificates in
            let ca = certificates.pem("ca")
            let client = certificates.pem("client")
            let cases: [(TLSOptions, String)] = [
                (TLSOptions(caFile: "/nowhere.pem"), "CA file /nowhere.pem"),
                (TLSOptions(caFile: certificates.key("ca")), "CA file"),
                (TLSOptions(caFile: ca, certificateFile: client), "give the key file too"),
                (TLSOptions(caFile: ca, keyFile: certificates.key("client")), "give the certificate file too"),
                (TLSOptions(caFile: ca, certificateFile: client, keyFile: client), "key file"),
                (
                    TLSOptions(caFile: ca, certificateFile: client, keyFile: certificates.key("server")),
                    "belongs to the certificate"
                ),
                (TLSOptions(caFile: ca, serverName: "10.0.0.1"), "server name \"10.0.0.1\""),
                (TLSOptions(caFile: ca, serverName: ""), "server name \"\""),
            ]
            for (tls, words) in cases {
                let error = await attempt(try Address("tls:localhost:1"), tls)
                #expect(error?.code == .invalid && error?.message.contains(words) == true, "\(error as Any)")
            }
            let plain = await attempt(try Address("tcp:localhost:1"), TLSOptions(caFile: ca))
            #expect(plain?.code == .invalid && plain?.message.contains("write tls:HOST:PORT") == true)
        }
    }

    @Test func plainAndTLSMeet() async throws {
        try await withCertificates { certificates in
            let tls = try await TLSServer(certificates)
            let error = await attempt(try Address("tcp:localhost:\(tls.port)"), nil)
            #expect(error?.message.contains("write tls:localhost:\(tls.port)") == true, "\(error as Any)")
            try await tls.stop()

            // Says something that is not TLS; closes at once, as fnrpcd does.
            for answer in [frameBytes([], streamID: 1), []] {
                let plain = try FakeServer.onTCP { peer in
                    _ = try peer.read(5)
                    try peer.send(answer)
                }
                let error = await attempt(
                    try Address("tls:127.0.0.1:\(plain.port)"), TLSOptions(caFile: certificates.pem("ca")))
                #expect(error?.code == .unavailable)
                #expect(error?.message.contains("write tcp:127.0.0.1:\(plain.port)") == true, "\(error as Any)")
                plain.stop()
            }
        }
    }

    @Test func aServerThatNeverShakesHands() async throws {
        try await withCertificates { certificates in
            let silent = try FakeServer.onTCP { $0.waitForClose() }
            var limits = Client.Limits()
            limits.connectTimeout = .milliseconds(100)
            let error = await failure { () throws(ClientError) in
                try await Client.connect(
                    to: Address("tls:127.0.0.1:\(silent.port)"),
                    options: ClientOptions(tls: TLSOptions(caFile: certificates.pem("ca"))), limits: limits)
            }
            #expect(error?.message.contains("does not speak TLS") == true, "\(error as Any)")
            silent.stop()
        }
    }
}
