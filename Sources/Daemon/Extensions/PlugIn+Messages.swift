internal import Model
internal import Wire

extension ChangeEvent {
    init(_ event: EntityEvent) {
        self.init(
            event: event.type.rawValue, id: event.id?.description ?? "", name: event.name, app: event.app,
            apiVersion: (event.new ?? event.old)?.meta.apiVersion ?? 0, oldEntity: event.old?.encoded() ?? [],
            newEntity: event.new?.encoded() ?? [])
    }
}

extension BeforeCallRequest {
    init(_ call: CallProposal) {
        self.init()
        callID = call.id.description
        app = call.app
        function = call.function
        version = call.version
        service = call.service
        method = call.method
        isStream = call.isStream
        timeoutNanos = call.timeoutNanos
        principal = call.principal
        traceID = call.traceID
        metadata = call.metadata
    }
}

extension CallProposal {
    /// The call as a plug-in wants it.
    ///
    /// - Throws: `invalid` if it asks for what it may not.
    func changed(by answer: BeforeCallResponse) throws(Failure) -> CallProposal {
        var call = self
        if answer.app != nil || answer.function != nil {
            call.app = try Name(answer.app ?? app, field: "app").text
            call.function = try Name(answer.function ?? function, field: "function").text
            call.version = 0
        }
        if let version = answer.version { call.version = version }
        if let timeout = answer.timeoutNanos {
            guard timeout > 0 else { throw Failure(.invalid, "timeout_nanos: 0 is out of range; at least 1") }
            call.timeoutNanos = min(call.timeoutNanos, timeout)
        }
        let removed = Set(answer.removeMetadata).union(answer.setMetadata.map(\.name))
        call.metadata.removeAll { removed.contains($0.name) }
        for entry in answer.setMetadata {
            guard !entry.name.isEmpty, !CallHeader.isReserved(entry.name) else {
                throw Failure(.invalid, "set_metadata: \(quoted(entry.name)) is no key that a function may be given")
            }
            call.metadata.append(entry)
        }
        if !answer.setMetadata.isEmpty { try Self.check(call.metadata) }
        return call
    }

    private static func check(_ metadata: [CallHeader]) throws(Failure) {
        let bytes = metadata.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count }
        guard metadata.count <= EnvelopeLimits.metadataEntries, bytes <= EnvelopeLimits.metadataBytes else {
            throw Failure(
                .invalid,
                "set_metadata: \(metadata.count) entries of \(bytes) bytes are over the limits of "
                    + "\(EnvelopeLimits.metadataEntries) and \(EnvelopeLimits.metadataBytes)")
        }
    }
}
