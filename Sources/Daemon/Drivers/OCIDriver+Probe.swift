import CLinux
import Glibc
import Model

extension OCIDriver {
    /// Finds a way to make sandboxes that works on this machine, by making one with each candidate.
    ///
    /// Removes the leftovers of an earlier daemon of this instance. The caller makes sure that no other daemon uses the
    /// same state directory or instance name. Orphans of this process's children become its children from here on.
    ///
    /// - Throws: `precondition` or `invalid` with what is wrong and what to do about it.
    package static func probe(_ wanted: Configuration) throws(Failure) -> OCIDriver {
        var configuration = wanted
        try check(name: configuration.instance, field: "instance")
        try checkFiles(configuration)
        let identities = try IdentityRange(base: configuration.uidBase, count: configuration.uidCount)
        try identities.check(folder: configuration.accountsFolder)
        let layout = try CgroupLayout(root: configuration.cgroupRoot)
        let result = fnrpc_become_subreaper()
        guard result == 0 else { throw Posix.failure("become", "the parent of containers", -result) }

        // Only what containers must reach is open to others.
        try Posix.makeFolder(configuration.stateDirectory, mode: 0o711)
        // The kernel's mount table knows no links.
        configuration.stateDirectory = Posix.resolved(configuration.stateDirectory) ?? configuration.stateDirectory
        try Posix.makeFolder(configuration.sandboxesFolder, mode: 0o700)
        try Posix.makeFolder(configuration.runtimeFolder, mode: 0o700)
        try Posix.makeFolder(configuration.rootsFolder, mode: 0o711)
        try RootSkeleton.checkReachable(configuration.stateDirectory, field: "state directory")

        let names = configuration.runtime == "auto" ? ["crun", "runc"] : [configuration.runtime]
        let runtimes = names.compactMap { OCIRuntime($0, stateFolder: configuration.runtimeFolder) }
        removeLeftovers(configuration, layout, runtimes: runtimes)
        let root = try RootSkeleton(path: configuration.rootFolder)

        var problems = names.filter { name in !runtimes.contains { $0.name == name } }.map { "\($0) is not installed" }
        for runtime in runtimes {
            do throws(Failure) {
                let version = try runtime.version()
                for userNamespace in configuration.userNamespaces ? [true, false] : [false] {
                    let info = DriverInfo(
                        runtime: version, cgroupLayout: layout.kind, userNamespaces: userNamespace, interpreters: [:])
                    do throws(Failure) {
                        return try OCIDriver(
                            configuration, runtime: runtime, layout: layout, root: root, identities: identities,
                            userNamespace: userNamespace, info: info
                        ).tried()
                    } catch {
                        problems.append("\(userNamespace ? "" : "without a user namespace, ")\(error.message)")
                    }
                }
            } catch {
                problems.append(error.message)
            }
        }
        removeLeftovers(configuration, layout, runtimes: runtimes)
        throw Failure(
            .precondition,
            "no container runtime works here: \(problems.joined(separator: "; "))" + advice(layout, runtimes.isEmpty))
    }

    /// What usually helps.
    private static func advice(_ layout: CgroupLayout, _ nothingInstalled: Bool) -> String {
        if nothingInstalled { return "; run: apt-get install crun" }
        guard layout.kind == .hybrid, let controller = layout.controllersBesideV1.first else { return "" }
        let folder = "/sys/fs/cgroup/\(controller)"
        return "; the controllers \(layout.controllersBesideV1.joined(separator: ", ")) are not in the v1 hierarchies, "
            + "which crun cannot use; for each, run: mkdir -p \(folder) && mount -t cgroup -o \(controller) cgroup \(folder)"
    }

    private static func checkFiles(_ configuration: Configuration) throws(Failure) {
        for (field, path) in [
            ("state directory", configuration.stateDirectory), ("runtime files", configuration.runtimeFilesPath),
        ] where !path.hasPrefix("/") || path.utf8.contains(0) {
            throw Failure(.invalid, "\(field): \(quoted(path)) is not an absolute path")
        }
        for path in configuration.hiddenPaths where !path.hasPrefix("/") {
            throw Failure(.invalid, "hidden paths: \(quoted(path)) is not an absolute path")
        }
        let program = configuration.runtimeFilesPath + "/fnrpc-init"
        guard access(program, X_OK) == 0, Posix.kind(program) == .file else {
            throw Failure(
                .precondition, "runtime files: \(program) is not there or is no program; build it with: make build")
        }
        guard (16...1_048_576).contains(configuration.openFiles) else {
            throw Failure(.invalid, "open files: \(configuration.openFiles) is out of range; 16 to 1048576")
        }
    }

    /// Makes a sandbox, runs a program in it, and asks the interpreters who they are.
    private func tried() throws(Failure) -> OCIDriver {
        let echoed = try output(of: ["/bin/sh", "-c", "echo fnrpc"])
        guard echoed == "fnrpc" else {
            throw Failure(.internalError, "\(runtime.name): a program in a container answered \(quoted(echoed))")
        }
        var interpreters: [FunctionSpec.Runtime: String] = [:]
        if let python = try? output(of: ["/usr/bin/python3", "--version"]), !python.isEmpty {
            interpreters[.python] = python
        }
        // A POSIX shell has no common way to tell its version; the file behind the link tells which it is.
        if let shell = try? output(of: ["/usr/bin/readlink", "-f", "/bin/sh"]), !shell.isEmpty {
            interpreters[.shell] = shell
        }
        return with(
            DriverInfo(
                runtime: info.runtime, cgroupLayout: info.cgroupLayout, userNamespaces: info.userNamespaces,
                interpreters: interpreters))
    }

    /// What a command prints in a sandbox of its own, without the line end.
    private func output(of command: [String]) throws(Failure) -> String {
        let deadline = Instant.now().advanced(byNanoseconds: configuration.startNanos)
        var spec = FunctionSpec(runtime: .binary, entry: "probe", format: .default)
        spec.tmpMiB = 1
        let sandbox = try start(
            SandboxSpec(
                id: "probe", spec: spec, packagePath: configuration.rootFolder + "/function", usesSocket: false,
                pipesStandardIO: true))
        defer { sandbox.destroy() }
        sandbox.closeInput()
        try sandbox.assign(Assignment(arguments: command, environment: ["LC_ALL=C"], workingDirectory: "/"))
        while true {
            switch sandbox.nextReport() {
            case .report(.exited(let exit)):
                let bytes = sandbox.output.map { Posix.read(descriptor: $0, limit: 4096) } ?? []
                guard exit.code == 0 else {
                    let words = String(decoding: Posix.read(descriptor: sandbox.log, limit: 4096), as: UTF8.self)
                    throw Failure(
                        .internalError, "\(command[0]) \(sandbox.describe(exit)) in a container: \(quoted(words))")
                }
                return String(decoding: bytes, as: UTF8.self).split(separator: "\n").first.map(String.init) ?? ""
            case .report(.execFailed(let code)):
                throw Failure(.internalError, "\(command[0]) cannot be started in a container: \(Posix.text(code))")
            case .gone:
                throw Failure(.internalError, "a container ended before \(command[0]) did")
            case .report, .pending:
                guard !Posix.wait(for: [sandbox.control], until: deadline).isEmpty else {
                    throw Failure(.internalError, "\(command[0]) took too long in a container")
                }
            }
        }
    }
}
