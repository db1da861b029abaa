internal import Archive
internal import Model

/// One numbered step of the schema, with its way back. A step that was ever released never changes.
///
/// Its SQL runs in a transaction that is not its own, with foreign keys not enforced (so a table can be rebuilt, and
/// `ON DELETE CASCADE` does nothing) but checked before the commit. It does not begin or end transactions.
package struct Migration: Sendable, Hashable {
    /// From 1, without gaps.
    package let number: Int
    /// Lower-case words joined by hyphens.
    package let name: String
    /// Statements that lead from the schema before to this one.
    package let up: String
    /// Statements that lead back to the same schema; SQLite may quote a renamed table where it did not before.
    package let down: String
    /// What the way back loses for good, as a part of a sentence ("all tokens"); `nil`: nothing.
    package let losesOnDown: String?

    package init(number: Int, name: String, up: String, down: String, losesOnDown: String? = nil) {
        self.number = number
        self.name = name
        self.up = up
        self.down = down
        self.losesOnDown = losesOnDown
    }

    /// Number and name as people read them: `002-tokens`.
    package var label: String { Self.label(number, name) }

    static func label(_ number: Int, _ name: String) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(3 - digits.utf8.count, 0)) + digits + "-" + name
    }

    /// SHA-256 of number, name, up and down, each ended by a zero byte.
    func checksum() throws(Failure) -> Digest {
        try SHA256.digest(of: [String(number), name, up, down].flatMap { Array($0.utf8) + [0] })
    }
}
