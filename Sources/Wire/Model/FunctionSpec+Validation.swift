extension FunctionSpec {
    /// Checks every field; the error names each that is wrong, with its value and its range, in the order of the message's
    /// declaration (entities.proto). A field is called as in func.yaml: `memory`, not `memory_mib`.
    package func validated() throws(Failure) -> FunctionSpec {
        var found = Violations()
        found.require(!image.isEmpty || runtime != .none, "runtime: missing; name a runtime, or an image instead")
        checkCommand(&found)
        Self.check("memory", memoryMiB, Limits.memoryMiB, "MiB", &found)
        Self.checkSeconds("timeout", timeoutNanos, Limits.timeoutSeconds, &found)
        Self.checkSeconds("idle_timeout", idleTimeoutNanos, Limits.idleTimeoutSeconds, &found)
        Self.check("concurrency", concurrency, Limits.concurrency, "calls", &found)
        found.require(
            concurrency <= 1 || format.usesSocket,
            "concurrency: \(concurrency) needs format ttrpc or http-stream; \(format.rawValue) takes 1")
        Self.check("max_containers", maxContainers, Limits.maxContainers, "containers", &found)
        Self.check("max_queue", maxQueue, Limits.maxQueue, "calls", &found)
        Self.check("pids", pids, Limits.pids, "processes", &found)
        Self.check("tmp_size", tmpMiB, Limits.tmpMiB, "MiB", &found)
        found.check { () throws(Failure) in try Self.checkConfig(config) }
        found.check { () throws(Failure) in try Self.checkNotes("annotations", annotations) }
        checkServices(&found)
        Self.check("cpu", cpuMilli, Limits.cpuMilli, "thousandths of a core", &found)
        checkReferences(&found)
        found.check { () throws(Failure) in try checkHeaders() }
        Self.check("min_containers", minContainers, Limits.minContainers, "containers", &found)
        found.require(
            maxContainers == 0 || minContainers <= maxContainers,
            "min_containers: \(minContainers) is more than max_containers allows, which is \(maxContainers)")
        Self.checkSeconds("max_wait", maxWaitNanos, Limits.maxWaitSeconds, &found)
        Self.check("rate_limit", rateLimit, Limits.rateLimit, "calls a second", &found)
        Self.check("max_calls", maxCalls, Limits.maxCalls, "calls", &found)
        Self.checkSeconds("max_age", maxAgeNanos, Limits.maxAgeSeconds, &found)
        Self.check("reserved_containers", reservedContainers, Limits.reservedContainers, "containers", &found)
        found.require(
            maxContainers == 0 || reservedContainers <= maxContainers,
            "reserved_containers: \(reservedContainers) is more than max_containers allows, which is \(maxContainers)")
        found.require(
            !queueAhead || (format == .ttrpc && concurrency <= 1),
            "queue_ahead: true needs format ttrpc and concurrency 1; this has \(format.rawValue) and \(concurrency)")
        try found.finish()
        return self
    }

    /// Checks labels or annotations: count, keys, and the length of values; the error names each that is wrong.
    package static func checkNotes(_ field: String, _ notes: [String: String]) throws(Failure) {
        guard notes.count <= Limits.keys else {
            throw Failure(.invalid, "\(field): \(notes.count) keys are over the limit of \(Limits.keys)")
        }
        var found = Violations()
        for (key, value) in notes.sorted(by: { $0.key < $1.key }) {
            found.require(
                (1...Limits.keyBytes).contains(key.utf8.count) && key.utf8.allSatisfy(isNoteKey),
                "\(field): the key \(quoted(key)) needs 1 to \(Limits.keyBytes) printable ASCII characters")
            found.require(
                value.utf8.count <= Limits.annotationBytes,
                "\(field): the value of \(quoted(key)) has \(value.utf8.count) bytes; at most "
                    + "\(Limits.annotationBytes) are allowed")
        }
        try found.finish()
    }

    /// What keys of labels, annotations and ``Extra`` are made of: printable ASCII without the blank.
    static func isNoteKey(_ byte: UInt8) -> Bool { (0x21...0x7E).contains(byte) }

    private static func check(
        _ field: String, _ value: UInt32, _ range: ClosedRange<UInt32>, _ unit: String, _ found: inout Violations
    ) {
        found.require(
            range.contains(value),
            "\(field): \(value) is out of range; \(range.lowerBound) to \(range.upperBound) \(unit)")
    }

    private static func checkSeconds(
        _ field: String, _ nanos: UInt64, _ range: ClosedRange<Double>, _ found: inout Violations
    ) {
        let seconds = Double(nanos) / 1e9
        found.require(
            range.contains(seconds),
            "\(field): \(seconds) is out of range; \(range.lowerBound) to \(range.upperBound) seconds")
    }

    /// Checks the environment of a function or an app.
    package static func checkConfig(_ config: [String: String]) throws(Failure) {
        var found = Violations()
        found.require(
            config.count <= Limits.keys, "config: \(config.count) keys are over the limit of \(Limits.keys)")
        var bytes = 0
        for (key, value) in config.sorted(by: { $0.key < $1.key }).prefix(Limits.keys) {
            bytes += key.utf8.count + value.utf8.count
            found.require(
                (1...Limits.keyBytes).contains(key.utf8.count) && key.utf8.allSatisfy(isNoteKey),
                "config: the key \(quoted(key)) needs 1 to \(Limits.keyBytes) printable ASCII characters")
            found.require(!value.utf8.contains(0), "config: the value of \(quoted(key)) contains a NUL character")
            found.require(!key.utf8.contains(UInt8(ascii: "=")), "config: the key \(quoted(key)) must not contain =")
        }
        found.require(
            bytes <= Limits.configBytes, "config: \(bytes) bytes are over the limit of \(Limits.configBytes)")
        try found.finish()
    }
}
