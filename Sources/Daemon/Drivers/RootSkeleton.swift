import Glibc
import Model

/// The root folder of sandboxes, read-only: mount points, links, and a minimal `/etc`.
///
/// That of the host's `/usr` is shared by all sandboxes of an instance. Nothing of the machine's own `/etc` is seen inside
/// but what programs of `/usr` need to run.
package struct RootSkeleton: Sendable {
    /// The folder.
    package let path: String
    /// What is bound into it, read-only.
    package let binds: [Bind]
    /// Whether it shows the machine, so that hidden paths are to be hidden.
    package let isHost: Bool
    /// Whether `/etc/resolv.conf` is there to be covered by the machine's.
    package let hasResolver: Bool

    /// A file or folder of the machine that is seen inside.
    package struct Bind: Sendable, Equatable {
        /// On the machine, absolute.
        package let source: String
        /// Inside, absolute.
        package let destination: String
    }

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

    init(path: String, binds: [Bind], isHost: Bool, hasResolver: Bool) {
        self.path = path
        self.binds = binds
        self.isHost = isHost
        self.hasResolver = hasResolver
    }

    /// Makes the folder anew, with `/usr` and what it needs beside it.
    package init(path: String) throws(Failure) {
        try Self.makeEmpty(path, folders: Self.folders)
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
        try Self.link(path + "/var/tmp", to: "../tmp")
        try Self.makeEtc(path)
        try Self.copyMachinesEtc(path)
        self.init(
            path: path, binds: machine.map { Bind(source: $0, destination: $0) }, isHost: true, hasResolver: true)
    }

    /// Removes what is there, and makes the mount points.
    static func makeEmpty(_ path: String, folders: [String]) throws(Failure) {
        Posix.remove(path)
        try Posix.makeFolder(path, mode: 0o755)
        for name in folders { try Posix.makeFolder(path + "/" + name, mode: 0o755) }
        // runc gives a tmpfs the mode of the folder that it covers, whatever the mount options say.
        try Posix.makeFolder(path + "/tmp", mode: 0o1777)
    }

    /// The files that name users and hosts.
    static func makeEtc(_ path: String) throws(Failure) {
        try Posix.makeFolder(path + "/etc", mode: 0o755)
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
    }

    private static func copyMachinesEtc(_ path: String) throws(Failure) {
        let pieces = Posix.names(in: "/etc/ld.so.conf.d").map { "ld.so.conf.d/" + $0 }
        for name in Self.copied + pieces {
            guard let bytes = Posix.read("/etc/" + name, limit: 16 << 20) else { continue }
            try Posix.write(path + "/etc/" + name, bytes, mode: 0o644)
        }
        if let zone = Posix.target(ofLink: "/etc/localtime"), zone.hasPrefix("/usr/") {
            try Self.link(path + "/etc/localtime", to: zone)
        }
    }

    static func link(_ path: String, to target: String) throws(Failure) {
        guard symlink(target, path) == 0 else { throw Posix.failure("make the link", path) }
    }

    /// Checks that a sandbox's root user, who is nobody in particular on the host, can reach a folder.
    ///
    /// - Parameter field: how the error calls it.
    /// - Throws: `precondition` naming the folder on the way that only its owner may enter.
    package static func checkReachable(_ path: String, field: String) throws(Failure) {
        var prefix = ""
        for part in path.split(separator: "/") {
            prefix += "/" + part
            var status = stat()
            guard stat(prefix, &status) == 0 else { throw Posix.failure("look at", prefix) }
            guard status.st_mode & S_IXOTH != 0 else {
                throw Failure(
                    .precondition,
                    "\(field): \(prefix) has mode 0\(String(status.st_mode & 0o7777, radix: 8)), so containers "
                        + "cannot reach what is below it; run: chmod o+x \(prefix)")
            }
        }
    }
}
