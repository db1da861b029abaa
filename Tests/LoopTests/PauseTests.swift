import Glibc
import Loop
import Model
import Testing

@Suite struct PauseTests {
    @Test func aPausedConnectionReadsNothingUntilItGoesOn() async {
        let bench = Bench()
        let witness = Witness()
        let far = await bench.connect(witness)
        defer { close(far) }
        await bench.run {
            witness.connection?.pauseReading()
            witness.connection?.pauseReading()
        }
        sendAll(far, pattern(1000))
        await bench.turn()
        #expect(witness.input.isEmpty)
        #expect(witness.connection?.statistics.bytesReceived == 0)
        await bench.run {
            witness.connection?.resumeReading()
            witness.connection?.resumeReading()
        }
        await bench.until({ witness.inputCount == 1000 }, "nothing came after going on")
        #expect((witness.input == pattern(1000)) == true, "the bytes differ")
        #expect(witness.connection?.statistics.bytesReceived == 1000)
    }

    @Test func pausingInsideADeliveryKeepsTheRest() async {
        let bench = Bench()
        let witness = Witness { connection, bytes in
            guard bytes.count >= 4 else { return .consumed(0, needed: 4) }
            connection.pauseReading()
            return .consumed(4, needed: 0)
        }
        let far = await bench.connect(witness)
        defer { close(far) }
        sendAll(far, Array("aaaabbbbccccdd".utf8))
        for (index, text) in ["aaaa", "aaaabbbb", "aaaabbbbcccc"].enumerated() {
            await bench.until({ witness.inputCount == (index + 1) * 4 }, "message \(index) did not come")
            await bench.turn()
            #expect(String(decoding: witness.input, as: UTF8.self) == text)
            await bench.run { witness.connection?.resumeReading() }
        }
        sendAll(far, Array("dd".utf8))
        await bench.until({ witness.inputCount == 16 }, "the rest did not come")
        #expect(String(decoding: witness.input, as: UTF8.self) == "aaaabbbbccccdddd")
        #expect(witness.connection?.statistics.bufferedInput == 0)
    }

    @Test func goingOnInsideADeliveryNeverNestsDeliveries() async {
        let bench = Bench()
        let witness = Witness { connection, bytes in
            connection.pauseReading()
            connection.resumeReading()
            return .consumed(1, needed: 0)
        }
        let far = await bench.connect(witness)
        defer { close(far) }
        sendAll(far, pattern(3000))
        await bench.until({ witness.inputCount == 3000 }, "not everything came")
        #expect((witness.input == pattern(3000)) == true, "the bytes differ")
        #expect(witness.seen.withLock { !$0.wasNested && $0.deliveries == 3000 })
    }

    @Test func aPausedConnectionNoticesThatItsPeerIsGone() async {
        let bench = Bench()
        let witness = Witness()
        let far = await bench.connect(witness)
        await bench.run { witness.connection?.pauseReading() }
        await bench.turn()
        #expect(!witness.isClosed)
        close(far)
        await bench.until({ witness.isClosed }, "the end was not noticed")
        #expect(witness.reasons.isEmpty)
    }

    @Test func aPausedConnectionToAFunctionReadsItsLastWords() async {
        let bench = Bench()
        let witness = Witness()
        let far = await bench.connect(witness, .toFunction)
        await bench.run { witness.connection?.pauseReading() }
        sendAll(far, pattern(5000))
        close(far)
        await bench.turn()
        #expect(!witness.isClosed)
        await bench.run { witness.connection?.resumeReading() }
        await bench.until({ witness.isClosed }, "the end was not noticed")
        #expect((witness.input == pattern(5000)) == true, "the bytes differ")
    }

    /// The kernel reports an error, not only the end, when a peer leaves without having read everything.
    @Test func allInputArrivesFromAPeerThatLeftWithoutReading() async {
        let bench = Bench()
        let witness = Witness()
        let far = await bench.connect(witness, .toFunction)
        await bench.run {
            witness.connection?.pauseReading()
            witness.connection?.write(count: 100) { $0.initializeMemory(as: UInt8.self, repeating: 1) }
        }
        let size = 150_000
        sendAll(far, pattern(size))
        await bench.turn()
        close(far)
        await bench.run { witness.connection?.resumeReading() }
        await bench.until({ witness.isClosed }, "the end was not noticed")
        #expect((witness.input == pattern(size)) == true, "the bytes differ")
    }

    @Test func aFloodLeavesOthersTheirTurn() async {
        let bench = Bench()
        let order = Lock<[Character]>([])
        let flood = Witness { _, bytes in
            order.withLock { $0.append("f") }
            return .consumed(bytes.count, needed: 0)
        }
        let quiet = Witness { _, bytes in
            order.withLock { $0.append("q") }
            return .consumed(bytes.count, needed: 0)
        }
        let flooding = await bench.connect(flood)
        let quietFar = await bench.connect(quiet)
        defer {
            close(flooding)
            close(quietFar)
        }
        var size: Int32 = 4 << 20
        let length = socklen_t(MemoryLayout<Int32>.size)
        if setsockopt(flooding, SOL_SOCKET, SO_SNDBUFFORCE, &size, length) != 0 {
            setsockopt(flooding, SOL_SOCKET, SO_SNDBUF, &size, length)
        }
        _ = fcntl(flooding, F_SETFL, O_NONBLOCK)
        // Both are ready when the loop looks.
        let isHeld = Lock(false)
        let mayGoOn = Lock(false)
        bench.loop.post {
            isHeld.withLock { $0 = true }
            while !mayGoOn.withLock({ $0 }) { sched_yield() }
        }
        await bench.until({ isHeld.withLock { $0 } }, "the loop does not run")
        let chunk = pattern(65_536)
        var sent = 0
        while sent < 2 << 20 {
            let count = send(flooding, chunk, chunk.count, Int32(MSG_NOSIGNAL))
            guard count > 0 else { break }
            sent += count
        }
        sendAll(quietFar, [1])
        mayGoOn.withLock { $0 = true }
        let expected = sent
        await bench.until({ flood.inputCount == expected && !quiet.input.isEmpty }, "not everything came")
        let before = order.withLock { $0.prefix { $0 == "f" }.count }
        #expect(before <= 4)
    }
}
