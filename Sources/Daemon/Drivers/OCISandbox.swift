import CLinux
import Glibc
import Model

/// What a sandbox of the OCI driver holds on the host.
struct OCISandbox: SandboxResources {
    let id: String
    /// The bundle; also holds the socket directory.
    let folder: String
    let hasSocket: Bool
    /// A root that no other sandbox has; `nil` if it is the shared one.
    let ownRoot: String?
    /// Its control group in every hierarchy.
    let group: String
    let runtime: OCIRuntime
    let layout: CgroupLayout
    let identities: IdentityRange
    let identity: IdentityRange.Pair

    /// The socket directory; `nil` if the function has none.
    var socketFolder: String? { hasSocket ? folder + "/socket" : nil }

    var ranOutOfMemory: Bool { layout.memoryKills(in: group) > 0 }

    var processorNanos: UInt64? { layout.processorNanos(of: group) }

    /// The kernel sends the signal when the thread that is the parent ends; the daemon's first one lives as long as the
    /// daemon. Until the last process of the runtime is gone, that one is the parent.
    var canBeTied: Bool {
        let process = getpid()
        guard let text = Posix.text(of: folder + "/pid") else { return false }
        let children = Posix.text(of: "/proc/self/task/\(process)/children", limit: 1 << 24) ?? ""
        return children.split(separator: " ").contains(text.split(separator: "\n").first ?? "")
    }

    func makeFreezer() -> Freezer? { Freezer(group, in: layout) }

    /// Makes the socket directory a file system of its own, so that a function cannot fill the host's.
    func mountSocketFolder() throws(Failure) {
        guard let socketFolder else { return }
        try Posix.makeFolder(socketFolder, mode: 0o700)
        let owner = identity.function
        let result = fnrpc_mount_tmpfs(socketFolder, "size=64k,nr_inodes=16,mode=0700,uid=\(owner),gid=\(owner)")
        guard result == 0 else { throw Posix.failure("mount", socketFolder, -result) }
    }

    func release() {
        runtime.delete(id)
        if let socketFolder { _ = fnrpc_unmount(socketFolder) }
        unmountSecrets()
        Posix.remove(folder)
        if let ownRoot { Posix.remove(ownRoot) }
        // Runtimes remove the group as a rule; after a failed start they may not.
        layout.kill(group, until: .now().advanced(byNanoseconds: 10_000_000_000))
        layout.remove(group)
        identities.give(identity)
    }
}
