internal import Calls
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Events`.
struct EventsHandler: Sendable {
    /// Events that are read at once.
    private static let batch = 256
    let context: AdminContext

    func register(in list: inout MethodList) {
        list.add("fnrpc.v1.Events", "Follow", .serverStreaming, .read, .streaming { try await follow($0) })
    }

    private func follow(_ stream: ServerStream) async throws -> [UInt8]? {
        let request = try FollowEventsRequest(decoding: stream.request, strict: true)
        var kinds: Set<String> = []
        for kind in request.kinds {
            guard EntityKind(rawValue: kind) != nil else {
                let known = EntityKind.allCases.map(\.rawValue).joined(separator: ", ")
                throw Failure(.invalid, "kinds: \(quoted(kind)) is not known; use one of: \(known)")
            }
            kinds.insert(kind)
        }
        let seesTokens = stream.caller.principal.grants.allowsAdmin
        let end = context.store.lastSequence
        var last = request.after ?? end
        guard last <= end else { throw context.store.lostEvents(after: last) }
        if last == 0, try await !context.store.hasEvents() { last = end }
        /// What the caller can go on from.
        var told = request.after ?? 0
        func tellPosition() async throws {
            guard request.positions, told < last else { return }
            try await stream.send(Event(sequence: last).encoded())
            told = last
        }
        try await tellPosition()
        while request.follow || last < end {
            let events = try await context.store.nextEvents(after: last, limit: Self.batch)
            guard let newest = events.last else { break }
            for event in events where kinds.isEmpty || kinds.contains(event.kind.rawValue) {
                // Who may not list tokens does not hear of them either.
                if event.kind == .token && !seesTokens { continue }
                let message = Event(
                    sequence: event.sequence, at: event.at.nanoseconds, action: event.action.rawValue,
                    kind: event.kind.rawValue, id: event.id.description, name: event.name, revision: event.revision,
                    apiVersion: event.apiVersion)
                try await stream.send(message.encoded())
                told = event.sequence
            }
            last = newest.sequence
            try await tellPosition()
        }
        return nil
    }
}
