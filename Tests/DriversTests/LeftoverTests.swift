import CLinux
import Glibc
import Model
import Testing

@testable import Drivers

/// What a daemon that was killed leaves behind, and that the next one removes it.
@Suite(.serialized) struct LeftoverTests {
    @Test(arguments: Variant.all) func aKilledDaemonsSandboxesEndAndAreRemoved(variant: Variant) throws {
        let (folder, instance) = try Workbench.makeFolders()
        defer { Posix.remove(folder) }
        let exit = try OtherProcess.run(
            "killsItself", [folder, instance, variant.runtime, "\(variant.userNamespaces)"].joined(separator: " "))
        #expect(exit.signal == SIGKILL)
        let lines = try #require(Posix.text(of: folder + "/before")).split(separator: "\n")
        #expect(lines.first == "\(Left(sandboxes: 2, mounts: 2, states: 2, groups: true))")
        #expect(lines.count == 5, "two process 1, and two of the function")
        // They end by themselves: nobody has to start a daemon for it.
        for process in lines.dropFirst().compactMap({ pid_t($0) }) {
            let pidfd = fnrpc_pidfd_open(process)
            guard pidfd >= 0 else { continue }
            defer { close(pidfd) }
            #expect(Posix.wait(for: [pidfd], until: inSeconds(10)) == [pidfd])
            // This process is a subreaper, so they became its children.
            var exit = fnrpc_exit()
            _ = fnrpc_pidfd_reap(pidfd, &exit)
        }
        // Nobody has cleaned up yet.
        #expect(Workbench.files(in: folder, containing: Workbench.word) == [])
        let next = try OCIDriver.probe(Workbench.configuration(folder, instance, variant))
        let bench = Workbench(folder: folder, instance: instance, driver: next)
        #expect(bench.left == Left(sandboxes: 0, mounts: 0, states: 0, groups: true))
        // The ids can be used again.
        try bench.start("running", socket: true).destroy()
        next.removeLeftovers()
        next.removeLeftovers()
        bench.expectNothingLeft()
    }

    /// The daemon of the test above: it starts sandboxes and is killed.
    @Test(.enabled(if: OtherProcess.argument != nil)) func killsItself() throws {
        let words = try #require(OtherProcess.argument).split(separator: " ").map(String.init)
        let (folder, instance) = (words[0], words[1])
        let variant = Variant(runtime: words[2], userNamespaces: words[3] == "true")
        let driver = try OCIDriver.probe(Workbench.configuration(folder, instance, variant))
        let bench = Workbench(folder: folder, instance: instance, driver: driver)
        let secret = try SandboxSecret(name: try Name("word", field: "secret"), value: Array(Workbench.word.utf8))
        let function = try bench.start("running", socket: true, secrets: [secret])
        try function.assign([
            "sh", "-c", "trap '' TERM HUP; setsid sleep 1000 & grep -q quiet /run/secrets/word && echo up; wait",
        ])
        try readUntil("up", on: function.log)
        let waiting = try bench.start("waiting", socket: true)
        try withExtendedLifetime(waiting) {
            let processes = try CgroupLayout().processes(in: "/fnrpc-" + instance)
            let lines = ["\(bench.left)"] + processes.map { "\($0)" }
            try Posix.write(folder + "/before", Array(lines.joined(separator: "\n").utf8), mode: 0o600)
            kill(getpid(), SIGKILL)
        }
    }

    /// Without the end of a control descriptor: processes that still live are killed.
    @Test(arguments: Variant.all) func livingSandboxesAreRemoved(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let sandbox = try bench.start(socket: true)
            try sandbox.assign(["sh", "-c", "trap '' TERM HUP; echo up; sleep 1000"])
            try readUntil("up", on: sandbox.log)
            bench.driver.removeLeftovers()
            bench.expectNothingLeft()
            #expect(Posix.wait(for: [sandbox.process], until: inSeconds(10)) == [sandbox.process])
            sandbox.destroy()
            try bench.start().destroy()
        }
    }

    @Test func aFailedStartLeavesNothing() throws {
        try Workbench.use { bench in
            let spec = FunctionSpec(runtime: .shell, entry: "x", format: .default)
            var failure = try #require(throws: Failure.self) {
                try bench.driver.start(
                    SandboxSpec(
                        id: "one", spec: spec, packagePath: bench.folder + "/nowhere", usesSocket: true,
                        pipesStandardIO: false))
            }
            #expect(failure.code == .internalError)
            #expect(failure.message.contains("nowhere"), "\(failure)")
            #expect(bench.left == Left(sandboxes: 0, mounts: 0, states: 0, groups: true))

            let first = try bench.start("one")
            defer { first.destroy() }
            #expect(throws: Failure.self) { try bench.start("one") }
            #expect(first.nextReport() == .pending, "the first of that name was hurt")
            for id in ["", "a/b", "..", String(repeating: "x", count: 65), "ä"] {
                failure = try #require(throws: Failure.self) { try bench.start(id) }
                #expect(failure.code == .invalid)
            }
        }
    }

    @Test func theNumberRangeBoundsTheSandboxes() throws {
        try Workbench.use(configure: { $0.uidCount = 4 }) { bench in
            let first = try bench.start("one")
            let second = try bench.start("two")
            defer { second.destroy() }
            let failure = try #require(throws: Failure.self) { try bench.start("three") }
            #expect(failure.code == .busy)
            first.destroy()
            try bench.start("three").destroy()
        }
    }

    @Test func noDescriptorAndNoZombieStays() throws {
        #expect(try OtherProcess.run("usesUpNothing", "-").code == 0)
    }

    /// In a process of its own, where nothing else opens descriptors or has children.
    @Test(.enabled(if: OtherProcess.argument != nil)) func usesUpNothing() throws {
        try Workbench.use { bench in
            try bench.start("warm", pipes: true, socket: true).destroy()
            let before = Posix.names(in: "/proc/self/fd")
            for number in 0..<5 {
                try bench.start("n\(number)", pipes: number % 2 == 0, socket: true).destroy()
                let spec = FunctionSpec(runtime: .shell, entry: "x", format: .default)
                #expect(throws: Failure.self) {
                    try bench.driver.start(
                        SandboxSpec(
                            id: "fails", spec: spec, packagePath: "/nowhere", usesSocket: true,
                            pipesStandardIO: number % 2 == 1))
                }
            }
            #expect(Posix.names(in: "/proc/self/fd") == before)
            let children = Posix.names(in: "/proc/self/task").map { thread in
                (Posix.text(of: "/proc/self/task/\(thread)/children") ?? "").split(separator: " ").count
            }
            // The runtime's last orphan may end after the last look.
            #expect(children.reduce(0, +) <= 2)
        }
    }
}

/// Runs one test of this bundle in a process of its own.
private enum OtherProcess {
    private static let variable = "FNRPC_TEST_ARGUMENT="

    /// What such a process was given; `nil` in the process that runs all tests.
    static var argument: String? {
        environment.first { $0.hasPrefix(variable) }.map { String($0.dropFirst(variable.count)) }
    }

    private static var environment: [String] {
        (Posix.text(of: "/proc/self/environ") ?? "").split(separator: "\0").map(String.init)
    }

    static func run(_ test: String, _ argument: String) throws -> fnrpc_exit {
        let program = try #require(Posix.target(ofLink: "/proc/self/exe"))
        let command = [program, "--testing-library", "swift-testing", "--filter", "LeftoverTests/" + test]
        var words: [UnsafeMutablePointer<CChar>?] = command.map { strdup($0) } + [nil]
        var variables: [UnsafeMutablePointer<CChar>?] =
            (environment + [variable + argument]).map { strdup($0) } + [nil]
        defer { for pointer in words + variables { free(pointer) } }
        var pidfd: Int32 = -1
        let mappings = (0...2).map { fnrpc_fd_mapping(source: Int32($0), target: Int32($0)) }
        try #require(fnrpc_spawn(program, &words, &variables, mappings, 3, &pidfd) > 0)
        defer { close(pidfd) }
        try #require(!Posix.wait(for: [pidfd], until: inSeconds(60)).isEmpty, "\(test) hangs")
        var exit = fnrpc_exit()
        #expect(fnrpc_pidfd_reap(pidfd, &exit) == 1)
        return exit
    }
}

/// What is on the machine for one instance.
private struct Left: Equatable, CustomStringConvertible {
    var sandboxes: Int
    var mounts: Int
    var states: Int
    var groups: Bool

    var description: String { "\(sandboxes) sandboxes, \(mounts) mounts, \(states) states, groups: \(groups)" }
}

extension Workbench {
    fileprivate var left: Left {
        Left(
            sandboxes: Posix.names(in: folder + "/state/sandboxes").count,
            mounts: MountTable.points().filter { $0.hasPrefix(folder) }.count,
            states: Posix.names(in: folder + "/state/runtime").filter { !$0.hasPrefix(".") }.count,
            groups: Posix.kind("/sys/fs/cgroup/memory/fnrpc-" + instance) != nil
                || Posix.kind("/sys/fs/cgroup/fnrpc-" + instance) != nil)
    }
}
