import Loop
import Model
import Synchronization
import Testing
import Wire

@testable import Calls

/// Methods of the daemon that are begun on the loop and answered later.
@Suite struct DeferredTests {
    private typealias Reply = @Sendable (@escaping Method.Answer) -> Void

    /// A method, and what was done with it.
    private final class Probe: Sendable {
        let begun = Lock<[(payload: [UInt8], reply: Reply)]>([])
        let asTask = Atomic<Int>(0)

        func method(_ begin: @escaping @Sendable (Reply) throws(Failure) -> Bool) -> Method {
            Method(
                "a", "b", kind: .unary, access: .admin,
                handler: .deferred(
                    { [self] (payload, _, reply) throws(Failure) in
                        begun.withLock { $0.append((Array(payload), reply)) }
                        return try begin(reply)
                    },
                    otherwise: { [self] payload, _ in
                        asTask.add(1, ordering: .relaxed)
                        return Array(payload.reversed().prefix(3))
                    }))
        }

        /// Answers what was begun last.
        func answer(_ make: @escaping Method.Answer) { begun.withLock { $0.last?.reply }?(make) }
    }

    private let bench: DispatcherBench
    private let probe = Probe()

    init() throws {
        bench = try DispatcherBench()
    }

    /// A request with a payload comes in; returns when its handler has, with the bytes that the daemon holds for it.
    private func deliver(_ payload: [UInt8], to method: Method, timeoutNanos: Int64 = 0) -> Int? {
        bench.onLoop { [bench] in
            // Service "a", method "b", and the payload with a length of three bytes.
            var frame: [UInt8] = [0x0A, 1, 0x61, 0x12, 1, 0x62, 0x1A]
            for shift in [0, 7, 14] { frame.append(UInt8(payload.count >> shift & 0x7F) | (shift < 14 ? 0x80 : 0)) }
            frame += payload
            return frame.withUnsafeBytes { bytes in
                guard let envelope = try? RequestEnvelope(scanning: bytes) else { return -1 }
                var request = bench.incoming(envelope, [.admin], method: method)
                request.timeoutNanos = timeoutNanos
                bench.session.dispatch(request)
                return bench.dispatcher.budget.used
            }
        }
    }

    @Test func isAnsweredWhenItsReplyComes() async throws {
        defer { bench.stop() }
        let method = probe.method { _ in true }
        #expect(deliver([1, 2], to: method) == 2)
        #expect(bench.session.openCount == 1)
        probe.answer { [7] }
        let answer = try await bench.response()
        #expect(answer.payload == [7])
        #expect(answer.keys == ["fnrpc-api-version"])
        #expect(probe.begun.withLock { $0.first?.payload } == [1, 2])
        #expect(bench.dispatcher.budget.used == 0 && bench.session.openCount == 0)
        #expect(method.metrics.ended.reduce(0, +) == 1)
    }

    @Test func aReplyMayComeBeforeItIsOpen() async throws {
        defer { bench.stop() }
        let method = probe.method { reply in
            reply { () throws(Failure) in throw Failure(.exists, "it is there") }
            return true
        }
        _ = deliver([1], to: method)
        #expect(try await bench.response().code == Failure.Code.exists.status)
        #expect(bench.session.openCount == 0)
    }

    @Test func whatIsRefusedAtOnceHoldsNothing() async throws {
        defer { bench.stop() }
        let method = probe.method { _ throws(Failure) in throw Failure(.invalid, "name: missing") }
        #expect(deliver([1], to: method) == 0)
        let answer = try await bench.response()
        #expect(answer.code == Failure.Code.invalid.status)
        #expect(answer.keys == ["fnrpc-api-version"])
        #expect(bench.session.openCount == 0)
        #expect(method.metrics.ended.reduce(0, +) == 1)
    }

    @Test(arguments: [16 << 10, (16 << 10) + 1])
    func whatIsLargeIsReadByATask(count: Int) async throws {
        defer { bench.stop() }
        let method = probe.method { reply in
            reply { [9] }
            return true
        }
        _ = deliver([UInt8](repeating: 5, count: count), to: method)
        let isLarge = count > 16 << 10
        let expected: [UInt8] = isLarge ? [5, 5, 5] : [9]
        #expect(try await bench.response().payload == expected)
        #expect(probe.asTask.load(ordering: .relaxed) == (isLarge ? 1 : 0))
    }

    @Test func whatCannotBeBegunIsDoneByATask() async throws {
        defer { bench.stop() }
        _ = deliver([1, 2, 3, 4], to: probe.method { _ in false })
        #expect(try await bench.response().payload == [4, 3, 2])
        #expect(bench.session.openCount == 0)
    }

    @Test func withoutRoomNothingIsBegun() async throws {
        defer { bench.stop() }
        #expect(bench.dispatcher.budget.reserve(bench.dispatcher.budget.limit))
        _ = deliver([1], to: probe.method { _ in true })
        #expect(try await bench.response().code == Failure.Code.busy.status)
        #expect(probe.begun.withLock { $0.isEmpty })
    }

    @Test func aReplyAfterTheDeadlineGoesNowhere() async throws {
        defer { bench.stop() }
        _ = deliver([1], to: probe.method { _ in true }, timeoutNanos: 1_000_000)
        #expect(try await bench.response().code == Failure.Code.timeout.status)
        probe.answer { [7] }
        // Runs behind the reply.
        let held = bench.onLoop { [bench] in bench.dispatcher.budget.used }
        #expect(held == 0)
        #expect(bench.session.openCount == 0)
    }
}
