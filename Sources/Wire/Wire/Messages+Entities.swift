package import CWire
package import Model

/// A `repeated KeyValue` as a dictionary; a key given twice is refused.
func dictionary(
    _ field: UnsafeMutablePointer<UnsafeMutablePointer<Fnrpc__V1__KeyValue>?>?, _ count: Int, _ name: String
) throws(Failure) -> [String: String] {
    var result: [String: String] = [:]
    guard let field else { return result }
    for index in 0..<count {
        guard let pair = field[index]?.pointee else { continue }
        guard result.updateValue(text(pair.value), forKey: text(pair.key)) == nil else {
            throw Failure(.invalid, "\(name): the key \(quoted(text(pair.key))) is given twice")
        }
    }
    return result
}

/// One pair of a map field.
struct Pair: WireMessage {
    let key: String
    let value: String

    init(key: String, value: String) {
        self.key = key
        self.value = value
    }

    /// A map in a fixed order.
    static func sorted(_ map: [String: String]) -> [Pair] {
        map.sorted { $0.key < $1.key }.map { Pair(key: $0.key, value: $0.value) }
    }

    static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__KeyValue>) { fnrpc__v1__key_value__init(raw) }

    init(_ raw: Fnrpc__V1__KeyValue) throws(Failure) { self.init(key: text(raw.key), value: text(raw.value)) }

    func write(to raw: inout Fnrpc__V1__KeyValue, _ builder: Builder) {
        raw.key = builder.string(key)
        raw.value = builder.string(value)
    }
}

/// An id out of a message.
func identifier(_ field: UnsafeMutablePointer<CChar>?, _ name: String) throws(Failure) -> Identifier {
    guard let id = Identifier(text(field)) else {
        throw Failure(.invalid, "\(name): \(quoted(text(field))) is not an id; ids have 26 characters")
    }
    return id
}

extension Meta: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Meta>) { fnrpc__v1__meta__init(raw) }

    package init(_ raw: Fnrpc__V1__Meta) throws(Failure) {
        self.init(
            apiVersion: raw.api_version, id: try identifier(raw.id, "id"), revision: raw.revision,
            createdAt: Timestamp(nanoseconds: raw.created_at), updatedAt: Timestamp(nanoseconds: raw.updated_at),
            labels: try dictionary(raw.labels, raw.n_labels, "labels"),
            extra: try dictionary(raw.extra, raw.n_extra, "extra"))
    }

    package func write(to raw: inout Fnrpc__V1__Meta, _ builder: Builder) {
        raw.has_api_version = 1
        raw.api_version = apiVersion
        raw.id = builder.string(id.description)
        raw.has_revision = 1
        raw.revision = revision
        raw.has_created_at = 1
        raw.created_at = createdAt.nanoseconds
        raw.has_updated_at = 1
        raw.updated_at = updatedAt.nanoseconds
        raw.n_labels = labels.count
        raw.labels = builder.messages(Pair.sorted(labels))
        raw.n_extra = extra.count
        raw.extra = builder.messages(Pair.sorted(extra))
    }

    /// The meta of an entity message.
    init(field: UnsafeMutablePointer<Fnrpc__V1__Meta>?) throws(Failure) {
        guard let field else { throw Failure(.invalid, "meta: missing") }
        try self.init(field.pointee)
    }
}

extension App: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__App>) { fnrpc__v1__app__init(raw) }

    package init(_ raw: Fnrpc__V1__App) throws(Failure) {
        self.init(meta: try Meta(field: raw.meta), name: try Name(text(raw.name), field: "name"))
    }

    package func write(to raw: inout Fnrpc__V1__App, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.name = builder.string(name.text)
    }
}

extension FunctionSpec: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__FunctionSpec>) {
        fnrpc__v1__function_spec__init(raw)
    }

    package init(_ raw: Fnrpc__V1__FunctionSpec) throws(Failure) {
        self.init(
            runtime: try choice(text(raw.runtime), "runtime"), entry: text(raw.entry),
            format: try choice(text(raw.format), "format"))
        entrypoint = texts(raw.entrypoint, raw.n_entrypoint)
        if raw.has_memory_mib != 0 { memoryMiB = raw.memory_mib }
        if raw.has_timeout_nanos != 0 { timeoutNanos = raw.timeout_nanos }
        if raw.has_idle_timeout_nanos != 0 { idleTimeoutNanos = raw.idle_timeout_nanos }
        if raw.has_concurrency != 0 { concurrency = raw.concurrency }
        if raw.has_max_containers != 0 { maxContainers = raw.max_containers }
        if raw.has_max_queue != 0 { maxQueue = raw.max_queue }
        if raw.has_pids != 0 { pids = raw.pids }
        if raw.has_tmp_mib != 0 { tmpMiB = raw.tmp_mib }
        if raw.network != nil { network = try choice(text(raw.network), "network") }
        config = try dictionary(raw.config, raw.n_config, "config")
        annotations = try dictionary(raw.annotations, raw.n_annotations, "annotations")
        services = texts(raw.services, raw.n_services)
        descriptorSet = text(raw.descriptor_set)
        if raw.has_min_containers != 0 { minContainers = raw.min_containers }
    }

    package func write(to raw: inout Fnrpc__V1__FunctionSpec, _ builder: Builder) {
        raw.runtime = builder.string(runtime.rawValue)
        raw.entry = builder.string(entry)
        raw.n_entrypoint = entrypoint.count
        raw.entrypoint = builder.strings(entrypoint)
        raw.format = builder.string(format.rawValue)
        raw.has_memory_mib = 1
        raw.memory_mib = memoryMiB
        raw.has_timeout_nanos = 1
        raw.timeout_nanos = timeoutNanos
        raw.has_idle_timeout_nanos = 1
        raw.idle_timeout_nanos = idleTimeoutNanos
        raw.has_concurrency = 1
        raw.concurrency = concurrency
        raw.has_max_containers = 1
        raw.max_containers = maxContainers
        raw.has_min_containers = 1
        raw.min_containers = minContainers
        raw.has_max_queue = 1
        raw.max_queue = maxQueue
        raw.has_pids = 1
        raw.pids = pids
        raw.has_tmp_mib = 1
        raw.tmp_mib = tmpMiB
        raw.network = builder.string(network.rawValue)
        raw.n_config = config.count
        raw.config = builder.messages(Pair.sorted(config))
        raw.n_annotations = annotations.count
        raw.annotations = builder.messages(Pair.sorted(annotations))
        raw.n_services = services.count
        raw.services = builder.strings(services)
        if !descriptorSet.isEmpty { raw.descriptor_set = builder.string(descriptorSet) }
    }
}

/// One of an enumeration's values; the error lists them.
func choice<E: RawRepresentable & CaseIterable>(
    _ text: String, _ field: String
) throws(Failure) -> E where E.RawValue == String {
    guard let value = E(rawValue: text) else {
        let known = E.allCases.map(\.rawValue).joined(separator: ", ")
        throw Failure(.invalid, "\(field): \(quoted(text)) is not known; use one of: \(known)")
    }
    return value
}

extension Function: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Function>) { fnrpc__v1__function__init(raw) }

    package init(_ raw: Fnrpc__V1__Function) throws(Failure) {
        guard let spec = raw.spec else { throw Failure(.invalid, "spec: missing") }
        self.init(
            meta: try Meta(field: raw.meta), appID: try identifier(raw.app_id, "app_id"),
            appName: try Name(text(raw.app_name), field: "app_name"), name: try Name(text(raw.name), field: "name"),
            spec: try FunctionSpec(spec.pointee),
            package: try Digest(text(raw.package_digest), field: "package_digest"),
            latestVersion: raw.latest_version)
    }

    package func write(to raw: inout Fnrpc__V1__Function, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.app_id = builder.string(appID.description)
        raw.app_name = builder.string(appName.text)
        raw.name = builder.string(name.text)
        raw.spec = builder.message(spec)
        raw.package_digest = builder.string(package.description)
        raw.has_latest_version = 1
        raw.latest_version = latestVersion
    }
}

extension Version: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Version>) { fnrpc__v1__version__init(raw) }

    package init(_ raw: Fnrpc__V1__Version) throws(Failure) {
        guard let spec = raw.spec else { throw Failure(.invalid, "spec: missing") }
        self.init(
            meta: try Meta(field: raw.meta), functionID: try identifier(raw.function_id, "function_id"),
            number: raw.number, description: text(raw.description), spec: try FunctionSpec(spec.pointee),
            package: try Digest(text(raw.package_digest), field: "package_digest"), packageBytes: raw.package_bytes,
            interpreter: text(raw.interpreter))
    }

    package func write(to raw: inout Fnrpc__V1__Version, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.function_id = builder.string(functionID.description)
        raw.has_number = 1
        raw.number = number
        raw.description = builder.string(description)
        raw.spec = builder.message(spec)
        raw.package_digest = builder.string(package.description)
        raw.has_package_bytes = 1
        raw.package_bytes = packageBytes
        raw.interpreter = builder.string(interpreter)
    }
}

extension CallRecord: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Call>) { fnrpc__v1__call__init(raw) }

    /// The log is not part of the message; ``log`` is empty.
    package init(_ raw: Fnrpc__V1__Call) throws(Failure) {
        self.init(
            meta: try Meta(field: raw.meta), appID: try identifier(raw.app_id, "app_id"), appName: text(raw.app_name),
            functionID: try identifier(raw.function_id, "function_id"), functionName: text(raw.function_name),
            version: raw.version, status: try choice(text(raw.status), "status"), error: text(raw.error),
            startedAt: raw.has_started_at != 0 ? Timestamp(nanoseconds: raw.started_at) : nil,
            completedAt: Timestamp(nanoseconds: raw.completed_at), waitNanos: raw.wait_nanos,
            coldStartNanos: raw.has_cold_start_nanos != 0 ? raw.cold_start_nanos : nil, runNanos: raw.run_nanos,
            container: text(raw.container), log: [], logTruncated: false, traceID: raw.trace_id.map { text($0) })
    }

    package func write(to raw: inout Fnrpc__V1__Call, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.app_id = builder.string(appID.description)
        raw.app_name = builder.string(appName)
        raw.function_id = builder.string(functionID.description)
        raw.function_name = builder.string(functionName)
        raw.has_version = 1
        raw.version = version
        raw.status = builder.string(status.rawValue)
        raw.error = builder.string(error)
        raw.has_started_at = startedAt == nil ? 0 : 1
        raw.started_at = startedAt?.nanoseconds ?? 0
        raw.has_completed_at = 1
        raw.completed_at = completedAt.nanoseconds
        raw.has_wait_nanos = 1
        raw.wait_nanos = waitNanos
        raw.has_cold_start_nanos = coldStartNanos == nil ? 0 : 1
        raw.cold_start_nanos = coldStartNanos ?? 0
        raw.has_run_nanos = 1
        raw.run_nanos = runNanos
        raw.container = builder.string(container)
        raw.has_log_bytes = 1
        raw.log_bytes = UInt64(log.count)
        if let traceID { raw.trace_id = builder.string(traceID) }
    }
}
