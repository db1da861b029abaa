import FnrpcClient
import Model
import Wire

/// What a trigger calls: `FUNCTION`, `FUNCTION@VERSION` or `FUNCTION@ALIAS`, all of the trigger's app.
struct TriggerTarget: Equatable {
    /// Name or id.
    let function: String
    /// 0: the working copy, or the alias.
    let version: UInt32
    /// Empty: the version.
    let alias: String
    /// Whether a version, `@0` too, or an alias is given.
    let namesRevision: Bool

    /// Reads it; without `@`, and with `@0`, it is the working copy.
    init(_ text: String, field: String) throws(Failure) {
        let parts = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        if Identifier(parts[0]) == nil {
            guard !parts[0].utf8.contains(UInt8(ascii: "/")) else {
                throw Failure(
                    .invalid, "\(field): \(quoted(text)) names an app; a trigger's function is one of its own app")
            }
            _ = try Name(parts[0], field: field)
        }
        function = parts[0]
        namesRevision = parts.count == 2
        guard parts.count == 2 else {
            (version, alias) = (0, "")
            return
        }
        // What has only digits is a number, and an error that speaks of numbers if it is out of range.
        if parts[1].utf8.allSatisfy({ (48...57).contains($0) }) {
            guard let number = UInt32(parts[1]) else {
                throw Failure(
                    .invalid, "\(field): \(quoted(parts[1])) is not a version; 0 to \(UInt32.max)")
            }
            (version, alias) = (number, "")
        } else {
            try checkNameOrID(parts[1], field: field)
            (version, alias) = (0, parts[1])
        }
    }
}

/// The names of what triggers refer to by id, for people.
struct TriggerNames {
    private let client: Client
    private let app: String
    private var functions: [Identifier: String] = [:]
    private var aliases: [Identifier: String] = [:]

    init(_ client: Client, app: String) {
        self.client = client
        self.app = app
    }

    /// `hello`, `hello@3` or `hello@prod`; ids of what is gone meanwhile, or this daemon cannot read.
    mutating func target(of trigger: Trigger) async throws(ClientError) -> String {
        let function = try await name(ofFunction: trigger.functionID)
        if trigger.isLatest { return "\(function)@\(Alias.latest)" }
        if let alias = trigger.aliasID {
            return "\(function)@\(try await name(ofAlias: alias, of: trigger.functionID))"
        }
        return trigger.version == 0 ? function : "\(function)@\(trigger.version)"
    }

    private mutating func name(ofFunction id: Identifier) async throws(ClientError) -> String {
        if let name = functions[id] { return name }
        let request = GetFunctionRequest(app: app, function: id.description)
        let found: Function? = try await get("fnrpc.v1.Functions", request)
        functions[id] = found?.name.text ?? id.description
        return functions[id] ?? ""
    }

    private mutating func name(ofAlias id: Identifier, of function: Identifier) async throws(ClientError) -> String {
        if let name = aliases[id] { return name }
        let request = GetAliasRequest(app: app, function: function.description, alias: id.description)
        let found: Alias? = try await get("fnrpc.v1.Aliases", request)
        aliases[id] = found?.name.text ?? id.description
        return aliases[id] ?? ""
    }

    private func get<T: WireMessage>(_ service: String, _ request: some WireMessage) async throws(ClientError) -> T? {
        do throws(ClientError) {
            return try await client.call(service, "Get", request, timeout: CommandLimits.answer)
        } catch {
            // Gone meanwhile, or of a newer daemon.
            guard [.notFound, .precondition].contains(error.code) else { throw error }
            return nil
        }
    }
}
