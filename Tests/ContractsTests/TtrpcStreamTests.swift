import Model
import Testing
import Wire

@testable import Contracts

@Suite struct TtrpcStreamTests {
    /// A stream of a service's method, as far as the Request that the function got.
    private func service(
        flags: UInt8 = 2, payload: [UInt8] = [], metadata: [CallHeader] = [],
        onMessage: ((any FunctionStream, Int) -> Void)? = nil
    ) throws -> (Bench, (header: FrameHeader, data: [UInt8])) {
        let bench = Bench()
        if let onMessage { bench.owner.onMessage = onMessage }
        try bench.open { loop, descriptor, owner throws(Failure) in
            try withService("a.B", "C", flags, payload, metadata) { call throws(Failure) in
                try TtrpcStream(loop: loop, descriptor: descriptor, call: call, owner: owner)
            }
        }
        return (bench, try #require(bench.far.readFrame()))
    }

    private func body() throws -> Bench {
        let bench = Bench()
        try bench.open { loop, descriptor, owner throws(Failure) in
            let call = FunctionStreamCall(
                kind: .body(contentType: .init(start: nil, count: 0), headers: []), id: callID, deadline: .now(),
                timeoutNanos: 5, metadata: [])
            return try TtrpcStream(loop: loop, descriptor: descriptor, call: call, owner: owner)
        }
        let (header, data) = try #require(bench.far.readFrame())
        #expect(header.type == 1 && header.flags == 2 && header.streamID == 1)
        try data.withUnsafeBytes { data in
            let envelope = try RequestEnvelope(scanning: data)
            #expect(equal(envelope.service, "fnrpc.function.v1.Function") && equal(envelope.method, "CallStream"))
            #expect(envelope.payload.isEmpty && envelope.timeoutNanos == 5)
        }
        return bench
    }

    @Test(arguments: [0, 1, 2, 6] as [UInt8])
    func theRequestIsTheCallersOwn(flags: UInt8) throws {
        let (bench, (header, data)) = try service(
            flags: flags, payload: [1, 2, 3],
            metadata: [.init(name: "traceparent", value: "00-x"), .init(name: "fn-call-id", value: "forged")])
        defer { bench.close() }
        #expect(header.type == 1 && header.streamID == 1 && header.flags == flags)
        try data.withUnsafeBytes { data in
            let envelope = try RequestEnvelope(scanning: data)
            #expect(equal(envelope.service, "a.B") && equal(envelope.method, "C"))
            #expect(Array(envelope.payload) == [1, 2, 3] && envelope.timeoutNanos == 7)
            #expect(
                envelope.metadata("fn-call-id").map { String(decoding: $0, as: UTF8.self) == callID.description }
                    == true)
            #expect(envelope.metadata("fn-deadline").map { equal($0, "1970-01-01T00:00:00.000Z") } == true)
            #expect(envelope.metadata("traceparent").map { equal($0, "00-x") } == true)
            #expect(envelope.metadataCount == 3)
        }
        #expect(bench.send([9]))
        bench.endInput()
        // What the far end sees up to the end: nothing at all if the Request said that nothing follows.
        bench.cancel()
        let rest = bench.far.readAll()
        let expected: [UInt8] = [0, 0, 0, 1, 0, 0, 0, 1, 3, 0, 9, 0, 0, 0, 0, 0, 0, 0, 1, 3, 5]
        #expect(rest == (flags & 2 != 0 ? expected : []))
    }

    @Test func messagesPassBothWaysUntouched() throws {
        let (bench, _) = try service()
        defer { bench.close() }
        for message: [UInt8] in [[], [0xFF], Array(repeating: 7, count: 4 << 20)] {
            let isTaken = bench.send(message)
            #expect(isTaken)
            let (header, data) = try #require(bench.far.readFrame())
            #expect(header.type == 3 && header.flags == 0 && data == message)
            bench.far.writeFrame(3, message)
        }
        bench.far.writeFrame(0x40, [1])
        bench.far.writeFrame(3, id: 3, [1])
        bench.far.writeFrame(2, id: 5, [0xFF])
        bench.far.writeFrame(3, flags: 4)
        bench.far.writeFrame(3, flags: 1, [8])
        #expect(bench.owner.ended() == "finished")
        let expected: [[UInt8]] = [[], [0xFF], Array(repeating: 7, count: 4 << 20), [8]]
        #expect((bench.owner.messages == expected) == true)
        // The stream is gone, and so is its connection.
        #expect(bench.far.readAll().isEmpty && bench.send([1]))
    }

    @Test func theUsualEndIsAFrameOfItsOwn() throws {
        let (bench, _) = try service()
        defer { bench.close() }
        bench.far.writeFrame(3, [1])
        bench.far.writeFrame(3, flags: 5)
        bench.far.writeFrame(3, [2])
        #expect(bench.owner.ended() == "finished" && bench.owner.messages == [[1]])
    }

    @Test func responsesEndAService() throws {
        let (bench, _) = try service()
        defer { bench.close() }
        bench.far.writeFrame(2, field(2, [5, 6]))
        #expect(bench.owner.ended() == "response [5, 6]" && bench.owner.messages.isEmpty)

        let (failing, _) = try service()
        defer { failing.close() }
        failing.far.writeFrame(3, [1])
        failing.far.writeFrame(2, failedResponse(9, "no"))
        #expect(failing.owner.ended() == "failed 9: no" && failing.owner.messages == [[1]])
        #expect(failing.owner.status == [8, 9] + field(2, "no"))

        let (strange, _) = try service()
        defer { strange.close() }
        strange.far.writeFrame(2, failedResponse(99, "what"))
        #expect(strange.owner.ended() == "failed 2: what")

        let (large, _) = try service()
        defer { large.close() }
        large.far.writeFrame(2, field(2, [UInt8](repeating: 1, count: (4 << 20) - 100)))
        #expect(large.owner.ended()?.hasPrefix("failed 8: the reply has 4194204 bytes") == true)
    }

    @Test func responsesEndABody() throws {
        let bench = try body()
        defer { bench.close() }
        let part = field(1, "last")
        bench.far.writeFrame(2, field(2, part))
        #expect(bench.owner.ended() == "finished" && bench.owner.messages == [part])

        let empty = try body()
        defer { empty.close() }
        empty.far.writeFrame(2)
        #expect(empty.owner.ended() == "finished" && empty.owner.messages.isEmpty)

        let unserved = try body()
        defer { unserved.close() }
        unserved.far.writeFrame(2, failedResponse(12, "unknown method"))
        #expect(unserved.owner.ended() == "failed 12: unknown method")
    }

    @Test func partsAreChecked() throws {
        let good = field(1, [UInt8](repeating: 3, count: 256 << 10)) + field(2, "a/b") + field(3, field(1, "n"))
        for (part, end) in [
            (good, nil), (field(4, "app"), "broken: it sent a part that is not a CallPart"),
            ([0x38, 0x01], "broken: it sent a part that is not a CallPart"),
            ([0x0A], "broken: it sent a part that is not a CallPart"),
            (
                field(1, [UInt8](repeating: 3, count: 256 << 10) + [1]),
                "broken: it sent a part of 262145 bytes; at most 262144"
            ),
        ] as [([UInt8], String?)] {
            let bench = try body()
            defer { bench.close() }
            bench.far.writeFrame(3, part)
            if end == nil { bench.far.writeFrame(3, flags: 5) }
            #expect(bench.owner.ended() == end ?? "finished")
            #expect(bench.owner.messages == (end == nil ? [part] : []))
        }
    }

    @Test func whatBreaksTheContractEndsTheStream() throws {
        let breaks: [(String, (Peer) -> Void)] = [
            ("its response does not parse", { $0.writeFrame(2, [0x0A]) }),
            ("it answered with bytes that are not ttrpc", { $0.write("HTTP/1.1 200 OK\r\n\r\n") }),
            ("it sent a frame of 4194305 bytes; at most 4194304", { $0.write([0, 0x40, 0, 1, 0, 0, 0, 1, 3, 0]) }),
            ("it closed its connection", { $0.close() }),
            (
                "it closed its connection",
                { peer in
                    peer.write([0, 0, 0, 9, 0])
                    peer.close()
                }
            ),
        ]
        for (reason, act) in breaks {
            let (bench, _) = try service()
            defer { bench.close() }
            act(bench.far)
            #expect(bench.owner.ended() == "broken: " + reason)
        }
        let (bench, _) = try service()
        defer { bench.close() }
        bench.exited("it exited with code 3", success: false)
        #expect(bench.owner.end == nil)
        bench.far.close()
        #expect(bench.owner.ended() == "broken: it exited with code 3")
    }

    @Test func aFunctionThatDoesNotReadHoldsItsCallerBack() throws {
        let (bench, _) = try service()
        defer { bench.close() }
        let message = [UInt8](repeating: 5, count: 100_000)
        var sent = 0
        while sent < 1000, bench.send(message) { sent += 1 }
        // The socket holds some, the connection a limited rest.
        #expect(sent < 40)
        for _ in 0..<10 { #expect(!bench.send(message)) }
        #expect(bench.onLoop { (bench.stream as? TtrpcStream)?.connection?.queuedOutput ?? 0 } <= 1 << 20)
        for _ in 0..<sent { #expect(bench.far.readFrame()?.data == message) }
        bench.owner.wait { $0.rooms > 0 }
        #expect(bench.owner.rooms == 1)
        let isTaken = bench.send(message)
        #expect(isTaken && bench.far.readFrame()?.data == message)
    }

    @Test func pausingHoldsEverythingBack() throws {
        let (bench, _) = try service(onMessage: { stream, count in
            // Inside the delivery, with more frames in the same read.
            if count == 2 || count == 4 { stream.pause() }
            if count == 3 {
                stream.pause()
                stream.resume()
            }
        })
        defer { bench.close() }
        var bytes: [UInt8] = []
        for index in 1...6 as ClosedRange<UInt8> { bytes += [0, 0, 0, 1, 0, 0, 0, 1, 3, 0, index] }
        bench.far.write(bytes + [0, 0, 0, 0, 0, 0, 0, 1, 3, 5])
        bench.owner.wait { $0.messages.count >= 2 }
        bench.onLoop {}
        bench.onLoop {}
        #expect(bench.owner.messages == [[1], [2]] && bench.owner.end == nil)
        bench.resume()
        bench.owner.wait { $0.messages.count >= 4 }
        bench.onLoop {}
        #expect(bench.owner.messages.count == 4 && bench.owner.end == nil)
        // Nothing is read meanwhile: the function can write what the socket holds and no more.
        #expect(bench.far.writeUntilFull(limit: 64 << 20) < 2 << 20)
        bench.resume()
        #expect(bench.owner.ended() == "finished")
        #expect(bench.owner.messages == [[1], [2], [3], [4], [5], [6]])
    }

    @Test func cancellingIsSilent() throws {
        let (bench, _) = try service()
        defer { bench.close() }
        bench.cancel()
        bench.cancel()
        #expect(bench.far.readAll().isEmpty)
        bench.onLoop {}
        #expect(bench.owner.end == nil && bench.send([1]))
    }

    @Test func ownersMayCancelInsideADelivery() throws {
        let (bench, _) = try service(onMessage: { stream, _ in stream.cancel() })
        defer { bench.close() }
        bench.far.write([0, 0, 0, 1, 0, 0, 0, 1, 3, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 3, 1, 2])
        #expect(bench.far.readAll().isEmpty)
        bench.onLoop {}
        #expect(bench.owner.messages == [[1]] && bench.owner.end == nil)
    }

    /// An answer that is there counts, even if the function read nothing more and closed.
    @Test func anEarlyAnswerIsHeardBehindAFullSocket() throws {
        let (bench, _) = try service()
        defer { bench.close() }
        let message = [UInt8](repeating: 5, count: 100_000)
        while bench.send(message) {}
        bench.pause()
        bench.far.writeFrame(3, [1])
        bench.far.writeFrame(2, failedResponse(8, "enough"))
        bench.far.close()
        bench.onLoop {}
        bench.resume()
        #expect(bench.owner.ended() == "failed 8: enough" && bench.owner.messages == [[1]])
    }

    @Test func aRequestThatDoesNotFitIsRefused() {
        #expect(throws: Failure.self) { _ = try service(payload: [UInt8](repeating: 0, count: 4 << 20)) }
    }
}

/// Lends the parts of a call.
func withService<Result>(
    _ service: String, _ method: String, _ flags: UInt8, _ payload: [UInt8], _ metadata: [CallHeader],
    _ body: (FunctionStreamCall) throws(Failure) -> Result
) throws(Failure) -> Result {
    let (service, method) = (Array(service.utf8), Array(method.utf8))
    // Kept alive by the copy that is made here; a typed throw does not pass the standard library's closures.
    let bytes = UnsafeMutableRawBufferPointer.allocate(
        byteCount: service.count + method.count + payload.count, alignment: 1)
    defer { bytes.deallocate() }
    bytes.copyBytes(from: service + method + payload)
    let all = UnsafeRawBufferPointer(bytes)
    let call = FunctionStreamCall(
        kind: .service(
            service: .init(rebasing: all[..<service.count]),
            method: .init(rebasing: all[service.count..<service.count + method.count]), flags: flags,
            payload: .init(rebasing: all[(service.count + method.count)...])), id: callID,
        deadline: Timestamp(nanoseconds: 0), timeoutNanos: 7, metadata: metadata)
    return try body(call)
}
