import Glibc
import Loop
import Model
import Testing

@Suite struct QuietDescriptorsTests {
    /// A pipe and what was read of it.
    private final class Source: Sendable {
        let near: Int32
        let far: Int32
        let reads = Lock<[UInt8]>([])
        let onTake = Lock<(@Sendable () -> Void)?>(nil)
        private let isMuch: Bool

        init(isMuch: Bool = false) {
            self.isMuch = isMuch
            var ends: [Int32] = [0, 0]
            pipe(&ends)
            (near, far) = (ends[0], ends[1])
        }

        deinit {
            close(near)
            close(far)
        }

        func write(_ byte: UInt8) { _ = withUnsafeBytes(of: byte) { Glibc.write(far, $0.baseAddress, 1) } }

        /// One byte, so that what is left makes it readable again.
        func take() -> Bool {
            var byte: UInt8 = 0
            if read(near, &byte, 1) == 1 { reads.withLock { $0.append(byte) } }
            onTake.withLock { $0 }?()
            return isMuch
        }

        var taken: [UInt8] { reads.withLock { $0 } }
    }

    @Test func allThatIsThereIsRead() async {
        let bench = Bench()
        let sources = (0..<100).map { _ in Source() }
        await bench.run { [loop = bench.loop] in
            for source in sources { _ = loop.quietDescriptors.add(source.near) { source.take() } }
        }
        for source in sources {
            source.write(1)
            source.write(2)
        }
        await bench.until({ sources.allSatisfy { $0.taken == [1, 2] } }, "something was not read")
    }

    @Test func aTurnLooksOnce() async {
        let bench = Bench()
        let source = Source()
        await bench.run { [loop = bench.loop] in
            let entry = loop.quietDescriptors.add(source.near) { source.take() }
            for byte in 1...3 as ClosedRange<UInt8> { source.write(byte) }
            loop.quietDescriptors.lookOnce()
            #expect(source.taken == [1], "what was there before is read at once")
            loop.quietDescriptors.lookOnce()
            #expect(source.taken == [1])
            loop.quietDescriptors.remove(entry)
            loop.quietDescriptors.remove(entry)
        }
        await bench.turn()
        #expect(source.taken == [1], "nobody reads what was taken out")
    }

    /// Writes a byte and waits until it was announced; what the turn after that finds.
    private func announce<R: Sendable & Equatable>(
        _ bench: Bench, _ source: Source, _ find: @escaping @Sendable (QuietDescriptors) -> R
    ) async throws -> R {
        let found = Lock<R?>(nil)
        source.onTake.withLock { onTake in
            onTake = { [loop = bench.loop] in
                // The work that is posted now still belongs to the turn that announced.
                loop.post { loop.post { found.withLock { $0 = $0 ?? find(loop.quietDescriptors) } } }
            }
        }
        source.write(1)
        await bench.until({ found.withLock { $0 } != nil }, "it was not announced")
        return try #require(found.withLock { $0 })
    }

    /// A loop that stood still for 5 ms has rested already, so it is asked again.
    @Test func afterALittleTheLoopIsNotWoken() async throws {
        let bench = Bench()
        let source = Source()
        await bench.run { [loop = bench.loop] in _ = loop.quietDescriptors.add(source.near) { source.take() } }
        while try await !announce(bench, source, { $0.isResting }) { continue }
        source.write(2)
        await bench.until({ source.taken.last == 2 }, "nobody looked again")
        // What comes meanwhile is found by who asks for it.
        while try await !announce(
            bench, source,
            { quiet in
                guard quiet.isResting else { return false }
                source.write(3)
                quiet.settle()
                #expect(source.taken.last == 3)
                return true
            })
        { continue }
    }

    @Test func whoWritesALotIsReadAtOnce() async throws {
        let bench = Bench()
        let source = Source(isMuch: true)
        await bench.run { [loop = bench.loop] in _ = loop.quietDescriptors.add(source.near) { source.take() } }
        for _ in 0..<10 {
            let isResting = try await announce(bench, source) { $0.isResting }
            #expect(!isResting)
        }
    }
}
