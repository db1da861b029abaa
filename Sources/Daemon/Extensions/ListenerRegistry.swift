package import Model

/// Every listener, in the order in which they are asked. Immutable, thread-safe.
package struct ListenerRegistry: Sendable {
    /// Those who hear of changes, in the order in which they are asked.
    package let entities: [any EntityListener]
    private let calls: [any CallListener]

    /// - Parameters: asked in order; each sees what those before it made of a call, and the first refusal is the last word.
    package init(entities: [any EntityListener] = [], calls: [any CallListener] = []) {
        self.entities = entities
        self.calls = calls
    }

    /// Whether anybody could want to hear of calls; never changes.
    package var hasCallListeners: Bool { !calls.isEmpty }

    /// Whether anybody could want to hear of changes; never changes.
    package var wantsChanges: Bool { !entities.isEmpty }

    /// Whether anybody wants to hear of an event now.
    package func wants(_ type: EventType, _ phase: EventPhase) -> Bool {
        if type == .call { return calls.contains { $0.interest.contains(type, phase) } }
        return entities.contains { $0.interest.contains(type, phase) }
    }

    /// Asks whether something may happen. To be called outside of every lock and transaction.
    ///
    /// - Parameter event: made only if somebody wants it.
    /// - Throws: what the first listener said that refuses it.
    package func before(_ type: EventType, _ event: @autoclosure () -> EntityEvent) async throws(Failure) {
        guard wants(type, .before) else { return }
        let event = event()
        for listener in entities where listener.interest.contains(type, .before) { try await listener.before(event) }
    }

    /// Tells that something has happened; never waits.
    ///
    /// - Parameter event: made only if somebody wants it.
    package func after(_ type: EventType, _ event: @autoclosure () -> EntityEvent) {
        guard wants(type, .after) else { return }
        let event = event()
        for listener in entities where listener.interest.contains(type, .after) { listener.after(event) }
    }

    /// Asks whether, and how, a call may go on; never waits.
    ///
    /// - Parameter then: called once, from any thread, perhaps before this returns.
    package func before(_ call: CallProposal, then: @escaping @Sendable (Result<CallProposal, Failure>) -> Void) {
        ask(calls[...], call, then)
    }

    private func ask(
        _ rest: ArraySlice<any CallListener>, _ call: CallProposal,
        _ then: @escaping @Sendable (Result<CallProposal, Failure>) -> Void
    ) {
        guard let next = rest.firstIndex(where: { $0.interest.contains(.call, .before) }) else {
            return then(.success(call))
        }
        rest[next].before(call) { result in
            switch result {
            case .success(let call): ask(rest[(next + 1)...], call, then)
            case .failure: then(result)
            }
        }
    }

    /// Tells that a call has ended; never waits.
    package func after(_ record: CallRecord) {
        for listener in calls where listener.interest.contains(.call, .after) { listener.after(record) }
    }
}
