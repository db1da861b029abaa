import CLinux
import Glibc
import Model

/// Secrets on their way into a sandbox: a file system in memory that has them for as long as the sandbox lives.
extension OCISandbox {
    /// Where the file system is mounted while the sandbox is made; it becomes `/run` inside.
    var secretsFolder: String { folder + "/secrets" }

    /// Makes the file system, with room for what is in it and no more, and then read-only.
    ///
    /// It is mounted in the daemon's own mount namespace, which ends with the daemon however that ends, so no plain
    /// value is ever on a disk.
    func mountSecrets(_ secrets: [SandboxSecret]) throws(Failure) {
        guard !secrets.isEmpty else { return }
        try Posix.makeFolder(secretsFolder, mode: 0o700)
        let page = max(Int(sysconf(Int32(_SC_PAGESIZE))), 4096)
        let size = secrets.reduce(0) { $0 + ($1.bytes.count + page - 1) / page * page }
        // Its two folders need inodes too.
        let options = "size=\(size),nr_inodes=\(secrets.count + 2),mode=0755"
        // Linux before 6.4 knows no noswap.
        var result = fnrpc_mount_tmpfs(secretsFolder, options + ",noswap")
        if result == -EINVAL { result = fnrpc_mount_tmpfs(secretsFolder, options) }
        guard result == 0 else { throw Posix.failure("mount", secretsFolder, -result) }
        let files = secretsFolder + "/secrets"
        try Posix.makeFolder(files, mode: 0o500)
        for secret in secrets {
            let path = files + "/" + secret.name.text
            try Posix.write(path, secret.bytes, mode: 0o400)
            try give(path)
        }
        try give(files)
        // The function owns its files, so their modes alone would not keep it from writing.
        result = fnrpc_make_read_only(secretsFolder)
        guard result == 0 else { throw Posix.failure("make read-only", secretsFolder, -result) }
    }

    /// Takes the daemon's own mount away; the sandbox has one of its own by now.
    func unmountSecrets() {
        _ = fnrpc_unmount(secretsFolder)
    }

    private func give(_ path: String) throws(Failure) {
        guard lchown(path, identity.function, identity.function) == 0 else {
            throw Posix.failure("change the owner of", path)
        }
    }
}
