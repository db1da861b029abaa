package import Model
internal import Synchronization

/// Knows every valid token, and says who a caller is that shows one. Thread-safe.
///
/// A connection may keep the principal that it got, with the ``generation`` that it read before; ``confirm`` then says
/// in a few nanoseconds whether it still holds.
package final class Authenticator: Sendable {
    private let state: Lock<State>
    private let changes = Atomic<UInt64>(1)
    /// What an unknown id is compared with, so that it takes as long as a known one.
    private let nothing = [UInt8](repeating: 0, count: TokenSecret.secretBytes)

    private struct State {
        var entries: [Identifier: Entry] = [:]
        /// Of the last reload that was begun, and of the one whose result counts.
        var begun: UInt64 = 0
        var applied: UInt64 = 0
        /// Reloads under way, and what was removed since the first of them began.
        var reloads = 0
        var removed: Set<Identifier> = []
    }

    private final class Entry: Sendable {
        let principal: Principal
        let hash: [UInt8]
        let reported = Atomic<Int64>(0)

        init(_ credential: Credential) {
            principal = Principal(
                .token(id: credential.id, name: credential.name.text), grants: credential.grants,
                expiresAt: credential.expiresAt)
            hash = credential.hash
        }
    }

    package init(_ credentials: [Credential] = []) {
        var state = State()
        for credential in credentials { state.entries[credential.id] = Entry(credential) }
        self.state = Lock(state)
    }

    /// Grows whenever tokens change. Read it before ``principal(bearer:now:)`` when the answer shall be kept.
    package var generation: UInt64 { changes.load(ordering: .acquiring) }

    /// Takes all tokens from the store, after one was made there. Reloads may overlap in any order: what counts is the
    /// one that began last, which has seen what the others saw.
    ///
    /// - Throws: what `read` throws; then nothing changes.
    package func reload(_ read: () async throws(Failure) -> [Credential]) async throws(Failure) {
        let ticket = state.withLock { state in
            state.reloads += 1
            state.begun += 1
            return state.begun
        }
        do throws(Failure) { finish(try await read(), ticket) } catch {
            finish(nil, ticket)
            throw error
        }
    }

    private func finish(_ credentials: [Credential]?, _ ticket: UInt64) {
        state.withLock { state in
            defer {
                state.reloads -= 1
                if state.reloads == 0 { state.removed = [] }
            }
            guard let credentials, ticket > state.applied else { return }
            state.applied = ticket
            var entries: [Identifier: Entry] = [:]
            entries.reserveCapacity(credentials.count)
            for credential in credentials where !state.removed.contains(credential.id) {
                // Tokens never change; an entry that stays keeps its last use.
                entries[credential.id] = state.entries[credential.id] ?? Entry(credential)
            }
            state.entries = entries
            changes.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// Refuses a token from now on, after it was deleted from the store. A reload that read the store before does not
    /// bring it back.
    package func remove(_ id: Identifier) {
        state.withLock { state in
            if state.reloads > 0 { state.removed.insert(id) }
            state.entries[id] = nil
            changes.wrappingAdd(1, ordering: .releasing)
        }
    }

    /// Whose token this is. Notes the use.
    ///
    /// - Parameter bearer: any bytes, of any length; never trusted.
    /// - Returns: `unauthenticated` in one wording for every token that is not valid; only who has the right secret
    ///   learns that it has expired.
    package func principal(bearer: UnsafeRawBufferPointer, now: Timestamp) -> Result<Principal, Failure> {
        guard let entry = entry(bearer: bearer) else {
            return .failure(
                Failure(.unauthenticated, "the token is not valid; make one with `fnrpc token create` and send it"))
        }
        if let end = entry.principal.expiresAt, entry.principal.isExpired(at: now) {
            return .failure(
                Failure(
                    .unauthenticated,
                    "the \(entry.principal) expired at \(end.rfc3339(fractionDigits: 0)); make a new one"))
        }
        entry.principal.noteUse(at: now)
        return .success(entry.principal)
    }

    /// Whether a principal that was got at `generation` may go on; if so, notes the use. Allocates nothing.
    package func confirm(_ principal: Principal, generation: UInt64, now: Timestamp) -> Bool {
        guard generation == self.generation, !principal.isExpired(at: now) else { return false }
        principal.noteUse(at: now)
        return true
    }

    private func entry(bearer: UnsafeRawBufferPointer) -> Entry? {
        withUnsafeTemporaryAllocation(byteCount: 2 * TokenSecret.secretBytes, alignment: 8) { buffer in
            let secret = UnsafeMutableRawBufferPointer(rebasing: buffer[..<TokenSecret.secretBytes])
            let hash = UnsafeMutableRawBufferPointer(rebasing: buffer[TokenSecret.secretBytes...])
            guard let id = TokenSecret.parse(bearer, secret: secret) else { return nil }
            TokenSecret.hash(UnsafeRawBufferPointer(secret), into: hash)
            let found = state.withLock { $0.entries[id] }
            let isRight = (found?.hash ?? nothing).withUnsafeBytes {
                TokenSecret.constantTimeEqual($0, UnsafeRawBufferPointer(hash))
            }
            return isRight ? found : nil
        }
    }

    /// Tokens that were used since the last time, with their last use to the second: for the store, once a minute.
    package func takeUses() -> [(id: Identifier, usedAt: Timestamp)] {
        let entries = state.withLock { $0.entries }
        return entries.compactMap { id, entry in
            guard let used = entry.principal.lastUse,
                entry.reported.exchange(used.nanoseconds, ordering: .relaxed) != used.nanoseconds
            else { return nil }
            return (id, used)
        }
    }

    /// The token in the value of the metadata `authorization`: what follows `Bearer `, in any case.
    package static func bearer(authorization value: UnsafeRawBufferPointer) -> UnsafeRawBufferPointer? {
        let scheme: StaticString = "bearer "
        guard value.count > scheme.utf8CodeUnitCount else { return nil }
        for index in 0..<scheme.utf8CodeUnitCount {
            let expected = scheme.utf8Start[index]
            guard value[index] == expected || (index < 6 && value[index] == expected - 32) else { return nil }
        }
        return UnsafeRawBufferPointer(rebasing: value[scheme.utf8CodeUnitCount...])
    }
}
