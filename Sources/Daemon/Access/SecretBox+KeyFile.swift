internal import Archive
internal import COpenSSL
internal import Glibc
package import Model

/// Where the key comes from: 32 random bytes in a file that only the daemon can read.
extension SecretBox {
    /// The key's file in the data directory.
    package static let keyFileName = "secret.key"

    /// Reads the key; makes it if the data directory has none yet. Blocks.
    ///
    /// - Parameters:
    ///   - dataDirectory: a folder that this process alone uses.
    ///   - keyFile: the setting `secret-key-file`, a file that must be there; empty: ``keyFileName`` of the data
    ///     directory.
    /// - Throws: `precondition` for a key file that is missing, of another size, somebody else's, or open to others.
    package convenience init(dataDirectory: String, keyFile: String) throws(Failure) {
        let path = keyFile.isEmpty ? dataDirectory + "/" + Self.keyFileName : keyFile
        // A file that was named may be a link, as those of service managers are; the daemon's own never is.
        var key = try Self.read(path, flags: keyFile.isEmpty ? O_NOFOLLOW : 0)
        if key == nil && keyFile.isEmpty {
            try Self.make(path, in: dataDirectory)
            key = try Self.read(path, flags: O_NOFOLLOW)
        }
        guard var key else {
            throw Failure(
                .precondition,
                "secret-key-file: \(quoted(path)) is not there; make it with: (umask 077; head -c 32 /dev/urandom > FILE)"
            )
        }
        defer { key.wipe() }
        self.init(key: key)
    }

    /// The key in a file that passes every check; `nil` if there is none.
    private static func read(_ path: String, flags: Int32) throws(Failure) -> [UInt8]? {
        // Not to wait for the other end of a pipe.
        let raw = Glibc.open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY | flags)
        guard raw >= 0 else {
            let code = errno
            if code == ENOENT { return nil }
            throw Failure(.precondition, "secret key file \(quoted(path)) cannot be read: \(FileIO.text(of: code))")
        }
        let file = Descriptor(owning: raw)
        var status = stat()
        guard fstat(file.raw, &status) == 0 else { throw FileIO.failure("the secret key file cannot be looked at") }
        guard status.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.precondition, "secret key file \(quoted(path)) is not a file")
        }
        guard status.st_uid == geteuid() || status.st_uid == 0 else {
            throw Failure(
                .precondition,
                "secret key file \(quoted(path)) belongs to user \(status.st_uid); it must be root's or the daemon's "
                    + "(user \(geteuid()))")
        }
        guard status.st_mode & 0o077 == 0 else {
            throw Failure(
                .precondition,
                "secret key file \(quoted(path)) has mode 0\(String(status.st_mode & 0o7777, radix: 8)): others can get "
                    + "at it; if they did not, run: chmod 600 \(path)")
        }
        guard status.st_size == keyBytes else {
            throw Failure(
                .precondition, "secret key file \(quoted(path)) has \(status.st_size) bytes; a key has \(keyBytes)")
        }
        var key = [UInt8](repeating: 0, count: keyBytes)
        let count: Int
        do throws(Failure) {
            count = try FileIO.read(file.raw, into: &key, naming: "the secret key file")
        } catch {
            key.wipe()
            throw error
        }
        guard count == keyBytes else {
            key.wipe()
            throw Failure(.precondition, "secret key file \(quoted(path)) has \(count) bytes; a key has \(keyBytes)")
        }
        return key
    }

    /// A crash leaves either no key or a whole one: values that were sealed with half a key could never be opened.
    private static func make(_ path: String, in folder: String) throws(Failure) {
        var key = [UInt8](repeating: 0, count: keyBytes)
        defer { key.wipe() }
        guard RAND_priv_bytes(&key, Int32(keyBytes)) == 1 else {
            throw Failure(.internalError, "the secret key was not made: the machine has no random bytes")
        }
        let temporary = path + ".new"
        // What a crash left was never a key.
        unlink(temporary)
        let raw = Glibc.open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
        guard raw >= 0 else { throw FileIO.failure("secret key file \(quoted(path)) cannot be made") }
        let file = Descriptor(owning: raw)
        do throws(Failure) {
            try key.withUnsafeBufferPointer { (bytes) throws(Failure) in
                try FileIO.write(UnsafeRawBufferPointer(bytes), to: file.raw, naming: "the secret key file")
            }
            // The umask may have taken the owner's bits away.
            guard fchmod(file.raw, 0o600) == 0, fsync(file.raw) == 0, rename(temporary, path) == 0 else {
                throw FileIO.failure("secret key file \(quoted(path)) cannot be made")
            }
        } catch {
            unlink(temporary)
            throw error
        }
        let opened = Glibc.open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard opened >= 0 else { throw FileIO.failure("folder \(quoted(folder)) cannot be opened") }
        let directory = Descriptor(owning: opened)
        guard fsync(directory.raw) == 0 else {
            throw FileIO.failure("secret key file \(quoted(path)) cannot be brought to disk")
        }
    }
}
