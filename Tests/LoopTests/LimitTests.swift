import Glibc
import Loop
import Model
import Testing

@Suite struct LimitTests {
    /// Waits for messages of `size` bytes.
    private static func messages(of size: Int) -> Witness {
        Witness { _, bytes in .consumed(bytes.count / size * size, needed: size) }
    }

    private static func write(_ witness: Witness, _ count: Int) -> Bool {
        witness.connection?.write(count: count) { $0.initializeMemory(as: UInt8.self, repeating: 7) } == true
    }

    @Test func inputOverTheBudgetWaitsForIt() async {
        let bench = Bench()
        let budget = ByteBudget(limit: 2 << 20)
        #expect(budget.reserve(2 << 20))
        let size = 1 << 20
        let witness = Self.messages(of: size)
        var options = Connection.Options.patient
        options.budget = budget
        let far = await bench.connect(witness, options)
        defer { close(far) }
        let writer = BlockingThreads(count: 1)
        writer.post { sendAll(far, pattern(size)) }
        await bench.until({ witness.connection?.statistics.bufferedInput ?? 0 > 0 }, "nothing came")
        await bench.turn(50)
        let held = witness.connection?.statistics.bufferedInput ?? 0
        #expect(held <= 64 << 10, "\(held) bytes are held without budget")
        await bench.sweep(witness, after: 1)
        await bench.turn(50)
        #expect(witness.input.isEmpty && budget.used == 2 << 20)
        budget.release(2 << 20)
        await bench.sweep(witness, after: 1)
        await bench.until({ witness.inputCount == size }, "it did not go on when there was budget again")
        writer.stop()
        #expect((witness.input == pattern(size)) == true, "the bytes differ")
        #expect(budget.used == 0)
    }

    @Test func theFrameLimitHoldsWhileInputWaitsForTheBudget() async {
        let bench = Bench()
        let budget = ByteBudget(limit: 0)
        let witness = Self.messages(of: 1 << 20)
        var options = Connection.Options.timed
        options.firstNanos = 0
        options.budget = budget
        let far = await bench.connect(witness, options)
        defer { close(far) }
        sendAll(far, pattern(100_000))
        await bench.until({ witness.connection?.statistics.bufferedInput == 64 << 10 }, "nothing was held")
        await bench.sweep(witness, after: 101)
        #expect(witness.isClosed)
        #expect(witness.reasons == [.frameTimeout(nanos: 100_000_000_000)])
    }

    @Test func anAnnouncedMessageTakesNoMemoryBeforeItComes() async {
        let bench = Bench()
        let budget = ByteBudget(limit: 256 << 20)
        let witness = Self.messages(of: 4 << 20)
        var options = Connection.Options.patient
        options.budget = budget
        let far = await bench.connect(witness, options)
        defer { close(far) }
        sendAll(far, pattern(10))
        await bench.until({ witness.connection?.statistics.bufferedInput == 10 }, "the beginning did not come")
        sendAll(far, pattern(10))
        await bench.until({ witness.connection?.statistics.bufferedInput == 20 }, "more did not come")
        #expect(budget.used == 0)
    }

    @Test func outputOverTheBudgetCloses() async {
        let bench = Bench()
        let budget = ByteBudget(limit: 1 << 20)
        let witness = Witness()
        var options = Connection.Options.patient
        options.budget = budget
        let far = await bench.connect(witness, options)
        defer { close(far) }
        var accepted = 0
        while accepted < 100, Self.write(witness, 256 << 10) { accepted += 1 }
        #expect(accepted >= 4 && accepted < 10)
        #expect(!Self.write(witness, 1))
        await bench.until({ witness.isClosed }, "it was not closed")
        guard case .outputBudget = witness.reasons.first else {
            Issue.record("the reason is \(witness.reasons)")
            return
        }
        #expect(budget.used == 0)
    }

    @Test func aPeerThatTakesNothingIsClosedAfterTheStallLimit() async {
        let bench = Bench()
        let witness = Witness()
        var options = Connection.Options.timed
        options.firstNanos = 0
        let far = await bench.connect(witness, options)
        defer { close(far) }
        #expect(Self.write(witness, 4 << 20))
        await bench.sweep(witness, after: 50)
        #expect(!witness.isClosed)
        await bench.sweep(witness, after: 101)
        #expect(witness.isClosed)
        guard case .slowReader(let waiting, _) = witness.reasons.first else {
            Issue.record("the reason is \(witness.reasons)")
            return
        }
        #expect(waiting > 1 << 20)
    }

    @Test func oneMessageAlwaysFindsRoomAndTheLimitCloses() async {
        let bench = Bench()
        let witness = Witness()
        var options = Connection.Options.patient
        options.maxStalledOutput = 1 << 20
        options.maxMovingOutput = 2 << 20
        let far = await bench.connect(witness, options)
        defer { close(far) }
        #expect(Self.write(witness, 4 << 20))
        #expect(!Self.write(witness, 1))
        await bench.until({ witness.isClosed }, "it was not closed")
        guard case .outputLimit(_, let limit) = witness.reasons.first else {
            Issue.record("the reason is \(witness.reasons)")
            return
        }
        #expect(limit == 2 << 20)
        #expect(receiveAll(far, 8 << 20).count < 4 << 20)
    }

    /// Takes the 2 s that make a peer count as one that does not read.
    @Test func aStalledPeerMayHaveLessWaitingThanOneThatReads() async throws {
        let bench = Bench()
        let witness = Witness()
        var options = Connection.Options.patient
        options.maxStalledOutput = 1 << 20
        let far = await bench.connect(witness, options)
        defer { close(far) }
        let start = Instant.now()
        for _ in 0..<4 { #expect(Self.write(witness, 1 << 20)) }
        while Self.write(witness, 1), Instant.now().nanoseconds(since: start) < 10_000_000_000 {
            try await Task.sleep(for: .milliseconds(20))
        }
        await bench.until({ witness.isClosed }, "it was not closed")
        #expect(Instant.now().nanoseconds(since: start) >= 2_000_000_000)
        guard case .outputLimit(_, let limit) = witness.reasons.first else {
            Issue.record("the reason is \(witness.reasons)")
            return
        }
        #expect(limit == 1 << 20)
    }

    @Test func aMessageThatIsNotCompletedIsClosed() async {
        let bench = Bench()
        let witness = Self.messages(of: 4)
        let far = await bench.connect(witness, .timed)
        defer { close(far) }
        sendAll(far, [1, 2, 3, 4])
        await bench.until({ witness.inputCount == 4 }, "the first message did not come")
        await bench.sweep(witness, after: 1000)
        #expect(!witness.isClosed, "nothing has begun")
        sendAll(far, [5])
        await bench.until({ witness.connection?.statistics.bufferedInput == 1 }, "the beginning did not come")
        await bench.sweep(witness, after: 50)
        #expect(!witness.isClosed)
        // A byte now and then does not buy time.
        sendAll(far, [6])
        await bench.until({ witness.connection?.statistics.bufferedInput == 2 }, "the second byte did not come")
        await bench.run { witness.connection?.pauseReading() }
        await bench.sweep(witness, after: 1000)
        #expect(!witness.isClosed, "the clock rests while the owner pauses")
        await bench.run { witness.connection?.resumeReading() }
        await bench.sweep(witness, after: 101)
        #expect(witness.isClosed)
        #expect(witness.reasons == [.frameTimeout(nanos: 100_000_000_000)])
    }

    @Test func aPeerThatSaysNothingIsClosedUnlessItHasTalked() async {
        let bench = Bench()
        let silent = Self.messages(of: 4)
        let dribbling = Self.messages(of: 4)
        let talking = Self.messages(of: 4)
        let function = Self.messages(of: 4)
        let far = [
            await bench.connect(silent, .timed), await bench.connect(dribbling, .timed),
            await bench.connect(talking, .timed), await bench.connect(function, .toFunction),
        ]
        defer { for end in far { close(end) } }
        sendAll(far[1], [1])
        sendAll(far[2], [1, 2, 3, 4])
        await bench.until({ talking.inputCount == 4 }, "the message did not come")
        await bench.until({ dribbling.connection?.statistics.bufferedInput == 1 }, "the byte did not come")
        for witness in [silent, dribbling, talking, function] { await bench.sweep(witness, after: 50) }
        #expect(!silent.isClosed && !dribbling.isClosed)
        for witness in [silent, dribbling, talking, function] { await bench.sweep(witness, after: 101) }
        #expect(silent.reasons == [.firstTimeout(nanos: 100_000_000_000)] && silent.isClosed)
        #expect(dribbling.isClosed && !talking.isClosed && !function.isClosed)
    }

    @Test func theLoopSweepsByItself() async {
        let bench = Bench()
        let witness = Witness()
        var options = Connection.Options.patient
        options.firstNanos = 50_000_000
        let far = await bench.connect(witness, options)
        defer { close(far) }
        await bench.until({ witness.isClosed }, "nobody looked at the clock")
        #expect(witness.seen.withLock { $0.closes } == 1)
        #expect(receiveAll(far, 1).isEmpty)
        let count = Lock(-1)
        await bench.run { [loop = bench.loop] in count.withLock { $0 = loop.connectionCount } }
        #expect(count.withLock { $0 } == 0)
    }

    @Test func theOwnerIsToldWhenThereIsRoomAgain() async {
        let bench = Bench()
        let witness = Witness()
        let far = await bench.connect(witness)
        defer { close(far) }
        #expect(Self.write(witness, 4 << 20))
        await bench.turn()
        #expect(witness.connection?.queuedOutput ?? 0 > Connection.lowWater)
        #expect(witness.seen.withLock { $0.rooms } == 0)
        #expect(receiveAll(far, 4 << 20).count == 4 << 20)
        await bench.until({ witness.seen.withLock { $0.rooms } == 1 }, "nobody told")
        await bench.turn()
        #expect(witness.seen.withLock { $0.rooms } == 1)
        #expect(witness.connection?.queuedOutput == 0)
        #expect(witness.connection?.statistics.bytesSent == 4 << 20)
        // Small output is never above the mark.
        #expect(Self.write(witness, 100))
        await bench.turn()
        #expect(witness.seen.withLock { $0.rooms } == 1)
    }

    @Test func writingToAPeerThatIsGoneCloses() async {
        let bench = Bench()
        let witness = Witness()
        let far = await bench.connect(witness, .toFunction)
        await bench.run { witness.connection?.pauseReading() }
        close(far)
        await bench.turn()
        #expect(!witness.isClosed)
        _ = Self.write(witness, 10)
        // What it said before it left is read first, once somebody wants it.
        await bench.run { witness.connection?.resumeReading() }
        await bench.until({ witness.isClosed }, "it was not closed")
        #expect(!Self.write(witness, 10))
    }

    @Test func finishLetsOutputLeaveFirst() async {
        let bench = Bench()
        let witness = Witness()
        let far = await bench.connect(witness)
        defer { close(far) }
        #expect(Self.write(witness, 3 << 20))
        witness.connection?.finish()
        await bench.turn()
        #expect(!Self.write(witness, 1))
        #expect(receiveAll(far, 4 << 20).count == 3 << 20)
        await bench.until({ witness.isClosed }, "it was not closed")
    }

    @Test func theEndOfTheLoopClosesDescriptors() async {
        let witness = Witness()
        let (near, far) = socketPair()
        defer { close(far) }
        let loop = EventLoop()
        await withCheckedContinuation { continuation in
            loop.post {
                witness.connection = Connection(loop: loop, descriptor: near, owner: witness)
                continuation.resume()
            }
        }
        loop.stop()
        #expect(receiveAll(far, 1).isEmpty)
        #expect(!Self.write(witness, 1))
    }
}
