package import Model
package import Wire

extension Transaction {
    /// Makes a function's working copy; publishes nothing.
    package func createFunction(_ request: CreateFunctionRequest) throws(Failure) -> Function {
        let app = try tables.named(request.app, .app)
        let spec = request.spec ?? Self.noSpec
        let binding = try bind(spec, request.packageDigest, in: app)
        var violations = Violations()
        let name = violations.check { () throws(Failure) in try Name(request.function, field: "function") }
        check(request.spec, request.packageDigest, in: app, &violations)
        check(labels: request.labels, extra: request.extra, &violations)
        let free = try violations.finish(name)
        return try makeFunction(free, in: app, spec, binding, request.labels, request.extra)
    }

    /// Makes the working copy and publishes it; makes app and function where they are absent.
    package func deploy(_ request: DeployRequest) throws(Failure) -> DeployResponse {
        let (app, isNewApp) = try appOrNew(request.app)
        var violations = Violations()
        let known = try violations.find { () throws(Failure) in try knownFunction(request.function, in: app) }
        let spec = request.spec ?? Self.noSpec
        let binding = try bind(spec, request.packageDigest, in: app)
        let stored: Function? = if case .row(let row) = known { try entity(row) } else { nil }
        check(request.spec, request.packageDigest, in: app, &violations)
        violations.check(description: request.description)
        check(labels: request.labels, extra: request.extra, of: stored?.meta, &violations)
        var function: Function
        let isNew: Bool
        switch try violations.finish(known) {
        case .new(let name):
            isNew = true
            guard request.revision == 0 else {
                throw Failure(
                    .conflict,
                    "revision: function \(quoted(app.key + "/" + name.text)) is not there, so it has no revision "
                        + "\(request.revision); deploy without one to make it")
            }
            function = try makeFunction(name, in: app, spec, binding, request.labels, request.extra)
        case .row(let row):
            isNew = false
            try check(revision: request.revision, of: row)
            function = try entity(row)
            if !request.labels.isEmpty { function.meta.labels = request.labels }
            if !request.extra.isEmpty {
                let own = function.meta.extra.filter { $0.key.hasPrefix(Extra.reservedPrefix) }
                function.meta.extra = own.merging(request.extra) { _, new in new }
            }
            function = try setWorkingCopy(row, &function, spec, binding)
        }
        let version = try publish(
            &function, description: request.description, labels: request.labels,
            extra: request.extra.filter { !$0.key.hasPrefix(Extra.reservedPrefix) })
        return DeployResponse(
            function: function, version: version, createdApp: isNewApp, createdFunction: isNew)
    }

    /// Changes the working copy's fields that are given; publishes nothing.
    package func updateFunction(_ request: UpdateFunctionRequest) throws(Failure) -> Function {
        let app = try tables.named(request.app ?? "", .app)
        let row = try tables.named(request.function ?? "", .function, in: app)
        var function: Function = try entity(row)
        var spec = request.spec.applied(to: function.spec)
        var violations = Violations()
        violations.check { () throws(Failure) in try spec.clear(request.clear) }
        let digest = request.packageDigest ?? (spec.image.isEmpty ? function.package?.description ?? "" : "")
        let binding = try bind(spec, digest, in: app)
        check(spec, digest, in: app, &violations)
        merge(labels: request.labels, extra: request.extra, into: &function.meta, &violations)
        try finish(violations, row, name: request.name, revision: request.revision)
        return try setWorkingCopy(row, &function, spec, binding)
    }

    /// Deletes a function with its versions. Aliases and triggers that use it forbid it, and so do running calls.
    package func deleteFunction(_ request: DeleteFunctionRequest) throws(Failure) -> Deletion {
        let row = try tables.function(request.app, request.function)
        try check(revision: request.revision, of: row)
        return try removeFunction(row, isPreview: request.preview)
    }

    /// As ``deleteFunction(_:)``, when it is known which.
    ///
    /// - Parameter canForce: whether who asked for it could wait for calls.
    func removeFunction(_ row: Row, isPreview: Bool = false, canForce: Bool = true) throws(Failure) -> Deletion {
        let name = "function \(tables.name(of: row))"
        // Its aliases are users of its versions.
        let rows = withVersions(row)
        try checkUnused(name, rows, calls: .function(row.id))
        if !isPreview { try close(.function(row.id), name, canForce: canForce) }
        return remove(rows)
    }

    /// What goes with a function, children first.
    func withVersions(_ row: Row) -> [Row] { Array(tables.children(.version, of: row.id)) + [row] }

    // MARK: - Parts

    /// A function that is there, or a name for one.
    private enum Known {
        case row(Row)
        case new(Name)
    }

    private func knownFunction(_ text: String, in app: Row) throws(Failure) -> Known {
        if Identifier(text) != nil { return .row(try tables.named(text, .function, in: app)) }
        let name = try Name(text, field: "function")
        return tables.find(.function, in: app.id, key: name.text).map { .row($0) } ?? .new(name)
    }

    /// What a request without a spec is looked up by.
    private static let noSpec = FunctionSpec(runtime: .none, entry: "", format: .default)

    /// Checks a working copy by itself; what it needs is looked for when it is bound.
    func check(
        _ spec: FunctionSpec?, _ digest: String, in app: Row, _ violations: inout Violations
    ) {
        guard let spec else {
            violations.require(false, "spec: missing; it says what the function is")
            return
        }
        violations.check { () throws(Failure) in _ = try spec.validated() }
        if spec.image.isEmpty {
            let package = violations.check { () throws(Failure) in try Digest(digest, field: "package_digest") }
            if let package { violations.check { () throws(Failure) in try checkEntry(of: spec, in: package) } }
        } else {
            violations.require(digest.isEmpty, "package_digest: a function with an image has no package")
            violations.require(
                Self.imageName(spec.image) != app.key,
                "image: \(quoted(spec.image)) has the name of its app \(quoted(app.key)); choose another one")
        }
    }

    /// A wrong name shows here; else it would when the function, or a version that never changes, is first called.
    private func checkEntry(of spec: FunctionSpec, in package: Digest) throws(Failure) {
        // What has no right form was refused for it.
        guard !spec.entry.isEmpty, (try? FunctionSpec.checkEntry(spec.entry, spec.runtime)) != nil else { return }
        let files = FunctionSpec.files(ofEntry: spec.entry, spec.runtime)
        guard files.isEmpty || surroundings.packageHas(package, files) else {
            throw Failure(.invalid, "entry: \(quoted(spec.entry)) needs \(files[0]), which the package does not have")
        }
    }

    func makeFunction(
        _ name: Name, in app: Row, _ spec: FunctionSpec, _ binding: Binding, _ labels: [String: String],
        _ extra: [String: String]
    ) throws(Failure) -> Function {
        try binding.malformed.finish()
        try checkReserve(nil, spec)
        let function = Function(
            meta: newMeta(labels: labels, extra: extra), appID: app.id, appName: try Name(app.key, field: "app"),
            name: name, spec: spec, package: binding.package, runtime: binding.runtime)
        try create(function, references: binding.references)
        return function
    }

    /// Gives a function another working copy.
    func setWorkingCopy(
        _ row: Row, _ function: inout Function, _ spec: FunctionSpec, _ binding: Binding
    ) throws(Failure) -> Function {
        try binding.malformed.finish()
        if function.spec.reserve != spec.reserve { try checkReserve(row.id, spec) }
        function.spec = spec
        function.package = binding.package
        function.runtime = binding.runtime
        function.workingVersion = try publishedEqual(of: function)
        function = try update(row, to: function, references: binding.references)
        dropPackages(row.references)
        return function
    }

    private func checkReserve(_ id: Identifier?, _ spec: FunctionSpec) throws(Failure) {
        if spec.reservedContainers > 0 { try surroundings.checkReserve(id, spec) }
    }

    /// What a working copy needs, found and frozen.
    struct Binding {
        var package: Digest?
        var runtime = FrozenRuntime()
        var references: [Identifier] = []
        /// What names nothing, because it is no name. The checks of the fields say so too, each in its place.
        var malformed = Violations()
    }

    /// Looks for all that a working copy names.
    ///
    /// - Throws: `notFound`; what is malformed is in the result.
    func bind(_ spec: FunctionSpec, _ digest: String, in app: Row) throws(Failure) -> Binding {
        var (binding, malformed) = (Binding(), Violations())
        if spec.image.isEmpty {
            binding.package = malformed.check { () throws(Failure) in try Digest(digest, field: "package_digest") }
            if let package = binding.package {
                guard let row = tables.find(.package, in: nil, key: package.description) else {
                    throw Failure(.notFound, "package \(package) is not stored; upload it first")
                }
                binding.references.append(row.id)
            }
            if let row = try malformed.find({ () throws(Failure) in try tables.named(spec.runtime.rawValue, .runtime) })
            {
                let runtime: Runtime = try entity(row)
                binding.references.append(row.id)
                binding.runtime = FrozenRuntime(
                    interpreter: surroundings.interpreters[spec.runtime] ?? "",
                    command: runtime.isBuiltIn ? [] : runtime.command, root: runtime.isBuiltIn ? "" : runtime.root)
            }
        }
        // Beyond the limit they are refused anyhow.
        for secret in spec.secrets.prefix(SecretLimits.perFunction) {
            let row = try malformed.find { () throws(Failure) in
                try tables.named(secret, .secret, in: app, field: "secrets")
            }
            if let row { binding.references.append(row.id) }
        }
        for (field, target) in [("on_success", spec.onSuccess), ("on_failure", spec.onFailure)] where !target.isEmpty {
            let row = try malformed.find { () throws(Failure) in try destination(target, field) }
            if let row { binding.references.append(row.id) }
        }
        binding.malformed = malformed
        return binding
    }

    /// The function, or version, that results go to. Its name stands for it: neither changes while it is referred to.
    private func destination(_ text: String, _ field: String) throws(Failure) -> Row {
        do throws(Failure) {
            let target = try FunctionReference(text)
            let row = try tables.function(target.app.text, target.function.text)
            return target.version == 0 ? row : try tables.version(target.version, of: row)
        } catch {
            throw Failure(error.code, "\(field): \(error.message)")
        }
    }

    /// An image's name without tag and digest.
    private static func imageName(_ image: String) -> Substring {
        let name = image.prefix { $0 != "@" }
        guard let colon = name.lastIndex(of: ":"), !name[colon...].contains("/") else { return name }
        return name[..<colon]
    }
}
