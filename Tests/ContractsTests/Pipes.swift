import Drivers
import Glibc
import Model

@testable import Contracts

/// The pipes of a process that is not there.
// SAFETY: `state` is guarded by its lock.
final class Pipes: FunctionProcess, @unchecked Sendable {
    struct State {
        var input: Int32?
        var assigned: Assignment?
    }

    private let state: Lock<State>
    let output: Int32?
    /// What the function would read and write.
    let standardInput: Peer
    let standardOutput: Peer
    /// Why it takes no assignment.
    let refusal: Failure?

    init(refusal: Failure? = nil) {
        var (input, output) = ([0, 0] as [Int32], [0, 0] as [Int32])
        pipe(&input)
        pipe(&output)
        for descriptor in [input[1], output[0]] { _ = fcntl(descriptor, F_SETFL, O_NONBLOCK) }
        state = Lock(State(input: input[1]))
        self.output = output[0]
        standardInput = Peer(input[0])
        standardOutput = Peer(output[1])
        self.refusal = refusal
    }

    deinit {
        closeInput()
        if let output { close(output) }
    }

    var input: Int32? { state.withLock { $0.input } }
    var assigned: Assignment? { state.withLock { $0.assigned } }

    func assign(_ assignment: Assignment) throws(Failure) {
        if let refusal { throw refusal }
        state.withLock { $0.assigned = assignment }
    }

    func closeInput() {
        state.withLock { state in
            if let input = state.input { close(input) }
            state.input = nil
        }
    }
}
