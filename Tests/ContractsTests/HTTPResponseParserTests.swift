import Testing

@testable import Contracts

@Suite struct HTTPResponseParserTests {
    private func parse(_ text: String, step: Int) throws -> HTTPResponseParser.Response? {
        var parser = HTTPResponseParser()
        var pending: [UInt8] = []
        for start in stride(from: 0, to: text.utf8.count, by: step) {
            pending += Array(text.utf8.dropFirst(start).prefix(step))
            var consumed = 0
            let response = try pending.withUnsafeBytes { try parser.parse($0, consumed: &consumed) }
            pending.removeFirst(consumed)
            if let response { return response }
        }
        return parser.finish()
    }

    @Test(arguments: [1, 2, 7, 1000])
    func readsLengthsAndChunksHoweverTheyArrive(step: Int) throws {
        let plain = try #require(
            try parse("HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 5\r\n\r\nhello", step: step))
        #expect(plain.status == 200 && plain.body == Array("hello".utf8) && plain.keepsAlive)
        #expect(plain.headers.map(\.name) == ["Content-Type"])
        let chunked = try #require(
            try parse(
                "HTTP/1.1 502 Bad\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: 1\r\n\r\n",
                step: step))
        #expect(chunked.status == 502 && chunked.body == Array("abcde".utf8))
        let untilClose = try #require(try parse("HTTP/1.0 200 OK\r\n\r\nrest", step: step))
        #expect(untilClose.body == Array("rest".utf8) && !untilClose.keepsAlive)
        let interim = try #require(
            try parse("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 204 No\r\nConnection: close\r\n\r\n", step: step))
        #expect(interim.status == 204 && interim.body.isEmpty && !interim.keepsAlive)
    }

    @Test(arguments: [
        "SSH-2.0-x\r\n\r\n", "HTTP/1.1 2000 OK\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", "HTTP/1.1 200 OK\r\n: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nabcd\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffffffff\r\n",
    ])
    func brokenResponsesAreRefused(text: String) {
        #expect(throws: HTTPResponseParser.Malformed.self) { try parse(text, step: 1000) }
    }

    @Test func endlessHeadersAreRefused() {
        let text = "HTTP/1.1 200 OK\r\n" + String(repeating: "a: b\r\n", count: 20_000)
        #expect(throws: HTTPResponseParser.Malformed.self) { try parse(text, step: 4096) }
    }
}
