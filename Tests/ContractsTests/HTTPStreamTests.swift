import Dispatch
import Loop
import Model
import Testing
import Wire

@testable import Contracts

@Suite struct HTTPStreamTests {
    private func open(
        contentType: String = "", headers: [CallHeader] = [], metadata: [CallHeader] = [],
        prepare: (Witness) -> Void = { _ in }
    ) throws -> Bench {
        let bench = Bench()
        prepare(bench.owner)
        try bench.open { loop, descriptor, owner throws(Failure) in
            withBody(contentType, headers, metadata) { call, contentType in
                HTTPStream(
                    loop: loop, descriptor: descriptor, call: call, contentType: contentType, headers: headers,
                    owner: owner)
            }
        }
        return bench
    }

    /// A stream whose request head was read.
    private func begun(_ prepare: (Witness) -> Void = { _ in }) throws -> Bench {
        let bench = try open(prepare: prepare)
        #expect(bench.far.read(until: "\r\n\r\n").hasPrefix("POST /call HTTP/1.1\r\n"))
        return bench
    }

    @Test func theHeadIsTheCallersButForWhatIsOurs() throws {
        let bench = try open(
            contentType: "a/b",
            headers: [
                .init(name: "X-Mine", value: "1"), .init(name: "Host", value: "evil"),
                .init(name: "Transfer-Encoding", value: "gzip"), .init(name: "Fn-Call-Id", value: "forged"),
                .init(name: "Traceparent", value: "old"), .init(name: "Bad Name", value: "x"),
                .init(name: "X-Split", value: "a\r\nEvil: b"),
            ],
            metadata: [.init(name: "traceparent", value: "00-x"), .init(name: "other", value: "y")])
        defer { bench.close() }
        #expect(
            bench.far.read(until: "\r\n\r\n")
                == "POST /call HTTP/1.1\r\nHost: localhost\r\nFn-Call-Id: \(callID)\r\n"
                + "Fn-Deadline: 1970-01-01T00:00:00.000Z\r\n"
                + "Content-Type: a/b\r\ntraceparent: 00-x\r\nX-Mine: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
    }

    @Test func partsAreChunks() throws {
        let bench = try begun()
        defer { bench.close() }
        for part in [
            field(1, "hello") + field(4, "app"), [], field(2, "x/y"), field(1, "a"), [0x38, 1] + field(1, "b"),
        ] {
            let isTaken = bench.send(part)
            #expect(isTaken)
        }
        bench.endInput()
        let expected = "5\r\nhello\r\n1\r\na\r\n1\r\nb\r\n0\r\n\r\n"
        #expect(String(decoding: bench.far.read(expected.utf8.count), as: UTF8.self) == expected)
        bench.far.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        #expect(bench.owner.ended() == "finished" && bench.owner.messages.isEmpty && bench.far.readAll().isEmpty)
    }

    @Test(arguments: ["", "x", "-1", "+5", "5 ", "99999999999999999999"])
    func aLengthThatIsNoNumberDoesNotCount(text: String) throws {
        let bench = try open(headers: [.init(name: "Content-Length", value: text)])
        defer { bench.close() }
        let head = bench.far.read(until: "\r\n\r\n")
        #expect(head.hasSuffix("Transfer-Encoding: chunked\r\n\r\n") && !head.contains("Length"))
    }

    @Test func aBodyOfKnownLengthHasExactlyThat() throws {
        for (parts, end) in [
            (["he", "llo"], "finished"),
            (["hell"], "refused 3: payload: the body has 4 bytes; its content-length says 5"),
            (["hell", "oo"], "refused 3: payload: the body is longer than its content-length of 5 bytes"),
        ] {
            let bench = try open(headers: [.init(name: "content-length", value: "5")])
            defer { bench.close() }
            let head = bench.far.read(until: "\r\n\r\n")
            #expect(head.hasSuffix("Content-Length: 5\r\n\r\n") && !head.contains("chunked"))
            for part in parts {
                let isTaken = bench.send(field(1, part))
                #expect(isTaken)
            }
            bench.endInput()
            if end == "finished" {
                #expect(bench.far.read(5) == Array("hello".utf8))
                bench.far.write("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
            }
            #expect(bench.owner.ended() == end)
        }
    }

    @Test func theResponseComesAsItIsWritten() throws {
        let bench = try begun()
        defer { bench.close() }
        bench.far.write("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Type: a/b\r\nX: y\r\n")
        bench.far.write("Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n")
        bench.owner.wait { $0.messages.count == 1 }
        #expect(
            bench.owner.messages == [InvokeBody(contentType: "a/b", headers: [.init(name: "X", value: "y")]).encoded()])
        bench.far.write("3;ext=1\r\nabc\r\n")
        bench.owner.wait { $0.messages.count == 2 }
        // The response has begun; the body goes on all the same.
        let isTaken = bench.send(field(1, "more"))
        #expect(isTaken && bench.far.read(until: "more\r\n") == "4\r\nmore\r\n")
        bench.far.write("2\r\nde\r\n0\r\nTrailer: x\r\n\r\n")
        #expect(bench.owner.ended() == "finished")
        #expect(bench.owner.messages.dropFirst() == [field(1, "abc"), field(1, "de")])
        #expect(bench.send(field(1, "dropped")))
    }

    @Test func aResponseMayEndWithItsConnection() throws {
        let bench = try begun()
        defer { bench.close() }
        bench.far.write("HTTP/1.0 200 OK\r\n\r\nabc")
        bench.far.close()
        #expect(bench.owner.ended() == "finished")
        #expect(bench.owner.messages == [field(1, "abc")])
    }

    @Test(arguments: [
        ("HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nwhy", "failed 2: why"),
        (
            "HTTP/1.1 502 Bad\r\nContent-Length: 9000\r\n\r\n" + String(repeating: "x", count: 9000),
            "failed 2: " + String(repeating: "x", count: 4096)
        ),
        ("HTTP/1.1 504 Late\r\nContent-Length: 0\r\n\r\n", "failed 4: the function says that its time is over"),
        ("HTTP/1.1 500 Oh\r\n\r\n", "broken: it answered with HTTP status 500"),
        ("HTTP/1.1 204 No\r\n\r\n", "broken: it answered with HTTP status 204"),
        ("SSH-2.0\r\n\r\n", "broken: it broke HTTP/1.1: its status line is not HTTP/1.1"),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nabc",
            "broken: it broke HTTP/1.1: a chunk does not end where it said"
        ),
    ])
    func otherAnswersEndIt(text: String, end: String) throws {
        let bench = try begun()
        defer { bench.close() }
        bench.far.write(text)
        #expect(bench.owner.ended() == end)
        #expect(bench.far.readAll().isEmpty)
    }

    @Test func closingEarlyBreaksIt() throws {
        for text in ["", "HTTP/1.1 200", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nabc"] {
            let bench = try begun()
            defer { bench.close() }
            bench.far.write(text)
            bench.far.close()
            #expect(bench.owner.ended() == "broken: it closed its connection")
        }
        let bench = try begun()
        defer { bench.close() }
        bench.exited("it was killed", success: false)
        bench.far.close()
        #expect(bench.owner.ended() == "broken: it was killed")
    }

    @Test func anEarlyAnswerIsHeardBehindAFullSocket() throws {
        let bench = try begun()
        defer { bench.close() }
        let part = field(1, [UInt8](repeating: 5, count: 100_000))
        var sent = 0
        while sent < 1000, bench.send(part) { sent += 1 }
        #expect(sent < 40)
        #expect(bench.onLoop { (bench.stream as? HTTPStream)?.connection?.queuedOutput ?? 0 } <= 1 << 20)
        bench.far.write("HTTP/1.1 502 No\r\nConnection: close\r\nContent-Length: 3\r\n\r\nbig")
        bench.far.close()
        #expect(bench.owner.ended() == "failed 2: big")
    }

    @Test func aFunctionThatDoesNotReadHoldsItsCallerBack() throws {
        let bench = try begun()
        defer { bench.close() }
        let part = field(1, [UInt8](repeating: 5, count: 100_000))
        let reader = Thread { [far = bench.far] in
            var chunks = 0
            while far.read(until: "\r\n") == "186a0\r\n" {
                guard far.read(100_000).count == 100_000, far.read(2) == [13, 10] else { break }
                chunks += 1
            }
            return chunks
        }
        for _ in 0..<200 { bench.sendAll(part) }
        bench.endInput()
        // The reader stops at the last chunk, whose empty line is still there.
        #expect(reader.join() == 200 && bench.far.read(2) == [13, 10])
        #expect(bench.owner.end == nil)
    }

    /// 64 MiB through pauses, with what the daemon holds bounded all the way.
    @Test func largeRepliesNeedLittleMemory() throws {
        let total = 64 << 20
        let (most, sum) = (Lock(0), Lock(0))
        let bench = try begun { owner in
            owner.keeps = false
            owner.onMessage = { stream, count in
                guard let stream = stream as? HTTPStream, let connection = stream.connection else { return }
                let held = connection.statistics.bufferedInput
                most.withLock { $0 = max($0, held) }
                guard count % 3 == 0 else { return }
                stream.pause()
                let later = Carried(value: stream)
                connection.loop.post { later.value.resume() }
            }
            owner.onBytes = { bytes in sum.withLock { $0 += bytes.count } }
        }
        defer { bench.close() }
        let writer = Thread { [far = bench.far] in
            let chunk = Array("40000\r\n".utf8) + [UInt8](repeating: 9, count: 256 << 10) + [13, 10]
            far.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in 0..<(total >> 18) { far.write(chunk) }
            far.write("0\r\n\r\n")
            return 0
        }
        #expect(bench.owner.ended() == "finished")
        _ = writer.join()
        #expect(sum.withLock { $0 } > total && sum.withLock { $0 } < total + (1 << 20))
        #expect(most.withLock { $0 } <= 1 << 20)
    }

    @Test func nothingIsReadWhilePaused() throws {
        let bench = try begun { owner in
            owner.keeps = false
            owner.onMessage = { stream, count in if count == 1 { stream.pause() } }
        }
        defer { bench.close() }
        bench.far.write("HTTP/1.1 200 OK\r\n\r\nabc")
        bench.owner.wait { $0.messages.count == 1 }
        bench.onLoop {}
        let written = bench.far.writeUntilFull(limit: 64 << 20)
        #expect(written < 2 << 20 && bench.owner.messages.count == 1)
        bench.far.close()
        bench.onLoop {}
        #expect(bench.owner.end == nil)
        bench.resume()
        #expect(bench.owner.ended() == "finished")
    }
}

/// Lends the parts of a call.
func withBody<Result>(
    _ contentType: String, _ headers: [CallHeader], _ metadata: [CallHeader],
    _ body: (FunctionStreamCall, UnsafeRawBufferPointer) -> Result
) -> Result {
    Array(contentType.utf8).withUnsafeBytes { contentType in
        body(
            FunctionStreamCall(
                kind: .body(contentType: contentType, headers: headers), id: callID,
                deadline: Timestamp(nanoseconds: 0), timeoutNanos: 7, metadata: metadata), contentType)
    }
}

/// The far end's own thread.
final class Thread {
    private let done = Lock<Int?>(nil)
    private let ended = DispatchSemaphore(value: 0)

    init(_ body: @escaping () -> Int) {
        let work = Carried(value: body)
        let (done, ended) = (done, ended)
        DispatchQueue(label: "far end").async {
            let result = work.value()
            done.withLock { $0 = result }
            ended.signal()
        }
    }

    /// Waits for its end.
    func join() -> Int? {
        ended.wait()
        return done.withLock { $0 }
    }
}
