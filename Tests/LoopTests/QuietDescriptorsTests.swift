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

        init() {
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
        func take() {
            var byte: UInt8 = 0
            if read(near, &byte, 1) == 1 { reads.withLock { $0.append(byte) } }
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
}
