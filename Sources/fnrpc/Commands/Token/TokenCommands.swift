import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc token …`.
struct TokenCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "token", abstract: "Makes, shows and revokes bearer tokens.",
        discussion: "Example: fnrpc token create ci --scope invoke:demo",
        subcommands: [TokenCreate.self, TokenGet.self, TokenList.self, TokenRevoke.self])
}

/// `fnrpc token create`.
struct TokenCreate: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "create", abstract: "Makes a token; its secret goes to standard output, once.",
        discussion: """
            Example: fnrpc token create ci --scope invoke:demo --lifetime 720h > ci.token
            Scopes: admin (everything), read (look at everything), invoke (call everything), invoke:APP,
            invoke:APP/FUNCTION. The daemon keeps a hash only: a lost secret cannot be shown again.
            """)

    @Argument(help: "The token's name.")
    var name: String

    @Option(help: "What its bearer may do; may be given several times.")
    var scope: [String]

    @Option(
        help: ArgumentHelp("How long it is valid; 0, the default: until it is revoked.", valueName: "720h"),
        transform: TimeSpan.read)
    var lifetime: TimeSpan?

    @OptionGroup var notes: NoteOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try usage { () throws(Failure) in
            _ = try Name(name, field: "name")
            _ = try scopes()
        }
    }

    private func scopes() throws(Failure) -> [Scope] {
        guard !scope.isEmpty else { throw Failure(.invalid, "--scope: missing; say what the bearer may do") }
        guard scope.count <= Grants.maxScopes else {
            throw Failure(.invalid, "--scope: \(scope.count) scopes are over the limit of \(Grants.maxScopes)")
        }
        return try scope.map { (text) throws(Failure) in try Scope(text, field: "--scope") }
    }

    func run() async throws {
        let request = CreateTokenRequest(
            name: name, scopes: try scopes(), lifetimeNanos: lifetime?.nanoseconds ?? 0, labels: try notes.labels,
            extra: try notes.extra)
        let made: CreateTokenResponse = try await connection.withClient { client in
            try await client.call("fnrpc.v1.Tokens", "Create", request, timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON.object(["token": JSON(made.token), "secret": .string(made.secret)]).print()
        // Alone, so that it can go into a file or a variable as it is.
        case .table: try Terminal.print(made.secret)
        }
    }
}

/// `fnrpc token list`.
struct TokenList: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "Lists the tokens by name, without their secrets.",
        discussion: "Example: fnrpc token list")

    @OptionGroup var filter: FilterOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let tokens = try await connection.withClient { client in
            try await everyPage { page in
                let request = ListTokensRequest(page: page, filter: filter.filter)
                let answer: ListTokensResponse = try await client.call(
                    "fnrpc.v1.Tokens", "List", request, timeout: CommandLimits.answer)
                return (answer.tokens, answer.nextCursor)
            }
        }
        switch output.output {
        case .json: try JSON.object(["tokens": .array(tokens.map { JSON($0) })]).print()
        case .table:
            var table = Table("NAME", "SCOPES", "EXPIRES", "LAST USED", "ID")
            table.rows = tokens.map {
                [
                    $0.name.text, $0.scopes.map(\.description).joined(separator: " "),
                    $0.expiresAt.map(Shown.time) ?? "never", $0.lastUsedAt.map(Shown.time) ?? "never",
                    $0.meta.id.description,
                ]
            }
            try Terminal.write(table.text, to: STDOUT_FILENO)
        }
    }
}

/// `fnrpc token revoke`.
struct TokenRevoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "revoke", abstract: "Makes a token invalid at once.", discussion: "Example: fnrpc token revoke ci")

    @Argument(help: "The token's name or id.")
    var token: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let revoked: Token = try await connection.withClient { client in
            try await client.call(
                "fnrpc.v1.Tokens", "Revoke", RevokeTokenRequest(token: token), timeout: CommandLimits.answer)
        }
        switch output.output {
        case .json: try JSON(revoked).print()
        case .table: try Terminal.print("revoked \(revoked.name) (\(revoked.meta.id))")
        }
    }
}
