import Foundation
import Model

/// The JSON text in columns: one stable form, keys sorted, so that equal values are equal text.
///
/// A spec's keys are those of ``SpecDocument``; a key that is absent takes the default of ``FunctionSpec``, so older rows
/// stay readable when a field is added.
enum StoredText {
    static func encode(_ pairs: [String: String]) throws(Failure) -> String { pairs.isEmpty ? "{}" : try json(pairs) }

    static func encode(_ spec: FunctionSpec) throws(Failure) -> String { try json(SpecDocument(spec)) }

    static func encode(_ scopes: [Scope]) throws(Failure) -> String { try json(scopes.map(\.description)) }

    static func scopes(_ text: String) throws(Failure) -> [Scope] {
        var scopes: [Scope] = []
        for text in try decode([String].self, text) { scopes.append(try Scope(text, field: "scopes")) }
        return scopes
    }

    static func pairs(_ text: String) throws(Failure) -> [String: String] {
        // Nearly every row.
        if text == "{}" { return [:] }
        return try decode([String: String].self, text)
    }

    static func spec(_ text: String) throws(Failure) -> FunctionSpec {
        try decode(SpecDocument.self, text).spec()
    }

    private static func json(_ value: some Encodable) throws(Failure) -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
        do {
            return String(decoding: try encoder.encode(value), as: UTF8.self)
        } catch {
            throw Failure(.internalError, "an entity cannot be written as JSON: \(error)")
        }
    }

    private static func decode<Value: Decodable>(_ type: Value.Type, _ text: String) throws(Failure) -> Value {
        do {
            return try JSONDecoder().decode(type, from: Data(text.utf8))
        } catch {
            throw Failure(.internalError, "the database holds JSON that cannot be read: \(error)")
        }
    }
}

/// A function's spec as stored.
private struct SpecDocument: Codable {
    let runtime: String
    let entry: String
    let entrypoint: [String]?
    let format: String
    let memoryMiB: UInt32?
    let timeoutNanos: UInt64?
    let idleTimeoutNanos: UInt64?
    let concurrency: UInt32?
    let maxContainers: UInt32?
    let minContainers: UInt32?
    let maxQueue: UInt32?
    let pids: UInt32?
    let tmpMiB: UInt32?
    let network: String?
    let config: [String: String]?
    let annotations: [String: String]?
    let services: [String]?
    let descriptorSet: String?

    enum CodingKeys: String, CodingKey {
        case runtime, entry, entrypoint, format, concurrency, pids, network, config, annotations, services
        case memoryMiB = "memory_mib"
        case timeoutNanos = "timeout_nanos"
        case idleTimeoutNanos = "idle_timeout_nanos"
        case maxContainers = "max_containers"
        case minContainers = "min_containers"
        case maxQueue = "max_queue"
        case tmpMiB = "tmp_mib"
        case descriptorSet = "descriptor_set"
    }

    init(_ spec: FunctionSpec) {
        runtime = spec.runtime.rawValue
        entry = spec.entry
        entrypoint = spec.entrypoint
        format = spec.format.rawValue
        memoryMiB = spec.memoryMiB
        timeoutNanos = spec.timeoutNanos
        idleTimeoutNanos = spec.idleTimeoutNanos
        concurrency = spec.concurrency
        maxContainers = spec.maxContainers
        maxQueue = spec.maxQueue
        pids = spec.pids
        tmpMiB = spec.tmpMiB
        network = spec.network.rawValue
        config = spec.config
        annotations = spec.annotations
        // Most functions have none of these.
        minContainers = spec.minContainers == 0 ? nil : spec.minContainers
        services = spec.services.isEmpty ? nil : spec.services
        descriptorSet = spec.descriptorSet.isEmpty ? nil : spec.descriptorSet
    }

    func spec() throws(Failure) -> FunctionSpec {
        var spec = FunctionSpec(
            runtime: try value(runtime, "runtime"), entry: entry, format: try value(format, "format"))
        spec.entrypoint = entrypoint ?? spec.entrypoint
        spec.memoryMiB = memoryMiB ?? spec.memoryMiB
        spec.timeoutNanos = timeoutNanos ?? spec.timeoutNanos
        spec.idleTimeoutNanos = idleTimeoutNanos ?? spec.idleTimeoutNanos
        spec.concurrency = concurrency ?? spec.concurrency
        spec.maxContainers = maxContainers ?? spec.maxContainers
        spec.minContainers = minContainers ?? spec.minContainers
        spec.maxQueue = maxQueue ?? spec.maxQueue
        spec.pids = pids ?? spec.pids
        spec.tmpMiB = tmpMiB ?? spec.tmpMiB
        if let network { spec.network = try value(network, "network") }
        spec.config = config ?? spec.config
        spec.annotations = annotations ?? spec.annotations
        spec.services = services ?? spec.services
        spec.descriptorSet = descriptorSet ?? spec.descriptorSet
        return spec
    }

    private func value<Value: RawRepresentable<String>>(_ text: String, _ field: String) throws(Failure) -> Value {
        guard let value = Value(rawValue: text) else {
            throw Failure(.internalError, "the database holds the \(field) \(quoted(text)), which is unknown")
        }
        return value
    }
}
