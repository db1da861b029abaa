import Archive
import FnrpcClient
import Glibc
import Model

/// What is uploaded: a function's folder and its dependencies as one canonical tar, in a file that has no name; or an
/// archive as it is. Not thread-safe.
final class FunctionPackage: UploadSource {
    let digest: Digest
    let byteCount: UInt64
    private let descriptor: Int32

    /// Packs. Blocks.
    ///
    /// - Parameter dependencies: a folder that goes to `.python`.
    init(folder: String, dependencies: String?, temporary: String = "/tmp") throws(Failure) {
        var sources = [CanonicalTar.Source(folder: folder, ignore: try IgnoreRules.load(folder: folder))]
        if let dependencies {
            guard access(folder + "/" + PythonDependencies.folder, F_OK) != 0 else {
                throw Failure(
                    .invalid, "\(folder)/\(PythonDependencies.folder): the dependencies go there; remove or rename it")
            }
            sources.append(CanonicalTar.Source(folder: dependencies, prefix: PythonDependencies.folder))
        }
        let tar = try CanonicalTar(sources: sources)
        var template = Array("\(temporary)/fnrpc-package-XXXXXX".utf8CString)
        descriptor = mkstemp(&template)
        guard descriptor >= 0 else {
            throw Failure(.internalError, "\(temporary): \(String(cString: strerror(errno))); make the folder writable")
        }
        unlink(template)
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        do throws(Failure) {
            try tar.write(to: descriptor)
            guard lseek(descriptor, 0, SEEK_SET) == 0 else {
                throw Failure(.internalError, "the packed function cannot be read back; try again")
            }
            digest = try SHA256.digest(ofDescriptor: descriptor)
            byteCount = tar.bytes
        } catch {
            close(descriptor)
            throw error
        }
    }

    /// An archive that somebody else has packed; the daemon unpacks and checks it. Blocks.
    init(archive path: String) throws(Failure) {
        descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure(.invalid, "\(path): \(String(cString: strerror(errno))); name a file that can be read")
        }
        do throws(Failure) {
            var info = stat()
            guard fstat(descriptor, &info) == 0, info.st_size > 0 else {
                throw Failure(.invalid, "\(path): is empty; name a zip, tar or tar.gz of the function")
            }
            digest = try SHA256.digest(ofDescriptor: descriptor)
            byteCount = UInt64(info.st_size)
        } catch {
            close(descriptor)
            throw error
        }
    }

    deinit {
        close(descriptor)
    }

    func read(at offset: UInt64, count: Int) throws(Failure) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var filled = 0
        while filled < count {
            let got = bytes.withUnsafeMutableBytes { buffer in
                pread(
                    descriptor, buffer.baseAddress?.advanced(by: filled), count - filled, off_t(offset) + off_t(filled))
            }
            if got < 0 && errno == EINTR { continue }
            guard got > 0 else { throw Failure(.internalError, "the packed function cannot be read back; try again") }
            filled += got
        }
        return bytes
    }
}
