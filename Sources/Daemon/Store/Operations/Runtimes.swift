package import Model
package import Wire

extension Transaction {
    /// Makes a runtime.
    package func createRuntime(_ request: CreateRuntimeRequest) throws(Failure) -> Runtime {
        var violations = Violations()
        let name = violations.check { () throws(Failure) in try Name(request.name, field: "name") }
        let root = request.root.isEmpty ? RuntimeRoot.host.description : request.root
        check(
            (request.description, root, request.command, request.poolSize), &violations)
        violations.check { () throws(Failure) in try FunctionSpec.checkNotes("labels", request.labels) }
        violations.check { () throws(Failure) in _ = try Extra.validated(request.extra) }
        try violations.finish()
        guard let name else { throw Failure(.internalError, "a name was lost") }
        let runtime = Runtime(
            meta: newMeta(labels: request.labels, extra: request.extra), name: name, description: request.description,
            root: root, command: request.command, zygote: request.zygote, poolSize: request.poolSize)
        try create(runtime)
        return runtime
    }

    /// Changes what is given; root and command only while no function uses it.
    package func updateRuntime(_ request: UpdateRuntimeRequest) throws(Failure) -> Runtime {
        let row = try tables.named(request.runtime ?? "", .runtime)
        let old: Runtime = try entity(row)
        var runtime = old
        if let description = request.description { runtime.description = description }
        if let root = request.root { runtime.root = root }
        if !request.command.isEmpty { runtime.command = request.command }
        if let zygote = request.zygote { runtime.zygote = zygote }
        if let poolSize = request.poolSize { runtime.poolSize = poolSize }
        runtime.meta.labels = old.meta.labels.merged(request.labels)
        runtime.meta.extra = old.meta.extra.merged(request.extra)
        var violations = Violations()
        check(
            (runtime.description, runtime.root, runtime.isBuiltIn ? nil : runtime.command, runtime.poolSize),
            &violations)
        let meta = runtime.meta
        violations.check { () throws(Failure) in try FunctionSpec.checkNotes("labels", meta.labels) }
        violations.check { () throws(Failure) in _ = try Extra.validated(meta.extra, stored: old.meta.extra) }
        try violations.finish()
        try Checks.unchanged("name", request.name, old.name.text)
        try check(revision: request.revision ?? 0, of: row)
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

    private func check(
        _ parts: (description: String, root: String, command: [String]?, poolSize: UInt32),
        _ violations: inout Violations
    ) {
        violations.check { () throws(Failure) in try Checks.description(parts.description) }
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
