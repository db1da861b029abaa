package import CWire
package import Model

extension Alias.Target: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__AliasTarget>) {
        fnrpc__v1__alias_target__init(raw)
    }

    package init(_ raw: Fnrpc__V1__AliasTarget) throws(Failure) {
        self.init(
            version: raw.version, secondVersion: raw.second_version, secondWeight: raw.second_weight,
            setAt: Timestamp(nanoseconds: raw.set_at))
    }

    package func write(to raw: inout Fnrpc__V1__AliasTarget, _ builder: Builder) {
        raw.has_version = 1
        raw.version = version
        raw.has_second_version = 1
        raw.second_version = secondVersion
        raw.has_second_weight = 1
        raw.second_weight = secondWeight
        raw.has_set_at = 1
        raw.set_at = setAt.nanoseconds
    }
}

extension Alias: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Alias>) { fnrpc__v1__alias__init(raw) }

    package init(_ raw: Fnrpc__V1__Alias) throws(Failure) {
        self.init(
            meta: try Meta(field: raw.meta), functionID: try identifier(raw.function_id, "function_id"),
            name: try Name(text(raw.name), field: "name"), target: try required(raw.target, "target"),
            stickyKey: text(raw.sticky_key), history: try list(raw.history, raw.n_history),
            description: text(raw.description))
    }

    package func write(to raw: inout Fnrpc__V1__Alias, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.function_id = builder.string(functionID.description)
        raw.name = builder.string(name.text)
        raw.target = builder.message(target)
        if !stickyKey.isEmpty { raw.sticky_key = builder.string(stickyKey) }
        raw.n_history = history.count
        raw.history = builder.messages(history)
        if !description.isEmpty { raw.description = builder.string(description) }
    }
}

extension Trigger: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Trigger>) { fnrpc__v1__trigger__init(raw) }

    package init(_ raw: Fnrpc__V1__Trigger) throws(Failure) {
        self.init(
            meta: try Meta(field: raw.meta), appID: try identifier(raw.app_id, "app_id"),
            functionID: try identifier(raw.function_id, "function_id"), name: try Name(text(raw.name), field: "name"),
            type: try choice(text(raw.type), "type"), source: text(raw.source), version: raw.version,
            aliasID: raw.alias_id == nil ? nil : try identifier(raw.alias_id, "alias_id"),
            isLatest: raw.latest != 0, ownsFunction: raw.owns_function != 0)
    }

    package func write(to raw: inout Fnrpc__V1__Trigger, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.app_id = builder.string(appID.description)
        raw.function_id = builder.string(functionID.description)
        raw.name = builder.string(name.text)
        raw.type = builder.string(type.rawValue)
        raw.source = builder.string(source)
        raw.has_version = 1
        raw.version = version
        if let aliasID { raw.alias_id = builder.string(aliasID.description) }
        raw.has_latest = isLatest ? 1 : 0
        raw.latest = isLatest ? 1 : 0
        raw.has_owns_function = ownsFunction ? 1 : 0
        raw.owns_function = ownsFunction ? 1 : 0
    }
}

extension Runtime: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Runtime>) { fnrpc__v1__runtime__init(raw) }

    package init(_ raw: Fnrpc__V1__Runtime) throws(Failure) {
        self.init(
            meta: try Meta(field: raw.meta), name: try Name(text(raw.name), field: "name"),
            description: text(raw.description), root: text(raw.root), command: texts(raw.command, raw.n_command),
            zygote: raw.zygote != 0, poolSize: raw.pool_size, isBuiltIn: raw.built_in != 0)
    }

    package func write(to raw: inout Fnrpc__V1__Runtime, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.name = builder.string(name.text)
        if !description.isEmpty { raw.description = builder.string(description) }
        raw.root = builder.string(root)
        raw.n_command = command.count
        raw.command = builder.strings(command)
        raw.has_zygote = 1
        raw.zygote = zygote ? 1 : 0
        raw.has_pool_size = 1
        raw.pool_size = poolSize
        raw.has_built_in = 1
        raw.built_in = isBuiltIn ? 1 : 0
    }
}

extension Secret: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Secret>) { fnrpc__v1__secret__init(raw) }

    package init(_ raw: Fnrpc__V1__Secret) throws(Failure) {
        self.init(
            meta: try Meta(field: raw.meta), appID: try identifier(raw.app_id, "app_id"),
            name: try Name(text(raw.name), field: "name"), valueBytes: raw.value_bytes,
            description: text(raw.description))
    }

    package func write(to raw: inout Fnrpc__V1__Secret, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.app_id = builder.string(appID.description)
        raw.name = builder.string(name.text)
        raw.has_value_bytes = 1
        raw.value_bytes = valueBytes
        if !description.isEmpty { raw.description = builder.string(description) }
    }
}

extension StoredPackage: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Package>) { fnrpc__v1__package__init(raw) }

    package init(_ raw: Fnrpc__V1__Package) throws(Failure) {
        self.init(
            meta: try Meta(field: raw.meta), digest: try Digest(text(raw.digest), field: "digest"), bytes: raw.bytes,
            entries: raw.entries)
    }

    package func write(to raw: inout Fnrpc__V1__Package, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.digest = builder.string(digest.description)
        raw.has_bytes = 1
        raw.bytes = bytes
        raw.has_entries = 1
        raw.entries = entries
    }
}
