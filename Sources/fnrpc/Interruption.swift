import Dispatch
import Foundation
import Glibc
import Synchronization

/// What Ctrl-C and SIGTERM have to stop and remove before the command exits. Thread-safe.
final class Interruption: Sendable {
    /// Of the process.
    static let shared = Interruption()

    /// How long a child may take to clean up after itself.
    static let patience = 3.0

    private struct State {
        var folders: Set<String> = []
        var child: pid_t?
        var terminal: termios?
        var screen: [UInt8] = []
        var isEnding = false
    }

    private let state = Mutex(State())
    // SAFETY: written once, by `watch` at the start of the process, before any other thread exists; only kept alive.
    nonisolated(unsafe) private var sources: [any DispatchSourceSignal] = []

    /// Begins to watch both signals.
    func watch() {
        for (number, code) in [(SIGINT, 130), (SIGTERM, 143)] as [(Int32, Int32)] {
            signal(number, SIG_IGN)
            let source = DispatchSource.makeSignalSource(signal: number, queue: .global())
            source.setEventHandler { [self] in end(number, exitCode: code) }
            source.activate()
            sources.append(source)
        }
    }

    /// Removes the folder if the process is interrupted before `release`.
    func guardFolder(_ path: String) {
        state.withLock { _ = $0.folders.insert(path) }
    }

    /// The folder may stay, or is gone.
    func release(folder path: String) {
        state.withLock { _ = $0.folders.remove(path) }
    }

    /// The leader of the process group that runs now; `nil`: none.
    func setChild(_ child: pid_t?) {
        state.withLock { $0.child = child }
    }

    /// How the terminal of standard input is to be left; `nil`: as it is.
    func setTerminal(_ settings: termios?) {
        state.withLock { $0.terminal = settings }
    }

    /// What puts the screen of standard output back as it was; empty: it is as it was.
    func setScreen(_ restoration: [UInt8]) {
        state.withLock { $0.screen = restoration }
    }

    /// Whether a signal came; nothing is to be shown any more.
    var isEnding: Bool { state.withLock { $0.isEnding } }

    /// Does not return once a signal came: what the command then failed with is a consequence, and not worth a word.
    func standAside() {
        while state.withLock({ $0.isEnding }) { pause() }
    }

    private func end(_ number: Int32, exitCode: Int32) {
        let (folders, child, terminal, screen) = state.withLock { state in
            state.isEnding = true
            return (state.folders, state.child, state.terminal, state.screen)
        }
        if !screen.isEmpty { try? Terminal.write(screen, to: STDOUT_FILENO) }
        if var terminal { tcsetattr(STDIN_FILENO, TCSANOW, &terminal) }
        if let child {
            // pip removes its own temporary folders on SIGINT, not on SIGTERM.
            kill(-child, SIGINT)
            let deadline = DispatchTime.now() + Self.patience
            // WNOWAIT: the thread that waits for the child reaps it.
            while !hasExited(child), DispatchTime.now() < deadline { usleep(20_000) }
            kill(-child, SIGKILL)
        }
        for folder in folders { try? FileManager.default.removeItem(atPath: folder) }
        _exit(exitCode)
    }

    private func hasExited(_ child: pid_t) -> Bool {
        var info = siginfo_t()
        return waitid(P_PID, id_t(child), &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_signo == SIGCHLD
    }
}
