package import Model

/// Room that is kept for functions, whether they have containers or not.
extension LedgerMachine {
    /// What the containers of a function hold.
    struct Share {
        var held = Resources.none
        /// What of it comes back soon.
        var returning = Resources.none
    }

    /// Keeps room for a function from now on: `none` keeps nothing. Who has it already gives it back when its containers
    /// leave; of what does not fit beside the reserves of others, nothing is kept.
    ///
    /// - Returns: how much is kept; claims that waited for room that is not to be had any more, and are forgotten now.
    package mutating func reserve(_ room: Resources, for function: Identifier) -> (kept: Resources, refused: [Claim]) {
        reserves[function] = nil
        let kept = room.fits(in: unreserved(beside: function)) ? room : .none
        if kept != .none { reserves[function] = kept }
        return (kept, forget((urgent + others).filter { !mayFit($0) }[...]))
    }

    /// What is not kept for other functions.
    package func unreserved(beside function: Identifier?) -> Resources {
        var kept = Resources.none
        for (other, room) in reserves where other != function { kept += room }
        return total.lacking(with: kept)
    }

    /// What is kept for other functions, and their containers do not hold.
    func unused(beside function: Identifier?, afterAll: Bool) -> Resources {
        var unused = Resources.none
        for (other, room) in reserves where other != function {
            var held = shares[other]?.held ?? .none
            if afterAll { held -= shares[other]?.returning ?? .none }
            unused += room.lacking(with: held)
        }
        return unused
    }

    /// Whether there can ever be room for it.
    func mayFit(_ claim: Claim) -> Bool { claim.needs.fits(in: unreserved(beside: claim.pool.function)) }

    /// Whether it wants what is kept for its function.
    func isKept(_ claim: Claim) -> Bool {
        guard let function = claim.pool.function, let room = reserves[function] else { return false }
        var wanted = shares[function]?.held ?? .none
        wanted += claim.needs
        return wanted.fits(in: room)
    }

    /// What the containers of a function that stay hold beyond what is kept for it: only that helps others.
    package func spare(of function: Identifier) -> Resources {
        var held = shares[function]?.held ?? .none
        held -= shares[function]?.returning ?? .none
        return held.lacking(with: reserves[function] ?? .none)
    }

    /// Leaves out containers of other functions whose room would be kept for these.
    func evictable(_ candidates: [Evictor.Candidate], for claim: Claim) -> [Evictor.Candidate] {
        guard !reserves.isEmpty else { return candidates }
        var spares: [Identifier: UInt64] = [:]
        return candidates.map { candidate in
            guard let function = candidate.pool.function, function != claim.pool.function, reserves[function] != nil
            else {
                return candidate
            }
            let memory = max(candidate.needs.memoryMiB, 1)
            let spare = spares[function] ?? spare(of: function).memoryMiB
            let count = min(UInt64(candidate.lastUsed.count), spare / memory)
            spares[function] = spare - count * memory
            return Evictor.Candidate(
                pool: candidate.pool, needs: candidate.needs, calls: candidate.calls, coldNanos: candidate.coldNanos,
                lastUsed: Array(candidate.lastUsed.prefix(Int(count))))
        }
    }
}
