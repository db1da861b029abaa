package import CWire
package import Model

/// A message of which only the fields that are given count. Has the messages of its ``WireMessage`` twin.
package protocol PatchMessage: WireMessage {}

extension FunctionPatch: PatchMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__FunctionSpec>) {
        fnrpc__v1__function_spec__init(raw)
    }

    package init(_ raw: Fnrpc__V1__FunctionSpec) throws(Failure) {
        self.init()
        if raw.runtime != nil { runtime = try runtimeName(text(raw.runtime)) }
        if raw.entry != nil { entry = text(raw.entry) }
        entrypoint = texts(raw.entrypoint, raw.n_entrypoint)
        if raw.format != nil { format = try choice(text(raw.format), "format") }
        if raw.has_memory_mib != 0 { memoryMiB = raw.memory_mib }
        if raw.has_timeout_nanos != 0 { timeoutNanos = raw.timeout_nanos }
        if raw.has_idle_timeout_nanos != 0 { idleTimeoutNanos = raw.idle_timeout_nanos }
        if raw.has_concurrency != 0 { concurrency = raw.concurrency }
        if raw.has_max_containers != 0 { maxContainers = raw.max_containers }
        if raw.has_min_containers != 0 { minContainers = raw.min_containers }
        if raw.has_reserved_containers != 0 { reservedContainers = raw.reserved_containers }
        if raw.has_queue_ahead != 0 { queueAhead = raw.queue_ahead != 0 }
        if raw.has_max_calls != 0 { maxCalls = raw.max_calls }
        if raw.has_max_age_nanos != 0 { maxAgeNanos = raw.max_age_nanos }
        if raw.has_max_queue != 0 { maxQueue = raw.max_queue }
        if raw.has_pids != 0 { pids = raw.pids }
        if raw.has_tmp_mib != 0 { tmpMiB = raw.tmp_mib }
        if raw.network != nil { network = try choice(text(raw.network), "network") }
        config = try dictionary(raw.config, raw.n_config, "config")
        annotations = try dictionary(raw.annotations, raw.n_annotations, "annotations")
        services = texts(raw.services, raw.n_services)
        if raw.descriptor_set != nil { descriptorSet = text(raw.descriptor_set) }
        if raw.has_cpu_milli != 0 { cpuMilli = raw.cpu_milli }
        if raw.image != nil { image = text(raw.image) }
        if raw.call_type != nil { callType = try choice(text(raw.call_type), "call_type") }
        if raw.on_success != nil { onSuccess = text(raw.on_success) }
        if raw.on_failure != nil { onFailure = text(raw.on_failure) }
        secrets = texts(raw.secrets, raw.n_secrets)
        if raw.has_max_wait_nanos != 0 { maxWaitNanos = raw.max_wait_nanos }
        if raw.has_start_margin != 0 { startMargin = raw.start_margin != 0 }
        if raw.has_rate_limit != 0 { rateLimit = raw.rate_limit }
        if raw.record != nil { record = try choice(text(raw.record), "record") }
        if raw.has_record_input != 0 { recordInput = raw.record_input != 0 }
        headers = try HeaderValues.byName(try list(raw.headers, raw.n_headers, of: HeaderValues.self))
    }

    package func write(to raw: inout Fnrpc__V1__FunctionSpec, _ builder: Builder) {
        raw.runtime = runtime.map { builder.string($0.rawValue) }
        raw.entry = entry.map { builder.string($0) }
        raw.n_entrypoint = entrypoint.count
        raw.entrypoint = builder.strings(entrypoint)
        raw.format = format.map { builder.string($0.rawValue) }
        (raw.has_memory_mib, raw.memory_mib) = presence(memoryMiB)
        (raw.has_timeout_nanos, raw.timeout_nanos) = presence(timeoutNanos)
        (raw.has_idle_timeout_nanos, raw.idle_timeout_nanos) = presence(idleTimeoutNanos)
        (raw.has_concurrency, raw.concurrency) = presence(concurrency)
        (raw.has_max_containers, raw.max_containers) = presence(maxContainers)
        (raw.has_min_containers, raw.min_containers) = presence(minContainers)
        (raw.has_reserved_containers, raw.reserved_containers) = presence(reservedContainers)
        (raw.has_queue_ahead, raw.queue_ahead) = presence(queueAhead.map { $0 ? 1 : 0 })
        (raw.has_max_calls, raw.max_calls) = presence(maxCalls)
        (raw.has_max_age_nanos, raw.max_age_nanos) = presence(maxAgeNanos)
        (raw.has_max_queue, raw.max_queue) = presence(maxQueue)
        (raw.has_pids, raw.pids) = presence(pids)
        (raw.has_tmp_mib, raw.tmp_mib) = presence(tmpMiB)
        raw.network = network.map { builder.string($0.rawValue) }
        raw.n_config = config.count
        raw.config = builder.messages(Pair.sorted(config))
        raw.n_annotations = annotations.count
        raw.annotations = builder.messages(Pair.sorted(annotations))
        raw.n_services = services.count
        raw.services = builder.strings(services)
        raw.descriptor_set = descriptorSet.map { builder.string($0) }
        (raw.has_cpu_milli, raw.cpu_milli) = presence(cpuMilli)
        raw.image = image.map { builder.string($0) }
        raw.call_type = callType.map { builder.string($0.rawValue) }
        raw.on_success = onSuccess.map { builder.string($0) }
        raw.on_failure = onFailure.map { builder.string($0) }
        (raw.has_max_wait_nanos, raw.max_wait_nanos) = presence(maxWaitNanos)
        (raw.has_start_margin, raw.start_margin) = presence(startMargin.map { $0 ? 1 : 0 })
        (raw.has_rate_limit, raw.rate_limit) = presence(rateLimit)
        raw.record = record.map { builder.string($0.rawValue) }
        (raw.has_record_input, raw.record_input) = presence(recordInput.map { $0 ? 1 : 0 })
        raw.n_secrets = secrets.count
        raw.secrets = builder.strings(secrets)
        raw.n_headers = headers.count
        raw.headers = builder.messages(
            headers.sorted { $0.key < $1.key }.map { HeaderValues(name: $0.key, values: $0.value) })
    }
}

extension HeaderValues {
    /// Headers by their names.
    ///
    /// - Throws: `invalid` for a name that is given twice, in whatever case.
    package static func byName(_ headers: [HeaderValues]) throws(Failure) -> [String: [String]] {
        var seen: Set<String> = []
        for header in headers where !seen.insert(header.name.lowercased()).inserted {
            throw Failure(
                .invalid,
                "headers: \(quoted(header.name)) is given twice; case does not matter, give one list of values")
        }
        return Dictionary(headers.map { ($0.name, $0.values) }) { $1 }
    }
}

/// A number that may be absent, as protoc-c has it.
private func presence<Number: FixedWidthInteger>(_ value: Number?) -> (protobuf_c_boolean, Number) {
    (value == nil ? 0 : 1, value ?? 0)
}
