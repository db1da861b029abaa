internal import Glibc
internal import Model

/// The file that remembers who changed what: one JSON object a line, mode 0600, `audit.log` and up to four older ones.
/// Thread-safe.
///
/// A line is written before the call is answered, by one system call that does not wait for the disk. A file that
/// cannot be written stops nothing: lines that are lost are counted, and the daemon's log says so, at most once a
/// minute.
package final class AuditLog: Sendable {
    /// Bytes of a file before the next one begins.
    package static let maxBytes = 16 << 20
    /// Older files that stay: `audit.log.1` (the youngest) to `audit.log.4`.
    package static let olderFiles = 4

    private let path: String
    private let limit: Int
    private let report: @Sendable (String) -> Void
    private let state = Lock(State())

    private struct State {
        var descriptor: Int32 = -1
        var size = 0
        var lost = 0
        var lostEver: UInt64 = 0
        var reason: Int32 = 0
        /// When the daemon's log was last told; `nil`: never.
        var reportedAt: Instant?
    }

    /// Opens the file, or makes it; if that fails, every line tries again.
    ///
    /// - Parameters:
    ///   - path: of the newest file; its folder exists.
    ///   - limit: bytes of a file; for tests.
    ///   - report: one line for the daemon's log; called without a lock held.
    package init(path: String, limit: Int = AuditLog.maxBytes, report: @escaping @Sendable (String) -> Void) {
        self.path = path
        self.limit = limit
        self.report = report
        let code = state.withLock { Self.open(path, &$0) }
        if code != 0 {
            report("audit log \(quoted(path)) cannot be opened: \(Self.text(code)); changes go on without it")
        }
    }

    deinit {
        state.withLock { state in if state.descriptor >= 0 { Glibc.close(state.descriptor) } }
    }

    /// Writes a line.
    package func record(_ entry: AuditEntry) {
        let line = entry.line
        let now = Instant.now()
        let message = state.withLock { state -> String? in
            let code = write(line, &state)
            if code != 0 {
                state.lost += 1
                state.lostEver += 1
                state.reason = code
            }
            return complaint(&state, now)
        }
        if let message { report(message) }
    }

    /// Lines that could not be written since the start.
    package var linesLost: UInt64 { state.withLock { $0.lostEver } }

    private func write(_ line: [UInt8], _ state: inout State) -> Int32 {
        if state.descriptor >= 0 && state.size > 0 && state.size + line.count > limit { rotate(&state) }
        if state.descriptor < 0 {
            let code = Self.open(path, &state)
            guard code == 0 else { return code }
        }
        let count = line.withUnsafeBytes { Glibc.write(state.descriptor, $0.baseAddress, $0.count) }
        if count == line.count {
            state.size += count
            return 0
        }
        let code = count < 0 ? errno : ENOSPC
        // Half a line would spoil the next one.
        if count > 0, ftruncate(state.descriptor, off_t(state.size)) != 0 { state.size += count }
        return code
    }

    /// Renames every file to the next number, the oldest goes. If that fails, the file just grows on.
    private func rotate(_ state: inout State) {
        for number in stride(from: Self.olderFiles, to: 1, by: -1) {
            rename("\(path).\(number - 1)", "\(path).\(number)")
        }
        guard rename(path, path + ".1") == 0 else { return }
        Glibc.close(state.descriptor)
        state.descriptor = -1
    }

    private static func open(_ path: String, _ state: inout State) -> Int32 {
        let descriptor = Glibc.open(
            path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY, 0o600)
        guard descriptor >= 0 else { return errno }
        var status = stat()
        guard fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, fchmod(descriptor, 0o600) == 0 else {
            Glibc.close(descriptor)
            return EINVAL
        }
        state.descriptor = descriptor
        state.size = Int(status.st_size)
        return 0
    }

    private func complaint(_ state: inout State, _ now: Instant) -> String? {
        guard state.lost > 0 else { return nil }
        if let last = state.reportedAt, now.nanoseconds(since: last) < 60_000_000_000 { return nil }
        defer {
            state.lost = 0
            state.reportedAt = now
        }
        return "audit log \(quoted(path)): \(state.lost) lines were not written: \(Self.text(state.reason))"
    }

    private static func text(_ code: Int32) -> String { String(cString: strerror(code)) }
}
