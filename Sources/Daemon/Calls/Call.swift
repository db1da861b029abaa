package import Catalog
internal import Contracts
internal import Loop
package import Model
internal import Pool
internal import Synchronization
internal import Wire

/// One call, from its acceptance to its answer.
///
/// `claim` decides who answers: a reply, a clock, and a vanished caller may come at the same moment, from any thread.
// SAFETY: `stage` is atomic; `request` is written before the call can be handed on; `worker` is written before the stage
// becomes `running` and read after; `endedAt` is touched by who has claimed it; the log fields are confined to the worker's loop; everything else never changes.
package final class Call: OpenCall, Expiring, @unchecked Sendable {
    package let runnable: Runnable
    /// The number that the caller asked for; 0: none.
    let requestedVersion: UInt32
    /// The alias that the caller asked for; empty: none.
    let requestedAlias: String
    /// Where the answer goes.
    let session: Session
    let streamID: UInt32
    /// Who asked for it, and how.
    let origin: CallOrigin
    /// Of a call by path: what its function is told, and the trigger that it came by.
    let path: PathRequest?
    /// Its payload, for the record; `nil`: it is not wanted there.
    private(set) var input: RecordedInput?
    /// Its streams, unless it is unary.
    let relay: FunctionRelay?
    let deadline: Instant
    /// Until when it may wait for a container.
    let startBy: Instant
    /// The data of the Request frame, kept while the call waits.
    private(set) var request: [UInt8] = []
    /// What is kept is this, of a call that a container was given and did not begin; `nil`: the Request frame, or nothing.
    private(set) var prepared: PreparedRequest?
    /// How many containers were given it before and did not begin.
    let moves: Int
    let waiter: Waiter
    let wheelEntry = WheelEntry()

    private let stage = Atomic<UInt8>(Stage.waiting)
    private let holdsSlot = Atomic<Bool>(false)
    private let heldBytes = Atomic<Int>(0)
    private(set) var worker: Worker?
    private(set) var startedAt: Instant?
    private(set) var startedTime: Timestamp?
    /// When it was claimed; who has claimed it reads it.
    private(set) var endedAt = Instant(nanoseconds: 0)
    var log: [UInt8] = []
    var logTruncated = false

    private enum Stage {
        static let waiting: UInt8 = 0
        static let running: UInt8 = 1
        static let done: UInt8 = 2
    }

    init(
        target: CallTarget, session: Session, streamID: UInt32, origin: CallOrigin, relay: FunctionRelay?,
        deadline: Instant, startBy: Instant, moves: Int = 0
    ) {
        runnable = target.runnable
        requestedVersion = target.requestedVersion
        requestedAlias = target.requestedAlias
        self.session = session
        self.streamID = streamID
        self.origin = origin
        path = target.path
        self.relay = relay
        // A streamed call has a connection of its own, so it would not wait for the one before.
        waiter = Waiter(mayGoAhead: relay == nil)
        self.deadline = deadline
        self.startBy = startBy
        self.moves = moves
    }

    package var id: Identifier { origin.callID }
    var acceptedAt: Instant { origin.arrivedAt }
    var acceptedTime: Timestamp { origin.arrivedTime }

    /// Keeps the request until a slot is there.
    func keep(_ bytes: UnsafeRawBufferPointer) {
        request = Array(bytes)
        hold(bytes.count)
    }

    /// Its payload will be in its record, up to a limit, bytes. Before the call is handed on.
    func recordInput(limit: Int) { input = RecordedInput(limit: limit) }

    /// Takes over what `other` has kept and holds.
    ///
    /// - Parameter prepared: kept instead, for a call that need not have kept anything; it holds the bytes already.
    func takeRequest(of other: Call, prepared: PreparedRequest? = nil) {
        input = other.input
        if let prepared {
            self.prepared = prepared
            request = prepared.bytes
            return
        }
        request = other.request
        hold(other.takeHeldBytes())
    }

    /// Notes bytes of the budget that it holds until it runs.
    func hold(_ count: Int) { heldBytes.store(count, ordering: .relaxed) }

    /// It has been sent: nobody else reads it.
    func forgetRequest() {
        request = []
        prepared = nil
    }

    /// How many bytes it held; 0 from the second time on.
    func takeHeldBytes() -> Int {
        heldBytes.exchange(0, ordering: .relaxed)
    }

    /// The call gets a worker; `false` if it was answered meanwhile.
    func begin(_ worker: Worker, at moment: Moment) -> Bool {
        guard stage.load(ordering: .acquiring) == Stage.waiting else { return false }
        self.worker = worker
        startedAt = moment.instant
        startedTime = moment.time
        holdsSlot.store(true, ordering: .releasing)
        return stage.compareExchange(expected: Stage.waiting, desired: Stage.running, ordering: .acquiringAndReleasing)
            .exchanged
    }

    /// It was sent behind another call, and is next. On the worker's loop.
    func moveUp(at moment: Moment) {
        startedAt = moment.instant
        startedTime = moment.time
    }

    /// The call's slot is given back once: by its answer, its deadline or its caller's leaving, whoever gets `true`.
    func leaveSlot() -> Bool {
        holdsSlot.exchange(false, ordering: .acquiringAndReleasing)
    }

    /// Whoever gets `true` answers the call; everybody else keeps silent.
    ///
    /// - Parameter now: the present.
    func claim(at now: Instant = .now()) -> Bool {
        guard stage.exchange(Stage.done, ordering: .acquiringAndReleasing) != Stage.done else { return false }
        endedAt = now
        return true
    }

    /// As ``claim()``, but only while it waits.
    func claimWaiting() -> Bool {
        let (isClaimed, _) = stage.compareExchange(
            expected: Stage.waiting, desired: Stage.done, ordering: .acquiringAndReleasing)
        if isClaimed { endedAt = .now() }
        return isClaimed
    }

    /// Whether it is in a worker and unanswered.
    var isRunning: Bool { stage.load(ordering: .acquiring) == Stage.running }

    /// Whether it was answered.
    var isDone: Bool { stage.load(ordering: .acquiring) == Stage.done }

    package func expired() {
        session.context.dispatcher.expired(self)
    }

    func abandoned(_ reason: AbandonReason) {
        session.context.dispatcher.callerLeft(self, reason.rawValue, nil)
    }

    /// Whether it was called by the name of the function's own service.
    var isRouted: Bool { origin.method === session.context.methods.routed }

    /// What its function is asked for. Envelope and message were scanned when the call was accepted, so they parse.
    ///
    /// - Parameter data: of the Request frame; borrowed.
    func functionTarget(in data: UnsafeRawBufferPointer) -> FunctionCall.Target? {
        guard let envelope = try? RequestEnvelope(scanning: data, limits: .none) else { return nil }
        if isRouted {
            return .service(service: envelope.service, method: envelope.method, payload: envelope.payload)
        }
        return (try? InvokeScan(scanning: envelope.payload)).map { .invoke($0) }
    }

    func withMetadata(_ body: (UnsafeBufferPointer<MetadataEntry>) -> Void) {
        CallMetadata(id: id, version: runnable.version.number).withEntries(body)
    }
}

/// Where a call comes from.
struct CallOrigin: Sendable {
    /// The call's id from now on, also if nothing comes of it.
    let callID: Identifier
    let principal: Principal
    let method: Method
    let arrivedAt: Instant
    let arrivedTime: Timestamp
    /// 0: no limit of the caller's.
    let timeoutNanos: Int64
    let trace: TraceContext?
    /// What the caller calls it, for `Invocation/Cancel`; empty: nothing.
    let invocationID: String
    /// Request metadata that the function gets.
    let metadata: [CallHeader]

    init(_ request: Incoming) {
        arrivedTime = .now()
        callID = request.session.context.dispatcher.newID(arrivedTime)
        principal = request.principal ?? Session.nobody
        method = request.method
        arrivedAt = request.arrivedAt
        timeoutNanos = request.timeoutNanos
        trace = request.trace
        guard request.envelope.metadataCount > 0 else {
            invocationID = ""
            metadata = []
            return
        }
        invocationID =
            request.envelope.metadata("fnrpc-invocation-id").map { String(decoding: $0, as: UTF8.self) } ?? ""
        var passed: [CallHeader] = []
        request.envelope.forEachMetadata { key, value in
            let name = String(decoding: key, as: UTF8.self)
            guard !CallHeader.isReserved(name) else { return }
            passed.append(CallHeader(name: name, value: String(decoding: value, as: UTF8.self)))
        }
        metadata = passed
    }

    /// The same caller's, with other metadata for the function.
    init(_ origin: CallOrigin, metadata: [CallHeader]) {
        callID = origin.callID
        principal = origin.principal
        method = origin.method
        arrivedAt = origin.arrivedAt
        arrivedTime = origin.arrivedTime
        timeoutNanos = origin.timeoutNanos
        trace = origin.trace
        invocationID = origin.invocationID
        self.metadata = metadata
    }
}

/// Response metadata of a call of a function.
struct CallMetadata: Sendable {
    let id: Identifier
    /// `nil`: it was refused before that was known.
    var version: UInt32?

    private static var callIDKey: StaticString { "fn-call-id" }
    private static var versionKey: StaticString { "fnrpc-version" }

    /// Borrowed entries for a Response.
    func withEntries(_ body: (UnsafeBufferPointer<MetadataEntry>) -> Void) {
        withUnsafeTemporaryAllocation(byteCount: Identifier.textCount + DecimalText.maxCount, alignment: 8) { texts in
            id.write(to: texts)
            let number = UnsafeMutableRawBufferPointer(rebasing: texts[Identifier.textCount...])
            let count = version.map { DecimalText.write($0, to: number) }
            withUnsafeTemporaryAllocation(of: MetadataEntry.self, capacity: 2) { entries in
                entries.initializeElement(
                    at: 0,
                    to: MetadataEntry(key: Self.callIDKey, value: .init(rebasing: texts[..<Identifier.textCount])))
                if let count {
                    entries.initializeElement(
                        at: 1, to: MetadataEntry(key: Self.versionKey, value: .init(rebasing: number[..<count])))
                }
                body(UnsafeBufferPointer(rebasing: entries[..<(count == nil ? 1 : 2)]))
            }
        }
    }
}

/// A number as decimal text, without a String.
enum DecimalText {
    /// Of a number of 32 bits, bytes.
    static var maxCount: Int { 10 }

    /// Writes it to the beginning of a buffer of ``maxCount`` bytes; how many it took.
    static func write(_ number: UInt32, to buffer: UnsafeMutableRawBufferPointer) -> Int {
        var (count, rest) = (1, number / 10)
        while rest > 0 { (count, rest) = (count + 1, rest / 10) }
        rest = number
        for place in stride(from: count - 1, through: 0, by: -1) {
            buffer[place] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            rest /= 10
        }
        return count
    }
}
