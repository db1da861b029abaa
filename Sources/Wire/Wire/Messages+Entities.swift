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
        self.init(
            meta: try Meta(field: raw.meta), name: try Name(text(raw.name), field: "name"),
            config: try dictionary(raw.config, raw.n_config, "config"),
            annotations: try dictionary(raw.annotations, raw.n_annotations, "annotations"),
            syslogURL: text(raw.syslog_url))
    }

    package func write(to raw: inout Fnrpc__V1__App, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.name = builder.string(name.text)
        raw.n_config = config.count
        raw.config = builder.messages(Pair.sorted(config))
        raw.n_annotations = annotations.count
        raw.annotations = builder.messages(Pair.sorted(annotations))
        if !syslogURL.isEmpty { raw.syslog_url = builder.string(syslogURL) }
    }
}

extension FunctionSpec: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__FunctionSpec>) {
        fnrpc__v1__function_spec__init(raw)
    }

    /// What is absent has its default; a runtime may only be absent where there is an image.
    package init(_ raw: Fnrpc__V1__FunctionSpec) throws(Failure) {
        let patch = try FunctionPatch(raw)
        self = patch.applied(to: FunctionSpec(runtime: .none, entry: "", format: .default))
        // Here an empty value is one.
        config = patch.config
        annotations = patch.annotations
    }

    package func write(to raw: inout Fnrpc__V1__FunctionSpec, _ builder: Builder) {
        FunctionPatch(self).write(to: &raw, builder)
    }
}

/// The name of a runtime out of a message.
func runtimeName(_ text: String) throws(Failure) -> FunctionSpec.Runtime {
    guard let runtime = FunctionSpec.Runtime(rawValue: text) else {
        _ = try Name(text, field: "runtime")
        return .none
    }
    return runtime
}

/// The digest of a package out of a message; `nil`: none is given.
func packageDigest(_ field: UnsafeMutablePointer<CChar>?) throws(Failure) -> Digest? {
    field.map { text($0) }.flatMap { $0.isEmpty ? nil : $0 } == nil
        ? nil : try Digest(text(field), field: "package_digest")
}

/// One of an enumeration's values; the error lists them.
package func choice<E: RawRepresentable & CaseIterable>(
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
            spec: try FunctionSpec(spec.pointee), package: try packageDigest(raw.package_digest),
            latestVersion: raw.latest_version, lastVersionNumber: raw.last_version_number,
            workingVersion: raw.working_version,
            runtime: FrozenRuntime(
                interpreter: text(raw.interpreter), command: texts(raw.runtime_command, raw.n_runtime_command),
                root: text(raw.runtime_root)))
    }

    package func write(to raw: inout Fnrpc__V1__Function, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.app_id = builder.string(appID.description)
        raw.app_name = builder.string(appName.text)
        raw.name = builder.string(name.text)
        raw.spec = builder.message(spec)
        if let package { raw.package_digest = builder.string(package.description) }
        raw.has_latest_version = 1
        raw.latest_version = latestVersion
        raw.has_last_version_number = 1
        raw.last_version_number = lastVersionNumber
        raw.has_working_version = 1
        raw.working_version = workingVersion
        if !runtime.interpreter.isEmpty { raw.interpreter = builder.string(runtime.interpreter) }
        raw.n_runtime_command = runtime.command.count
        raw.runtime_command = builder.strings(runtime.command)
        if !runtime.root.isEmpty { raw.runtime_root = builder.string(runtime.root) }
    }
}

extension Version: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Version>) { fnrpc__v1__version__init(raw) }

    package init(_ raw: Fnrpc__V1__Version) throws(Failure) {
        guard let spec = raw.spec else { throw Failure(.invalid, "spec: missing") }
        self.init(
            meta: try Meta(field: raw.meta), functionID: try identifier(raw.function_id, "function_id"),
            number: raw.number, description: text(raw.description), spec: try FunctionSpec(spec.pointee),
            package: try packageDigest(raw.package_digest), packageBytes: raw.package_bytes,
            runtime: FrozenRuntime(
                interpreter: text(raw.interpreter), command: texts(raw.runtime_command, raw.n_runtime_command),
                root: text(raw.runtime_root)))
    }

    package func write(to raw: inout Fnrpc__V1__Version, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.function_id = builder.string(functionID.description)
        raw.has_number = 1
        raw.number = number
        raw.description = builder.string(description)
        raw.spec = builder.message(spec)
        if let package { raw.package_digest = builder.string(package.description) }
        raw.has_package_bytes = 1
        raw.package_bytes = packageBytes
        raw.interpreter = builder.string(runtime.interpreter)
        raw.n_runtime_command = runtime.command.count
        raw.runtime_command = builder.strings(runtime.command)
        if !runtime.root.isEmpty { raw.runtime_root = builder.string(runtime.root) }
    }
}
