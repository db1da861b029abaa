import Drivers
import Glibc
import Model
import Testing

/// Detection and paths on trees made for the purpose, and on the machine's own.
@Suite struct CgroupLayoutTests {
    @Test func pureV2() throws {
        try withTree(["cgroup.controllers": "cpu memory pids\n", "cgroup.procs": "1\n"]) { root in
            let layout = try CgroupLayout(root: root, swaps: root + "/cgroup.controllers")
            #expect(layout.kind == .v2)
            #expect(layout.hierarchies == [root])
            #expect(layout.limitsSwap)
            #expect(layout.controllersBesideV1 == [])
            #expect(layout.folders(of: "/fnrpc-a/b") == [root + "/fnrpc-a/b"])
            #expect(try !CgroupLayout(root: root, swaps: root + "/none").limitsSwap)

            try Posix.makeFolder(root + "/fnrpc-a/b/c", mode: 0o755)
            #expect(layout.memoryKills(in: "/fnrpc-a/b") == 0)
            try put(root + "/fnrpc-a/b/memory.events", "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 1\n")
            #expect(layout.memoryKills(in: "/fnrpc-a/b") == 2)
            #expect(layout.processorNanos(of: "/fnrpc-a/b") == nil)
            try put(root + "/fnrpc-a/b/cpu.stat", "usage_usec 17\nuser_usec 9\n")
            #expect(layout.processorNanos(of: "/fnrpc-a/b") == 17_000)
            try put(root + "/fnrpc-a/b/cgroup.procs", "12\n13\n")
            try put(root + "/fnrpc-a/b/c/cgroup.procs", "14\nnonsense\n-5\n0\n")
            #expect(layout.processes(in: "/fnrpc-a") == [12, 13, 14])
        }
    }

    @Test func pureV1WithJointControllers() throws {
        try withTree([
            "cpu,cpuacct/cgroup.procs": "", "memory/cgroup.procs": "", "memory/memory.memsw.limit_in_bytes": "0",
            "systemd/cgroup.procs": "", "other/file": "",
        ]) { root in
            #expect(symlink("cpu,cpuacct", root + "/cpu") == 0)
            let layout = try CgroupLayout(root: root)
            #expect(layout.kind == .v1)
            #expect(layout.hierarchies == ["cpu,cpuacct", "memory", "systemd"].map { root + "/" + $0 })
            #expect(layout.limitsSwap)
            try Posix.makeFolder(root + "/memory/g", mode: 0o755)
            try put(root + "/memory/g/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 1\n")
            #expect(layout.memoryKills(in: "/g") == 1)
            #expect(layout.processorNanos(of: "/g") == nil)
            try Posix.makeFolder(root + "/cpu,cpuacct/g", mode: 0o755)
            try put(root + "/cpu,cpuacct/g/cpu.stat", "nr_periods 0\n")
            try put(root + "/cpu,cpuacct/g/cpuacct.usage", "18\n")
            #expect(layout.processorNanos(of: "/g") == 18)
        }
    }

    @Test func hybridWithControllersOnBothSides() throws {
        try withTree([
            "memory/cgroup.procs": "", "unified/cgroup.procs": "", "unified/cgroup.controllers": "hugetlb rdma\n",
        ]) { root in
            let layout = try CgroupLayout(root: root)
            #expect(layout.kind == .hybrid)
            #expect(!layout.limitsSwap)
            #expect(layout.controllersBesideV1 == ["hugetlb", "rdma"])
        }
    }

    @Test func nothingMounted() throws {
        try withTree(["file": "", "folder/file": ""]) { root in
            #expect(throws: Failure.self) { try CgroupLayout(root: root) }
            #expect(throws: Failure.self) { try CgroupLayout(root: root + "/nowhere") }
        }
    }

    @Test func liveTree() throws {
        let layout = try CgroupLayout()
        let group = "/fnrpc-layout-\(getpid())"
        for folder in layout.folders(of: group + "/below") { try Posix.makeFolder(folder, mode: 0o755) }
        defer { layout.remove(group) }
        #expect(layout.folders(of: group).allSatisfy { CgroupLayout.subgroups(of: $0) == ["below"] })
        #expect(layout.processes(in: group) == [])
        #expect(layout.memoryKills(in: group) == 0)
        #expect(layout.kill(group, until: inSeconds(1)))
        layout.remove(group)
        #expect(layout.folders(of: group).allSatisfy { Posix.kind($0) == nil })
    }

    private func put(_ path: String, _ text: String) throws {
        try Posix.write(path, Array(text.utf8), mode: 0o644)
    }

    private func withTree(_ files: [String: String], _ body: (String) throws -> Void) throws {
        var template = Array("/tmp/fnrpc-tree-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        let root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer { Posix.remove(root) }
        for (path, text) in files {
            if let slash = path.lastIndex(of: "/") { try Posix.makeFolder(root + "/" + path[..<slash], mode: 0o755) }
            try put(root + "/" + path, text)
        }
        try body(root)
    }
}

@Suite struct BundleTextTests {
    @Test func jsonIsEscaped() {
        let json = JSON.object([
            ("a\"b", .array([.string("\\\n\u{1}ä/"), .number(-5), .bool(true), .bool(false)])), ("", .object([])),
        ])
        #expect(
            String(decoding: json.bytes, as: UTF8.self) == #"{"a\"b":["\\\u000a\u0001ä/",-5,true,false],"":{}}"#)
    }

    @Test func mountPointsAreUnescaped() {
        let table = """
            22 1 0:20 / /proc rw,relatime - proc proc rw
            23 1 0:21 / /a\\040b\\134c rw - tmpfs x rw
            nonsense
            """
        #expect(MountTable.points(table) == ["/proc", "/a b\\c"])
        #expect(MountTable.points().contains("/proc"))
    }

    @Test func theAllowListHasNoDuplicatesAndNothingDangerous() {
        let names = SeccompProfile.allowed
        #expect(Set(names).count == names.count)
        let denied: Set = [
            "ptrace", "process_vm_readv", "process_vm_writev", "pidfd_getfd", "kcmp", "keyctl", "add_key",
            "request_key", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter",
            "io_uring_register", "mount", "umount", "umount2", "pivot_root", "fsopen", "fsconfig", "fsmount", "fspick",
            "open_tree", "move_mount", "mount_setattr", "setns", "open_by_handle_at", "name_to_handle_at",
            "init_module", "finit_module", "delete_module", "kexec_load", "kexec_file_load", "clone", "clone3",
            "unshare", "socket", "personality", "chroot",
        ]
        #expect(denied.isDisjoint(with: names))
    }
}
