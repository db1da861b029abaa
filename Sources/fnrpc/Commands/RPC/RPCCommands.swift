import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc rpc …`.
struct RPCCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "rpc", abstract: "Calls any method with JSON, and shows what can be called.",
        discussion: """
            Example: fnrpc rpc fnrpc.v1.System/Info
            The daemon's reflection says what the methods take and give; functions may register theirs in func.yaml.
            """,
        subcommands: [RPCCall.self, RPCList.self, RPCDescribe.self], defaultSubcommand: RPCCall.self)
}

/// Where the descriptors come from.
struct DescriptorOptions: ParsableArguments {
    @Option(help: "The app whose services are meant, if several have one of the same name.")
    var app: String?

    @Option(
        help: ArgumentHelp(
            "A FileDescriptorSet from protoc --include_imports --descriptor_set_out, instead of reflection.",
            valueName: "file"),
        completion: .file())
    var protoset: String?

    func validate() throws {
        if let app { try usage { () throws(Failure) in try checkNameOrID(app, field: "--app") } }
    }

    /// The descriptors of a service.
    func descriptors(of service: String, _ client: Client) async throws -> DescriptorSet {
        if let protoset { return try ServiceDirectory.load(protoset) }
        return try await ServiceDirectory.fetch(service, app: app, client)
    }
}

/// `fnrpc rpc list`.
struct RPCList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the services, or a service's methods.",
        discussion: "Example: fnrpc rpc list fnrpc.v1.Apps")

    @Argument(help: "The service whose methods to list.")
    var service: String?

    @OptionGroup var source: DescriptorOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        if let service {
            let set: DescriptorSet
            if let file = source.protoset {
                set = try ServiceDirectory.load(file)
            } else {
                set = try await connection.withClient { client in try await source.descriptors(of: service, client) }
            }
            return try show(ServiceDirectory.service(service, in: set))
        }
        if let file = source.protoset {
            let names = try ServiceDirectory.load(file).services.keys.sorted()
            return try show(names.map { ServiceInfo(service: $0, described: true) })
        }
        let services = try await connection.withClient { client in try await ServiceDirectory.list(client) }
        try show(services.filter { source.app == nil || $0.app == source.app })
    }

    private func show(_ services: [ServiceInfo]) throws {
        switch output.output {
        case .json: try JSON.object(["services": .array(services.map { JSON($0) })]).print()
        case .table:
            var table = Table("SERVICE", "SERVED BY", "DESCRIBED")
            table.rows = services.map {
                let function = source.protoset != nil ? "-" : "fnrpcd"
                return [
                    $0.service, $0.app.isEmpty ? function : "\($0.app)/\($0.function)", $0.described ? "yes" : "no",
                ]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }

    private func show(_ service: ServiceDescriptor) throws {
        switch output.output {
        case .json:
            let methods = service.methods.map { method in
                JSON.object([
                    "name": .string(method.name), "kind": .string(method.kind), "input": .string(method.input),
                    "output": .string(method.output),
                ])
            }
            try JSON.object(["service": .string(service.fullName), "methods": .array(methods)]).print()
        case .table:
            var table = Table("METHOD", "KIND", "TAKES", "GIVES")
            table.rows = service.methods.map { [$0.name, $0.kind, $0.input, $0.output] }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}

extension MethodDescriptor {
    /// For people and programs.
    var kind: String {
        switch (isClientStreaming, isServerStreaming) {
        case (false, false): "unary"
        case (true, false): "client-streaming"
        case (false, true): "server-streaming"
        case (true, true): "bidirectional"
        }
    }
}

/// `fnrpc rpc describe`.
struct RPCDescribe: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "describe", abstract: "Shows a service, method, message or enumeration as .proto files write it.",
        discussion: "Example: fnrpc rpc describe fnrpc.v1.FunctionSpec")

    @Argument(help: "Its full name.")
    var symbol: String

    @OptionGroup var source: DescriptorOptions
    @OptionGroup var connection: ConnectionOptions

    func run() async throws {
        if let file = source.protoset {
            guard let text = ProtoText(set: try ServiceDirectory.load(file)).describe(name) else { throw unknown }
            return try show(text)
        }
        try show(try await connection.withClient { client in try await find(client) })
    }

    /// Descriptors come from functions, and cannot drive the terminal either.
    private func show(_ text: String) throws {
        let lines = text.split(separator: "\n", omittingEmptySubsequences: false)
        try Terminal.write(lines.map { Terminal.harmless(String($0)) }.joined(separator: "\n"), to: STDOUT_FILENO)
    }

    private var name: String { symbol.replacing("/", with: ".") }

    private var unknown: Failure {
        Failure(.notFound, "nothing described is called \(quoted(name)); see fnrpc rpc list")
    }

    /// Messages belong to no service, so every set may have them; the likeliest comes first.
    private func find(_ client: Client) async throws -> String {
        var asked: Set<ServiceInfo.Owner> = []
        let services = try await ServiceDirectory.list(client).filter {
            $0.described && (source.app == nil || $0.app == source.app)
        }
        let sorted = services.filter { name.hasPrefix($0.service) } + services.filter { !name.hasPrefix($0.service) }
        for service in sorted {
            // The daemon's services are all in one set.
            guard asked.insert(service.owner).inserted else { continue }
            let app = service.app.isEmpty ? nil : service.app
            let set = try await ServiceDirectory.fetch(service.service, app: app, client)
            if let text = ProtoText(set: set).describe(name) { return text }
        }
        throw unknown
    }
}

extension ServiceInfo {
    /// Whose descriptors describe it.
    fileprivate struct Owner: Hashable {
        let app: String
        let function: String
    }

    fileprivate var owner: Owner { Owner(app: app, function: function) }
}
