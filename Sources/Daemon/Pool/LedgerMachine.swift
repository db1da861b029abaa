package import Model

/// The rules of who gets how much of the machine's memory and processors, and whose start is next. Pure.
///
/// A claim is granted before its container is started and holds until that is removed, however it ends. Those that find no
/// room wait: functions without any container first, else in order of arrival; nobody overtakes the first of them, so
/// large ones are not starved by small ones.
package struct LedgerMachine {
    /// What all claims together may hold.
    package let total: Resources
    /// The most starts at once.
    package let maxStarts: Int
    /// What claims hold now; those that are leaving included.
    package private(set) var held = Resources.none
    /// What of it comes back soon.
    private var returning = Resources.none
    /// Starts that are being made.
    package private(set) var starting = 0
    private var urgent: [Claim] = []
    private var others: [Claim] = []
    private var isClosed = false
    var evictor = Evictor()

    /// The answer to ``request(_:)``.
    package enum Answer {
        /// It is granted, now or later.
        case accepted
        /// It is more than the machine has.
        case tooLarge
        /// Nothing is started any more.
        case closed
    }

    package init(total: Resources, maxStarts: Int) {
        self.total = total
        self.maxStarts = maxStarts
    }

    /// Claims that wait.
    package var waiting: Int { urgent.count + others.count }

    private var first: Claim? { urgent.first ?? others.first }

    private var free: Resources {
        var free = total
        free -= held
        return free
    }

    /// The claim that waits for room, and what is missing even when all that is leaving is gone; `nil`: none waits for
    /// anything but its turn.
    package var shortage: (claim: Claim, missing: Resources)? {
        guard let first, starting < maxStarts else { return nil }
        var room = free
        room += returning
        let missing = first.needs.lacking(with: room)
        return missing == .none ? nil : (first, missing)
    }

    /// A container is wanted.
    package mutating func request(_ claim: Claim) -> Answer {
        guard !isClosed else { return .closed }
        guard claim.needs.fits(in: total) else { return .tooLarge }
        claim.state = .waiting
        if claim.isUrgent { urgent.append(claim) } else { others.append(claim) }
        return .accepted
    }

    /// Takes those whose turn it is; to be called after every event.
    package mutating func takeGranted() -> [Claim] {
        var granted: [Claim] = []
        while let first, starting < maxStarts, first.needs.fits(in: free) {
            if first.isUrgent { urgent.removeFirst() } else { others.removeFirst() }
            first.state = .starting
            held += first.needs
            starting += 1
            granted.append(first)
        }
        return granted
    }

    /// A start is over, and its container is there.
    package mutating func started(_ claim: Claim) {
        guard claim.state == .starting else { return }
        claim.state = .ready
        starting -= 1
    }

    /// A container is going to be removed. Idempotent.
    package mutating func leaving(_ claim: Claim) {
        guard claim.state == .ready else { return }
        claim.state = .leaving
        returning += claim.needs
    }

    /// Nothing is left of a container, or of its start.
    package mutating func removed(_ claim: Claim) {
        switch claim.state {
        case .starting: starting -= 1
        case .leaving: returning -= claim.needs
        case .ready: break
        case .new, .waiting, .over: return
        }
        claim.state = .over
        held -= claim.needs
    }

    /// A pool needs up to so many containers less, those last that it has asked for.
    ///
    /// - Returns: those of its claims that waited, and are forgotten now.
    package mutating func withdraw(_ pool: FunctionPool, atMost count: Int) -> [Claim] {
        let waiting = (urgent + others).filter { $0.pool === pool }
        return forget(waiting.suffix(count))
    }

    /// A function has lost its last container: its claims go first from now on.
    package mutating func raise(_ pool: FunctionPool) {
        for claim in others where claim.pool === pool {
            claim.isUrgent = true
            urgent.append(claim)
        }
        others.removeAll { $0.isUrgent }
    }

    /// Grants nothing any more.
    ///
    /// - Returns: all that waited.
    package mutating func close() -> [Claim] {
        isClosed = true
        return forget((urgent + others)[...])
    }

    private mutating func forget(_ claims: ArraySlice<Claim>) -> [Claim] {
        for claim in claims { claim.state = .over }
        if !claims.isEmpty {
            urgent.removeAll { $0.state == .over }
            others.removeAll { $0.state == .over }
        }
        return Array(claims)
    }
}
