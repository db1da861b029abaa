package import Model

/// What one container holds of the machine: asked for before it is started, given back when it is removed.
// SAFETY: `state` and `isUrgent` are guarded by the lock of the ledger; everything else never changes.
package final class Claim: @unchecked Sendable {
    package let needs: Resources
    /// Whose container it is; the ledger only compares it.
    package let pool: FunctionPool
    /// What is started when the claim is granted; the ledger never looks into it.
    package let start: any Sendable
    var state = State.new
    /// Its function has no container at all.
    var isUrgent: Bool

    enum State {
        case new, waiting
        /// Granted; its start takes one of the machine's turns.
        case starting
        case ready
        /// What it holds comes back soon.
        case leaving
        case over
    }

    package init(needs: Resources, pool: FunctionPool, start: any Sendable, isUrgent: Bool) {
        self.needs = needs
        self.pool = pool
        self.start = start
        self.isUrgent = isUrgent
    }
}
