import Model
import Testing
import Wire

@testable import Contracts

/// Functions that end with a request in their pipes.
extension PipeLinkTests {
    private static let large = InvokeBody(payload: [UInt8](repeating: 7, count: 1 << 20)).encoded()

    /// A function ends with a request in its pipe, or a part of one.
    @Test(arguments: [([], 0, true), ([], 1, false), (large, 0, true), (large, 1, false)] as [([UInt8], Int, Bool)])
    func whatNobodyReadMayGoElsewhere(request: [UInt8], taken: Int, isUnread: Bool) throws {
        let pipes = Pipes()
        let bench = bench(.http, pipes)
        defer { bench.close() }
        try bench.invoke(1, request)
        bench.onLoop {}
        #expect(pipes.standardInput.read(taken).count == taken)
        // While somebody could read it nothing is known.
        #expect(unread(bench).isEmpty)
        bench.onLoop { [link = Carried(value: bench.link)] in #expect(link.value?.isUndecided == isUnread) }
        pipes.standardInput.close()
        pipes.standardOutput.close()
        #expect(bench.owner.next() == "lost: it closed its standard output")
        let left = unread(bench)
        #expect(left.map(\.0) == (isUnread ? [1] : []))
        #expect(pending(bench) == (isUnread ? [] : [1]))
        // Another container is written the same.
        guard let request = left.first?.1 else { return }
        let others = Pipes()
        let other = self.bench(.http, others)
        defer { other.close() }
        other.link?.send(request, for: Token(2))
        #expect(others.standardInput.read(request.bytes.count) == request.bytes)
        others.standardOutput.write("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\na")
        #expect(other.owner.next() == "2: body  [] a")
    }

    @Test func whoHadClosedItsInputKnowsOfNoCall() throws {
        let pipes = Pipes()
        let bench = bench(.json, pipes)
        defer { bench.close() }
        pipes.standardInput.close()
        try bench.invoke(1, [])
        bench.onLoop {}
        #expect(unread(bench).map(\.0) == [1])
    }

    @Test func whoHasBegunToAnswerKnowsOfTheCall() throws {
        let pipes = Pipes()
        let bench = bench(.json, pipes)
        defer { bench.close() }
        try bench.invoke(1, [])
        bench.onLoop {}
        pipes.standardOutput.write("{")
        pipes.standardOutput.close()
        pipes.standardInput.close()
        #expect(bench.owner.next() == "lost: it closed its standard output")
        #expect(unread(bench).isEmpty && pending(bench) == [1])
    }

    /// A child of its process keeps the pipes.
    @Test func whoHasEndedGetsNoCall() throws {
        let pipes = Pipes()
        let bench = bench(.json, pipes)
        defer { bench.close() }
        bench.onLoop { [link = Carried(value: bench.link)] in
            link.value?.exited("it exited with code 3", success: false)
        }
        #expect(bench.owner.next() == "lost: it exited with code 3")
        try bench.invoke(1, [])
        #expect(bench.owner.next() == "1: not begun: it exited with code 3")
    }

    private func unread(_ bench: LinkBench) -> [(Int, PreparedRequest)] {
        let taken = Lock<[(Int, PreparedRequest)]>([])
        bench.onLoop { [link = Carried(value: bench.link)] in
            let unread = link.value?.takeUnread() ?? []
            taken.withLock { $0 = unread.map { (($0.token as? Token)?.number ?? -1, $0.request) } }
        }
        return taken.withLock { $0 }
    }
}
