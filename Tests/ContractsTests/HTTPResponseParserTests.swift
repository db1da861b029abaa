import Testing

@testable import Contracts

@Suite struct HTTPResponseParserTests {
    /// A whole response.
    private struct Response {
        var head = HTTPResponseParser.Head()
        var body: [UInt8] = []
    }

    private func parse(_ text: String, step: Int) throws -> Response? {
        try parse(Array(text.utf8), step: step)
    }

    /// Feeds the bytes in steps, as a connection does: what was not used comes again.
    private func parse(_ bytes: [UInt8], step: Int) throws -> Response? {
        var parser = HTTPResponseParser()
        var response = Response()
        var pending: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: step) {
            pending += bytes.dropFirst(start).prefix(step)
            var position = 0
            let isDone = try pending.withUnsafeBytes { bytes in
                while true {
                    switch try parser.next(bytes, from: &position) {
                    case .wait: return false
                    case .head(let head): response.head = head
                    case .body(let piece):
                        #expect(piece.count > 0)
                        response.body += piece
                    case .end: return true
                    }
                }
            }
            #expect(position <= pending.count)
            pending.removeFirst(position)
            if isDone { return response }
        }
        return parser.finish() ? response : nil
    }

    @Test(arguments: [1, 2, 7, 1000])
    func readsLengthsAndChunksHoweverTheyArrive(step: Int) throws {
        let plain = try #require(
            try parse(
                "HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX-Y: z \r\nContent-Length: 5\r\n\r\nhello", step: step))
        #expect(plain.head.status == 200 && plain.body == Array("hello".utf8) && plain.head.keepsAlive)
        #expect(plain.head.contentType == "a/b" && plain.head.length == 5)
        #expect(plain.head.headers == [.init(name: "X-Y", value: "z")])
        let chunked = try #require(
            try parse(
                "HTTP/1.1 502 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n",
                step: step))
        #expect(chunked.head.status == 502 && chunked.body == Array("abcde".utf8) && chunked.head.length == nil)
        let untilClose = try #require(try parse("HTTP/1.0 200 OK\r\n\r\nrest", step: step))
        #expect(untilClose.body == Array("rest".utf8) && !untilClose.head.keepsAlive)
        let interim = try #require(
            try parse(
                "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nA: b\r\n\r\n"
                    + "HTTP/1.1 204 No\r\nConnection: close\r\n\r\n", step: step))
        #expect(interim.head.status == 204 && interim.body.isEmpty && !interim.head.keepsAlive)
        #expect(interim.head.headers.isEmpty)
    }

    @Test func chunkedWinsOverLength() throws {
        let text = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\n"
        #expect(try parse(text, step: 1000)?.body == Array("ab".utf8))
    }

    @Test func piecesAreBounded() throws {
        var parser = HTTPResponseParser()
        let bytes = Array("HTTP/1.1 200 OK\r\n\r\n".utf8) + [UInt8](repeating: 7, count: 600_000)
        var position = 0
        var pieces: [Int] = []
        try bytes.withUnsafeBytes { bytes in
            while true {
                switch try parser.next(bytes, from: &position) {
                case .body(let piece): pieces.append(piece.count)
                case .head: continue
                default: return
                }
            }
        }
        #expect(pieces == [262_144, 262_144, 75_712])
    }

    @Test(arguments: [
        "SSH-2.0-x\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 +20 OK\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: +1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length:\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n", "HTTP/1.1 200 OK\r\na b: c\r\n\r\n",
        "HTTP/1.1 200 OK\r\na: b\u{0}c\r\n\r\n", "HTTP/1.1 200 OK\r\na: b\nc: d\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999999999999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
    ])
    func brokenResponsesAreRefused(text: String) {
        #expect(throws: HTTPResponseParser.Malformed.self) { try parse(text, step: 1000) }
        #expect(throws: HTTPResponseParser.Malformed.self) { try parse(text, step: 1) }
    }

    @Test func endlessHeadsLinesAndTrailersAreRefused() {
        let endless = [
            "HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 20_000),
            "HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 20_000) + "\r\n",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1;" + String(repeating: "x", count: 5000),
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n" + String(repeating: "a: b\r\n", count: 20_000),
        ]
        for text in endless {
            #expect(throws: HTTPResponseParser.Malformed.self) { try parse(text, step: 4096) }
            #expect(throws: HTTPResponseParser.Malformed.self) { try parse(text, step: 1_000_000) }
        }
    }

    /// Whatever is changed, cut or said twice: a response, a wait or an error, the same however it arrives.
    @Test func damageIsTheSameHoweverItArrives() {
        let texts = [
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nA: b\r\n\r\nhello",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3;e\r\nabc\r\n0\r\nT: 1\r\n\r\n",
            "HTTP/1.1 100 Go\r\n\r\nHTTP/1.0 502 Bad\r\nConnection: keep-alive\r\n\r\nwhy",
        ].map { Array($0.utf8) }
        var random = SplitMix(state: 42)
        for round in 0..<6000 {
            var bytes = texts[round % texts.count]
            for _ in 0..<Int.random(in: 1...3, using: &random) where !bytes.isEmpty {
                let index = Int.random(in: 0..<bytes.count, using: &random)
                switch Int.random(in: 0..<4, using: &random) {
                case 0: bytes[index] = UInt8.random(in: 0...255, using: &random)
                case 1: bytes.remove(at: index)
                case 2: bytes.insert(contentsOf: bytes[index...].prefix(9), at: index)
                default: bytes = Array(bytes[..<index])
                }
            }
            #expect(outcome(bytes, step: 1) == outcome(bytes, step: 100_000), "\(bytes)")
        }
    }

    private func outcome(_ bytes: [UInt8], step: Int) -> String {
        do {
            guard let response = try parse(bytes, step: step) else { return "waits" }
            return "\(response.head) \(response.body)"
        } catch {
            return "refused"
        }
    }
}

/// A random number generator whose numbers are the same in every run.
private struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }
}
