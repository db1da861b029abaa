internal import Model

/// Counts the questions that wait for one plug-in's answers. Each kind has a share of its own, so that a burst of what is
/// told afterwards refuses nothing that is about to happen. Thread-safe.
final class QuestionWindow: Sendable {
    /// Questions of a share that may wait.
    static let maxCount = 1024
    /// Bytes of ``Share/changes`` from which on the next one waits, well below the output that a connection keeps.
    static let maxChangeBytes = 1 << 20

    /// What is counted together.
    enum Share: Int, CaseIterable {
        /// Something is about to happen. At the limit it is not asked.
        case before
        /// Calls and looks that have happened. At the limit it is not told.
        case after
        /// Changes that have happened. At the limit they wait, by ``QuestionWindow/room()``.
        case changes

        init(_ type: EventType, _ phase: EventPhase) {
            self = phase == .before ? .before : type.isChange ? .changes : .after
        }
    }

    private struct State {
        var counts = [Int](repeating: 0, count: Share.allCases.count)
        var changeBytes = 0
        /// Those who wait for room.
        var waiting: [CheckedContinuation<Void, Never>] = []

        var hasRoom: Bool { counts[Share.changes.rawValue] < maxCount && changeBytes < maxChangeBytes }
    }

    private let state = Lock(State())

    /// All that wait.
    var count: Int { state.withLock { $0.counts.reduce(0, +) } }

    /// Counts a question; `false` if too many of its share wait.
    func enter(_ share: Share, bytes: Int) -> Bool {
        state.withLock { state in
            guard share == .changes || state.counts[share.rawValue] < Self.maxCount else { return false }
            state.counts[share.rawValue] += 1
            if share == .changes { state.changeBytes += bytes }
            return true
        }
    }

    /// A question that was counted has its answer, or will have none.
    func leave(_ share: Share, bytes: Int) {
        let waiting = state.withLock { state -> [CheckedContinuation<Void, Never>] in
            state.counts[share.rawValue] -= 1
            if share == .changes { state.changeBytes -= bytes }
            guard state.hasRoom else { return [] }
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    /// Returns when there is room for a change.
    func room() async {
        await withCheckedContinuation { continuation in
            let hasRoom = state.withLock { state in
                if state.hasRoom { return true }
                state.waiting.append(continuation)
                return false
            }
            if hasRoom { continuation.resume() }
        }
    }
}
