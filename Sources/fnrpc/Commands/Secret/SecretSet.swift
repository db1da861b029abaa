import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc secret set`.
struct SecretSet: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "set", abstract: "Makes a secret, or gives one a new value.",
        discussion: """
            Example: fnrpc secret set demo database-password --file password.txt
                     pass show database | fnrpc secret set demo database-password --trim-newline
            The value is standard input or a file, byte for byte, 1 to 65536 of them; at a terminal it is the line that is
            typed, which is not shown. There is no option for the value
            itself, because everybody can see command lines. Containers that run keep the value that they have.
            """)

    @Argument(help: "The app's name or id.")
    var app: String

    @Argument(help: "The secret's name: the file's name under /run/secrets.")
    var name: String

    @Option(name: [.short, .long], help: "The file that holds the value; - is standard input.")
    var file: String?

    @Flag(help: "Without the line end at the end of the value, if there is one.")
    var trimNewline = false

    @Option(help: "A note that the secret keeps.")
    var description: String?

    @OptionGroup var notes: NoteOptions
    @OptionGroup var revision: RevisionOptions
    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard Identifier(name) == nil else { return }
        _ = try usage { () throws(Failure) in try Name(name, field: "name") }
    }

    func run() async throws {
        let value = try await value()
        let (secret, isNew) = try await connection.withClient { client in
            // An expected revision and an id are those of a secret that is there.
            if revision.revision == nil, Identifier(name) == nil {
                do {
                    return (try await create(value, client), true)
                } catch let error as ClientError where error.code == .exists {}
            }
            return (try await update(value, client), false)
        }
        switch output.output {
        case .json: try JSON.object(["secret": JSON(secret), "created": .bool(isNew)]).print()
        case .table:
            try Terminal.print(
                "\(isNew ? "created" : "updated") secret \(secret.name), \(secret.valueBytes) bytes, "
                    + "revision \(secret.meta.revision)")
        }
    }

    private func create(_ value: [UInt8], _ client: Client) async throws -> Secret {
        let request = CreateSecretRequest(
            app: app, name: name, value: value, description: description ?? "", labels: try notes.labels,
            extra: try notes.extra)
        return try await client.call("fnrpc.v1.Secrets", "Create", request, timeout: CommandLimits.answer)
    }

    private func update(_ value: [UInt8], _ client: Client) async throws -> Secret {
        let request = UpdateSecretRequest(
            app: app, secret: name, revision: revision.revision, value: value, description: description,
            labels: try notes.labels, extra: try notes.extra)
        return try await client.call("fnrpc.v1.Secrets", "Update", request, timeout: CommandLimits.answer)
    }

    private func value() async throws -> [UInt8] {
        if let file, file != "-" {
            return try await Self.value(try InputReader(file: file, option: "--file"), trimNewline: trimNewline)
        }
        guard Terminal.isTerminal(STDIN_FILENO) else {
            return try await Self.value(try InputReader(), trimNewline: trimNewline)
        }
        let limits = SecretLimits.valueBytes
        return try Self.checked(
            await HiddenInput.line(prompt: "value of \(app)/\(name), not shown: ", limit: limits.upperBound))
    }

    /// All that there is to read; `\n` or `\r\n` at its end goes if wanted.
    static func value(_ reader: InputReader, trimNewline: Bool) async throws(Failure) -> [UInt8] {
        let limits = SecretLimits.valueBytes
        var bytes: [UInt8] = []
        // One line end more may go.
        while bytes.count <= limits.upperBound + 2, let piece = try await reader.next() { bytes += piece }
        if trimNewline, bytes.last == UInt8(ascii: "\n") {
            bytes.removeLast()
            if bytes.last == UInt8(ascii: "\r") { bytes.removeLast() }
        }
        return try checked(bytes)
    }

    private static func checked(_ bytes: [UInt8]) throws(Failure) -> [UInt8] {
        let limits = SecretLimits.valueBytes
        guard bytes.count <= limits.upperBound else {
            throw Failure(.tooLarge, "value: is over the limit of \(limits.upperBound) bytes; keep it in the package")
        }
        guard bytes.count >= limits.lowerBound else {
            throw Failure(.invalid, "value: is empty; a secret has \(limits.lowerBound) to \(limits.upperBound) bytes")
        }
        return bytes
    }
}
