import Model

/// What one sandbox's `config.json` is made from: the full profile, with no switch that weakens it.
package struct BundleConfiguration: Sendable {
    package let spec: SandboxSpec
    package let root: RootSkeleton
    /// Host folder with `fnrpc-init` and the runtimes' files; `/.fnrpc` inside.
    package let runtimeFilesPath: String
    /// Host folder of the function's socket; `nil` if it has none.
    package let socketFolder: String?
    /// Host folder of the file system with the secrets; `nil` if there are none.
    package let secretsFolder: String?
    package let identity: IdentityRange.Pair
    package let userNamespace: Bool
    package let cgroup: String
    package let limitsSwap: Bool
    package let openFiles: UInt32
    /// Paths of the machine that the administrator hides from functions.
    package let hiddenPaths: [String]
    /// The machine's mounts that lie below folders which are bound: those need a recursive bind.
    package let machineMounts: [String]

    /// The user and group number of a function inside a user namespace.
    package static let functionUser: UInt32 = 1000
    /// Where the socket directory is inside.
    package static let socketMount = "/tmp/iofs"
    /// Where the file system with the secrets is inside; they are in its folder `secrets`.
    package static let secretsMount = "/run"

    /// The text of `config.json`.
    package var json: JSON {
        .object([
            ("ociVersion", .string("1.0.2")),
            ("root", .object([("path", .string(root.path)), ("readonly", .bool(true))])),
            ("hostname", .string("fnrpc")),
            ("process", process),
            ("mounts", .array(mounts)),
            ("linux", linux),
        ])
    }

    private var process: JSON {
        let user = Int64(userNamespace ? Self.functionUser : identity.function)
        let sets = ["bounding", "effective", "inheritable", "permitted", "ambient"]
        return .object([
            ("terminal", .bool(false)),
            ("user", .object([("uid", .number(user)), ("gid", .number(user))])),
            ("args", .strings(["/.fnrpc/fnrpc-init"])),
            ("env", .strings(["PATH=/usr/local/bin:/usr/bin:/bin"])),
            ("cwd", .string("/")),
            ("noNewPrivileges", .bool(true)),
            // When the machine itself runs out of memory, functions go before the daemon.
            ("oomScoreAdj", .number(500)),
            ("capabilities", .object(sets.map { ($0, .array([])) })),
            ("rlimits", .array(limits)),
        ])
    }

    /// Values as Fn sets them (Docker driver), without core files.
    private var limits: [JSON] {
        [
            ("RLIMIT_NOFILE", Int64(openFiles)), ("RLIMIT_CORE", 0), ("RLIMIT_MEMLOCK", 65_536),
            ("RLIMIT_SIGPENDING", 5000), ("RLIMIT_MSGQUEUE", 819_200),
        ].map { .object([("type", .string($0)), ("soft", .number($1)), ("hard", .number($1))]) }
    }

    private var mounts: [JSON] {
        let temporaryMiB = Int64(spec.spec.tmpMiB)
        let sharedMiB = min(temporaryMiB, 64)
        var mounts = [
            mount("/proc", "proc", "proc", ["nosuid", "noexec", "nodev"]),
            mount(
                "/dev", "tmpfs", "tmpfs", ["nosuid", "noexec", "strictatime", "mode=755", "size=64k", "nr_inodes=64"]),
            mount(
                "/dev/shm", "tmpfs", "shm",
                ["nosuid", "noexec", "nodev", "mode=1777", "size=\(sharedMiB)m", "nr_inodes=1024"]),
            // An inode for every 4 KiB: small files may fill it, empty ones may not fill the kernel.
            mount(
                "/tmp", "tmpfs", "tmp",
                ["nosuid", "nodev", "mode=1777", "size=\(temporaryMiB)m", "nr_inodes=\(max(temporaryMiB * 256, 1024))"]),
        ]
        mounts += root.binds.flatMap { bind($0.destination, from: $0.source) }
        mounts += bind("/function", from: spec.packagePath) + bind("/.fnrpc", from: runtimeFilesPath)
        if spec.spec.network == .host && root.hasResolver {
            mounts += bind("/etc/resolv.conf", from: "/etc/resolv.conf")
        }
        if let socketFolder {
            mounts.append(
                mount(Self.socketMount, "bind", socketFolder, ["bind", "rw", "nosuid", "nodev", "noexec"]))
        }
        if let secretsFolder {
            mounts.append(
                mount(Self.secretsMount, "bind", secretsFolder, ["bind", "ro", "nosuid", "nodev", "noexec"]))
        }
        return mounts
    }

    private func mount(_ destination: String, _ type: String, _ source: String, _ options: [String]) -> JSON {
        .object([
            ("destination", .string(destination)), ("type", .string(type)), ("source", .string(source)),
            ("options", .strings(options)),
        ])
    }

    /// Read-only, without devices and setuid. A folder with other mounts in it is bound with them, every one read-only:
    /// in a user namespace the kernel refuses to leave them out, because that could uncover what they hide. There crun
    /// (1.8) binds the folder alone whatever it is told, so each of them is bound once more.
    private func bind(_ destination: String, from source: String) -> [JSON] {
        var sources = [source]
        for mount in machineMounts where mount.hasPrefix(source + "/") && !sources.contains(mount) {
            // One that others cover is not to be found.
            if Posix.kind(mount) != nil { sources.append(mount) }
        }
        return sources.map { path in
            let recursive = machineMounts.contains { $0.hasPrefix(path + "/") }
            var options = recursive ? ["rbind", "ro", "rro"] : ["bind", "ro"]
            // Such a mount forbids this in a user namespace too; a folder itself is bound because programs are in it.
            if path != source && Posix.forbidsPrograms(path) { options.append("noexec") }
            return mount(
                destination + path.dropFirst(source.count), "bind", path, options + ["nosuid", "nodev"])
        }
    }

    private var linux: JSON {
        var namespaces = ["pid", "mount", "uts", "ipc", "cgroup"]
        if spec.spec.network == .none { namespaces.append("network") }
        var members: [(String, JSON)] = []
        if userNamespace {
            namespaces.append("user")
            let mappings = JSON.array([
                mapping(inside: 0, outside: identity.root),
                mapping(inside: Self.functionUser, outside: identity.function),
            ])
            members += [("uidMappings", mappings), ("gidMappings", mappings)]
        }
        members += [
            ("namespaces", .array(namespaces.map { .object([("type", .string($0))]) })),
            ("cgroupsPath", .string(cgroup)),
            ("resources", resources),
            ("seccomp", SeccompProfile.json),
            ("maskedPaths", .strings(Self.maskedPaths + (root.isHost ? hiddenPaths : []))),
            ("readonlyPaths", .strings(Self.readOnlyPaths)),
        ]
        return .object(members)
    }

    private func mapping(inside: UInt32, outside: UInt32) -> JSON {
        .object([
            ("containerID", .number(Int64(inside))), ("hostID", .number(Int64(outside))), ("size", .number(1)),
        ])
    }

    private var resources: JSON {
        let bytes = Int64(spec.spec.memoryMiB) << 20
        var memory: [(String, JSON)] = [("limit", .number(bytes))]
        // Memory and swap together: no swap for functions.
        if limitsSwap { memory.append(("swap", .number(bytes))) }
        var members: [(String, JSON)] = [
            ("memory", .object(memory)),
            ("pids", .object([("limit", .number(Int64(spec.spec.pids)))])),
        ]
        if let processor { members.append(("cpu", processor)) }
        return .object(members)
    }

    /// So much of each 100 ms; of a longer period where that would be below 1 ms, the least that the kernel takes
    /// (Documentation/scheduler/sched-bwc.rst).
    private var processor: JSON? {
        let milli = Int64(spec.spec.cpuMilli)
        guard milli > 0 else { return nil }
        let period = max(100_000, 1_000_000 / milli)
        return .object([("quota", .number(max(period * milli / 1000, 1000))), ("period", .number(period))])
    }

    /// What tells about the machine or lets it be changed.
    private static let maskedPaths = [
        "/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/key-users", "/proc/kallsyms",
        "/proc/kpagecount",
        "/proc/kpageflags", "/proc/latency_stats", "/proc/modules", "/proc/sched_debug", "/proc/scsi", "/proc/slabinfo",
        "/proc/sysrq-trigger", "/proc/timer_list", "/proc/timer_stats", "/proc/vmallocinfo", "/sys/firmware",
    ]
    private static let readOnlyPaths = ["/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys"]
}
