/// Collects what is wrong with a request, so that its sender hears of everything at once.
package struct Violations: Sendable {
    private var first: Failure?
    private var further: [String] = []

    package init() {}

    /// Runs one check and notes its failure.
    ///
    /// - Returns: what the check gave; `nil` if it failed.
    @discardableResult
    package mutating func check<T>(_ body: () throws(Failure) -> T) -> T? {
        do throws(Failure) { return try body() } catch {
            add(error)
            return nil
        }
    }

    /// Looks for something that a request names, and notes what is no name.
    ///
    /// - Throws: whatever is not `invalid`: what is named comes before the fields.
    /// - Returns: what was found; `nil`: it was no name.
    package mutating func find<T>(_ body: () throws(Failure) -> T) throws(Failure) -> T? {
        do throws(Failure) { return try body() } catch {
            guard error.code == .invalid else { throw error }
            add(error)
            return nil
        }
    }

    /// Notes a mistake, code `invalid`, unless something holds.
    package mutating func require(_ holds: Bool, _ otherwise: @autoclosure () -> String) {
        if !holds { add(Failure(.invalid, otherwise())) }
    }

    /// Whether nothing was wrong so far.
    package var isEmpty: Bool { first == nil }

    /// Throws what was wrong: the first failure as it is, and the texts of the others as ``Failure/further``.
    package func finish() throws(Failure) {
        guard let first else { return }
        throw Failure(
            first.code, first.message, retryNanos: first.retryNanos, quota: first.quota, further: further)
    }

    /// What a check gave, if nothing at all was wrong.
    ///
    /// - Throws: as ``finish()``.
    package func finish<T>(_ value: T?) throws(Failure) -> T {
        try finish()
        guard let value else { throw Failure(.internalError, "a value was neither right nor wrong") }
        return value
    }

    private mutating func add(_ failure: Failure) {
        guard first != nil else {
            first = failure
            further = failure.further
            return
        }
        // Beyond, they would only be thrown away at the end.
        if further.count < Failure.maxFurther { further += [failure.message] + failure.further }
    }
}
