import Foundation
import Testing

/// Peers that mean harm get no memory, and nobody else notices.
@Suite(.serialized, SharedDaemon(["--handshake-timeout", "2", "--frame-timeout", "2"])) struct WireHostileTests {
    /// What a bad peer may cost, KiB.
    static let allowed = 64 << 10

    /// Runs an attack; then the daemon must not have grown by more than is allowed, at no time.
    private func attack(_ run: (TestDaemon) throws -> Void) throws {
        let daemon = try SharedDaemon.daemon
        // The first use of everything is not the attack's doing.
        let connection = try SharedDaemon.connect()
        for _ in 0..<50 { _ = try connection.isAliveAndQuiet() }
        // The high-water mark begins here.
        try "5".write(
            toFile: "/proc/\(daemon.process.processIdentifier)/clear_refs", atomically: false, encoding: .utf8)
        let before = try daemon.status("VmRSS")
        try run(daemon)
        for _ in 0..<200 { #expect(try connection.isAliveAndQuiet(), "others are served as before") }
        let after = try daemon.status("VmHWM")
        print("the daemon grew by \(after - before) KiB")
        #expect(after - before <= Self.allowed, "grew from \(before) to \(after) KiB")
    }

    @Test func fourMiBOfEmptyMetadata() throws {
        try attack { _ in
            let connection = try SharedDaemon.connect()
            let head = RawFrame.request(1, WireTests.echo).data
            let data = head + Bytes((0..<((4 << 20) - head.count) / 2).flatMap { _ in [0x2A, 0] as Bytes })
            for _ in 0..<5 {
                let id = connection.newID()
                try connection.send(RawFrame(id: id, type: RawFrame.request, data: data))
                #expect(try connection.answer(id).code == 3)
            }
        }
    }

    @Test func fourMiBOfUnknownFields() throws {
        try attack { _ in
            let connection = try SharedDaemon.connect()
            let unknown = Bytes((0..<2_090_000).flatMap { _ in [0x78, 1] as Bytes })
            for _ in 0..<3 {
                let id = connection.newID()
                let data = RawFrame.request(1, WireTests.echo).data + unknown
                try connection.send(RawFrame(id: id, type: RawFrame.request, data: data))
                #expect(try connection.answer(id).code == 0, "unknown fields of the envelope are passed over")
                #expect(try connection.call(WireTests.echo, unknown).code == 3)
                #expect(try connection.call("fnrpc.v1.Apps/Get", unknown).code == 8)
                #expect(try connection.call("fnrpc.v1.Transport/Hello", unknown).code == 3)
                let stream = try connection.open(WireTests.collect, flags: 0x02)
                try connection.send(.data(stream, unknown), .end(stream))
                #expect(try connection.answer(stream).code == 3)
                let small = Bytes(unknown.prefix(300 << 10))
                #expect(try connection.call("fnrpc.v1.Apps/Get", small).code == 3)
            }
        }
    }

    @Test func deepNesting() throws {
        try attack { _ in
            let connection = try SharedDaemon.connect()
            var nested: Bytes = []
            while nested.count < 200 << 10 { nested = Proto.field(3, nested) + Proto.field(3, []) }
            for path in ["fnrpc.v1.Functions/Deploy", "fnrpc.v1.Apps/Create", "fnrpc.v1.Calls/List"] {
                #expect(try connection.call(path, Bytes(nested.prefix(300 << 10))).code == 3, "\(path)")
            }
            #expect(try connection.isAliveAndQuiet())
        }
    }

    @Test func aThousandConnectionsWithAHeaderAndSilence() throws {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        limit.rlim_cur = min(limit.rlim_max, 8192)
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
        try attack { daemon in
            let connections = try (0..<1000).map { _ in try SharedDaemon.connect() }
            for connection in connections { try connection.send(RawFrame.header(4 << 20, 1, RawFrame.request)) }
            try daemon.wait("all are accepted") { daemon.connectionCount() >= 1000 }
            let other = try SharedDaemon.connect()
            for _ in 0..<200 { #expect(try other.isAliveAndQuiet()) }
            // Their time runs out.
            for connection in connections { #expect(connection.isClosedByPeer()) }
            #expect(try other.isAliveAndQuiet())
        }
    }

    @Test func readersThatNeverRead() throws {
        try attack { _ in
            let request = Proto.field(1, varint: 1_000_000) + Proto.field(2, varint: 4096)
            let connections = try (0..<8).map { _ in try SharedDaemon.connect() }
            for connection in connections {
                for _ in 0..<10 { try connection.open(WireTests.generate, request, flags: 0x01) }
            }
            // And one with as many large messages as there may be streams.
            let large = Proto.field(1, varint: 1_000_000) + Proto.field(2, varint: 256 << 10)
            let greedy = try SharedDaemon.connect()
            for _ in 0..<1024 { try greedy.open(WireTests.generate, large, flags: 0x01) }
            let other = try SharedDaemon.connect()
            for _ in 0..<500 { #expect(try other.isAliveAndQuiet()) }
        }
    }

    @Test func echoesThatNobodyReads() throws {
        try attack { _ in
            let connection = try SharedDaemon.connect()
            let payload = Proto.field(1, Bytes(repeating: 0x61, count: 1 << 20))
            pour(connection, (0..<64).flatMap { RawFrame.request($0 * 2 + 1, WireTests.echo, payload).bytes })
        }
    }

    @Test func mistakesWhoseAnswersNobodyReads() throws {
        try attack { _ in
            let connection = try SharedDaemon.connect()
            // Ten bytes each, and a sentence for every one of them.
            let mistake = RawFrame.header(0, 2, RawFrame.request)
            var block = Bytes()
            for _ in 0..<10_000 { block += mistake }
            var taken = 0
            while taken < 500, pour(connection, block) { taken += 1 }
            #expect(taken < 500, "it is not read for ever")
            // Whoever reads is answered again.
            let answer = try connection.answer(2)
            #expect(answer.code == 3)
            for _ in 0..<10_000 { _ = try connection.answer(2) }
        }
    }

    /// Sends without ever reading, until all is sent, or the peer has taken nothing for a while.
    @discardableResult
    private func pour(_ connection: RawConnection, _ bytes: Bytes) -> Bool {
        var rest = bytes[...]
        var idle = 0
        while !rest.isEmpty, idle < 100 {
            let count = connection.sendBlindly(Bytes(rest.prefix(1 << 20)))
            rest = rest.dropFirst(count)
            idle = count > 0 ? 0 : idle + 1
            if count == 0 { usleep(5000) }
        }
        return rest.isEmpty
    }
}

extension TestDaemon {
    /// Its open connections, as it counts them.
    func connectionCount() -> UInt64 {
        guard let answer = try? RawConnection(unix: socket).call("fnrpc.v1.System/Info") else { return 0 }
        return Fields(answer.payload).number(16) ?? 0
    }
}
