package import Model
package import Wire

extension Transaction {
    /// Publishes the working copy.
    package func publishVersion(_ request: PublishVersionRequest) throws(Failure) -> Version {
        let row = try tables.function(request.app, request.function)
        var violations = Violations()
        violations.check(description: request.description)
        check(labels: request.labels, extra: request.extra, &violations)
        try violations.finish()
        try check(revision: request.revision, of: row)
        var function: Function = try entity(row)
        if request.requireChange && function.latestVersion > 0 && function.workingVersion == function.latestVersion {
            throw Failure(
                .precondition,
                "function \(tables.name(of: row)) has not changed since version \(function.latestVersion); "
                    + "nothing was published")
        }
        return try publish(
            &function, description: request.description, labels: request.labels, extra: request.extra)
    }

    /// Changes a version's description, the one thing about it that can change.
    package func updateVersion(_ request: UpdateVersionRequest) throws(Failure) -> Version {
        let row = try tables.version(
            request.number ?? 0, of: try tables.function(request.app ?? "", request.function ?? ""))
        var version: Version = try entity(row)
        if let description = request.description {
            try Checks.description(description)
            version.description = description
        }
        try check(revision: request.revision ?? 0, of: row)
        return try update(row, to: version)
    }

    /// Deletes a version that nothing uses and no call runs. Its number is never used again.
    package func deleteVersion(_ request: DeleteVersionRequest) throws(Failure) -> Deletion {
        let parent = try tables.function(request.app, request.function)
        let row = try tables.version(request.number, of: parent)
        try check(revision: request.revision, of: row)
        let name = "version \(tables.name(of: row))"
        try checkUnused(name, [row], calls: .version(request.number, of: parent.id))
        try close(.version(request.number, of: parent.id), name)
        let deletion = remove([row])
        try refreshVersions(of: parent)
        return deletion
    }

    /// Lets a function know which versions are left.
    func refreshVersions(of row: Row) throws(Failure) {
        var function: Function = try entity(row)
        let versions = tables.children(.version, of: row.id)
        function.latestVersion = versions.last.map { VersionKey.number($0.key) } ?? 0
        let key = VersionKey.text(function.workingVersion)
        if function.workingVersion > 0, tables.find(.version, in: row.id, key: key) == nil {
            function.workingVersion = try publishedEqual(of: function)
        }
        try update(row, to: function)
    }

    /// Makes a version's code and spec the working copy again.
    package func restoreVersion(_ request: RestoreVersionRequest) throws(Failure) -> Function {
        let row = try tables.function(request.app, request.function)
        let versionRow = try tables.version(request.number, of: row)
        try check(revision: request.revision, of: row)
        let version: Version = try entity(versionRow)
        var function: Function = try entity(row)
        function.spec = version.spec
        function.package = version.package
        function.runtime = version.runtime
        function.workingVersion = try publishedEqual(of: function)
        function = try update(row, to: function, references: versionRow.references)
        dropPackages(row.references)
        return function
    }

    /// Publishes the working copy of a function that is stored as it is given, or about to be.
    func publish(
        _ function: inout Function, description: String, labels: [String: String], extra: [String: String]
    ) throws(Failure) -> Version {
        guard let row = tables[function.meta.id] else { throw Failure(.internalError, "a function was lost") }
        let name = tables.name(of: row)
        try Self.checkPinned(function.spec.image, name)
        try checkRoom(forVersions: tables.children(.version, of: row.id).count + 1, of: row)
        guard function.lastVersionNumber < UInt32.max else {
            throw Failure(.precondition, "function \(name): there are no version numbers left")
        }
        let package = function.package.flatMap { tables.find(.package, in: nil, key: $0.description) }
        let stored: StoredPackage? = if let package { try entity(package) } else { nil }
        function.lastVersionNumber += 1
        function.latestVersion = function.lastVersionNumber
        function.workingVersion = function.lastVersionNumber
        let version = Version(
            meta: newMeta(labels: labels, extra: extra), functionID: row.id, number: function.lastVersionNumber,
            description: description, spec: function.spec, package: function.package,
            packageBytes: stored?.bytes ?? 0, runtime: function.runtime)
        try create(version, references: row.references)
        function = try update(row, to: function)
        return version
    }

    /// A version is the same code for ever; what an image's tag stands for is not.
    private static func checkPinned(_ image: String, _ name: String) throws(Failure) {
        guard !image.isEmpty else { return }
        let parts = image.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, (try? Digest(String(parts[1]), field: "image")) != nil else {
            throw Failure(
                .precondition,
                "image: \(quoted(image)) of function \(name) may become another one; to publish it, name it by its "
                    + "digest: NAME@sha256:…")
        }
    }

    /// - Throws: `busy` if a function cannot have so many versions.
    func checkRoom(forVersions count: Int, of row: Row) throws(Failure) {
        guard count <= surroundings.maxVersions else {
            throw Failure(
                .busy,
                "function \(tables.name(of: row)) has \(count - 1) versions, the limit (max-versions); delete those that "
                    + "nobody needs", quota: "max-versions")
        }
    }

    /// The highest version that a working copy equals; 0: none.
    func publishedEqual(of function: Function) throws(Failure) -> UInt32 {
        // What this daemon cannot read it cannot compare either; the function is usable all the same.
        for row in tables.children(.version, of: function.meta.id).reversed()
        where surroundings.dialects.knows(row.apiVersion) {
            let version: Version = try entity(row)
            if version.spec.isIdentical(to: function.spec), version.package == function.package,
                version.runtime.isIdentical(to: function.runtime)
            {
                return version.number
            }
        }
        return 0
    }
}
