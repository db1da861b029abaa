import Drivers
import Glibc
import Model
import Testing

/// What the machine can give, on trees made for the purpose and on this machine.
@Suite struct MachineResourcesTests {
    private let meminfo = "MemTotal:       25165824 kB\nMemFree:  9 kB\nMemAvailable:   20971520 kB\nSwapTotal: 1 kB\n"
    private let status = "Name:\tfnrpcd\nCpus_allowed:\tf1\nCpus_allowed_list:\t0,4-7\n"

    private func resources(_ files: [String: String]) throws -> MachineResources {
        var template = Array("/tmp/fnrpc-machine-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { Posix.remove(root) }
        let all = ["proc/meminfo": meminfo, "proc/self/status": status].merging(files) { $1 }
        for (path, text) in all {
            let folder = root + "/" + (path.split(separator: "/").dropLast().joined(separator: "/"))
            try Posix.makeFolder(folder, mode: 0o755)
            try Posix.write(root + "/" + path, Array(text.utf8), mode: 0o644)
        }
        return try MachineResources(proc: root + "/proc", cgroups: try CgroupLayout(root: root + "/cgroup"))
    }

    private static let gib: UInt64 = 1024

    @Test func withoutLimitsItIsWhatIsAvailable() throws {
        let found = try resources(["cgroup/cgroup.controllers": "", "cgroup/cgroup.procs": ""])
        // A tenth of 20 GiB stays.
        #expect(found.headRoomMiB == 2 * Self.gib)
        #expect(found.usable == Resources(memoryMiB: 18 * Self.gib, cpuMilli: 5000))
    }

    @Test func v2LimitsOfEveryGroupAboveCount() throws {
        let found = try resources([
            "cgroup/cgroup.controllers": "cpu memory", "cgroup/cgroup.procs": "", "proc/self/cgroup": "0::/a/b/c\n",
            "cgroup/a/b/c/memory.max": "max\n", "cgroup/a/b/memory.max": "8589934592\n",
            "cgroup/a/memory.max": "17179869184\n", "cgroup/a/b/c/cpu.max": "250000 100000\n",
            "cgroup/a/cpu.max": "max 100000\n",
            // Of somebody else.
            "cgroup/other/memory.max": "1048576\n", "cgroup/a/b/c/d/memory.max": "1048576\n",
        ])
        #expect(found.usable == Resources(memoryMiB: 8 * Self.gib - 819, cpuMilli: 2500))
    }

    @Test func v1LimitsOfTheRightHierarchyCount() throws {
        let found = try resources([
            "cgroup/memory/cgroup.procs": "", "cgroup/cpu,cpuacct/cgroup.procs": "", "cgroup/systemd/cgroup.procs": "",
            "proc/self/cgroup": "4:memory:/box\n3:cpu,cpuacct:/box\n1:name=systemd:/unit\n",
            "cgroup/memory/memory.limit_in_bytes": "9223372036854771712\n",
            "cgroup/memory/box/memory.limit_in_bytes": "1073741824\n",
            "cgroup/cpu,cpuacct/box/cpu.cfs_quota_us": "50000\n",
            "cgroup/cpu,cpuacct/box/cpu.cfs_period_us": "100000\n",
            "cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1\n", "cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000\n",
        ])
        // The least head room is 256 MiB.
        #expect(found.headRoomMiB == 256)
        #expect(found.usable == Resources(memoryMiB: 768, cpuMilli: 500))
    }

    @Test func hybridLimitsCountOnBothSides() throws {
        let found = try resources([
            "cgroup/memory/cgroup.procs": "", "cgroup/unified/cgroup.procs": "",
            "cgroup/unified/cgroup.controllers": "cpu",
            "proc/self/cgroup": "4:memory:/x\n0::/y\n", "cgroup/memory/x/memory.limit_in_bytes": "2147483648\n",
            "cgroup/unified/y/cpu.max": "100000 100000\n",
        ])
        #expect(found.usable == Resources(memoryMiB: 2048 - 256, cpuMilli: 1000))
    }

    /// The path is the host's, the tree starts at the container's own group.
    @Test func groupOutsideOfTheTreeIsItsRoot() throws {
        let found = try resources([
            "cgroup/cgroup.controllers": "", "cgroup/cgroup.procs": "", "proc/self/cgroup": "0::/../../docker/abc\n",
            "cgroup/memory.max": "4294967296\n",
        ])
        #expect(found.usable.memoryMiB == 4096 - 409)
    }

    @Test func headRoomIsBounded() throws {
        let empty = ["cgroup/cgroup.controllers": "", "cgroup/cgroup.procs": ""]
        let large = try resources(empty.merging(["proc/meminfo": "MemAvailable: 104857600 kB\n"]) { $1 })
        #expect(large.headRoomMiB == 5 * Self.gib && large.usable.memoryMiB == 95 * Self.gib)
        let small = try resources(empty.merging(["proc/meminfo": "MemTotal: 204800 kB\n"]) { $1 })
        #expect(small.headRoomMiB == 100 && small.usable.memoryMiB == 100)
        #expect(throws: Failure.self) { try resources(empty.merging(["proc/meminfo": "nothing\n"]) { $1 }) }
    }

    @Test func thisMachineHasSome() throws {
        let found = try MachineResources(cgroups: try CgroupLayout())
        #expect(found.usable.memoryMiB > 0 && found.headRoomMiB > 0)
        let processors = UInt64(sysconf(Int32(_SC_NPROCESSORS_CONF)))
        #expect((1...processors * 1000).contains(found.usable.cpuMilli))
    }
}

/// Freezing, by the kernel and on trees made for the purpose.
@Suite struct FreezerTests {
    /// The v2 tree wins wherever there is one.
    @Test(arguments: [
        (["memory", "freezer", "unified"], "unified/g/cgroup.freeze", "1", "0"),
        (["memory", "freezer"], "freezer/g/freezer.state", "FROZEN", "THAWED"),
    ])
    func freezerIsChosen(hierarchies: [String], file: String, frozen: String, thawed: String) throws {
        let root = "/tmp/fnrpc-freezer-\(getpid())-\(hierarchies.count)"
        defer { Posix.remove(root) }
        for name in hierarchies {
            try Posix.makeFolder(root + "/" + name + "/g", mode: 0o755)
            try Posix.write(root + "/" + name + "/cgroup.procs", [], mode: 0o644)
        }
        try Posix.write(root + "/freezer/g/freezer.state", [], mode: 0o644)
        if hierarchies.contains("unified") {
            try Posix.write(root + "/unified/cgroup.controllers", [], mode: 0o644)
            try Posix.write(root + "/unified/g/cgroup.freeze", [], mode: 0o644)
        }
        let layout = try CgroupLayout(root: root)
        let freezer = try #require(Freezer("/g", in: layout))
        #expect(freezer.freeze())
        #expect(Posix.text(of: root + "/" + file) == frozen)
        #expect(freezer.thaw())
        #expect(Posix.text(of: root + "/" + file)?.hasPrefix(thawed) == true)
        #expect(Freezer("/absent", in: layout) == nil)
    }

    /// What a killed daemon left frozen is thawed before it is killed.
    @Test func killThawsFirst() throws {
        let root = "/tmp/fnrpc-freezer-\(getpid())-kill"
        defer { Posix.remove(root) }
        try Posix.makeFolder(root + "/freezer/g/below", mode: 0o755)
        try Posix.write(root + "/freezer/cgroup.procs", [], mode: 0o644)
        try Posix.write(root + "/freezer/g/below/freezer.state", Array("FROZEN".utf8), mode: 0o644)
        let layout = try CgroupLayout(root: root)
        #expect(layout.kill("/g", until: .now()))
        #expect(Posix.text(of: root + "/freezer/g/below/freezer.state") == "THAWED")
    }
}
