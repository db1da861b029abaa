import Glibc
import Model
import Testing

@testable import Drivers

/// What the probe finds, and what it says when something is wrong.
@Suite(.serialized) struct ProbeTests {
    @Test func findsTheMachinesMeans() throws {
        try Workbench.use(configure: { $0.runtime = "auto" }) { bench in
            let info = bench.driver.info
            #expect(info.runtime.hasPrefix("crun version ") || info.runtime.hasPrefix("runc version "))
            #expect(info.interpreters[.python]?.hasPrefix("Python 3.") == true)
            #expect(info.interpreters[.shell]?.hasPrefix("/usr/bin/") == true)
            #expect(info.interpreters[.binary] == nil)
            let layout = try CgroupLayout()
            #expect(info.cgroupLayout == layout.kind)
        }
    }

    @Test func refusedConfigurations() throws {
        let (folder, instance) = try Workbench.makeFolders()
        defer { Posix.remove(folder) }
        try Posix.makeFolder(folder + "/accounts", mode: 0o755)
        try Posix.write(folder + "/accounts/subuid", Array("eve:1879048000:65536\n".utf8), mode: 0o644)
        try Posix.makeFolder(folder + "/closed/state", mode: 0o711)
        #expect(chmod(folder + "/closed", 0o700) == 0)
        let cases: [((inout OCIDriver.Configuration) -> Void, Failure.Code, String)] = [
            ({ $0.instance = "a/b" }, .invalid, "instance: \"a/b\" is not"),
            ({ $0.stateDirectory = "state" }, .invalid, "state directory: \"state\" is not an absolute path"),
            ({ $0.stateDirectory = folder + "/closed/state" }, .precondition, "run: chmod o+x \(folder)/closed"),
            ({ $0.runtimeFilesPath = folder }, .precondition, "fnrpc-init is not there"),
            ({ $0.hiddenPaths = ["usr"] }, .invalid, "hidden paths"),
            ({ $0.openFiles = 3 }, .invalid, "open files: 3 is out of range"),
            ({ $0.uidBase = 1000 }, .invalid, "uid range: 1000 with 65536 numbers is out of range"),
            ({ $0.uidBase = 4_294_950_000 }, .invalid, "uid range"),
            (
                { $0.accountsFolder = folder + "/accounts" }, .precondition,
                "1879048000 to 1879113535 of \"eve\" in \(folder)/accounts/subuid"
            ),
            ({ $0.cgroupRoot = folder }, .precondition, "nothing is mounted at"),
            ({ $0.runtime = "nowhere" }, .precondition, "nowhere is not installed; run: apt-get install crun"),
            ({ $0.runtime = "/bin/false" }, .precondition, "works here: /bin/false --version failed: "),
        ]
        for (edit, code, message) in cases {
            var configuration = Workbench.configuration(folder, instance, Variant())
            edit(&configuration)
            let failure = try #require(throws: Failure.self) { try OCIDriver.probe(configuration) }
            #expect(failure.code == code)
            #expect(failure.message.contains(message), "\(failure)")
        }
    }

    @Test func aSandboxStartsInTime() throws {
        try Workbench.use { bench in
            var nanoseconds: [UInt64] = []
            for number in 0..<10 {
                let before = Instant.now()
                let sandbox = try bench.start("s\(number)", socket: true)
                nanoseconds.append(Instant.now().nanoseconds(since: before))
                sandbox.destroy()
            }
            // Some 15 ms alone on two cores; the bound catches a wait for a clock, not a busy machine.
            #expect(nanoseconds.sorted()[5] < 500_000_000)
        }
    }
}

@Suite struct IdentityRangeTests {
    @Test func pairsAreUsedAgainOnlyWhenGivenBack() throws {
        let range = try IdentityRange(base: 100_000, count: 5)
        let first = try range.take()
        let second = try range.take()
        #expect(first == IdentityRange.Pair(function: 100_000, root: 100_001))
        #expect(second == IdentityRange.Pair(function: 100_002, root: 100_003))
        #expect(throws: Failure.self) { try range.take() }
        range.give(first)
        #expect(try range.take() == first)
    }

    @Test(arguments: [
        ("passwd", "a:x:100003:5::/:/bin/sh", true), ("passwd", "a:x:99999:100001::/:/bin/sh", false),
        ("passwd", "a:x:100004:5::/:/bin/sh", false), ("group", "g:x:100000:", true), ("group", "g:x:5:", false),
        ("subuid", "a:0:100001", true), ("subuid", "a:0:100000", false), ("subgid", "a:100003:1", true),
        ("subgid", "a:100004:65536", false), ("subgid", "a:100000:0", false),
        ("subuid", "a:4294967295:4294967295", false),
        ("passwd", "\n:::\nnonsense\n", false),
    ]) func clashes(file: String, line: String, clashes: Bool) throws {
        let (folder, _) = try Workbench.makeFolders()
        defer { Posix.remove(folder) }
        try Posix.write(folder + "/" + file, Array((line + "\n").utf8), mode: 0o644)
        let range = try IdentityRange(base: 100_000, count: 4)
        if clashes {
            let failure = try #require(throws: Failure.self) { try range.check(folder: folder) }
            #expect(failure.code == .precondition && failure.message.contains(folder + "/" + file), "\(failure)")
        } else {
            try range.check(folder: folder)
        }
    }
}
