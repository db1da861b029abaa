import Glibc
import Loop
import Model
import Testing

@Suite struct TLSTests {
    let bench = Bench()
    let certificates: Certificates

    init() throws {
        certificates = try Certificates()
    }

    @Test func shakesHandsAndEchoes() async throws {
        let echo = try await TLSEcho(bench, certificates.context())
        let client = TLSClient(echo.far, certificates)
        #expect(client.connect())
        #expect(client.chosen == "ttrpc/1.2")
        #expect(client.write(Array("hello".utf8)))
        #expect(client.read(5) == Array("hello".utf8))
        #expect(echo.witness.seen.withLock { $0.readies } == 1)
        let statistics = try #require(echo.witness.connection?.statistics)
        #expect(statistics.bytesReceived == 5 && statistics.bytesSent == 5)
        #expect(echo.session.peerCommonName == nil)
        // What is written from another thread goes through the loop.
        echo.witness.connection?.write(count: 3) { $0.copyBytes(from: Array("yes".utf8)) }
        #expect(client.read(3) == Array("yes".utf8))
        echo.witness.connection?.finish()
        #expect(client.read(1).isEmpty && client.wasToldGoodbye)
        await bench.until({ echo.witness.isClosed }, "it was not closed")
        #expect(echo.witness.reasons.isEmpty)
    }

    @Test func whatIsWrittenBeforeTheHandshakeWaitsForIt() async throws {
        let echo = try await TLSEcho(bench, certificates.context())
        echo.witness.connection?.write(count: 5) { $0.copyBytes(from: Array("early".utf8)) }
        await bench.turn()
        let client = TLSClient(echo.far, certificates)
        #expect(client.connect() && client.read(5) == Array("early".utf8))
    }

    @Test func movesEightMebibytesEachWay() async throws {
        let budget = ByteBudget(limit: 64 << 20)
        let echo = try await TLSEcho(bench, certificates.context(), echoes: false, budget: budget)
        let client = TLSClient(echo.far, certificates)
        #expect(client.connect())
        let bytes = pattern(8 << 20)
        #expect(client.write(bytes))
        await bench.until({ echo.witness.inputCount == bytes.count }, "not everything came")
        #expect((echo.witness.input == bytes) == true, "the bytes differ")
        echo.witness.connection?.write(count: bytes.count) { $0.copyBytes(from: bytes) }
        #expect((client.read(bytes.count) == bytes) == true, "the bytes differ")
        await bench.until({ echo.witness.seen.withLock { $0.rooms } == 1 }, "nobody told that there is room")
        await bench.until({ budget.used == 0 }, "the budget is not paid back")
    }

    @Test func echoesManyMessagesAtOnce() async throws {
        let echo = try await TLSEcho(bench, certificates.context())
        let client = TLSClient(echo.far, certificates)
        #expect(client.connect())
        for round in 1...50 {
            let bytes = pattern(round * 1237)
            #expect(client.write(bytes) && client.read(bytes.count) == bytes)
        }
    }

    @Test func aPausedConnectionGoesOnWithWhatTLSHasRead() async throws {
        let witness = Witness { connection, bytes in
            connection.pauseReading()
            return .consumed(1, needed: 0)
        }
        let (near, far) = socketPair()
        var options = Connection.Options.patient
        options.tls = try certificates.context().makeSession(descriptor: near)
        await bench.attach(witness, near, options)
        let client = TLSClient(far, certificates)
        #expect(client.connect() && client.write(pattern(300)))
        for count in 1...300 {
            await bench.until({ witness.inputCount == count }, "byte \(count) did not come")
            await bench.run { witness.connection?.resumeReading() }
        }
        #expect(witness.input == pattern(300))
        await bench.run { witness.connection?.pauseReading() }
        client.shutdown()
        await bench.turn()
        #expect(!witness.isClosed)
        await bench.run { witness.connection?.resumeReading() }
        await bench.until({ witness.isClosed }, "the end was not noticed")
    }

    @Test func aClientMayOfferNoProtocolButNotOnlyWrongOnes() async throws {
        let context = try certificates.context()
        let without = try await TLSEcho(bench, context)
        let client = TLSClient(without.far, certificates, offers: nil)
        #expect(client.connect() && client.write([1]) && client.read(1) == [1] && client.chosen.isEmpty)
        let several = try await TLSEcho(bench, context)
        let second = TLSClient(several.far, certificates, offers: ["h2", "ttrpc/1.2"])
        #expect(second.connect() && second.chosen == "ttrpc/1.2")
        let wrong = try await TLSEcho(bench, context)
        let third = TLSClient(wrong.far, certificates, offers: ["h2", "ttrpc/1.22"])
        #expect(!third.connect())
        let reason = await wrong.failure()
        #expect(reason.contains("application protocol"), "\(reason)")
    }

    @Test func onlyTLS13IsSpoken() async throws {
        let echo = try await TLSEcho(bench, certificates.context())
        let client = TLSClient(echo.far, certificates, version: TLS1_2)
        #expect(!client.connect())
        let reason = await echo.failure()
        #expect(reason.contains("protocol"), "\(reason)")
    }

    @Test func aVerifiedClientHasAName() async throws {
        try certificates.issue("client", "alice", by: "ca", "subjectAltName=DNS:alice.test,URI:spiffe://test/alice")
        for required in [true, false] {
            let echo = try await TLSEcho(bench, certificates.context(clientCA: "ca.crt", required: required))
            let client = TLSClient(echo.far, certificates, certificate: "client")
            #expect(client.connect() && client.write([1]) && client.read(1) == [1])
            #expect(echo.session.peerCommonName == "alice")
            #expect(echo.session.peerAlternativeNames == ["alice.test", "spiffe://test/alice"])
        }
    }

    @Test func strangersAreRefused() async throws {
        try certificates.authority("other", "Other CA")
        try certificates.issue("mallory", "alice", by: "other", "subjectAltName=DNS:alice")
        let required = try certificates.context(clientCA: "ca.crt", required: true)
        let stranger = try await TLSEcho(bench, required)
        let client = TLSClient(stranger.far, certificates, certificate: "mallory")
        // In TLS 1.3 a client learns of it only when it reads.
        #expect(!(client.connect() && client.write([1]) && client.read(1) == [1]))
        let reason = await stranger.failure()
        #expect(reason.contains("certificate verify failed: unable to get local issuer certificate"), "\(reason)")
        #expect(stranger.session.peerCommonName == nil && stranger.witness.input.isEmpty)
        let nameless = try await TLSEcho(bench, required)
        let second = TLSClient(nameless.far, certificates)
        #expect(!(second.connect() && second.write([1]) && second.read(1) == [1]))
        let text = await nameless.failure()
        #expect(text.contains("peer did not return a certificate"), "\(text)")
        // Where a certificate is not required, a wrong one is refused all the same.
        let optional = try certificates.context(clientCA: "ca.crt")
        let third = TLSClient(try await TLSEcho(bench, optional).far, certificates, certificate: "mallory")
        #expect(!(third.connect() && third.write([1]) && third.read(1) == [1]))
        let fourth = TLSClient(try await TLSEcho(bench, optional).far, certificates)
        #expect(fourth.connect())
    }

    @Test func reloadingChangesLaterHandshakesOnly() async throws {
        let context = try certificates.context()
        let first = try await TLSEcho(bench, context)
        let old = TLSClient(first.far, certificates)
        #expect(old.connect() && old.serverName == "localhost")
        try certificates.issue("server", "renewed", by: "ca", "subjectAltName=DNS:localhost")
        try context.reload()
        #expect(old.write([1]) && old.read(1) == [1])
        let renewed = TLSClient(try await TLSEcho(bench, context).far, certificates)
        #expect(renewed.connect() && renewed.serverName == "renewed")
        // A bad file changes nothing.
        let file = open(certificates.file("server.crt"), O_WRONLY | O_TRUNC)
        close(file)
        #expect(throws: Failure.self) { try context.reload() }
        let still = TLSClient(try await TLSEcho(bench, context).far, certificates)
        #expect(still.connect() && still.serverName == "renewed")
        #expect(old.write([2]) && old.read(1) == [2])
    }

    @Test func badFilesAreNamed() throws {
        func text(_ certificate: String, _ key: String, _ ca: String? = nil, required: Bool = false) -> String {
            do throws(Failure) {
                _ = try TLSContext(
                    certificateFile: certificates.file(certificate), keyFile: certificates.file(key),
                    clientCAFile: ca.map(certificates.file), requireClientCertificate: required)
                return "accepted"
            } catch { return error.message }
        }
        #expect(text("server.crt", "server.key", "ca.crt", required: true) == "accepted")
        let missing = text("none.crt", "server.key")
        #expect(missing.contains("/none.crt") && missing.contains("No such file"), "\(missing)")
        let mismatch = text("server.crt", "ca.key")
        #expect(mismatch.contains("/ca.key") && mismatch.contains("mismatch"), "\(mismatch)")
        let noCA = text("server.crt", "server.key", "server.key")
        #expect(noCA.contains("client CA file") && noCA.contains("/server.key"), "\(noCA)")
        #expect(text("server.crt", "server.key", required: true).contains("client certificates are required"))
    }

    @Test(arguments: [
        ([UInt8](repeating: 0, count: 10), "plain ttrpc"),
        (Array("GET / HTTP/1.1\r\n\r\n".utf8), "plain text, maybe HTTP"),
        ([0xFF, 1, 2], "not TLS"),
    ])
    func whatIsNotTLSIsNamed(bytes: [UInt8], words: String) async throws {
        let echo = try await TLSEcho(bench, certificates.context())
        defer { close(echo.far) }
        sendAll(echo.far, bytes)
        let reason = await echo.failure()
        #expect(reason.contains(words), "\(reason)")
    }

    @Test func garbageAfterAGoodBeginningFails() async throws {
        let echo = try await TLSEcho(bench, certificates.context())
        defer { close(echo.far) }
        sendAll(echo.far, [22, 3, 1, 0, 5, 1, 2, 3, 4, 5])
        #expect(await echo.failure().hasPrefix("TLS: "))
    }

    @Test func aHandshakeThatDoesNotEndIsClosed() async throws {
        let echo = try await TLSEcho(bench, certificates.context())
        defer { close(echo.far) }
        sendAll(echo.far, [22, 3, 1])
        await bench.sweep(echo.witness, after: 50)
        #expect(!echo.witness.isClosed)
        await bench.sweep(echo.witness, after: 101)
        #expect(echo.witness.reasons == [.firstTimeout(nanos: 100_000_000_000)])
        // Neither is one that goes on being silent after it.
        let silent = try await TLSEcho(bench, certificates.context())
        let client = TLSClient(silent.far, certificates)
        #expect(client.connect())
        await bench.until({ silent.witness.seen.withLock { $0.readies } == 1 }, "no handshake")
        await bench.sweep(silent.witness, after: 101)
        #expect(silent.witness.isClosed)
    }

    @Test func aPeerThatVanishesIsNoFailure() async throws {
        let echo = try await TLSEcho(bench, certificates.context())
        close(echo.far)
        #expect(await echo.failure().isEmpty)
        let talking = try await TLSEcho(bench, certificates.context())
        do {
            let client = TLSClient(talking.far, certificates)
            #expect(client.connect() && client.write([1]) && client.read(1) == [1])
        }
        #expect(await talking.failure().isEmpty)
        #expect(talking.witness.connection?.write(count: 1) { $0[0] = 1 } == false)
    }

    /// TLS1_2_VERSION of OpenSSL.
    private var TLS1_2: Int32 { 0x0303 }
}
