import Foundation
import Glibc
import Model
import Telemetry
import Testing

@testable import Syslog

@Suite struct SyslogTests {
    private let counters = Counters()
    private let lines = Lock<[String]>([])

    private func syslog(caFile: String = "") -> Syslog {
        Syslog(hostname: "box", caFile: caFile, counters: counters) { [lines] line in
            lines.withLock { $0.append(line) }
        }
    }

    private func source(_ syslog: Syslog, _ url: String, container: String = "c1") throws -> SyslogSource {
        try #require(
            syslog.source(url: url, app: "demo", function: "hello", version: 3, container: container))
    }

    private func write(_ source: SyslogSource, _ text: String, call: String = "CALL") {
        Array(text.utf8).withUnsafeBytes { source.write($0, call: call) }
    }

    private var lost: UInt64 { counters.syslogLost.load(ordering: .relaxed) }

    @Test(arguments: ["udp", "tcp", "unix", "unixgram"])
    func everyTransportTakesLines(_ scheme: String) throws {
        let server = try LogServer(scheme)
        let syslog = syslog()
        let own = try source(syslog, server.url)
        write(own, "first\nsec")
        write(own, "ond\r\n\nthird of nobody? é\n")
        write(own, "no end")
        own.endLine()
        write(own, "between", call: "")
        write(own, "another call's", call: "OTHER")
        own.endLine()
        write(own, "last\n")
        try server.read(until: "last")
        let messages = try server.messages()
        let texts = messages.map { $0.components(separatedBy: "] ").last ?? "" }
        #expect(
            texts == ["first", "second", "third of nobody? é", "no end", "between", "another call's", "last"])
        let head = try Regex(
            #"<14>1 \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z box fnrpc c1 log \[fnrpc@32473 app="demo" function="hello" "#
                + #"version="3" call="CALL"\] first"#)
        #expect(try head.wholeMatch(in: messages[0]) != nil, "\(messages[0])")
        #expect(!messages[4].contains("call=") && messages[5].contains("call=\"OTHER\""))
        #expect(lost == 0)
        syslog.stop()
    }

    @Test func tlsChecksTheServer() throws {
        let certificates = try Certificates()
        defer { certificates.remove() }
        let server = try certificates.serve()
        defer { server.process.terminate() }
        let trusting = syslog(caFile: certificates.pem("ca"))
        let own = try source(trusting, "tcp+tls://localhost:\(server.port)")
        let byAddress = try source(trusting, "tcp+tls://127.0.0.1:\(server.port)", container: "c2")
        write(own, "by name\n")
        try server.read(until: "by name")
        write(byAddress, "by address\n")
        withExtendedLifetime(own) { trusting.stop() }
        // The server takes one connection after the other.
        try server.read(until: "by address")
        #expect(lost == 0, "\(lines.withLock { $0 })")

        let strict = syslog(caFile: certificates.pem("foreign-ca"))
        write(try source(strict, "tcp+tls://localhost:\(server.port)"), "never\n")
        strict.stop()
        #expect(lost == 1)
        #expect(lines.withLock { $0 }.last?.contains("certificate verify failed") == true, "\(lines.withLock { $0 })")
    }

    @Test func aServerThatDoesNotReadDelaysNobody() throws {
        let server = try LogServer("tcp")
        let other = try LogServer("udp")
        let syslog = syslog()
        let stuck = try source(syslog, server.url)
        let well = try source(syslog, other.url, container: "c2")
        let line = String(repeating: "x", count: 1023) + "\n"
        let start = ContinuousClock.now
        // 64 MiB: more than every buffer on the way.
        for _ in 0..<65_536 { write(stuck, line) }
        write(well, "still here\n")
        #expect(ContinuousClock.now - start < .seconds(20))
        try other.read(until: "still here")
        #expect(lost > 10_000)
        // It reads at last; what is counted lost and what comes is everything.
        try server.accept()
        withExtendedLifetime((stuck, well)) {}
    }

    @Test func aServerMayComeBack() throws {
        var server = try LogServer("tcp")
        let syslog = syslog()
        let own = try source(syslog, server.url)
        write(own, "one\n")
        try server.read(until: "one")
        let port = server.port
        server.close()
        server = try LogServer("tcp", port: port)
        write(own, "two\n")
        try server.read(until: "two")
        #expect(lost == 0)
        // Gone for longer: what comes meanwhile is counted.
        server.close()
        write(own, "three\n")
        let deadline = ContinuousClock.now + .seconds(20)
        while lost == 0 {
            try #require(ContinuousClock.now < deadline)
            usleep(1000)
        }
        #expect(lines.withLock { $0 }.contains { $0.contains("its messages are dropped") })
        server = try LogServer("tcp", port: port)
        write(own, "four\n")
        try server.read(until: "four")
        #expect(lost == 1)
        syslog.stop()
        #expect(lines.withLock { $0 }.last?.hasSuffix("it takes messages again") == true)
    }

    @Test func whatWaitsIsSentAtTheEnd() throws {
        let server = try LogServer("unixgram")
        let syslog = syslog()
        do {
            let own = try source(syslog, server.url)
            write(own, "unfinished")
        }
        // Its last source is gone, and so is the server's thread, but not what was written.
        try server.read(until: "unfinished")
        #expect(lost == 0)
        #expect(syslog.source(url: "", app: "a", function: "f", version: 0, container: "c") == nil)
        #expect(syslog.source(url: "tcp://", app: "a", function: "f", version: 0, container: "c") == nil)
        syslog.stop()
    }

    @Test func serversAreCounted() throws {
        let syslog = syslog()
        var sources: [SyslogSource] = []
        for number in 0..<Syslog.maxServers { sources.append(try source(syslog, "udp://127.0.0.1:\(number + 1)")) }
        func further() -> SyslogSource? {
            syslog.source(url: "udp://127.0.0.1:999", app: "a", function: "f", version: 0, container: "c")
        }
        #expect(further() == nil)
        // The same server again is none more.
        sources.append(try source(syslog, "udp://127.0.0.1:1"))
        // Another takes the place of one that has ended.
        sources.remove(at: 1)
        let deadline = ContinuousClock.now + .seconds(20)
        var found = further()
        while found == nil {
            try #require(ContinuousClock.now < deadline)
            found = further()
        }
        syslog.stop()
        withExtendedLifetime((sources, found)) {}
    }

    @Test func linesAreBounded() {
        var splitter = LineSplitter(limit: 4)
        var lines: [String] = []
        func take(_ text: String) {
            splitter.take(Array(text.utf8)) { lines.append(String(decoding: $0, as: UTF8.self)) }
        }
        take("abcd\nabcde\n")
        #expect(lines == ["abcd", "abcd", "e"])
        take("12")
        take("345678")
        take("9\n\n\r\n")
        #expect(lines.dropFirst(3) == ["1234", "5678", "9"])
        splitter.flush { _ in Issue.record("nothing is left") }
    }

    @Test func valuesAreEscaped() {
        let origin = SyslogMessage.Origin(hostname: "", app: "a\"b\\c]d", function: "f", version: 0, container: "a b")
        let message = SyslogMessage(origin: origin, time: Timestamp(nanoseconds: 0), call: "", text: [0xFF, 0])
        let expected =
            #"<14>1 1970-01-01T00:00:00.000000Z - fnrpc ab log [fnrpc@32473 app="a\"b\\c\]d" function="f" version="0"] "#
        #expect(message.encoded() == Array(expected.utf8) + [0xFF, 0])
    }
}
