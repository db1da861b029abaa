import Archive
import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// Where a package goes.
struct DownloadOptions: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The file that it goes to; - is standard output. Default: named after the function.", valueName: "file"),
        completion: .file())
    private var file: String?

    /// Streams a package to its place. A file appears whole or not at all, and replaces one that is there.
    ///
    /// - Throws: `internalError` if what came is not what its digest says.
    func download(
        _ service: String, _ request: some WireMessage, standardFile: String, _ connection: ConnectionOptions,
        _ output: OutputOptions
    ) async throws {
        let toOutput = file == "-"
        guard !toOutput || !Terminal.isTerminal(STDOUT_FILENO) else {
            throw Failure(.invalid, "standard output is a terminal; name a file, or send it to another program")
        }
        let path = file ?? standardFile
        let target = toOutput ? nil : try AtomicFile(path, option: "FILE")
        let received = try await connection.withClient { client in
            try await Self.receive(client, service, request, into: target)
        }
        guard let target else { return }
        try target.commit()
        switch output.output {
        case .json:
            try JSON.object([
                "file": .string(path), "package": .string(received.digest.description),
                "package_bytes": .unsigned(received.bytes),
            ]).print()
        case .table:
            try Terminal.print(
                Terminal.harmless("wrote \(path) (\(received.digest), \(received.bytes) bytes)"))
        }
    }

    private static func receive(
        _ client: Client, _ service: String, _ request: some WireMessage, into target: AtomicFile?
    ) async throws -> (digest: Digest, bytes: UInt64) {
        let stream = try await client.stream(
            service: service, method: "Download", kind: .serverStreaming, payload: request.encoded())
        var hash = try SHA256()
        var bytes: UInt64 = 0
        var promised: (digest: Digest, bytes: UInt64)?
        while let message = try await stream.receive() {
            let chunk = try PackageChunk(decoding: message, strict: false)
            if promised == nil {
                promised = (try Digest(chunk.packageDigest, field: "package_digest"), chunk.packageBytes)
            }
            hash.update(chunk.data)
            bytes += UInt64(chunk.data.count)
            if let target { try target.write(chunk.data) } else { try Terminal.write(chunk.data, to: STDOUT_FILENO) }
        }
        let digest = hash.finish()
        guard let promised else { throw Failure(.internalError, "the daemon sent no package; try again") }
        guard bytes == promised.bytes else {
            throw Failure(
                .internalError, "the package has \(bytes) bytes of \(promised.bytes) that were promised; try again")
        }
        guard digest == promised.digest else {
            throw Failure(.internalError, "the package is \(digest) instead of \(promised.digest); try again")
        }
        return promised
    }
}
