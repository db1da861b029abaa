import CLinux
import Glibc
import Model

/// What container runtimes leave to this process, which is the parent of their orphans. Thread-safe.
///
/// `crun run --detach` does its work in a process that outlives its command by a little and that nobody waits for. A
/// container that is shorter still has that process for a parent when it ends, so nobody waited for it either.
enum Orphans {
    private struct State {
        /// Commands that somebody waits for.
        var awaited: Set<pid_t> = []
        /// Children that were seen alive and are containers: whoever ends them reaps them.
        var containers: Set<pid_t> = []
    }

    private static let state = Lock(State())

    /// Starts a command that the caller waits for; it is left alone.
    ///
    /// - Parameter spawn: returns the process id, or a value below 0.
    static func spawning(_ spawn: () -> pid_t) -> pid_t {
        // Under the lock, or it could end and be taken for an orphan before it is known.
        state.withLock { state in
            let pid = spawn()
            if pid > 0 { state.awaited.insert(pid) }
            return pid
        }
    }

    /// Reaps a command of ``spawning(_:)`` that has ended.
    static func reap(_ pidfd: Int32, _ pid: pid_t, _ exit: inout fnrpc_exit) {
        state.withLock { state in
            _ = fnrpc_pidfd_reap(pidfd, &exit)
            state.awaited.remove(pid)
        }
    }

    /// Reaps the orphans of a runtime that have ended, and ended containers.
    ///
    /// - Parameter name: of its program, which is how they are told from the host program's own children.
    static func reap(named name: String) {
        state.withLock { state in
            let children = children()
            state.containers.formIntersection(children)
            for child in children where !state.containers.contains(child) && !state.awaited.contains(child) {
                // See proc(5): "pid (name) state …"; the name may contain anything, and is cut after 15 bytes.
                guard let text = Posix.text(of: "/proc/\(child)/stat", limit: 4096),
                    let start = text.firstIndex(of: "("), let end = text.lastIndex(of: ")")
                else { continue }
                let program = text[text.index(after: start)..<end]
                let isContainer = program == "fnrpc-init"
                if text[end...].dropFirst(2).first == "Z" {
                    guard isContainer || program == name.prefix(15) else { continue }
                    var info = siginfo_t()
                    waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG)
                } else if isContainer {
                    state.containers.insert(child)
                }
            }
        }
    }

    private static func children() -> Set<pid_t> {
        var found: Set<pid_t> = []
        for thread in Posix.names(in: "/proc/self/task") {
            let text = Posix.text(of: "/proc/self/task/\(thread)/children", limit: 1 << 24) ?? ""
            for word in text.split(separator: " ") {
                if let pid = pid_t(word) { found.insert(pid) }
            }
        }
        return found
    }
}
