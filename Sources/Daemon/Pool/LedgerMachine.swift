package import Model

/// The rules of who gets how much of the machine's memory and processors, and whose start is next. Pure.
///
/// A claim is granted before its container is started and holds until that is removed, however it ends. Those that find no
/// room wait: functions without any container first, else in order of arrival; nobody overtakes the first of them, so
/// large ones are not starved by small ones. Only who wants what is kept for its function goes before all others, for nobody
/// else could have that.
package struct LedgerMachine {
    /// What all claims together may hold.
    package let total: Resources
    /// The most starts at once.
    package let maxStarts: Int
    /// What claims hold now; those that are leaving included.
    package private(set) var held = Resources.none
    /// What of it comes back soon.
    private var returning = Resources.none
    /// What is kept for functions.
    var reserves: [Identifier: Resources] = [:]
    /// What the containers of each function hold, and what of it comes back soon.
    private(set) var shares: [Identifier: Share] = [:]
    /// Starts that are being made.
    package private(set) var starting = 0
    private(set) var urgent: [Claim] = []
    private(set) var others: [Claim] = []
    private var isClosed = false
    var evictor = Evictor()

    /// The answer to ``request(_:)``.
    package enum Answer {
        /// It is granted, now or later.
        case accepted
        /// It is more than the machine has.
        case tooLarge
        /// It is more than the machine has beside what is kept for other functions.
        case kept
        /// Nothing is started any more.
        case closed
    }

    package init(total: Resources, maxStarts: Int) {
        self.total = total
        self.maxStarts = maxStarts
    }

    /// Claims that wait.
    package var waiting: Int { urgent.count + others.count }

    private var first: Claim? {
        if !reserves.isEmpty, let kept = urgent.first(where: isKept) ?? others.first(where: isKept) { return kept }
        return urgent.first ?? others.first
    }

    /// What a function may have now; or when all that is leaving is gone.
    private func room(for function: Identifier?, afterAll: Bool = false) -> Resources {
        var taken = held
        if afterAll { taken -= returning }
        taken += unused(beside: function, afterAll: afterAll)
        return total.lacking(with: taken)
    }

    /// The claim that waits for room, and what is missing even when all that is leaving is gone; `nil`: none waits for
    /// anything but its turn.
    package var shortage: (claim: Claim, missing: Resources)? {
        guard let first, starting < maxStarts else { return nil }
        let missing = first.needs.lacking(with: room(for: first.pool.function, afterAll: true))
        return missing == .none ? nil : (first, missing)
    }

    /// A container is wanted.
    package mutating func request(_ claim: Claim) -> Answer {
        guard !isClosed else { return .closed }
        guard claim.needs.fits(in: total) else { return .tooLarge }
        guard mayFit(claim) else { return .kept }
        claim.state = .waiting
        if claim.isUrgent { urgent.append(claim) } else { others.append(claim) }
        return .accepted
    }

    /// Takes those whose turn it is; to be called after every event.
    package mutating func takeGranted() -> [Claim] {
        var granted: [Claim] = []
        while let first, starting < maxStarts, first.needs.fits(in: room(for: first.pool.function)) {
            if first.isUrgent { urgent.removeAll { $0 === first } } else { others.removeAll { $0 === first } }
            first.state = .starting
            held += first.needs
            change(first) { $0.held += first.needs }
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
        change(claim) { $0.returning += claim.needs }
    }

    /// Nothing is left of a container, or of its start.
    package mutating func removed(_ claim: Claim) {
        switch claim.state {
        case .starting: starting -= 1
        case .leaving:
            returning -= claim.needs
            change(claim) { $0.returning -= claim.needs }
        case .ready: break
        case .new, .waiting, .over: return
        }
        claim.state = .over
        held -= claim.needs
        change(claim) { $0.held -= claim.needs }
    }

    private mutating func change(_ claim: Claim, _ body: (inout Share) -> Void) {
        guard let function = claim.pool.function else { return }
        body(&shares[function, default: Share()])
        if shares[function]?.held == Resources.none { shares[function] = nil }
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

    mutating func forget(_ claims: ArraySlice<Claim>) -> [Claim] {
        for claim in claims { claim.state = .over }
        if !claims.isEmpty {
            urgent.removeAll { $0.state == .over }
            others.removeAll { $0.state == .over }
        }
        return Array(claims)
    }
}
