import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc system import`.
struct SystemImport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "import", abstract: "Takes over everything from an archive of fnrpc system export.",
        discussion: "Example: fnrpc system import fnrpc-backup.tar")

    @Argument(help: "The archive; - is standard input.", completion: .file())
    var file: String

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func run() async throws {
        let reader = file == "-" ? try InputReader() : try InputReader(file: file, option: "FILE")
        let result = try await connection.withClient { client in
            let stream = try await client.stream(
                service: "fnrpc.v1.Maintenance", method: "Import", kind: .clientStreaming)
            var bytes: UInt64 = 0
            var line = ProgressLine()
            defer { line.end() }
            do {
                while let piece = try await reader.next() {
                    try await stream.send(ArchiveChunk(data: piece).encoded())
                    bytes += UInt64(piece.count)
                    line.show("sent \(bytes >> 10) KiB")
                }
                try await stream.finishSending()
            } catch let failure as Failure {
                // A part of an archive must not look like the whole.
                stream.cancel()
                throw failure
            }
            line.show("the daemon checks the archive")
            return try ImportResponse(decoding: try await stream.response().payload, strict: false)
        }
        switch output.output {
        case .json:
            try JSON.object([
                "entities": .unsigned(result.entities), "packages": .unsigned(result.packages),
                "calls": .unsigned(result.calls),
            ]).print()
        case .table:
            try Terminal.print(
                "imported \(result.entities) entities, \(result.packages) packages, \(result.calls) calls")
        }
    }
}
