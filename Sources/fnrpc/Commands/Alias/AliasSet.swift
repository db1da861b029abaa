import ArgumentParser
import FnrpcClient
import Model
import Wire

/// `fnrpc alias set`.
struct AliasSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Points an alias to a version, or to two; makes it if it is absent.",
        discussion: """
            Example: fnrpc alias set demo/hello prod 3 --weight 4=10%
            What it pointed to before becomes its history. Without --weight the one version gets all calls.
            """)

    @OptionGroup var alias: AliasArgument

    @Argument(help: "The version's number.", transform: UInt32.read)
    var version: UInt32

    @Option(
        help: ArgumentHelp(
            "A second version and its share, to the hundredth of a percent.", valueName: "version=percent%"),
        transform: AliasWeight.read)
    var weight: AliasWeight?

    @Option(
        help: ArgumentHelp(
            "The metadata key whose value decides between two versions; empty: the call's id does.", valueName: "key"))
    var sticky: String?

    @Option(help: "A note.")
    var description: String?

    @OptionGroup var notes: NoteOptions
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard version > 0 else { throw ValidationError("version: 0 is out of range; versions start at 1") }
        guard weight?.version != version else {
            throw ValidationError("--weight: \(version) is the first version already; name another one")
        }
    }

    func run() async throws {
        let path = try alias.path
        let (set, isNew) = try await connection.withClient { client in
            do throws(ClientError) {
                return (try await update(client, path), false)
            } catch {
                // Of what else may be missing, the function for one, Create says it as well.
                guard error.code == .notFound, revision.revision == nil else { throw error }
                return (try await create(client, path), true)
            }
        }
        switch output.output {
        case .json: try JSON(set).print()
        case .table:
            try Terminal.print("\(isNew ? "created" : "set") alias \(path)@\(set.name): version \(set.target.shown)")
        }
    }

    private func update(_ client: Client, _ path: FunctionPath) async throws(ClientError) -> Alias {
        let request: UpdateAliasRequest
        do throws(Failure) {
            request = UpdateAliasRequest(
                app: path.app, function: path.function, alias: alias.alias, revision: revision.revision,
                version: version, secondVersion: weight?.version, secondWeight: weight?.weight, stickyKey: sticky,
                description: description, labels: try notes.labels, extra: try notes.extra)
        } catch { throw ClientError(error) }
        return try await client.call("fnrpc.v1.Aliases", "Update", request, timeout: CommandLimits.answer)
    }

    private func create(_ client: Client, _ path: FunctionPath) async throws -> Alias {
        let request = CreateAliasRequest(
            app: path.app, function: path.function, name: alias.alias, version: version,
            secondVersion: weight?.version ?? 0, secondWeight: weight?.weight ?? 0, stickyKey: sticky ?? "",
            description: description ?? "", labels: try notes.labels, extra: try notes.extra)
        return try await client.call("fnrpc.v1.Aliases", "Create", request, timeout: CommandLimits.answer)
    }
}
