internal import Loop
internal import Model
internal import Synchronization
internal import Wire

/// A unary call of one of the daemon's own methods that is not answered yet.
// SAFETY: `isAnswered` is atomic, `task` guarded; `entry` belongs to the wheel; the rest never changes.
final class ServedCall: OpenCall, Expiring, @unchecked Sendable {
    let method: Method
    private let metadata: VersionMetadata
    private let session: Session
    private let streamID: UInt32
    private let arrivedAt: Instant
    private let deadline: Instant?
    private let task = Lock<Task<Void, Never>?>(nil)
    private let isAnswered = Atomic<Bool>(false)
    private let entry = WheelEntry()

    init(_ request: Incoming, _ version: APIVersion) {
        metadata = VersionMetadata(version)
        method = request.method
        session = request.session
        streamID = request.streamID
        arrivedAt = request.arrivedAt
        deadline = request.timeoutNanos > 0 ? arrivedAt.advanced(byNanoseconds: UInt64(request.timeoutNanos)) : nil
    }

    /// Sets the clock of a call that is open.
    func start() {
        if let deadline { session.context.dispatcher.wheels[0].add(entry, of: self, due: deadline) }
    }

    /// Runs the handler as a task.
    func start(_ work: @escaping @Sendable () async -> Void) {
        start()
        let running = Task { await work() }
        task.withLock { $0 = running }
        if isAnswered.load(ordering: .acquiring) { running.cancel() }
    }

    /// Answers with why the handler failed, if nobody has answered; thread-safe.
    func answer(failing error: any Error) {
        answer(status: session.context.failure(error, of: method).encodedStatus())
    }

    /// Answers, if nobody has; thread-safe.
    func answer(status: [UInt8] = [], payload: [UInt8] = []) {
        guard claim() else { return }
        // Counted first: who has its answer finds it counted.
        let failed = status.withUnsafeBytes { StatusScan.code($0) }
        method.metrics.observe(code: failed, nanos: Instant.now().nanoseconds(since: arrivedAt))
        metadata.withEntries { metadata in
            payload.withUnsafeBytes { _ = session.answer(streamID, status: status, payload: $0, metadata: metadata) }
        }
    }

    func withMetadata(_ body: (UnsafeBufferPointer<MetadataEntry>) -> Void) { metadata.withEntries(body) }

    func abandoned(_ reason: AbandonReason) {
        guard claim() else { return }
        task.withLock { $0 }?.cancel()
        method.metrics.observe(code: 1, nanos: Instant.now().nanoseconds(since: arrivedAt))
    }

    func expired() {
        guard claim() else { return }
        let nanos = Instant.now().nanoseconds(since: arrivedAt)
        let failure = Failure(.timeout, "\(method.service)/\(method.name): timed out after \(seconds(nanos))")
        metadata.withEntries { _ = session.answer(streamID, status: failure.encodedStatus(), metadata: $0) }
        task.withLock { $0 }?.cancel()
        method.metrics.observe(code: failure.code.status, nanos: nanos)
    }

    /// Whoever gets `true` answers.
    private func claim() -> Bool {
        guard !isAnswered.exchange(true, ordering: .acquiringAndReleasing) else { return false }
        session.context.dispatcher.wheels[0].remove(entry)
        return true
    }
}

/// The code of an encoded Status.
enum StatusScan {
    /// 0 if there is none.
    static func code(_ status: UnsafeRawBufferPointer) -> Int32 {
        var scanner = FieldScanner(status)
        while let field = try? scanner.next() {
            if field.number == 1 { return Int32(truncatingIfNeeded: field.value) }
        }
        return 0
    }
}
