package import Model
package import Wire

extension Transaction {
    /// Makes an alias for a version, or for two.
    package func createAlias(_ request: CreateAliasRequest) throws(Failure) -> Alias {
        let function = try tables.function(request.app, request.function)
        try checkThere([request.version, request.secondVersion], function)
        var violations = Violations()
        let name = violations.check { () throws(Failure) in try Self.aliasName(request.name) }
        let target = violations.check { () throws(Failure) in
            try checkedTarget(request.version, request.secondVersion, request.secondWeight)
        }
        violations.check { () throws(Failure) in try Self.checkStickyKey(request.stickyKey) }
        violations.check(description: request.description)
        check(labels: request.labels, extra: request.extra, &violations)
        let checked = try violations.finish(target)
        let alias = Alias(
            meta: newMeta(labels: request.labels, extra: request.extra), functionID: function.id,
            name: try violations.finish(name), target: checked, stickyKey: request.stickyKey,
            description: request.description)
        try create(alias, references: try versions(of: checked, function))
        return alias
    }

    /// Changes what is given; a version that is given replaces the whole target.
    package func updateAlias(_ request: UpdateAliasRequest) throws(Failure) -> Alias {
        let function = try tables.function(request.app ?? "", request.function ?? "")
        let row = try tables.named(request.alias ?? "", .alias, in: function)
        try checkThere([request.version ?? 0, request.secondVersion ?? 0], function)
        var alias: Alias = try entity(row)
        var violations = Violations()
        var target: Alias.Target?
        if let version = request.version {
            target = violations.check { () throws(Failure) in
                try checkedTarget(version, request.secondVersion ?? 0, request.secondWeight ?? 0)
            }
        } else if request.secondVersion != nil || request.secondWeight != nil {
            let present = alias.target
            target = violations.check { () throws(Failure) in
                try checkedTarget(
                    present.version, request.secondVersion ?? present.secondVersion,
                    request.secondWeight ?? present.secondWeight)
            }
        }
        if let stickyKey = request.stickyKey { alias.stickyKey = stickyKey }
        if let description = request.description { alias.description = description }
        check(row.key, alias.stickyKey, alias.description, &violations)
        merge(labels: request.labels, extra: request.extra, into: &alias.meta, &violations)
        try finish(violations, row, name: request.name, revision: request.revision)
        if let target { point(&alias, to: target) }
        return try update(row, to: alias, references: try versions(of: alias.target, function))
    }

    /// Back to the target before. What was the target becomes the newest of the history, so a second roll back undoes it.
    package func rollbackAlias(_ request: RollbackAliasRequest) throws(Failure) -> Alias {
        let function = try tables.function(request.app, request.function)
        let row = try tables.named(request.alias, .alias, in: function)
        try check(revision: request.revision, of: row)
        var alias: Alias = try entity(row)
        guard var target = alias.history.first else {
            throw Failure(.precondition, "alias \(tables.name(of: row)) never had another target")
        }
        alias.history.removeFirst()
        target.setAt = now
        point(&alias, to: target)
        return try update(row, to: alias, references: try versions(of: target, function))
    }

    /// Deletes an alias that nothing uses.
    package func deleteAlias(_ request: DeleteAliasRequest) throws(Failure) -> Deletion {
        let row = try tables.named(
            request.alias, .alias, in: try tables.function(request.app, request.function))
        try check(revision: request.revision, of: row)
        try checkUnused("alias \(tables.name(of: row))", [row])
        return remove([row])
    }

    /// Looks for the versions that a request names; 0 names none.
    private func checkThere(_ numbers: [UInt32], _ function: Row) throws(Failure) {
        for number in numbers where number > 0 { _ = try tables.version(number, of: function) }
    }

    private func point(_ alias: inout Alias, to target: Alias.Target) {
        var (new, old) = (target, alias.target)
        new.setAt = old.setAt
        guard new != old else { return }
        old.setAt = alias.target.setAt
        alias.history = Array(([old] + alias.history).prefix(Alias.maxHistory))
        alias.target = target
    }

    /// Checks an alias but for its targets, labels and extra data.
    func check(_ name: String, _ stickyKey: String, _ description: String, _ violations: inout Violations) {
        violations.check { () throws(Failure) in try Self.aliasName(name) }
        violations.check { () throws(Failure) in try Self.checkStickyKey(stickyKey) }
        violations.check(description: description)
    }

    func checkedTarget(
        _ version: UInt32, _ second: UInt32, _ weight: UInt32
    ) throws(Failure) -> Alias.Target {
        guard version > 0 else { throw Failure(.invalid, "version: 0 is out of range; versions count from 1") }
        guard weight <= Alias.Target.fullWeight else {
            throw Failure(
                .invalid, "second_weight: \(weight) is out of range; 0 to \(Alias.Target.fullWeight) of as many calls")
        }
        guard second != version else {
            throw Failure(.invalid, "second_version: \(second) is the first version already")
        }
        guard second > 0 || weight == 0 else {
            throw Failure(.invalid, "second_weight: \(weight) needs a second_version")
        }
        return Alias.Target(version: version, secondVersion: second, secondWeight: weight, setAt: now)
    }

    func versions(of target: Alias.Target, _ function: Row) throws(Failure) -> [Identifier] {
        var result = [try tables.version(target.version, of: function).id]
        if target.secondVersion > 0 { result.append(try tables.version(target.secondVersion, of: function).id) }
        return result
    }

    private static func aliasName(_ text: String) throws(Failure) -> Name {
        let name = try Name(text, field: "name")
        guard text != Alias.latest else {
            throw Failure(.invalid, "name: \"latest\" always means the highest published version; choose another name")
        }
        guard !text.utf8.allSatisfy({ (48...57).contains($0) }) else {
            throw Failure(.invalid, "name: \(quoted(text)) reads as a version's number; choose another name")
        }
        return name
    }

    /// Bytes of a sticky key: those of a metadata key.
    private static let maxStickyKey = 128

    private static func checkStickyKey(_ key: String) throws(Failure) {
        guard !CallHeader.isReserved(key) else {
            throw Failure(.invalid, "sticky_key: \(quoted(key)) is the daemon's; functions and aliases never see it")
        }
        guard key.utf8.count <= maxStickyKey, key.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Failure(
                .invalid,
                "sticky_key: \(quoted(key)) is no metadata key of at most \(maxStickyKey) printable ASCII characters")
        }
    }
}
