import Model
import Testing

@testable import FnrpcClient

@Suite struct AddressTests {
    @Test(arguments: [
        ("unix:/run/fnrpc/fnrpc.sock", Address.Endpoint.unix(path: "/run/fnrpc/fnrpc.sock")),
        ("unix:here.sock", .unix(path: "here.sock")),
        ("tcp:127.0.0.1:7000", .tcp(host: "127.0.0.1", port: 7000)),
        ("tcp:localhost:1", .tcp(host: "localhost", port: 1)),
        ("tcp:[::1]:65535", .tcp(host: "::1", port: 65535)),
        ("tls:fnrpc.example:7443", .tls(host: "fnrpc.example", port: 7443)),
        ("tls:[::1]:1", .tls(host: "::1", port: 1)),
    ])
    func reads(text: String, endpoint: Address.Endpoint) throws {
        let address = try Address(text)
        #expect(address.endpoint == endpoint)
        #expect(address.description == text)
    }

    @Test(arguments: [
        ("", "write unix:PATH, tcp:HOST:PORT or tls:HOST:PORT"),
        ("tls:here", "write tls:HOST:PORT"),
        ("tls:::1:80", "tls:[::1]:PORT"),
        ("/run/fnrpc.sock", "write unix:PATH"),
        ("http://localhost", "write unix:PATH"),
        ("unix:", "path is missing"),
        ("unix:/" + String(repeating: "x", count: 107), "108 bytes; a Unix socket allows 107"),
        ("tcp:localhost", "port is missing"),
        ("tcp::80", "host is missing"),
        ("tcp:localhost:", "not a port from 1 to 65535"),
        ("tcp:localhost:0", "not a port"),
        ("tcp:localhost:65536", "not a port"),
        ("tcp:localhost:+8", "not a port"),
        ("tcp:localhost:99999999999999999999", "not a port"),
        ("tcp:::1:80", "brackets"),
    ])
    func refuses(text: String, words: String) {
        let error = #expect(throws: ClientError.self) { try Address(text) }
        #expect(error?.code == .invalid)
        #expect(error?.message.contains(words) == true, "\(error?.message ?? "")")
    }

    @Test func everyFailureHasItsCode() {
        #expect(Failure.Code.allCases.map(\.rawValue) == ClientError.Code.allCases.map(\.rawValue))
    }

    @Test func theWordsOfAFailedConnect() async throws {
        let missing = try Address("unix:/nowhere/fnrpc.sock")
        let error = await #expect(throws: ClientError.self) { try await Client.connect(to: missing) }
        #expect(error?.code == .unavailable)
        #expect(error?.message.contains("unix:/nowhere/fnrpc.sock") == true)
        #expect(error?.message.contains("does not exist") == true)

        // A listener that is closed at once leaves a port that nobody has.
        let server = try FakeServer { _ in }
        server.stop()
        let gone = await #expect(throws: ClientError.self) { try await Client.connect(to: server.address) }
        #expect(gone?.message.contains("does not exist") == true, "\(gone?.message ?? "")")

        let refused = await #expect(throws: ClientError.self) {
            try await Client.connect(to: Address("tcp:127.0.0.1:1"))
        }
        #expect(refused?.code == .unavailable)
        #expect(refused?.message.contains("nobody listens there") == true, "\(refused?.message ?? "")")

        let name = await #expect(throws: ClientError.self) {
            try await Client.connect(to: Address("tcp:no-such-host.invalid:1"))
        }
        #expect(name?.message.contains("host is not known") == true, "\(name?.message ?? "")")
    }

    @Test func durationsAreCut() {
        #expect(Duration.milliseconds(1500).clampedNanoseconds == 1_500_000_000)
        #expect(Duration.seconds(Int64.max).clampedNanoseconds == .max)
        #expect(Duration.seconds(Int64.min).clampedNanoseconds == .min)
        #expect(Duration.seconds(9_223_372_036).clampedNanoseconds == 9_223_372_036_000_000_000)
    }
}

@Suite struct CallTableTests {
    @Test func idsAreOddGrowAndEnd() throws {
        var table = CallTable<String>(lastID: 5, limit: 10)
        #expect(try table.open("a") == 1)
        #expect(try table.open("b") == 3)
        #expect(table.take(1) == "a")
        #expect(table.take(1) == nil)
        #expect(try table.open("c") == 5)
        #expect(!table.isOpen)
        #expect(throws: CallTable<String>.Refusal.ended) { try table.open("d") }
        #expect(table[5] == "c" && table.count == 2)
        #expect(table.takeAll(above: 3) == ["c"])
        #expect(table.end() == ["b"])
        #expect(table.isEmpty)
    }

    @Test func aReservedIDWaitsForNobody() throws {
        var table = CallTable<String>(lastID: 7, limit: 1)
        #expect(table.reserve() == 1)
        #expect(table.isEmpty)
        #expect(try table.open("a") == 3)
        table.close()
        #expect(table.reserve() == nil && !table.isOpen && table[3] == "a")
    }

    @Test func theLastIDOfAllDoesNotOverflow() throws {
        var table = CallTable<Int>(lastID: 1, limit: 10)
        #expect(try table.open(1) == 1)
        #expect(!table.isOpen)
    }

    @Test func fullIsNotEnded() throws {
        var table = CallTable<Int>(lastID: .max, limit: 1)
        #expect(try table.open(1) == 1)
        #expect(throws: CallTable<Int>.Refusal.full) { try table.open(2) }
        _ = table.take(1)
        #expect(try table.open(2) == 3)
    }
}
