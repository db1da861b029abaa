/// A name for a version of a function, or for two of them with a share of the calls each.
package struct Alias: Hashable, Sendable {
    /// The name that always means the highest published version; nobody can make it.
    package static let latest = "latest"
    /// Earlier targets that are remembered.
    package static let maxHistory = 32

    package var meta: Meta
    package var functionID: Identifier
    /// Unique within the function; never changes; neither a number nor ``latest``.
    package var name: Name
    package var target: Target
    /// The key of the request's metadata whose value decides between two versions; empty: the call's id does.
    package var stickyKey: String
    /// Earlier targets, newest first, at most ``maxHistory``.
    package var history: [Target]
    package var description: String

    package init(
        meta: Meta, functionID: Identifier, name: Name, target: Target, stickyKey: String = "", history: [Target] = [],
        description: String = ""
    ) {
        self.meta = meta
        self.functionID = functionID
        self.name = name
        self.target = target
        self.stickyKey = stickyKey
        self.history = history
        self.description = description
    }

    /// What an alias points to.
    package struct Target: Hashable, Sendable {
        /// All calls together.
        package static let fullWeight: UInt32 = 10_000

        /// From 1.
        package var version: UInt32
        /// 0: there is only one.
        package var secondVersion: UInt32
        /// Of ``fullWeight`` calls, how many go to the second version.
        package var secondWeight: UInt32
        /// When it became the target.
        package var setAt: Timestamp

        package init(version: UInt32, secondVersion: UInt32 = 0, secondWeight: UInt32 = 0, setAt: Timestamp) {
            self.version = version
            self.secondVersion = secondVersion
            self.secondWeight = secondWeight
            self.setAt = setAt
        }

        /// The version for a call, the same one for the same number.
        ///
        /// - Parameter hash: ``FNV1a`` of the sticky key's value, or of the call's id as text.
        package func version(for hash: UInt64) -> UInt32 {
            secondVersion > 0 && hash % UInt64(Self.fullWeight) < UInt64(secondWeight) ? secondVersion : version
        }
    }
}
