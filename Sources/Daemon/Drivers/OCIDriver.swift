import CLinux
import Glibc
import Model
import Synchronization

/// Makes sandboxes with an OCI runtime (crun or runc) on the machine's own `/usr`. Thread-safe; every call blocks.
package final class OCIDriver: Driver {
    /// What an OCI driver is set up with.
    package struct Configuration: Sendable {
        /// Names this daemon among others on the machine: 1 to 64 of `a–z 0–9 -`. Control groups: `/fnrpc-<instance>`.
        package var instance: String
        /// Host folder for bundles, sockets and runtime state; lost on reboot without harm. It and the folders above
        /// it must let others pass (mode `o+x`): a sandbox's root is nobody in particular on the host.
        package var stateDirectory: String
        /// Host folder of all that the daemon keeps, the state directory at least; no root of a sandbox shows it.
        package var dataDirectory: String
        /// Host folder with `fnrpc-init` and the runtimes' support files; `/.fnrpc` in every sandbox.
        package var runtimeFilesPath: String
        /// `auto` (crun if it works, else runc), `crun`, `runc`, or the path of a program that works like them.
        package var runtime = "auto"
        /// First host user number for sandboxes.
        package var uidBase = IdentityRange.defaultBase
        /// How many numbers; each sandbox takes two.
        package var uidCount = IdentityRange.defaultCount
        /// Whether user namespaces are tried at all.
        package var userNamespaces = true
        /// Most open files of a function (RLIMIT_NOFILE); Fn's value.
        package var openFiles: UInt32 = 350
        /// Files and folders of the machine that functions must not see, absolute, below `/usr` as a rule.
        package var hiddenPaths: [String] = []
        /// Longest time to start a sandbox, nanoseconds.
        package var startNanos: UInt64 = 10_000_000_000
        /// Where `passwd`, `group`, `subuid` and `subgid` are.
        package var accountsFolder = "/etc"
        /// Where control groups are mounted.
        package var cgroupRoot = "/sys/fs/cgroup"

        package init(instance: String, stateDirectory: String, runtimeFilesPath: String) {
            self.instance = instance
            self.stateDirectory = stateDirectory
            dataDirectory = stateDirectory
            self.runtimeFilesPath = runtimeFilesPath
        }
    }

    package let info: DriverInfo
    let configuration: Configuration
    let runtime: OCIRuntime
    let layout: CgroupLayout
    private let root: RootSkeleton
    private let identities: IdentityRange
    private let userNamespace: Bool
    private let machineMounts: [String]

    /// Sets up without trying; ``probe(_:)`` is the front door.
    init(
        _ configuration: Configuration, runtime: OCIRuntime, layout: CgroupLayout, root: RootSkeleton,
        identities: IdentityRange, userNamespace: Bool, info: DriverInfo
    ) {
        self.configuration = configuration
        self.runtime = runtime
        self.layout = layout
        self.root = root
        self.identities = identities
        self.userNamespace = userNamespace
        self.info = info
        machineMounts = MountTable.points()
    }

    /// The same driver with other findings.
    func with(_ info: DriverInfo) -> OCIDriver {
        OCIDriver(
            configuration, runtime: runtime, layout: layout, root: root, identities: identities,
            userNamespace: userNamespace, info: info)
    }

    package func start(_ spec: SandboxSpec) throws(Failure) -> Sandbox {
        let deadline = Instant.now().advanced(byNanoseconds: configuration.startNanos)
        try Self.check(name: spec.id, field: "sandbox id")
        try SandboxSecret.check(spec.secrets)
        let rootFolder = try folder(of: spec.root)
        let resources = OCISandbox(
            id: spec.id, folder: configuration.sandboxesFolder + "/" + spec.id, hasSocket: spec.usesSocket,
            ownRoot: rootFolder == nil ? nil : configuration.rootsFolder + "/" + spec.id,
            group: configuration.cgroup + "/" + spec.id, runtime: runtime, layout: layout, identities: identities,
            identity: try identities.take())
        guard mkdir(resources.folder, 0o700) == 0 else {
            identities.give(resources.identity)
            throw Posix.failure("make the folder", resources.folder)
        }
        do throws(Failure) {
            return try start(spec, rootFolder, resources, deadline)
        } catch {
            resources.release()
            throw error
        }
    }

    package func check(_ root: RuntimeRoot) throws(Failure) { _ = try folder(of: root) }

    /// The folder of a root; `nil` for the machine's own.
    private func folder(of root: RuntimeRoot) throws(Failure) -> RootFolder? {
        switch root {
        case .host: return nil
        case .folder(let path):
            return try RootFolder(
                path, dataDirectory: configuration.dataDirectory, hiddenPaths: configuration.hiddenPaths)
        case .image:
            throw Failure(.precondition, "root: images are not supported by this daemon yet; use host or folder:PATH")
        }
    }

    private func start(
        _ spec: SandboxSpec, _ rootFolder: RootFolder?, _ resources: OCISandbox, _ deadline: Instant
    ) throws(Failure) -> Sandbox {
        try resources.mountSocketFolder()
        try resources.mountSecrets(spec.secrets)
        var root = root
        var mounts = machineMounts
        if let rootFolder, let path = resources.ownRoot {
            root = try RootSkeleton(path: path, showing: rootFolder)
            // The administrator may have mounted it since the daemon started.
            mounts = MountTable.points()
        }
        let bundle = BundleConfiguration(
            spec: spec, root: root, runtimeFilesPath: configuration.runtimeFilesPath,
            socketFolder: resources.socketFolder,
            secretsFolder: spec.secrets.isEmpty ? nil : resources.secretsFolder, identity: resources.identity,
            userNamespace: userNamespace, cgroup: resources.group, limitsSwap: layout.limitsSwap,
            openFiles: configuration.openFiles, hiddenPaths: configuration.hiddenPaths, machineMounts: mounts)
        try Posix.write(resources.folder + "/config.json", bundle.json.bytes, mode: 0o600)

        var descriptors = try SandboxDescriptors(
            pipesStandardIO: spec.pipesStandardIO, owner: resources.identity.function)
        let pidFile = resources.folder + "/pid"
        try runtime.run(
            id: spec.id, bundle: resources.folder, pidFile: pidFile, descriptors: descriptors.inside,
            log: descriptors.daemon.log, until: deadline)
        guard let text = Posix.text(of: pidFile), let pid = pid_t(text.filter { $0 != "\n" }) else {
            throw Failure(.internalError, "\(runtime.name) did not tell the process id of a container")
        }
        let process = fnrpc_pidfd_open(pid)
        guard process >= 0 else { throw Posix.failure("watch", "process 1 of a container", -process) }
        // The number could have been reused if the container ended at once: nobody else is in its control group.
        guard Posix.text(of: "/proc/\(pid)/cgroup")?.contains(resources.group) == true else {
            close(process)
            throw Failure(.internalError, "process 1 of a container ended before it was ready")
        }
        let sandbox = Sandbox(
            id: spec.id, descriptors: descriptors.daemon, process: process, socketFolder: resources.socketFolder,
            resources: resources)
        descriptors.giveOn()
        // From here on the sandbox's end of the control pair must be the only one: its end is how a death is seen.
        _ = consume descriptors
        do throws(Failure) {
            try awaitReady(sandbox, deadline)
        } catch {
            endProcess(process)
            throw error
        }
        resources.unmountSecrets()
        return sandbox
    }

    private func awaitReady(_ sandbox: Sandbox, _ deadline: Instant) throws(Failure) {
        guard !Posix.wait(for: [sandbox.control], until: deadline).isEmpty else {
            throw Failure(.internalError, "process 1 of a container was not ready in time")
        }
        guard sandbox.nextReport() == .report(.ready) else {
            let words = String(decoding: Posix.read(descriptor: sandbox.log, limit: 1024), as: UTF8.self)
            throw Failure(
                .internalError,
                "process 1 of a container ended before it was ready" + (words.isEmpty ? "" : ": \(words)"))
        }
    }

    /// Checks a name that becomes part of paths.
    static func check(name: String, field: String) throws(Failure) {
        let allowed = name.utf8.allSatisfy { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || byte == UInt8(ascii: "-")
                || byte == UInt8(ascii: "_")
        }
        guard (1...64).contains(name.utf8.count), allowed else {
            throw Failure(.invalid, "\(field): \(quoted(name)) is not 1 to 64 of A–Z a–z 0–9 - _")
        }
    }
}

extension OCIDriver.Configuration {
    /// The control group above those of all sandboxes.
    var cgroup: String { "/fnrpc-" + instance }
    /// Bundles and sockets, one folder for each sandbox.
    var sandboxesFolder: String { stateDirectory + "/sandboxes" }
    /// The runtime's own state.
    var runtimeFolder: String { stateDirectory + "/runtime" }
    /// Roots that show an administrator's folder, one for each sandbox that has such.
    var rootsFolder: String { stateDirectory + "/roots" }
    /// The shared root.
    var rootFolder: String { stateDirectory + "/root" }
}
