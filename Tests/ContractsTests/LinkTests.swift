import Dispatch
import Drivers
import Glibc
import Loop
import Model
import Testing
import Wire

@testable import Contracts

/// Of every call that these tests make.
let callID = Identifier(high: 1, low: 2)

/// What stands for a call.
final class Token: Sendable {
    let number: Int

    init(_ number: Int) { self.number = number }
}

/// Writes down what a link tells.
// SAFETY: guarded by its lock.
final class LinkWitness: FunctionLinkOwner, @unchecked Sendable {
    private let events = Lock<[String]>([])
    private let bodies = Lock<[InvokeBody]>([])
    private let changed = DispatchSemaphore(value: 0)

    /// The last reply in parts.
    var body: InvokeBody? { bodies.withLock { $0.last } }

    func answered(_ token: AnyObject, _ reply: FunctionReply) {
        if case .body(let body) = reply { bodies.withLock { $0.append(body) } }
        let text =
            switch reply {
            case .message(let bytes): "message \(Array(bytes))"
            case .body(let body):
                "body \(body.contentType) \(body.headers.map(\.name)) \(String(decoding: body.payload, as: UTF8.self))"
            case .failed(let code, let message, let status): "failed \(code) \(message) \(Array(status))"
            case .refused(let failure): "refused \(failure.status) \(failure.message)"
            case .broken(let reason): "broken \(reason)"
            }
        add("\((token as? Token)?.number ?? -1): \(text)")
    }

    func wants(_ token: AnyObject) -> Bool { true }

    func linkLost(_ reason: String) { add("lost: \(reason)") }

    func callLost(_ token: AnyObject, _ reason: String) {
        add("\((token as? Token)?.number ?? -1): lost: \(reason)")
    }

    func callNotBegun(_ token: AnyObject, _ request: PreparedRequest, _ reason: String) {
        add("\((token as? Token)?.number ?? -1): not begun: \(reason)")
    }

    private func add(_ event: String) {
        events.withLock { $0.append(event) }
        changed.signal()
    }

    /// The next event; `nil` after 20 s without one.
    func next() -> String? {
        guard changed.wait(timeout: .now() + 20) == .success else { return nil }
        return events.withLock { $0.removeFirst() }
    }
}

/// A link and the function at its far end.
// SAFETY: the link is made before it is used, and is thread-safe in what the tests call.
final class LinkBench: @unchecked Sendable {
    let loop = EventLoop()
    let owner = LinkWitness()
    let far: Peer
    private(set) var link: (any FunctionLink)?

    init(_ make: @escaping (EventLoop, Int32, LinkWitness) -> any FunctionLink) {
        signal(SIGPIPE, SIG_IGN)
        var ends: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        _ = fcntl(ends[0], F_SETFL, O_NONBLOCK)
        far = Peer(ends[1])
        let work = Carried(value: make)
        onLoop { [self, near = ends[0]] in link = work.value(loop, near, owner) }
    }

    deinit { loop.stop() }

    func onLoop(_ body: @escaping @Sendable () -> Void) {
        let done = DispatchSemaphore(value: 0)
        loop.post {
            body()
            done.signal()
        }
        done.wait()
    }

    func invoke(
        _ number: Int, _ request: [UInt8], metadata: [CallHeader] = [], path: PathRequest? = nil
    ) throws {
        try request.withUnsafeBytes { bytes in
            let scan = try InvokeScan(scanning: bytes)
            link?.send(
                FunctionCall(
                    request: scan, id: callID, deadline: Timestamp(nanoseconds: 0), timeoutNanos: 7, metadata: metadata,
                    path: path, token: Token(number)))
        }
    }

    func service(_ number: Int, payload: [UInt8] = [], metadata: [CallHeader] = []) {
        Array("a.BC".utf8).withUnsafeBytes { names in
            payload.withUnsafeBytes { payload in
                link?.send(
                    FunctionCall(
                        target: .service(
                            service: .init(rebasing: names[..<3]), method: .init(rebasing: names[3...]),
                            payload: payload), id: callID, deadline: Timestamp(nanoseconds: 0), timeoutNanos: 7,
                        metadata: metadata, token: Token(number)))
            }
        }
    }

    func close() {
        onLoop { [self] in link?.close() }
        far.close()
    }

    static func ttrpc() -> LinkBench {
        LinkBench { loop, descriptor, owner in TtrpcLink(loop: loop, descriptor: descriptor, owner: owner) }
    }

    static func http() -> LinkBench {
        LinkBench { loop, descriptor, owner in
            HTTPStreamLink(
                loop: loop, descriptor: descriptor,
                connect: { .failure(Failure(.unavailable, "no further connection")) }, owner: owner)
        }
    }
}

@Suite struct LinkTests {
    @Test func servicesAndFunctionsShareAConnection() throws {
        let bench = LinkBench.ttrpc()
        defer { bench.close() }
        bench.service(1, payload: [1, 2], metadata: [.init(name: "tracestate", value: "t")])
        let request = InvokeBody(payload: [3]).encoded(for: InvokeTarget(app: "app", function: "f"))
        try bench.invoke(2, request)
        for (id, service, method, payload, metadata) in [
            (1, "a.B", "C", [1, 2], 3), (3, "fnrpc.function.v1.Function", "Call", request, 2),
        ] as [(UInt32, String, String, [UInt8], Int)] {
            let (header, data) = try #require(bench.far.readFrame())
            #expect(header.type == 1 && header.flags == 0 && header.streamID == id)
            try data.withUnsafeBytes { data in
                let envelope = try RequestEnvelope(scanning: data)
                #expect(String(decoding: envelope.service, as: UTF8.self) == service)
                #expect(String(decoding: envelope.method, as: UTF8.self) == method)
                #expect(Array(envelope.payload) == payload && envelope.metadataCount == metadata)
                #expect(envelope.timeoutNanos == 7)
            }
        }
        let status: [UInt8] = [8, 9] + field(2, "no") + field(3, field(1, "type") + field(2, "detail"))
        bench.far.writeFrame(2, id: 3, field(1, status))
        bench.far.writeFrame(2, id: 1, field(2, [7]))
        #expect(bench.owner.next() == "2: failed 9 no \(status)")
        #expect(bench.owner.next() == "1: message [7]")
    }

    @Test func dataOnAUnaryCallFailsThatCallOnly() {
        let bench = LinkBench.ttrpc()
        defer { bench.close() }
        bench.service(1)
        bench.service(2)
        _ = bench.far.readFrame()
        bench.far.writeFrame(3, id: 1, [1])
        bench.far.writeFrame(3, flags: 5, id: 1)
        bench.far.writeFrame(2, id: 1)
        bench.far.writeFrame(3, id: 99, [1])
        bench.far.writeFrame(2, id: 3)
        #expect(bench.owner.next() == "1: refused 3 the method answers with a stream; call it as one")
        #expect(bench.owner.next() == "2: message []")
    }

    @Test func aRequestThatDoesNotFitIsItsCallersFault() {
        let bench = LinkBench.ttrpc()
        defer { bench.close() }
        bench.service(1, payload: [UInt8](repeating: 0, count: (4 << 20) - 40))
        #expect(bench.owner.next()?.hasPrefix("1: refused 8 the request and its metadata do not fit") == true)
        // Others are not hit by it.
        bench.service(2)
        bench.far.writeFrame(2, id: 3)
        #expect(bench.owner.next() == "2: message []")
    }

    @Test func pendingCallsAreTakenOnce() {
        let bench = LinkBench.ttrpc()
        defer { bench.close() }
        bench.service(1)
        bench.service(2)
        bench.far.writeFrame(2, id: 1)
        #expect(bench.owner.next() == "1: message []")
        let taken = Lock<[Int]>([])
        bench.onLoop { [link = Carried(value: bench.link)] in
            let tokens = link.value?.takePending() ?? []
            taken.withLock { $0 = tokens.compactMap { ($0 as? Token)?.number } }
        }
        #expect(taken.withLock { $0 } == [2])
        bench.far.writeFrame(2, id: 3)
        bench.service(3)
        #expect(bench.owner.next() == "3: broken its container ended")
    }

    @Test func httpRepliesAreCollected() throws {
        let bench = LinkBench.http()
        defer { bench.close() }
        let request = InvokeBody(payload: [0x41], contentType: "a/b", headers: [.init(name: "x", value: "y")])
        try bench.invoke(1, request.encoded(), metadata: [.init(name: "traceparent", value: "00-x")])
        #expect(
            bench.far.read(until: "A")
                == "POST /call HTTP/1.1\r\nHost: localhost\r\nFn-Call-Id: \(callID)\r\n"
                + "Fn-Deadline: 1970-01-01T00:00:00.000Z\r\n"
                + "Content-Type: a/b\r\ntraceparent: 00-x\r\nx: y\r\nContent-Length: 1\r\n\r\nA")
        bench.far.write("HTTP/1.1 200 OK\r\nContent-Type: c/d\r\nZ: 1\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nab\r\n")
        bench.far.write("1\r\nc\r\n0\r\n\r\n")
        #expect(bench.owner.next() == "1: body c/d [\"Z\"] abc")
        // The connection goes on with the next one.
        try bench.invoke(2, [])
        #expect(bench.far.read(until: "\r\n\r\n").hasSuffix("Content-Length: 0\r\n\r\n"))
        bench.far.write("HTTP/1.1 502 Bad\r\nContent-Length: 3\r\n\r\nwhy")
        #expect(bench.owner.next() == "2: failed 2 why []")
        bench.service(3)
        #expect(
            bench.owner.next() == "3: refused 12 only functions of format ttrpc serve methods of their own")
    }

    @Test(arguments: [
        "HTTP/1.1 200 OK\r\nContent-Length: 4128769\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3F0001\r\n" + String(repeating: "x", count: 4_128_769),
    ])
    func largeHTTPRepliesAreRefused(text: String) throws {
        let bench = LinkBench.http()
        defer { bench.close() }
        try bench.invoke(1, [])
        _ = bench.far.read(until: "\r\n\r\n")
        bench.far.write(text)
        #expect(
            bench.owner.next() == "1: broken it broke HTTP/1.1: its reply is over the limit of 4128768 bytes")
    }

    @Test func httpRepliesMayEndWithTheirConnection() throws {
        let bench = LinkBench.http()
        defer { bench.close() }
        try bench.invoke(1, [])
        #expect(bench.far.read(until: "\r\n\r\n").hasPrefix("POST"))
        bench.far.write("HTTP/1.1 200 OK\r\n\r\nabc")
        bench.far.close()
        #expect(bench.owner.next() == "1: body  [] abc")
    }
}
