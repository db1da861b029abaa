import Model
import Testing
import Wire

@testable import Calls

@Suite struct LogFollowersTests {
    private let function = Identifier(high: 1, low: 2)

    private func write(_ followers: LogFollowers, _ bytes: [UInt8], of function: Identifier? = nil) {
        bytes.withUnsafeBytes {
            followers.write($0, of: function ?? self.function, container: "c", call: Identifier(high: 3, low: 4))
        }
    }

    @Test func readersGetWhatIsWrittenSinceTheyCame() async throws {
        let followers = LogFollowers()
        #expect(!followers.isFollowed)
        write(followers, Array("before".utf8))
        let first = try followers.follow(function)
        let second = try followers.follow(function)
        #expect(followers.isFollowed)
        write(followers, Array("one".utf8))
        write(followers, Array("of another".utf8), of: Identifier(high: 9, low: 9))
        write(followers, Array("two".utf8))
        for reader in [first, second] {
            let pieces = await reader.next()
            #expect(pieces.map { String(decoding: $0.data, as: UTF8.self) } == ["one", "two"])
            #expect(pieces.allSatisfy { $0.container == "c" && $0.callID == Identifier(high: 3, low: 4).description })
        }
        // One that waits is woken.
        async let next = first.next()
        write(followers, Array("three".utf8))
        #expect(await next.count == 1)
        followers.leave(first)
        #expect(followers.isFollowed)
        followers.leave(second)
        followers.leave(second)
        #expect(!followers.isFollowed)
        #expect(await first.next().isEmpty)
    }

    @Test func whatIsNotReadInTimeIsCounted() async throws {
        let followers = LogFollowers()
        let slow = try followers.follow(function)
        let quick = try followers.follow(function)
        let piece = [UInt8](repeating: 7, count: LogReader.maxBytes / 4)
        for _ in 0..<4 {
            write(followers, piece)
            #expect(await quick.next().count == 1)
        }
        // One byte over.
        write(followers, [1])
        write(followers, [2])
        #expect(await quick.next().map(\.data) == [[1], [2]])
        var pieces = await slow.next()
        #expect(
            pieces.count == 5 && pieces.prefix(4).allSatisfy { $0.droppedBytes == 0 && $0.data.count == piece.count })
        #expect(pieces.last?.data.isEmpty == true && pieces.last?.droppedBytes == 2)
        // It is told once.
        write(followers, [3])
        pieces = await slow.next()
        #expect(pieces.map(\.data) == [[3]] && pieces.first?.droppedBytes == 0)
        // A gap between two pieces is told with the second.
        for _ in 0...4 { write(followers, piece) }
        _ = await quick.next()
        write(followers, [4])
        #expect(await slow.next().last?.droppedBytes == UInt64(piece.count + 1))
        // One piece always may, and pieces are counted too.
        write(followers, [UInt8](repeating: 1, count: LogReader.maxBytes + 1))
        #expect(await slow.next().map(\.data.count) == [LogReader.maxBytes + 1])
        for _ in 0..<(LogReader.maxPieces + 3) { write(followers, [5]) }
        pieces = await slow.next()
        #expect(pieces.count == LogReader.maxPieces + 1 && pieces.last?.droppedBytes == 3)
        followers.leave(slow)
        followers.leave(quick)
    }

    @Test func readersAreBoundedAndEnd() async throws {
        let followers = LogFollowers()
        var readers: [LogReader] = []
        for _ in 0..<LogFollowers.maxReaders { readers.append(try followers.follow(function)) }
        let refusal = #expect(throws: Failure.self) { try followers.follow(function) }
        #expect(refusal?.code == .busy)
        followers.leave(readers.removeLast())
        readers.append(try followers.follow(function))
        // A function that is deleted ends its readers, with what they have not read.
        write(followers, [1])
        async let waiting = readers[0].next()
        followers.end(function)
        #expect(await waiting.count == 1)
        #expect(await readers[0].next().isEmpty)
        #expect(await readers[1].next().count == 1)
        // A cancelled task does not wait.
        let other = LogFollowers()
        let reader = try other.follow(function)
        let task = Task { await reader.next() }
        task.cancel()
        #expect(await task.value.isEmpty)
        for reader in readers { followers.leave(reader) }
        #expect(!followers.isFollowed)
    }
}
