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
        let target = toOutput ? nil : try TemporaryFile(replacing: file ?? standardFile)
        let received: (digest: Digest, bytes: UInt64)
        do {
            received = try await connection.withClient { client in
                try await Self.receive(client, service, request, into: target?.descriptor ?? STDOUT_FILENO)
            }
            try target?.keep()
        } catch {
            target?.discard()
            throw error
        }
        guard let target else { return }
        switch output.output {
        case .json:
            try JSON.object([
                "file": .string(target.path), "package": .string(received.digest.description),
                "package_bytes": .unsigned(received.bytes),
            ]).print()
        case .table:
            try Terminal.print(
                Terminal.harmless("wrote \(target.path) (\(received.digest), \(received.bytes) bytes)"))
        }
    }

    private static func receive(
        _ client: Client, _ service: String, _ request: some WireMessage, into descriptor: Int32
    ) async throws -> (Digest, UInt64) {
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
            try Terminal.write(chunk.data, to: descriptor)
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

/// A file beside another one that it replaces when it is whole; gone if the command is interrupted. Not thread-safe.
final class TemporaryFile {
    /// What it becomes.
    let path: String
    let descriptor: Int32
    private let temporary: String

    init(replacing path: String) throws(Failure) {
        var info = stat()
        if stat(path, &info) == 0, info.st_mode & S_IFMT != S_IFREG {
            throw Failure(.invalid, "\(path): exists and is not a file; name another one")
        }
        var template = Array("\(path).XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw Failure(.invalid, "\(path): \(String(cString: strerror(errno))); name a file in a writable folder")
        }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        self.path = path
        temporary = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        Interruption.shared.guardFolder(temporary)
    }

    deinit { close(descriptor) }

    /// Puts it in its place.
    func keep() throws(Failure) {
        // mkstemp's mode is 0600; what the user asked for is an ordinary file.
        let mask = umask(0)
        umask(mask)
        guard fchmod(descriptor, 0o666 & ~mask) == 0, fsync(descriptor) == 0, rename(temporary, path) == 0 else {
            throw Failure(.internalError, "\(path): \(String(cString: strerror(errno))); name another file")
        }
        Interruption.shared.release(folder: temporary)
    }

    /// Removes it.
    func discard() {
        unlink(temporary)
        Interruption.shared.release(folder: temporary)
    }
}
