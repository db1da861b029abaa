import Drivers
import Glibc
import Model
import Testing

/// What a function can and cannot do, tried from inside real sandboxes.
@Suite(.serialized) struct ProfileTests {
    @Test(arguments: Variant.all) func identityAndPrivileges(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let outcome = try bench.shell("id -u; id -g; id -G; cat /proc/self/status; ulimit -n; ulimit -c; hostname")
            let lines = outcome.lines
            let user = variant.userNamespaces ? "1000" : "\(IdentityRange.defaultBase)"
            #expect(lines.prefix(3) == [user, user, user])
            for field in ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"] {
                #expect(lines.contains(field + ":\t0000000000000000"))
            }
            #expect(lines.contains("NoNewPrivs:\t1"))
            #expect(lines.contains("Seccomp:\t2"))
            #expect(lines.suffix(3) == ["350", "0", "fnrpc"])
            #expect(bench.driver.info.userNamespaces == variant.userNamespaces)
        }
    }

    @Test func everySandboxHasItsOwnHostUser() throws {
        try Workbench.use { bench in
            let layout = try CgroupLayout()
            var owners: [String] = []
            var living: [Sandbox] = []
            defer { for sandbox in living { sandbox.destroy() } }
            for id in ["one", "two"] {
                let sandbox = try bench.start(id)
                living.append(sandbox)
                let process = try #require(layout.processes(in: "/fnrpc-\(bench.instance)/\(id)").first)
                let status = try #require(Posix.text(of: "/proc/\(process)/status"))
                let user = try #require(status.split(separator: "\n").first { $0.hasPrefix("Uid:") })
                owners.append(String(user))
            }
            let base = IdentityRange.defaultBase
            #expect(owners == [base, base + 2].map { "Uid:\t\($0)\t\($0)\t\($0)\t\($0)" })
        }
    }

    #if arch(x86_64)
        /// Name, number, and arguments with which the call would otherwise succeed or fail with another error.
        static let deniedCalls = """
            ptrace 101 0 0 0 0|process_vm_readv 310 PID 0 0 0|process_vm_writev 311 PID 0 0 0|pidfd_getfd 438 -1 0 0 0
            kcmp 312 PID PID 0 0|keyctl 250 0 -3 0 0|add_key 248 0 0 0 0|request_key 249 0 0 0 0|bpf 321 0 0 0 0
            perf_event_open 298 0 0 -1 -1|userfaultfd 323 1 0 0 0|io_uring_setup 425 0 0 0 0|io_uring_enter 426 -1 0 0 0
            io_uring_register 427 -1 0 0 0|mount 165 0 0 0 0|umount2 166 0 0 0 0|pivot_root 155 0 0 0 0|fsopen 430 0 0 0 0
            fsconfig 431 -1 99 0 0|fsmount 432 -1 0 0 0|fspick 433 -1 0 0 0|open_tree 428 -1 0 0 0|move_mount 429 -1 0 -1 0
            mount_setattr 442 -1 0 0 0|setns 308 -1 0 0 0|open_by_handle_at 304 -1 0 0 0|name_to_handle_at 303 -1 0 0 0
            init_module 175 0 0 0 0|finit_module 313 -1 0 0 0|delete_module 176 0 0 0 0|kexec_load 246 0 0 0 0
            kexec_file_load 320 -1 -1 0 0|unshare_user 272 0x10000000 0 0 0|unshare_mount 272 0x20000 0 0 0
            unshare_time 272 0x80 0 0 0|clone_user 56 0x10000011 0 0 0|clone_mount 56 0x20011 0 0 0|chroot 161 0 0 0 0
            reboot 169 0 0 0 0|swapon 167 0 0 0 0|acct 163 0 0 0 0|sethostname 170 0 0 0 0|settimeofday 164 0 0 0 0
            syslog 103 10 0 0 0|quotactl 179 0 0 0 0|fanotify_init 300 0 0 0 0|modify_ldt 154 0 0 0 0
            move_pages 279 0 0 0 0|personality 135 0x40000 0 0 0|socket_alg 41 38 5 0 0|socket_packet 41 17 3 0 0
            socket_vsock 41 40 1 0 0
            """

        @Test(arguments: Variant.all) func deniedSystemCalls(variant: Variant) throws {
            try Workbench.use(variant) { bench in
                try bench.put(
                    "calls.py",
                    """
                    import ctypes, os, sys
                    libc = ctypes.CDLL(None, use_errno=True)
                    def call(*words):
                        ctypes.set_errno(0)
                        words = [os.getpid() if w == "PID" else int(w, 0) for w in words]
                        result = libc.syscall(*[ctypes.c_long(w) for w in words])
                        return result, ctypes.get_errno()
                    for line in sys.argv[1].replace("\\n", "|").split("|"):
                        name, *words = line.split()
                        print(name, *call(*words))
                    print("clone3", *call("435", "0", "0"))
                    print("unshare_files", *call("272", "0x400"))
                    print("getppid", call("110")[1])
                    """)
                let outcome = try bench.run(["/usr/bin/python3", "/function/calls.py", Self.deniedCalls])
                let names = Self.deniedCalls.split { $0 == "\n" || $0 == "|" }.map { $0.prefix { $0 != " " } }
                #expect(names.count > 45)
                #expect(
                    outcome.lines == names.map { "\($0) -1 1" } + ["clone3 -1 38", "unshare_files 0 0", "getppid 0"],
                    "\(outcome.text)")
            }
        }
    #endif

    @Test(arguments: Variant.all) func nothingButTmpCanBeWritten(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let outcome = try bench.shell(
                """
                for f in /function/open.txt /function/new /new /usr/new /usr/bin/new /etc/new /.fnrpc/new /dev/new \
                    /proc/sys/kernel/hostname /.fnrpc/fnrpc-init /run/new; do
                    (echo x > $f) 2>/dev/null && echo "wrote $f"
                done
                chmod 600 /dev/null /function/open.txt 2>/dev/null && echo "changed a mode"
                echo x > /tmp/new && echo x > /dev/shm/new && cat /tmp/new /function/open.txt
                """)
            #expect(outcome.text == "x\nas it was")
            #expect(outcome.exit.code == 0)
            #expect(Posix.text(of: bench.folder + "/package/open.txt") == "as it was")
            var status = stat()
            #expect(stat("/dev/null", &status) == 0)
            #expect(status.st_uid == 0 && status.st_mode & 0o777 == 0o666, "the machine's /dev/null was touched")
        }
    }

    @Test func temporaryFilesHaveTheirLimits() throws {
        try Workbench.use { bench in
            let outcome = try bench.shell(
                "head -c 20M /dev/zero > /tmp/big; stat -c %s /tmp/big; rm /tmp/big; cd /tmp; "
                    + "i=0; while [ $i -lt 2000 ] && echo > f$i; do i=$((i+1)); done; echo $i"
            ) { spec in spec.tmpMiB = 4 }
            #expect(outcome.lines.contains("\(4 << 20)"), "\(outcome.text)")
            let made = try #require(outcome.lines.last.flatMap { Int($0) })
            #expect((900...1024).contains(made), "\(made) files")
        }
    }

    @Test func memoryHasItsLimit() throws {
        try Workbench.use { bench in
            let outcome = try bench.run(["/usr/bin/python3", "-c", "x = b'x' * (200 << 20)"]) { $0.memoryMiB = 32 }
            #expect(outcome.ranOutOfMemory)
            #expect(outcome.exit.signal == SIGKILL, "\(outcome.text)")
            // Files in /tmp are memory of the function.
            let files = try bench.shell("head -c 100M /dev/zero > /tmp/big") { spec in
                spec.memoryMiB = 32
                spec.tmpMiB = 200
            }
            #expect(files.ranOutOfMemory)
            let fits = try bench.run(["/usr/bin/python3", "-c", "x = b'x' * (50 << 20)"]) { $0.memoryMiB = 128 }
            #expect(!fits.ranOutOfMemory && fits.exit.code == 0)
        }
    }

    @Test(arguments: Variant.all) func processorsHaveTheirLimit(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let program =
                "import time\nend = time.monotonic() + 2\nwhile time.monotonic() < end: pass\nprint(time.process_time())"
            let outcome = try bench.run(["/usr/bin/python3", "-c", program]) { $0.cpuMilli = 200 }
            let used = try #require(Double(outcome.lines.last ?? ""), "\(outcome.text)")
            #expect(used < 1, "a fifth of 2 s, and what it began with")
            // Less than 1 ms of 100 ms.
            #expect(try bench.run(["/bin/true"]) { $0.cpuMilli = 9 }.exit.code == 0)
        }
    }

    @Test func processesHaveTheirLimit() throws {
        try Workbench.use { bench in
            let outcome = try bench.run([
                "/usr/bin/python3", "-c",
                """
                import os, signal
                made = 0
                try:
                    while made < 100:
                        if os.fork() == 0: signal.pause()
                        made += 1
                except BlockingIOError: print(made)
                """,
            ]) { $0.pids = 12 }
            #expect(outcome.text == "10\n", "fnrpc-init and the function are two of the twelve")
        }
    }

    @Test(arguments: Variant.all) func limitsAtTheirLowest(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let outcome = try bench.shell("echo small") { spec in
                spec.memoryMiB = FunctionSpec.Limits.memoryMiB.lowerBound
                spec.pids = FunctionSpec.Limits.pids.lowerBound
                spec.tmpMiB = FunctionSpec.Limits.tmpMiB.lowerBound
            }
            #expect(outcome.text == "small\n")
        }
    }

    /// A function of the same user must not get at the control descriptor or the memory of process 1.
    @Test(arguments: Variant.all) func processOneIsOutOfReach(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let outcome = try bench.run([
                "/usr/bin/python3", "-c",
                """
                import os
                def tried(what):
                    try: return what() and "reached"
                    except OSError as e: return type(e).__name__
                print(tried(lambda: os.listdir("/proc/1/fd")))
                print(tried(lambda: open("/proc/1/mem", "rb")))
                print(tried(lambda: open("/proc/1/environ", "rb").read(1)))
                print(tried(lambda: os.open("/proc/1/fd/3", os.O_RDWR)))
                print(tried(lambda: os.listdir("/proc/1/root")))
                for number in range(1, 65):
                    # SIGTERM is forwarded to the function, as it should be.
                    if number not in (15, 32, 33): os.kill(1, number)
                print(sorted(os.listdir("/proc/self/fd")), os.listdir("/proc")[0] != "")
                """,
            ])
            let denied = [String](repeating: "PermissionError", count: 5)
            // 3 is the listing's own descriptor.
            #expect(outcome.lines == denied + ["['0', '1', '2', '3'] True"], "\(outcome.text)")
            #expect(outcome.exit.code == 0)
        }
    }

    @Test func namespacesAndMaskedPaths() throws {
        try Workbench.use(configure: { $0.hiddenPaths = ["/usr/share/doc", "/usr/bin/who"] }) { bench in
            let outcome = try bench.shell(
                """
                ls /usr/share/doc | wc -l; wc -c < /usr/bin/who; cat /proc/kallsyms /proc/keys /proc/modules /proc/vmallocinfo 2>/dev/null | wc -c; ls /sys | wc -l
                for n in pid mnt uts ipc cgroup net user; do readlink /proc/self/ns/$n; done
                ls /dev/pts 2>&1 | wc -l; grep -c . /proc/net/dev; cat /proc/self/cgroup
                """)
            var lines = outcome.lines[...]
            #expect(lines.prefix(4) == ["0", "0", "0", "0"])
            lines = lines.dropFirst(4)
            for name in ["pid", "mnt", "uts", "ipc", "cgroup", "net", "user"] {
                let inside = lines.popFirst()
                #expect(inside?.hasPrefix(name + ":[") == true)
                #expect(inside != Posix.target(ofLink: "/proc/self/ns/" + name))
            }
            #expect(lines.dropFirst().first == "3", "two lines of heading, and loopback")
            #expect(!outcome.text.contains(bench.instance), "the control group namespace hides the host's names")
        }
    }

    @Test(arguments: [FunctionSpec.Network.none, .host]) func network(network: FunctionSpec.Network) throws {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var size = socklen_t(MemoryLayout<sockaddr_in>.size)
        let bound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, size) == 0 && listen(listener, 8) == 0 && getsockname(listener, $0, &size) == 0
            }
        }
        try #require(bound)
        let port = UInt16(bigEndian: address.sin_port)
        for variant in Variant.all {
            try Workbench.use(variant) { bench in
                let outcome = try bench.run([
                    "/usr/bin/python3", "-c",
                    """
                    import socket
                    try: socket.create_connection(("127.0.0.1", \(port)), 5); print("connected")
                    except OSError as e: print(type(e).__name__)
                    print(len(open("/etc/resolv.conf").read()))
                    """,
                ]) { $0.network = network }
                let resolver = Posix.read("/etc/resolv.conf")?.count ?? 0
                let expected = network == .host ? ["connected", "\(resolver)"] : ["ConnectionRefusedError", "0"]
                #expect(outcome.lines == expected, "\(variant.testDescription): \(outcome.text)")
            }
        }
    }
}
