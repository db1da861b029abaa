internal import Model
internal import Wire

// What an archive says is checked by the rules of the requests that could have made it, and by what the daemon writes by
// itself. The transaction holds the archive's rows alone.
extension Transaction {
    /// Bytes of an interpreter's name for itself.
    private static let maxInterpreter = 255

    /// - Throws: `invalid` naming every field that is wrong; `notFound` for what it needs and is not there; `busy`.
    func check(imported entity: any Entity, _ row: Row) throws(Failure) {
        var violations = Violations()
        switch entity {
        case let app as App: check(app, &violations)
        case let function as Function: try check(imported: function, row, &violations)
        case let version as Version: try check(imported: version, row, &violations)
        case let alias as Alias: try check(imported: alias, row, &violations)
        case let trigger as Trigger: try check(imported: trigger, row, &violations)
        case let runtime as Runtime: check(imported: runtime, &violations)
        case let secret as Secret:
            violations.check(valueBytes: Int(secret.valueBytes))
            violations.check(description: secret.description)
        case let token as Token: violations.check { () throws(Failure) in try TokenLimits.check(scopes: token.scopes) }
        case is StoredPackage: break
        default: throw Failure(.internalError, "an archive holds a kind that is not imported")
        }
        switch entity {
        case is Function, is Version, is Alias, is Trigger: break
        default: violations.require(row.references.isEmpty, "references: it needs nothing else")
        }
        // The daemon's own keys came from the daemon that was exported; no other key is exempt.
        var old = entity.meta
        old.extra = old.extra.filter { $0.key.hasPrefix(Extra.reservedPrefix) }
        check(labels: entity.meta.labels, extra: entity.meta.extra, of: old, &violations)
        try violations.finish()
    }

    private func check(imported function: Function, _ row: Row, _ violations: inout Violations) throws(Failure) {
        let app = try parent(of: row)
        check(function.spec, function.package?.description ?? "", in: app, &violations)
        try violations.finish()
        try check(function.spec, function.package, function.runtime, row, in: app, &violations)
        let versions = tables.children(.version, of: row.id)
        try checkRoom(forVersions: versions.count, of: row)
        let highest = versions.last.map { VersionKey.number($0.key) } ?? 0
        violations.require(
            function.latestVersion == highest,
            "latest_version: \(function.latestVersion) is not the highest number in the archive, \(highest)")
        violations.require(
            function.lastVersionNumber >= highest,
            "last_version_number: \(function.lastVersionNumber) is below version \(highest), which was published")
        let working = function.workingVersion
        violations.require(
            working == 0 || tables.find(.version, in: row.id, key: VersionKey.text(working)) != nil,
            "working_version: there is no version \(working) in the archive")
    }

    private func check(imported version: Version, _ row: Row, _ violations: inout Violations) throws(Failure) {
        let app = try parent(of: try parent(of: row))
        violations.require(version.number > 0, "number: 0 is out of range; versions count from 1")
        violations.check(description: version.description)
        check(version.spec, version.package?.description ?? "", in: app, &violations)
        try violations.finish()
        try check(version.spec, version.package, version.runtime, row, in: app, &violations)
        let package = version.package.flatMap { tables.find(.package, in: nil, key: $0.description) }
        let stored: StoredPackage? = if let package { try entity(package) } else { nil }
        violations.require(
            version.packageBytes == stored?.bytes ?? 0,
            "package_bytes: \(version.packageBytes) is not the size of its package, \(stored?.bytes ?? 0)")
    }

    private func check(imported alias: Alias, _ row: Row, _ violations: inout Violations) throws(Failure) {
        check(alias.name.text, alias.stickyKey, alias.description, &violations)
        violations.require(
            alias.history.count <= Alias.maxHistory,
            "history: \(alias.history.count) targets are over the limit of \(Alias.maxHistory)")
        for target in [alias.target] + alias.history {
            violations.check { () throws(Failure) in
                try checkedTarget(target.version, target.secondVersion, target.secondWeight)
            }
        }
        try violations.finish()
        check(row, needs: try versions(of: alias.target, try parent(of: row)), &violations)
    }

    private func check(imported trigger: Trigger, _ row: Row, _ violations: inout Violations) throws(Failure) {
        let source = violations.check { () throws(Failure) in try TriggerSource(trigger.source, field: "source") }
        if let source {
            violations.require(
                source.text == trigger.source, "source: \(quoted(trigger.source)) is written \(quoted(source.text))")
        }
        guard let function = tables[trigger.functionID], function.kind == .function, function.parent == row.parent
        else {
            throw Failure(.invalid, "function_id: \(trigger.functionID) is no function of its app in the archive")
        }
        let alias = trigger.aliasID.flatMap { tables[$0] }
        violations.require(
            trigger.aliasID == nil || alias?.kind == .alias && alias?.parent == function.id,
            "alias_id: \(trigger.aliasID?.description ?? "") is no alias of its function in the archive")
        let targets = (trigger.version > 0 ? 1 : 0) + (trigger.aliasID != nil ? 1 : 0) + (trigger.isLatest ? 1 : 0)
        violations.require(targets <= 1, "alias_id: a version, an alias and the newest version exclude each other")
        try violations.finish()
        check(row, needs: try references(of: trigger, function), &violations)
    }

    private func check(imported runtime: Runtime, _ violations: inout Violations) {
        check(runtime, &violations)
        let isOurs = FunctionSpec.Runtime.allCases.contains { $0.rawValue == runtime.name.text }
        violations.require(
            runtime.isBuiltIn == isOurs,
            "built_in: \(runtime.isBuiltIn) is wrong; \(quoted(runtime.name.text)) is \(isOurs ? "" : "not ")built in")
    }

    /// What a working copy or a version needs is what it would be bound to now.
    private func check(
        _ spec: FunctionSpec, _ package: Digest?, _ runtime: FrozenRuntime, _ row: Row, in app: Row,
        _ violations: inout Violations
    ) throws(Failure) {
        let binding = try bind(spec, package?.description ?? "", in: app)
        try binding.malformed.finish()
        check(row, needs: binding.references, &violations)
        violations.require(
            runtime.command == binding.runtime.command,
            "runtime_command: it is not the command of runtime \(quoted(spec.runtime.rawValue))")
        violations.require(
            runtime.root == binding.runtime.root,
            "runtime_root: \(quoted(runtime.root)) is not the root of runtime \(quoted(spec.runtime.rawValue))")
        let bytes = runtime.interpreter.utf8.count
        violations.require(
            bytes <= Self.maxInterpreter, "interpreter: \(bytes) bytes are over the limit of \(Self.maxInterpreter)")
    }

    private func check(_ row: Row, needs references: [Identifier], _ violations: inout Violations) {
        violations.require(
            Set(row.references) == Set(references),
            "references: \(row.references.map(\.description).joined(separator: ", ")) is not what its fields name")
    }

    private func parent(of row: Row) throws(Failure) -> Row {
        guard let parent = row.parent.flatMap({ tables[$0] }) else {
            throw Failure(.internalError, "a row of an archive was lost")
        }
        return parent
    }
}
