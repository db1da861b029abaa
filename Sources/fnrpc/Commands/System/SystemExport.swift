import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc system export`.
struct SystemExport: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "export", abstract: "Writes everything that the daemon stores into one archive.",
        discussion: """
            Example: fnrpc system export fnrpc-backup.tar
            The file appears when it is whole, and only its owner can read it. Without FILE, and with -, the archive
            goes to standard output.
            """)

    @Argument(help: "The archive to write; - is standard output.", completion: .file())
    var file = "-"

    @Flag(help: "With the records of calls.")
    var calls = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        guard file == "-" else { return }
        guard output.output == .table else {
            throw ValidationError("--output json: the archive takes standard output; name a file")
        }
    }

    func run() async throws {
        if file == "-" {
            guard !Terminal.isTerminal(STDOUT_FILENO) else {
                throw ValidationError("the archive is not for a terminal; name a file, or send it to one")
            }
            _ = try await copy { try Terminal.write($0, to: STDOUT_FILENO) }
            return
        }
        // Made before anything is asked for: whoever may not write it should not wait to learn that.
        let target = try AtomicFile(file, option: "FILE")
        let bytes = try await copy { (piece) throws(Failure) in try target.write(piece) }
        try target.commit()
        switch output.output {
        case .json: try JSON.object(["file": .string(file), "bytes": .unsigned(bytes)]).print()
        case .table: try Terminal.print(Terminal.harmless("exported \(bytes) bytes to \(file)"))
        }
    }

    /// Hands on the archive piece by piece.
    ///
    /// - Returns: its bytes.
    private func copy(_ write: ([UInt8]) throws -> Void) async throws -> UInt64 {
        try await connection.withClient { client in
            let stream = try await client.stream(
                service: "fnrpc.v1.Maintenance", method: "Export", kind: .serverStreaming,
                payload: ExportRequest(calls: calls).encoded())
            var bytes: UInt64 = 0
            var line = ProgressLine()
            defer { line.end() }
            while let message = try await stream.receive() {
                let chunk = try ArchiveChunk(decoding: message, strict: false)
                try write(chunk.data)
                bytes += UInt64(chunk.data.count)
                line.show("exported \(bytes >> 10) KiB")
            }
            guard bytes > 0 else { throw Failure(.internalError, "the daemon sent an empty archive; try again") }
            return bytes
        }
    }
}
