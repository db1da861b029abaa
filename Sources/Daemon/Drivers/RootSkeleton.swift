import Glibc
import Model

/// The root folder that all sandboxes of an instance share, read-only: mount points, links, and a minimal `/etc`.
///
/// Nothing of the machine's own `/etc` is seen inside but what programs of `/usr` need to run.
package struct RootSkeleton: Sendable {
    /// The folder.
    package let path: String
    /// What is bound from the machine, read-only, when it has it: `/usr` and what it needs beside it.
    package let machineFolders: [String]

    private static let folders = [
        "usr", "proc", "sys", "dev", "etc", "function", ".fnrpc", "run", "var", "home", "root",
        "etc/ld.so.conf.d",
    ]
    /// Links into `/usr` on a machine of today, folders on an older one.
    private static let aliases = ["bin", "sbin", "lib", "lib32", "lib64", "libx32"]
    /// `alternatives`: many names of /usr/bin are links to it.
    private static let bound = ["/etc/alternatives", "/etc/ssl/certs"]
    /// Harmless and needed by the C library; copied as they are when the daemon starts.
    private static let copied = ["ld.so.cache", "ld.so.conf", "services", "protocols"]

    /// Makes the folder anew.
    package init(path: String) throws(Failure) {
        self.path = path
        Posix.remove(path)
        try Posix.makeFolder(path, mode: 0o755)
        for name in Self.folders { try Posix.makeFolder(path + "/" + name, mode: 0o755) }
        // runc gives a tmpfs the mode of the folder that it covers, whatever the mount options say.
        try Posix.makeFolder(path + "/tmp", mode: 0o1777)
        var machine = ["/usr"]
        for name in Self.aliases {
            if let target = Posix.target(ofLink: "/" + name) {
                try Self.link(path + "/" + name, to: target)
            } else if Posix.kind("/" + name) == .folder {
                try Posix.makeFolder(path + "/" + name, mode: 0o755)
                machine.append("/" + name)
            }
        }
        for folder in Self.bound where Posix.kind(folder) == .folder {
            try Posix.makeFolder(path + folder, mode: 0o755)
            machine.append(folder)
        }
        machineFolders = machine
        try Self.link(path + "/var/tmp", to: "../tmp")
        try makeEtc()
    }

    private func makeEtc() throws(Failure) {
        let files = [
            "passwd": """
            root:x:0:0:root:/:/usr/sbin/nologin
            fnrpc:x:1000:1000:function:/tmp:/bin/sh
            nobody:x:65534:65534:nobody:/:/usr/sbin/nologin

            """,
            "group": "root:x:0:\nfnrpc:x:1000:\nnogroup:x:65534:\n",
            "hosts": "127.0.0.1 localhost fnrpc\n::1 localhost\n",
            "hostname": "fnrpc\n",
            "nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\nservices: files\nprotocols: files\n",
            // A mount point: sandboxes on the machine's network get the machine's file.
            "resolv.conf": "",
        ]
        for (name, text) in files {
            try Posix.write(path + "/etc/" + name, Array(text.utf8), mode: 0o644)
        }
        let pieces = Posix.names(in: "/etc/ld.so.conf.d").map { "ld.so.conf.d/" + $0 }
        for name in Self.copied + pieces {
            guard let bytes = Posix.read("/etc/" + name, limit: 16 << 20) else { continue }
            try Posix.write(path + "/etc/" + name, bytes, mode: 0o644)
        }
        if let zone = Posix.target(ofLink: "/etc/localtime"), zone.hasPrefix("/usr/") {
            try Self.link(path + "/etc/localtime", to: zone)
        }
    }

    private static func link(_ path: String, to target: String) throws(Failure) {
        guard symlink(target, path) == 0 else { throw Posix.failure("make the link", path) }
    }

    /// Checks that a sandbox's root user, who is nobody in particular on the host, can reach a folder.
    ///
    /// - Throws: `precondition` naming the folder on the way that only its owner may enter.
    package static func checkReachable(_ path: String) throws(Failure) {
        var prefix = ""
        for part in path.split(separator: "/") {
            prefix += "/" + part
            var status = stat()
            guard stat(prefix, &status) == 0 else { throw Posix.failure("look at", prefix) }
            guard status.st_mode & S_IXOTH != 0 else {
                throw Failure(
                    .precondition,
                    "state directory: \(prefix) has mode 0\(String(status.st_mode & 0o7777, radix: 8)), so containers "
                        + "cannot reach what is below it; run: chmod o+x \(prefix)")
            }
        }
    }
}
