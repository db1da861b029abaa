import Testing

@testable import Metrics

@Suite struct ScrapeRequestTests {
    private func read(_ text: String) -> ScrapeRequest {
        Array(text.utf8).withUnsafeBytes { ScrapeRequest($0) }
    }

    @Test(arguments: [
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n", "GET /metrics HTTP/1.0\r\n\r\n",
        "GET /metrics?name[]=a HTTP/1.1\nHost: x\nAccept: a;q=0.5,\t*/*\n\n",
        "GET /metrics HTTP/1.1\r\n\r\nGET /metrics HTTP/1.1\r\n\r\n",
    ])
    func getAsksForTheMetrics(text: String) {
        #expect(read(text) == .metrics(withText: true))
    }

    @Test func aRequestIsCompleteWithItsEmptyLine() {
        let bytes = Array("GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n".utf8)
        for count in 0..<bytes.count {
            #expect(bytes[..<count].withUnsafeBytes { ScrapeRequest($0) } == .incomplete, "\(count)")
        }
    }

    @Test func headAsksForTheHeaders() {
        #expect(read("HEAD /metrics HTTP/1.1\r\n\r\n") == .metrics(withText: false))
    }

    @Test(arguments: ["/", "/metrics/", "/Metrics", "/metric", "/metricsx", "//metrics", "/metrics%00", "/?/metrics"])
    func otherPathsAreNotFound(path: String) {
        #expect(read("GET \(path) HTTP/1.1\r\n\r\n") == .notFound)
        #expect(read("POST \(path) HTTP/1.1\r\n\r\n") == .notFound)
    }

    @Test(arguments: ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "get", "GETX"])
    func otherMethodsAreNotAllowed(method: String) {
        #expect(read("\(method) /metrics HTTP/1.1\r\n\r\n") == .notAllowed)
    }

    @Test(arguments: [
        "\r\n\r\n", "\n", " GET /metrics HTTP/1.1\r\n\r\n", "GET\r\n\r\n", "GET /metrics\r\n\r\n",
        "GET  /metrics HTTP/1.1\r\n\r\n", "GET /metrics HTTP/1.1 \r\n\r\n", "GET /met rics HTTP/1.1\r\n\r\n",
        "GET metrics HTTP/1.1\r\n\r\n", "GET http://x/metrics HTTP/1.1\r\n\r\n", "GET * HTTP/1.1\r\n\r\n",
        "GET /metrics HTTP/2.0\r\n\r\n", "GET /metrics HTTP/0.9\r\n\r\n", "GET /metrics http/1.1\r\n\r\n",
        "GET /metrics\u{0} HTTP/1.1\r\n\r\n", "GET /m\u{e9} HTTP/1.1\r\n\r\n", "G(T /metrics HTTP/1.1\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost\r\n\r\n",
        "GET /metrics HTTP/1.1\r\n: x\r\n\r\n", "GET /metrics HTTP/1.1\r\nHost : x\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nHost: x\r\n folded\r\n\r\n", "GET /metrics HTTP/1.1\r\nA: \u{1}\r\n\r\n",
        "GET /metrics HTTP/1.1\r\nA: x\ry\r\n\r\n", "\u{16}\u{3}\u{1}", "\u{0}",
    ])
    func brokenRequestsAreBad(text: String) throws {
        let request = read(text)
        guard case .bad = request else {
            Issue.record("\(request)")
            return
        }
        let answer = String(decoding: try #require(request.response { [] }), as: UTF8.self)
        #expect(answer.hasPrefix("HTTP/1.1 400 Bad Request\r\n"))
    }

    @Test func theHeadHasALimit() {
        let start = "GET /metrics HTTP/1.1\r\nA: "
        let fits = start + String(repeating: "x", count: 8192 - start.utf8.count - 4) + "\r\n\r\n"
        #expect(fits.utf8.count == 8192 && read(fits) == .metrics(withText: true))
        let over = start + String(repeating: "x", count: 8192 - start.utf8.count - 3) + "\r\n\r\n"
        #expect(read(over) == .bad("the head is over 8192 bytes"))
        #expect(read(String(decoding: over.utf8.prefix(8191), as: UTF8.self)) == .incomplete)
        #expect(read(String(repeating: "x", count: 8192)) == .bad("the head is over 8192 bytes"))
    }

    @Test func answersSayHowLongTheyAre() throws {
        let text = Array("a 1\n".utf8)
        func answer(_ request: ScrapeRequest) throws -> String {
            String(decoding: try #require(request.response { text }), as: UTF8.self)
        }
        let head =
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\nContent-Length: 4\r\n"
            + "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        #expect(try answer(.metrics(withText: true)) == head + "a 1\n")
        #expect(try answer(.metrics(withText: false)) == head)
        #expect(try answer(.notFound).hasPrefix("HTTP/1.1 404 Not Found\r\n"))
        #expect(try answer(.notAllowed).contains("\r\nAllow: GET, HEAD\r\n"))
        #expect(ScrapeRequest.incomplete.response { text } == nil)
    }

    /// Any bytes have a meaning, and what comes behind a complete head never changes it.
    @Test func randomBytesAreUnderstoodOrRefused() {
        var random = SystemRandomNumberGenerator()
        let pieces = ["GET ", "/metrics", " ", "HTTP/1.1", "\r\n", "\n", ":", "a", "\u{0}", "HEAD", "\r", "?", "/"]
        for _ in 0..<5000 {
            let count = Int.random(in: 0..<12, using: &random)
            let text = (0..<count).map { _ in pieces.randomElement(using: &random) ?? "" }.joined()
            let request = read(text)
            guard request != .incomplete else { continue }
            #expect(read(text + "x\r\n\r\n") == request, "\(text.debugDescription)")
        }
    }
}
