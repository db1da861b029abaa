/// The system calls that a sandbox may make. Everything else fails with EPERM.
///
/// An allow-list, so that a call that a newer kernel adds is denied until somebody has looked at it. Left out on
/// purpose: ptrace, process_vm_*, pidfd_getfd, kcmp, keyctl, add_key, request_key, bpf, perf_event_open, userfaultfd,
/// io_uring_*, every mount call, setns, open_by_handle_at, name_to_handle_at, modules, kexec_*, and everything that
/// only root can use. Names that the installed libseccomp does not know are ignored by the runtime.
package enum SeccompProfile {
    /// The namespace flags of clone and unshare: NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET.
    package static let namespaceFlags: Int64 = 0x7E02_0000
    /// CLONE_NEWTIME; in clone's flags this bit belongs to the signal number.
    package static let newTimeFlag: Int64 = 0x80

    /// Address families that a function may open: AF_UNIX, AF_INET, AF_INET6, AF_NETLINK (interface lists).
    package static let addressFamilies: [Int64] = [1, 2, 10, 16]
    /// Personalities that change nothing for others: Linux, UNAME26, both with 32-bit addresses off, and the query.
    package static let personalities: [Int64] = [0, 0x8, 0x20000, 0x20008, 0xFFFF_FFFF]

    /// The profile as OCI's `linux.seccomp`.
    package static var json: JSON {
        var rules = [
            rule(allowed),
            rule(["clone"], [masked(0, namespaceFlags)]),
            rule(["unshare"], [masked(0, namespaceFlags | newTimeFlag)]),
        ]
        rules += addressFamilies.map { rule(["socket"], [equal(0, $0)]) }
        rules += personalities.map { rule(["personality"], [equal(0, $0)]) }
        // ENOSYS: clone3 hides its flags behind a pointer; libc falls back to clone.
        rules.append(
            .object([
                ("names", .strings(["clone3"])), ("action", .string("SCMP_ACT_ERRNO")), ("errnoRet", .number(38)),
            ]))
        return .object([
            ("defaultAction", .string("SCMP_ACT_ERRNO")),
            ("defaultErrnoRet", .number(1)),
            ("architectures", .strings([architecture])),
            ("syscalls", .array(rules)),
        ])
    }

    /// Only the machine's own calling convention: 32-bit compatibility calls are attack surface that nobody needs.
    private static var architecture: String {
        #if arch(arm64)
            "SCMP_ARCH_AARCH64"
        #else
            "SCMP_ARCH_X86_64"
        #endif
    }

    private static func rule(_ names: [String], _ arguments: [JSON] = []) -> JSON {
        var members: [(String, JSON)] = [("names", .strings(names)), ("action", .string("SCMP_ACT_ALLOW"))]
        if !arguments.isEmpty { members.append(("args", .array(arguments))) }
        return .object(members)
    }

    /// None of the bits of `mask` is set.
    private static func masked(_ index: Int64, _ mask: Int64) -> JSON {
        .object([
            ("index", .number(index)), ("value", .number(mask)), ("valueTwo", .number(0)),
            ("op", .string("SCMP_CMP_MASKED_EQ")),
        ])
    }

    private static func equal(_ index: Int64, _ value: Int64) -> JSON {
        .object([("index", .number(index)), ("value", .number(value)), ("op", .string("SCMP_CMP_EQ"))])
    }

    /// Allowed whatever the arguments.
    package static let allowed =
        files + memory + processes + time + synchronisation + communication + identity

    private static let files = words(
        """
        access chdir chmod chown close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2 fadvise64
        fallocate fchdir fchmod fchmodat fchmodat2 fchown fchownat fcntl fdatasync fgetxattr flistxattr flock
        fremovexattr fsetxattr fstat fstatfs fsync ftruncate futimesat getcwd getdents getdents64 getxattr
        inotify_add_watch inotify_init inotify_init1 inotify_rm_watch ioctl lchown lgetxattr link linkat listxattr
        llistxattr lremovexattr lseek lsetxattr lstat mkdir mkdirat mknod mknodat newfstatat open openat openat2 pipe
        pipe2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat readv removexattr
        rename renameat renameat2 rmdir sendfile setxattr splice stat statfs statx symlink symlinkat sync sync_file_range
        syncfs tee truncate umask unlink unlinkat utime utimensat utimes vmsplice write writev
        """)

    private static let memory = words(
        """
        brk cachestat madvise map_shadow_stack memfd_create mincore mlock mlock2 mlockall mmap mprotect mremap mseal msync
        munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect remap_file_pages
        """)

    private static let processes = words(
        """
        arch_prctl execve execveat exit exit_group fork get_robust_list getcpu getpgid getpgrp getpid getppid getpriority
        getrlimit getrusage getsid gettid ioprio_get ioprio_set kill landlock_add_rule landlock_create_ruleset
        landlock_restrict_self pause pidfd_open pidfd_send_signal prctl prlimit64 restart_syscall rseq rt_sigaction
        rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait rt_tgsigqueueinfo
        sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
        sched_rr_get_interval sched_setaffinity sched_setattr sched_setparam sched_setscheduler sched_yield seccomp
        set_robust_list set_tid_address setpgid setpriority setrlimit setsid sigaltstack signalfd signalfd4 sysinfo tgkill
        times tkill uname vfork wait4 waitid
        """)

    private static let time = words(
        """
        alarm clock_getres clock_gettime clock_nanosleep getitimer gettimeofday nanosleep setitimer time timer_create
        timer_delete timer_getoverrun timer_gettime timer_settime timerfd_create timerfd_gettime timerfd_settime
        """)

    private static let synchronisation = words(
        """
        epoll_create epoll_create1 epoll_ctl epoll_pwait epoll_pwait2 epoll_wait eventfd eventfd2 futex futex_requeue
        futex_wait futex_waitv futex_wake io_cancel io_destroy io_getevents io_pgetevents io_setup io_submit membarrier
        poll ppoll pselect6 select semctl semget semop semtimedop
        """)

    private static let communication = words(
        """
        accept accept4 bind connect getpeername getrandom getsockname getsockopt listen mq_getsetattr mq_notify mq_open
        mq_timedreceive mq_timedsend mq_unlink msgctl msgget msgrcv msgsnd recvfrom recvmmsg recvmsg sendmmsg sendmsg
        sendto setsockopt shmat shmctl shmdt shmget shutdown socketpair
        """)

    private static let identity = words(
        """
        capget capset getegid geteuid getgid getgroups getresgid getresuid getuid setfsgid setfsuid setgid setgroups
        setregid setresgid setresuid setreuid setuid
        """)

    private static func words(_ text: String) -> [String] {
        text.split { $0 == " " || $0 == "\n" }.map(String.init)
    }
}
