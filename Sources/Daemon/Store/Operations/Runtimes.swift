package import Model
package import Wire

extension Transaction {
    /// Makes a runtime.
    package func createRuntime(_ request: CreateRuntimeRequest) throws(Failure) -> Runtime {
        var violations = Violations()
        let name = violations.check { () throws(Failure) in try Name(request.name, field: "name") }
        let root = Self.root(request.root)
        check(
            (request.description, root, request.command, request.poolSize), &violations)
        check(labels: request.labels, extra: request.extra, &violations)
        let runtime = Runtime(
            meta: newMeta(labels: request.labels, extra: request.extra), name: try violations.finish(name),
            description: request.description, root: root, command: request.command, zygote: request.zygote,
            poolSize: request.poolSize)
        try create(runtime)
        return runtime
    }

    /// Changes what is given; root and command only while no function uses it.
    package func updateRuntime(_ request: UpdateRuntimeRequest) throws(Failure) -> Runtime {
        let row = try tables.named(request.runtime ?? "", .runtime)
        let old: Runtime = try entity(row)
        var runtime = old
        if let description = request.description { runtime.description = description }
        if let root = request.root { runtime.root = Self.root(root) }
        if !request.command.isEmpty { runtime.command = request.command }
        if let zygote = request.zygote { runtime.zygote = zygote }
        if let poolSize = request.poolSize { runtime.poolSize = poolSize }
        var violations = Violations()
        check(runtime, &violations)
        merge(labels: request.labels, extra: request.extra, into: &runtime.meta, &violations)
        try finish(violations, row, name: request.name, revision: request.revision)
        if runtime.root != old.root || runtime.command != old.command {
            guard !old.isBuiltIn else {
                throw Failure(
                    .precondition, "runtime \(quoted(old.name.text)) is built in; its root and command stay as they are"
                )
            }
            try checkUnused("runtime \(quoted(old.name.text))", [row])
        }
        return try update(row, to: runtime)
    }

    /// Deletes a runtime that no function and no version uses.
    package func deleteRuntime(_ request: DeleteRuntimeRequest) throws(Failure) -> Deletion {
        let row = try tables.named(request.runtime, .runtime)
        try check(revision: request.revision, of: row)
        let runtime: Runtime = try entity(row)
        guard !runtime.isBuiltIn else {
            throw Failure(.precondition, "runtime \(quoted(row.key)) is built in; it cannot be deleted")
        }
        try checkUnused("runtime \(quoted(row.key))", [row])
        return remove([row])
    }

    /// One text for one root.
    private static func root(_ text: String) -> String { text.isEmpty ? RuntimeRoot.host.description : text }

    /// Makes the runtimes that are always there.
    package func createBuiltInRuntimes() throws(Failure) {
        for runtime in FunctionSpec.Runtime.allCases where tables.find(.runtime, in: nil, key: runtime.rawValue) == nil
        {
            try create(
                Runtime(
                    meta: newMeta(labels: [:], extra: [:]), name: try Name(runtime.rawValue, field: "runtime"),
                    isBuiltIn: true))
        }
    }

    /// Checks a runtime but for its name, labels and extra data.
    func check(_ runtime: Runtime, _ violations: inout Violations) {
        check(
            (runtime.description, runtime.root, runtime.isBuiltIn ? nil : runtime.command, runtime.poolSize),
            &violations)
    }

    private func check(
        _ parts: (description: String, root: String, command: [String]?, poolSize: UInt32),
        _ violations: inout Violations
    ) {
        violations.check(description: parts.description)
        violations.check { () throws(Failure) in
            try surroundings.checkRoot(try RuntimeRoot(parts.root, field: "root"))
        }
        if let command = parts.command {
            violations.check { () throws(Failure) in _ = try RuntimeTemplate(command) }
        }
        violations.require(
            parts.poolSize <= Runtime.maxPoolSize,
            "pool_size: \(parts.poolSize) is out of range; 0 to \(Runtime.maxPoolSize) sandboxes")
    }
}
