import Glibc
import Model
import Testing

@testable import Loop

/// What one turn has for several connections, and what is added while it is being sent.
@Suite struct OutputTests {
    private static func write(_ witness: Witness, _ bytes: [UInt8]) -> Bool {
        witness.connection?.write(count: bytes.count) { $0.copyBytes(from: bytes) } == true
    }

    /// One more than go at once.
    @Test(arguments: [1, 3, 4, 65]) func everyConnectionOfATurnGetsItsOwn(count: Int) async {
        let bench = Bench()
        let witnesses = (0..<count).map { _ in Witness() }
        var ends: [Int32] = []
        for witness in witnesses { ends.append(await bench.connect(witness)) }
        defer { for end in ends { close(end) } }
        await bench.run {
            for (index, witness) in witnesses.enumerated() { _ = Self.write(witness, [UInt8(index), 7]) }
        }
        for (index, end) in ends.enumerated() { #expect(receiveAll(end, 2) == [UInt8(index), 7]) }
        // It is counted behind the sending.
        await bench.turn(1)
        #expect(witnesses.allSatisfy { $0.connection?.statistics.bytesSent == 2 })
    }

    /// Among others of its turn: a peer that does not read yet, and one that is gone.
    @Test func fullAndLostPeersConcernNobodyElse() async {
        let bench = Bench()
        let witnesses = (0..<6).map { _ in Witness() }
        var ends: [Int32] = []
        for witness in witnesses { ends.append(await bench.connect(witness)) }
        // More than a socket holds, in one write.
        let large = pattern(4 << 20)
        shutdown(ends[1], Int32(SHUT_RD))
        await bench.run {
            for (index, witness) in witnesses.enumerated() {
                _ = Self.write(witness, index == 0 ? large : [UInt8(index)])
            }
        }
        for index in 2..<6 { #expect(receiveAll(ends[index], 1) == [UInt8(index)]) }
        await bench.until({ witnesses[1].isClosed }, "the lost one stays open")
        #expect(!witnesses[0].isClosed)
        let reader = BlockingThreads(count: 1)
        let got = Lock<[UInt8]>([])
        reader.post { [end = ends[0]] in
            let bytes = receiveAll(end, 4 << 20)
            got.withLock { $0 = bytes }
        }
        reader.stop()
        #expect((got.withLock { $0 } == large) == true, "the bytes differ")
        for end in ends { close(end) }
    }

    @Test(arguments: [3, 2, 0]) func whatOthersAddMeanwhileComesBehind(sent: Int) async {
        let bench = Bench()
        let witness = Witness()
        let far = await bench.connect(witness)
        defer { close(far) }
        let added = Lock(false)
        await bench.run {
            _ = Self.write(witness, [1, 2, 3])
            guard let connection = witness.connection, let bytes = connection.beginFlush() else { return }
            let other = BlockingThreads(count: 1)
            other.post {
                let isTaken = Self.write(witness, [4, 5]) && Self.write(witness, [6])
                added.withLock { $0 = isTaken }
            }
            other.stop()
            #expect(connection.queuedOutput == 6)
            #expect(Array(bytes) == [1, 2, 3], "nobody moves it")
            _ = send(connection.descriptor, bytes.baseAddress, sent, Int32(MSG_NOSIGNAL))
            // What the socket took, or that it took nothing.
            connection.endFlush(sent: sent > 0 ? sent : -Int(EAGAIN))
        }
        #expect(added.withLock { $0 })
        #expect(receiveAll(far, 6) == [1, 2, 3, 4, 5, 6])
        #expect(witness.connection?.queuedOutput == 0)
    }

    @Test func aConnectionThatClosedMeanwhileStaysClosed() async {
        let bench = Bench()
        let witness = Witness()
        let far = await bench.connect(witness)
        defer { close(far) }
        await bench.run {
            _ = Self.write(witness, [1])
            guard let connection = witness.connection, connection.beginFlush() != nil else { return }
            connection.closeNow()
            connection.endFlush(sent: 1)
            #expect(connection.beginFlush() == nil)
        }
        #expect(witness.isClosed && receiveAll(far, 1).isEmpty)
    }
}
