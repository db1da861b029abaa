/// Changes of a ``FunctionSpec``: what is `nil` or empty stays as it is.
package struct FunctionPatch: Hashable, Sendable {
    package var runtime: FunctionSpec.Runtime?
    package var entry: String?
    package var format: FunctionSpec.Format?
    package var memoryMiB: UInt32?
    package var timeoutNanos: UInt64?
    package var idleTimeoutNanos: UInt64?
    package var concurrency: UInt32?
    package var maxContainers: UInt32?
    package var minContainers: UInt32?
    package var reservedContainers: UInt32?
    package var queueAhead: Bool?
    package var maxCalls: UInt32?
    package var maxAgeNanos: UInt64?
    package var maxQueue: UInt32?
    package var pids: UInt32?
    package var tmpMiB: UInt32?
    package var network: FunctionSpec.Network?
    package var descriptorSet: String?
    package var cpuMilli: UInt32?
    package var image: String?
    package var callType: FunctionSpec.CallType?
    package var onSuccess: String?
    package var onFailure: String?
    package var maxWaitNanos: UInt64?
    package var startMargin: Bool?
    package var rateLimit: UInt32?
    package var record: RecordedCalls?
    package var recordInput: Bool?
    /// Replaces the whole command line.
    package var entrypoint: [String] = []
    /// Replaces all.
    package var services: [String] = []
    /// Replaces all.
    package var secrets: [String] = []
    /// Replaces key by key; an empty value deletes the key.
    package var config: [String: String] = [:]
    /// Replaces key by key; an empty value deletes the key.
    package var annotations: [String: String] = [:]
    /// Replaces name by name, whatever the case; a name without values goes.
    package var headers: [String: [String]] = [:]

    package init() {}

    /// Changes anything into this spec.
    package init(_ spec: FunctionSpec) {
        runtime = spec.runtime
        entry = spec.entry
        format = spec.format
        memoryMiB = spec.memoryMiB
        timeoutNanos = spec.timeoutNanos
        idleTimeoutNanos = spec.idleTimeoutNanos
        concurrency = spec.concurrency
        maxContainers = spec.maxContainers
        minContainers = spec.minContainers
        reservedContainers = spec.reservedContainers
        queueAhead = spec.queueAhead
        maxCalls = spec.maxCalls
        maxAgeNanos = spec.maxAgeNanos
        maxQueue = spec.maxQueue
        pids = spec.pids
        tmpMiB = spec.tmpMiB
        network = spec.network
        descriptorSet = spec.descriptorSet
        cpuMilli = spec.cpuMilli
        image = spec.image
        callType = spec.callType
        onSuccess = spec.onSuccess
        onFailure = spec.onFailure
        maxWaitNanos = spec.maxWaitNanos
        startMargin = spec.startMargin
        rateLimit = spec.rateLimit
        record = spec.record
        recordInput = spec.recordInput
        entrypoint = spec.entrypoint
        services = spec.services
        secrets = spec.secrets
        config = spec.config
        annotations = spec.annotations
        headers = spec.headers
    }

    /// The spec with these changes; not validated.
    package func applied(to spec: FunctionSpec) -> FunctionSpec {
        var spec = spec
        if let runtime { spec.runtime = runtime }
        if let entry { spec.entry = entry }
        if let format { spec.format = format }
        if let memoryMiB { spec.memoryMiB = memoryMiB }
        if let timeoutNanos { spec.timeoutNanos = timeoutNanos }
        if let idleTimeoutNanos { spec.idleTimeoutNanos = idleTimeoutNanos }
        if let concurrency { spec.concurrency = concurrency }
        if let maxContainers { spec.maxContainers = maxContainers }
        if let minContainers { spec.minContainers = minContainers }
        if let reservedContainers { spec.reservedContainers = reservedContainers }
        if let queueAhead { spec.queueAhead = queueAhead }
        if let maxCalls { spec.maxCalls = maxCalls }
        if let maxAgeNanos { spec.maxAgeNanos = maxAgeNanos }
        if let maxQueue { spec.maxQueue = maxQueue }
        if let pids { spec.pids = pids }
        if let tmpMiB { spec.tmpMiB = tmpMiB }
        if let network { spec.network = network }
        if let descriptorSet { spec.descriptorSet = descriptorSet }
        if let cpuMilli { spec.cpuMilli = cpuMilli }
        if let image { spec.image = image }
        if let callType { spec.callType = callType }
        if let onSuccess { spec.onSuccess = onSuccess }
        if let onFailure { spec.onFailure = onFailure }
        if let maxWaitNanos { spec.maxWaitNanos = maxWaitNanos }
        if let startMargin { spec.startMargin = startMargin }
        if let rateLimit { spec.rateLimit = rateLimit }
        if let record { spec.record = record }
        if let recordInput { spec.recordInput = recordInput }
        if !entrypoint.isEmpty { spec.entrypoint = entrypoint }
        if !services.isEmpty { spec.services = services }
        if !secrets.isEmpty { spec.secrets = secrets }
        spec.config = spec.config.merged(config)
        spec.annotations = spec.annotations.merged(annotations)
        spec.headers = spec.headers.merged(headers)
        return spec
    }
}

extension FunctionSpec {
    /// Empties lists by their names.
    ///
    /// - Throws: `invalid` for a name that is none of a list.
    package mutating func clear(_ lists: [String]) throws(Failure) {
        for list in lists {
            switch list {
            case "entrypoint": entrypoint = []
            case "services": services = []
            case "secrets": secrets = []
            case "headers": headers = [:]
            default:
                throw Failure(
                    .invalid, "clear: \(quoted(list)) is no list; use one of: entrypoint, services, secrets, headers")
            }
        }
    }
}

extension [String: [String]] {
    /// Headers with an update's: these replace those of the same name, whatever its case, and one without values goes.
    package func merged(_ changes: [String: [String]]) -> [String: [String]] {
        let given = Set(changes.keys.map { $0.lowercased() })
        return filter { !given.contains($0.key.lowercased()) }.merging(changes) { _, new in new }
            .filter { !$0.value.isEmpty }
    }
}

extension [String: String] {
    /// With an update's keys: they replace, and an empty value deletes.
    package func merged(_ changes: [String: String]) -> [String: String] {
        merging(changes) { _, new in new }.filter { !$0.value.isEmpty || changes[$0.key] == nil }
    }
}
