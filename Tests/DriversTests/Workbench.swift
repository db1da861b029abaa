import CLinux
import Drivers
import Glibc
import Model
import Synchronization
import Testing

/// Which runtime a test uses, and how.
struct Variant: Sendable, CustomTestStringConvertible {
    var runtime = "crun"
    var userNamespaces = true

    static let all = [
        Variant(), Variant(userNamespaces: false), Variant(runtime: "runc"),
        Variant(runtime: "runc", userNamespaces: false),
    ]

    var testDescription: String { runtime + (userNamespaces ? "" : " without user namespaces") }
}

/// A driver on folders of its own, and a package to run.
struct Workbench {
    let folder: String
    let instance: String
    let driver: OCIDriver

    private static let counter = Mutex(0)

    /// Runs `body` with a fresh driver; afterwards nothing of it may be left on the machine.
    static func use(
        _ variant: Variant = Variant(), configure: (inout OCIDriver.Configuration) -> Void = { _ in },
        _ body: (Workbench) throws -> Void
    ) throws {
        let (folder, instance) = try makeFolders()
        defer { Posix.remove(folder) }
        var configuration = configuration(folder, instance, variant)
        configure(&configuration)
        let driver = try OCIDriver.probe(configuration)
        let bench = Workbench(folder: folder, instance: instance, driver: driver)
        defer {
            driver.removeLeftovers()
            bench.expectNothingLeft()
        }
        try body(bench)
    }

    /// A fresh folder with `fnrpc-init` and an empty package in it, and a name of its own.
    static func makeFolders() throws -> (folder: String, instance: String) {
        let number = counter.withLock { counter in
            counter += 1
            return counter
        }
        let instance = "test-\(getpid())-\(number)"
        let folder = "/tmp/fnrpc-" + instance
        try Posix.makeFolder(folder + "/package", mode: 0o755)
        try Posix.write(folder + "/package/open.txt", Array("as it was".utf8), mode: 0o666)
        try buildInit(into: folder + "/runtime-files")
        return (folder, instance)
    }

    static func configuration(_ folder: String, _ instance: String, _ variant: Variant) -> OCIDriver.Configuration {
        var configuration = OCIDriver.Configuration(
            instance: instance, stateDirectory: folder + "/state", runtimeFilesPath: folder + "/runtime-files")
        configuration.runtime = variant.runtime
        configuration.userNamespaces = variant.userNamespaces
        return configuration
    }

    /// The top of the repository.
    static let repository = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

    private static func buildInit(into folder: String) throws {
        try runOnHost(["/bin/sh", repository + "/scripts/build-sandbox", folder])
    }

    /// Runs a command of the machine, which must succeed.
    static func runOnHost(_ command: [String]) throws {
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] = [strdup("PATH=/usr/bin:/bin"), nil]
        defer { for pointer in words + variables { free(pointer) } }
        var pidfd: Int32 = -1
        let mappings = (0...2).map { fnrpc_fd_mapping(source: Int32($0), target: Int32($0)) }
        try #require(fnrpc_spawn(command[0], &words, &variables, mappings, 3, &pidfd) > 0)
        defer { close(pidfd) }
        try #require(!Posix.wait(for: [pidfd], until: inSeconds(60)).isEmpty)
        var exit = fnrpc_exit()
        #expect(fnrpc_pidfd_reap(pidfd, &exit) == 1)
        try #require(exit.code == 0, "\(command) failed")
    }

    /// Puts a file into the package.
    func put(_ name: String, _ text: String) throws {
        try Posix.write(folder + "/package/" + name, Array(text.utf8), mode: 0o644)
    }

    func start(
        _ id: String = "one", pipes: Bool = false, socket: Bool = false, root: RuntimeRoot = .host,
        secrets: [SandboxSecret] = [], edit: (inout FunctionSpec) -> Void = { _ in }
    ) throws -> Sandbox {
        var spec = FunctionSpec(runtime: .shell, entry: "test", format: .default)
        edit(&spec)
        return try driver.start(
            SandboxSpec(
                id: id, spec: spec, packagePath: folder + "/package", usesSocket: socket, pipesStandardIO: pipes,
                root: root, secrets: secrets))
    }

    /// What a command did in a sandbox of its own.
    struct Outcome {
        let exit: SandboxExit
        /// Standard output and error together.
        let text: String
        let ranOutOfMemory: Bool
        var lines: [String] { text.split(separator: "\n").map(String.init) }
    }

    /// Runs a command to its end.
    func run(
        _ command: [String], root: RuntimeRoot = .host, secrets: [SandboxSecret] = [],
        edit: (inout FunctionSpec) -> Void = { _ in }
    ) throws -> Outcome {
        let sandbox = try start(root: root, secrets: secrets, edit: edit)
        defer { sandbox.destroy() }
        try sandbox.assign(command)
        let exit = try sandbox.awaitExit()
        return Outcome(
            exit: exit, text: try readToEnd(sandbox.log), ranOutOfMemory: sandbox.ranOutOfMemory)
    }

    /// Runs a line of shell to its end.
    func shell(
        _ line: String, root: RuntimeRoot = .host, secrets: [SandboxSecret] = [],
        edit: (inout FunctionSpec) -> Void = { _ in }
    ) throws -> Outcome {
        try run(["/bin/sh", "-c", line], root: root, secrets: secrets, edit: edit)
    }

    /// The value of a secret; put together, so that a search for it finds only what leaked.
    static let word = ["hush", "quiet", "41"].joined(separator: "-")

    /// Files below a folder that contain a text, by their paths.
    static func files(in folder: String, containing text: String) -> [String] {
        Posix.names(in: folder).flatMap { name -> [String] in
            let path = folder + "/" + name
            switch Posix.kind(path, followingLinks: false) {
            case .folder: return files(in: path, containing: text)
            case .file: return Posix.text(of: path, limit: 64 << 20)?.contains(text) == true ? [path] : []
            default: return []
            }
        }
    }

    /// Nothing of this instance may be in the control groups, the mounts, or the processes that those hold.
    func expectNothingLeft() {
        for hierarchy in Posix.names(in: "/sys/fs/cgroup") {
            #expect(Posix.kind("/sys/fs/cgroup/\(hierarchy)/fnrpc-\(instance)") == nil)
        }
        #expect(Posix.kind("/sys/fs/cgroup/fnrpc-\(instance)") == nil)
        #expect(MountTable.points().filter { $0.hasPrefix(folder) } == [])
        #expect(Posix.names(in: folder + "/state/sandboxes") == [])
        #expect(Posix.names(in: folder + "/state/roots") == [])
        #expect(Posix.names(in: folder + "/state/runtime").filter { !$0.hasPrefix(".") } == [])
    }
}

func inSeconds(_ seconds: Double) -> Instant { .now().advanced(byNanoseconds: UInt64(seconds * 1e9)) }

/// Everything up to the end of file, which must come.
func readToEnd(_ descriptor: Int32) throws -> String {
    var bytes: [UInt8] = []
    while true {
        try #require(!Posix.wait(for: [descriptor], until: inSeconds(20)).isEmpty, "no end of file")
        let more = Posix.read(descriptor: descriptor, limit: 1 << 20)
        bytes += more
        if more.isEmpty { return String(decoding: bytes, as: UTF8.self) }
    }
}

/// Waits until a line with this text was written.
func readUntil(_ text: String, on descriptor: Int32) throws {
    var seen = ""
    while !seen.contains(text) {
        try #require(!Posix.wait(for: [descriptor], until: inSeconds(20)).isEmpty, "\(text) was not written")
        let more = Posix.read(descriptor: descriptor, limit: 1 << 16)
        try #require(!more.isEmpty, "ended before \(text): \(seen)")
        seen += String(decoding: more, as: UTF8.self)
    }
}

extension Sandbox {
    func assign(_ command: [String]) throws {
        try assign(
            Assignment(arguments: command, environment: ["PATH=/usr/bin:/bin"], workingDirectory: "/function"))
    }

    /// The next event that is not "nothing yet".
    func awaitEvent() throws -> SandboxEvent {
        while true {
            let event = nextReport()
            if event != .pending { return event }
            try #require(!Posix.wait(for: [control], until: inSeconds(30)).isEmpty, "no report came")
        }
    }

    func awaitExit() throws -> SandboxExit {
        while true {
            let event = try awaitEvent()
            if case .report(.exited(let exit)) = event { return exit }
            guard case .report(.started) = event else {
                throw Failure(.internalError, "unexpected \(event)")
            }
        }
    }
}
