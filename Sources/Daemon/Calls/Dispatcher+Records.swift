internal import Drivers
internal import Model

/// What is remembered of calls.
extension Dispatcher {
    /// Counts and records how a claimed call ended. On its worker's loop, if it has one.
    ///
    /// - Parameters:
    ///   - error: left out where the status has none, because the cause is the user's code.
    ///   - worker: what served it; `nil`: it never ran.
    func record(
        _ call: Call, _ status: CallStatus, error: String = "", exit: CallExit? = nil, worker: Worker?,
        coldNanos: UInt64?
    ) {
        assert((worker == nil ? CallStatus.queued : .running).next.contains(status), "BUG: \(status) cannot come now")
        let now = call.endedAt
        let started = worker == nil ? nil : call.startedAt
        let waitNanos = (started ?? now).nanoseconds(since: call.acceptedAt)
        let runNanos = started.map { now.nanoseconds(since: $0) }
        count(call, status, wait: waitNanos, run: runNanos, worker: worker)
        let isWanted = call.runnable.version.spec.record.includes(status)
        guard isWanted || listeners != nil else { return }
        let completed = Timestamp(
            nanoseconds: call.acceptedTime.nanoseconds + Int64(clamping: now.nanoseconds(since: call.acceptedAt)))
        let input = call.input?.take()
        let error =
            status.hasErrorText ? String(decoding: error.utf8.prefix(CallRecord.maxErrorBytes), as: UTF8.self) : ""
        let record = CallRecord(
            meta: Meta(id: call.id, createdAt: call.acceptedTime, updatedAt: completed),
            appID: call.runnable.function.appID, appName: call.runnable.function.appName.text,
            functionID: call.runnable.function.meta.id, functionName: call.runnable.function.name.text,
            path: call.path?.source ?? "", trigger: call.path?.trigger ?? "",
            version: call.runnable.version.number, status: status, error: error, exit: exit,
            startedAt: started == nil ? nil : call.startedTime,
            completedAt: completed, waitNanos: waitNanos, coldStartNanos: coldNanos, runNanos: runNanos ?? 0,
            container: worker?.sandbox.id ?? "", log: call.log, logTruncated: call.logTruncated,
            input: input?.bytes ?? [], inputTruncated: input?.isTruncated ?? false,
            traceID: call.origin.trace?.traceID, requestedVersion: call.requestedVersion,
            requestedAlias: call.requestedAlias)
        if isWanted { recorder.add(record, of: call.runnable) }
        listeners?.after(record)
    }

    /// Adds to a call's log what the function failed by, as a line that says who wrote it. It has room always.
    func note(_ call: Call, _ text: String) {
        var line = Array("fnrpc: \(text)\n".utf8)
        if call.log.last.map({ $0 != UInt8(ascii: "\n") }) ?? false { line.insert(UInt8(ascii: "\n"), at: 0) }
        line = Array(line.prefix(limits.logBytes))
        let excess = call.log.count + line.count - limits.logBytes
        if excess > 0 {
            call.log.removeLast(excess)
            call.logTruncated = true
        }
        call.log += line
    }

    /// How a call ends that fails before it runs.
    static func status(of failure: Failure) -> CallStatus {
        switch failure.code {
        case .timeout: .timeout
        case .functionFailed: .failed
        case .cancelled: .cancelled
        default: .error
        }
    }
}

/// What of calls is kept.
package struct CallLimits: Sendable {
    /// Of what a call writes, bytes.
    package var logBytes = 1 << 20
    /// Of a payload that is recorded, bytes.
    package var inputBytes = 64 << 10

    package init() {}
}

/// The first bytes of a call's payload, for its record. Thread-safe.
final class RecordedInput: Sendable {
    private struct State {
        var bytes: [UInt8] = []
        var isTruncated = false
    }

    private let limit: Int
    private let state = Lock(State())

    /// - Parameter limit: bytes that are kept.
    init(limit: Int) {
        self.limit = limit
    }

    func add(_ bytes: UnsafeRawBufferPointer) {
        state.withLock { state in
            let room = limit - state.bytes.count
            state.bytes.append(contentsOf: bytes.prefix(room))
            if bytes.count > room { state.isTruncated = true }
        }
    }

    /// What there is, once.
    func take() -> (bytes: [UInt8], isTruncated: Bool) {
        state.withLock { state in
            defer { state.bytes = [] }
            return (state.bytes, state.isTruncated)
        }
    }
}
