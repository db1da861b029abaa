import Glibc
import Loop
import Model
import Testing
import Wire

@testable import Contracts

/// Fn's rules for the connections of format `http-stream`.
@Suite struct HTTPConnectionTests {
    /// A function that counts who has dialled it.
    // SAFETY: `far` is guarded by its lock.
    private final class Function: Sendable {
        private let far = Lock<[Peer]>([])

        func dial() -> Result<Int32, Failure> {
            var ends: [Int32] = [0, 0]
            socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
            _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
            far.withLock { $0.append(Peer(ends[1])) }
            return .success(ends[0])
        }

        func connection(_ index: Int) -> Peer? { far.withLock { $0.indices.contains(index) ? $0[index] : nil } }
        var count: Int { far.withLock { $0.count } }
    }

    private func bench(_ function: Function) -> LinkBench {
        LinkBench { loop, descriptor, owner in
            HTTPStreamLink(loop: loop, descriptor: descriptor, connect: { function.dial() }, owner: owner)
        }
    }

    private let ok = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"

    @Test func anIdleConnectionIsClosedAfterASecond() throws {
        let function = Function()
        let bench = bench(function)
        defer { bench.close() }
        try bench.invoke(1, [])
        _ = bench.far.read(until: "\r\n\r\n")
        let begun = Instant.now()
        bench.far.write(ok)
        #expect(bench.owner.next() == "1: body  [] ")
        #expect(bench.far.readAll() == [])
        let nanos = Instant.now().nanoseconds(since: begun)
        #expect((900_000_000...19_000_000_000).contains(nanos))
        // The next call brings its own.
        try bench.invoke(2, [])
        bench.onLoop {}
        let second = try #require(function.connection(0))
        _ = second.read(until: "\r\n\r\n")
        second.write(ok)
        #expect(bench.owner.next() == "2: body  [] ")
    }

    /// How a function ends a connection that it has not read a request from.
    enum Ending: CaseIterable {
        /// Before it is looked at.
        case early
        /// Likewise, and it could still read.
        case half
        /// Between that look and the write.
        case between
        /// Behind the write.
        case late
    }

    private func invoke(_ body: [UInt8], _ bench: LinkBench, _ ending: Ending) throws {
        let result = Lock<Result<Void, any Error>>(.success(()))
        bench.onLoop {
            if ending == .early { bench.far.close() }
            if ending == .half { shutdown(bench.far.descriptor, Int32(SHUT_WR)) }
            let sent = Result { try bench.invoke(1, body) }
            result.withLock { $0 = sent }
            if ending == .between { bench.far.close() }
        }
        try result.withLock { $0 }.get()
        guard ending == .late else { return }
        var entry = pollfd(fd: bench.far.descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 20_000) == 1)
        bench.far.close()
    }

    @Test(arguments: Ending.allCases)
    func aReusedConnectionWithoutAReaderIsDialledAgainOnce(ending: Ending) throws {
        let function = Function()
        let bench = bench(function)
        defer { bench.close() }
        try invoke([], bench, ending)
        while function.count == 0 { bench.onLoop {} }
        let second = try #require(function.connection(0))
        var entry = pollfd(fd: second.descriptor, events: Int16(POLLIN), revents: 0)
        #expect(poll(&entry, 1, 20_000) == 1)
        second.close()
        #expect(bench.owner.next() == "1: not begun: it closed its connection")
        #expect(function.count == 1)
    }

    @Test(arguments: Ending.allCases)
    func whoCannotBeDialledAgainKnowsOfNoCall(ending: Ending) throws {
        let bench = LinkBench.http()
        defer { bench.close() }
        try invoke([], bench, ending)
        #expect(bench.owner.next() == "1: not begun: no further connection")
    }

    /// Of a request with a body the head may have been read, and the call have begun.
    @Test(arguments: [0, 1]) func aCallThatMayHaveBegunIsSentOnce(reads: Int) throws {
        let function = Function()
        let bench = bench(function)
        defer { bench.close() }
        if reads == 0 {
            try invoke(field(1, "!"), bench, .late)
        } else {
            try bench.invoke(1, [])
            _ = bench.far.read(until: "\r\n\r\n")
            bench.far.close()
        }
        #expect(bench.owner.next() == "1: lost: it closed its connection without an answer")
        #expect(function.count == 0)
    }

    /// The report of its end may be seen before what came before it.
    @Test func whatAFunctionSaidLastIsReadWhenItHasEnded() throws {
        let bench = LinkBench.http()
        defer { bench.close() }
        try bench.invoke(1, [])
        _ = bench.far.read(until: "\r\n\r\n")
        let ok = ok
        bench.onLoop { [link = Carried(value: bench.link)] in
            bench.far.write(ok)
            bench.far.close()
            link.value?.exited("it exited with code 0", success: true)
            #expect(link.value?.takePending().isEmpty == true)
        }
        #expect(bench.owner.next() == "1: body  [] ")
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: x-near, Close\r\nX-Near: no\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\nbehind", "HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    ])
    func aConnectionThatCannotGoOnIsClosedBeforeTheNext(answer: String) throws {
        let function = Function()
        let bench = bench(function)
        defer { bench.close() }
        try bench.invoke(1, [])
        _ = bench.far.read(until: "\r\n\r\n")
        bench.far.write(answer)
        #expect(bench.owner.next() == "1: body  [] ")
        #expect(bench.far.readAll() == [])
        try bench.invoke(2, [])
        bench.onLoop {}
        #expect(function.count == 1)
    }

    @Test func whoAnswersBeforeReadingGetsANewConnection() throws {
        let function = Function()
        let bench = bench(function)
        defer { bench.close() }
        try bench.invoke(1, InvokeBody(payload: [UInt8](repeating: 7, count: 3 << 20)).encoded())
        _ = bench.far.read(until: "\r\n\r\n")
        bench.far.write(ok)
        #expect(bench.owner.next() == "1: body  [] ")
        #expect(bench.far.readAll().count < 3 << 20)
    }

    /// Two calls at once; then one after the other, on the connection that was used last.
    @Test func callsAtOnceHaveAConnectionEach() throws {
        let function = Function()
        let bench = bench(function)
        defer { bench.close() }
        try bench.invoke(1, field(1, "!"))
        try bench.invoke(2, field(1, "?"))
        bench.onLoop {}
        let second = try #require(function.connection(0))
        #expect(bench.far.read(until: "!").hasPrefix("POST") && second.read(until: "?").hasPrefix("POST"))
        second.write(ok)
        #expect(bench.owner.next() == "2: body  [] ")
        bench.far.write(ok)
        #expect(bench.owner.next() == "1: body  [] ")
        try bench.invoke(3, field(1, "3"))
        #expect(bench.far.read(until: "3").hasPrefix("POST"))
        bench.far.write(ok)
        #expect(bench.owner.next() == "3: body  [] " && function.count == 1)
    }

    @Test func oneConnectionThatBreaksTakesItsOwnCallOnly() throws {
        let function = Function()
        let bench = bench(function)
        defer { bench.close() }
        for number in 1...3 { try bench.invoke(number, []) }
        bench.onLoop {}
        let (second, third) = (try #require(function.connection(0)), try #require(function.connection(1)))
        for far in [bench.far, second, third] { _ = far.read(until: "\r\n\r\n") }
        second.close()
        #expect(bench.owner.next() == "2: lost: it closed its connection without an answer")
        third.write("nonsense\r\n\r\n")
        #expect(bench.owner.next() == "3: broken it broke HTTP/1.1: its status line is not HTTP/1.1")
        bench.far.write(ok)
        #expect(bench.owner.next() == "1: body  [] ")
    }

    @Test func whoHasToAcceptOthersFirstIsAskedAgain() throws {
        let function = Function()
        let refusals = Lock(1_000_000)
        let bench = LinkBench { loop, descriptor, owner in
            HTTPStreamLink(
                loop: loop, descriptor: descriptor,
                connect: {
                    let isRefused = refusals.withLock { count in
                        count -= 1
                        return count >= 0
                    }
                    return isRefused ? .failure(Failure(.busy, "not now")) : function.dial()
                }, owner: owner)
        }
        defer { bench.close() }
        for number in 1...2 { try bench.invoke(number, []) }
        // They give up meanwhile: nobody dials for them any more.
        let link = Carried(value: bench.link)
        bench.onLoop { _ = link.value?.takePending() }
        refusals.withLock { $0 = 3 }
        #expect(function.count == 0)
        try bench.invoke(4, [])
        while function.count == 0 { bench.onLoop {} }
        let far = try #require(function.connection(0))
        _ = far.read(until: "\r\n\r\n")
        far.write(ok)
        #expect(bench.owner.next() == "4: body  [] " && function.count == 1)
    }

    @Test func aStreamedCallFindsNoOtherConnection() throws {
        let function = Function()
        let bench = bench(function)
        defer { bench.close() }
        try bench.invoke(1, [])
        _ = bench.far.read(until: "\r\n\r\n")
        bench.far.write(ok)
        #expect(bench.owner.next() == "1: body  [] ")
        let link = Carried(value: bench.link)
        bench.onLoop { link.value?.lend() }
        #expect(bench.far.readAll() == [])
    }

    @Test(arguments: [
        ("404 Not Found", "1: broken it answered with HTTP status 404"),
        ("502 Bad", "1: failed 2 why []"), ("504 Late", "1: failed 4 the function says that its time is over []"),
        ("200 OK", "1: body a/b [\"X\"] why"),
    ])
    func statusesMeanWhatFnSays(status: String, event: String) throws {
        let bench = bench(Function())
        defer { bench.close() }
        try bench.invoke(1, [])
        _ = bench.far.read(until: "\r\n\r\n")
        bench.far.write(
            "HTTP/1.1 \(status)\r\nContent-Type: a/b\r\nX: y\r\nKeep-Alive: 75\r\nProxy-Authenticate: z\r\nTE: z\r\n"
                + "Content-Length: 3\r\n\r\nwhy")
        #expect(bench.owner.next() == event)
    }

    @Test func headersOfAReplyAreLimited() throws {
        for (count, isTaken) in [(128, true), (129, false)] {
            let bench = bench(Function())
            defer { bench.close() }
            try bench.invoke(1, [])
            _ = bench.far.read(until: "\r\n\r\n")
            let headers = String(repeating: "a: b\r\n", count: count)
            bench.far.write("HTTP/1.1 200 OK\r\n\(headers)Content-Length: 0\r\n\r\n")
            #expect(
                bench.owner.next()?.hasPrefix(isTaken ? "1: body" : "1: broken it broke HTTP/1.1: it has 129") == true)
        }
    }
}
