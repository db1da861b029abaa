import CLinux
import Glibc
import Model

/// How the machine's control groups are laid out, and what can be done with one group in all of them.
///
/// Works on a folder, so that tests can use a fake tree. Thread-safe; every call blocks.
package struct CgroupLayout: Sendable, Equatable {
    /// The layouts in use.
    package enum Kind: String, Sendable {
        /// One hierarchy for each controller.
        case v1
        /// One hierarchy for all.
        case v2
        /// Controllers in v1 hierarchies, with a v2 hierarchy beside them.
        case hybrid
    }

    package let kind: Kind
    /// The folder of each hierarchy.
    package let hierarchies: [String]
    /// The folder of the v2 hierarchy; `nil`: there is none.
    package let unified: String?
    /// Whether memory and swap are limited together (v1) or swap can be limited (v2).
    package let limitsSwap: Bool
    /// Controllers that live on the v2 hierarchy of a hybrid layout; crun before 1.9 cannot use them there.
    package let controllersBesideV1: [String]

    /// Looks at a tree.
    ///
    /// - Parameters:
    ///   - root: where control groups are mounted.
    ///   - swaps: the kernel's list of swap spaces; absent if the kernel has no swap.
    /// - Throws: `precondition` if nothing is mounted there.
    package init(root: String = "/sys/fs/cgroup", swaps: String = "/proc/swaps") throws(Failure) {
        let swapInKernel = Posix.kind(swaps) != nil
        if Posix.kind(root + "/cgroup.controllers") != nil {
            kind = .v2
            hierarchies = [root]
            unified = root
            limitsSwap = swapInKernel
            controllersBesideV1 = []
            return
        }
        // Links are other names for joint hierarchies, as cpu for cpu,cpuacct.
        let folders = Posix.names(in: root).map { root + "/" + $0 }.filter {
            Posix.kind($0, followingLinks: false) == .folder && Posix.kind($0 + "/cgroup.procs") != nil
        }
        guard !folders.isEmpty else {
            throw Failure(
                .precondition,
                "control groups: nothing is mounted at \(root); mount cgroup2 there, or the v1 controllers")
        }
        unified = folders.first { Posix.kind($0 + "/cgroup.controllers") != nil }
        kind = unified == nil ? .v1 : .hybrid
        hierarchies = folders
        let inUnified = unified.flatMap { Posix.text(of: $0 + "/cgroup.controllers") } ?? ""
        controllersBesideV1 = inUnified.split { $0 == " " || $0 == "\n" }.map(String.init)
        limitsSwap =
            folders.contains { Posix.kind($0 + "/memory.memsw.limit_in_bytes") != nil }
            || (controllersBesideV1.contains("memory") && swapInKernel)
    }

    /// The folders of a group, one in each hierarchy, whether they exist or not.
    ///
    /// - Parameter group: its name from the root, as `/fnrpc-main/x`.
    package func folders(of group: String) -> [String] { hierarchies.map { $0 + group } }

    /// How often the kernel killed for want of memory in a group.
    package func memoryKills(in group: String) -> UInt64 {
        folders(of: group).reduce(0) { sum, folder in
            // v1 and v2 have the same line in different files.
            let text = Posix.text(of: folder + "/memory.oom_control") ?? Posix.text(of: folder + "/memory.events") ?? ""
            for line in text.split(separator: "\n") {
                let fields = line.split(separator: " ")
                if fields.count == 2, fields[0] == "oom_kill" { return sum + (UInt64(fields[1]) ?? 0) }
            }
            return sum
        }
    }

    /// Time of processors that a group has used, nanoseconds; `nil`: it is not there.
    package func processorNanos(of group: String) -> UInt64? {
        if let text = unified.flatMap({ Posix.text(of: $0 + group + "/cpu.stat") }) {
            for line in text.split(separator: "\n") {
                let fields = line.split(separator: " ")
                if fields.count == 2, fields[0] == "usage_usec" { return UInt64(fields[1]).map { $0 * 1000 } }
            }
        }
        for folder in folders(of: group) {
            if let text = Posix.text(of: folder + "/cpuacct.usage") { return UInt64(text.prefix { $0 != "\n" }) }
        }
        return nil
    }

    /// The processes in a group and below it.
    package func processes(in group: String) -> Set<pid_t> {
        folders(of: group).reduce(into: []) { Self.collect($1, into: &$0) }
    }

    /// Kills everything in a group and below it, and waits for the end.
    ///
    /// - Returns: whether the group is empty now.
    @discardableResult
    package func kill(_ group: String, until deadline: Instant) -> Bool {
        // The v1 freezer keeps what it has frozen from dying.
        for folder in folders(of: group) { Self.thaw(folder) }
        while true {
            let found = processes(in: group)
            if found.isEmpty { return true }
            for pid in found {
                let pidfd = fnrpc_pidfd_open(pid)
                guard pidfd >= 0 else { continue }
                defer { close(pidfd) }
                // The number may have been reused before the descriptor fixed it.
                guard processes(in: group).contains(pid) else { continue }
                _ = fnrpc_pidfd_send_signal(pidfd, SIGKILL)
                guard !Posix.wait(for: [pidfd], until: deadline).isEmpty else { return false }
                var exit = fnrpc_exit()
                _ = fnrpc_pidfd_reap(pidfd, &exit)
            }
            if deadline < .now() { return processes(in: group).isEmpty }
        }
    }

    /// Removes a group and everything below it; what still has processes stays.
    package func remove(_ group: String) {
        for folder in folders(of: group) { Self.remove(folder: folder) }
    }

    /// Thaws a group and all below it, whichever freezer it has.
    private static func thaw(_ folder: String) {
        for (file, word) in [("/cgroup.freeze", "0"), ("/freezer.state", "THAWED")] {
            let descriptor = open(folder + file, O_WRONLY | O_CLOEXEC)
            guard descriptor >= 0 else { continue }
            _ = write(descriptor, word, word.utf8.count)
            close(descriptor)
        }
        for name in subgroups(of: folder) { thaw(folder + "/" + name) }
    }

    private static func collect(_ folder: String, into found: inout Set<pid_t>) {
        for line in (Posix.text(of: folder + "/cgroup.procs", limit: 1 << 24) ?? "").split(separator: "\n") {
            if let pid = pid_t(line), pid > 0 { found.insert(pid) }
        }
        for name in subgroups(of: folder) { collect(folder + "/" + name, into: &found) }
    }

    private static func remove(folder: String) {
        for name in subgroups(of: folder) { remove(folder: folder + "/" + name) }
        rmdir(folder)
    }

    /// The names of the groups directly in a group's folder; its files are not groups.
    package static func subgroups(of folder: String) -> [String] {
        Posix.names(in: folder).filter { Posix.kind(folder + "/" + $0, followingLinks: false) == .folder }
    }
}
