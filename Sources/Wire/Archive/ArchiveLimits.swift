import Model

/// What a package may hold; the same at both ends.
package struct ArchiveLimits: Hashable, Sendable {
    /// Files, folders and links.
    package var entries: Int
    /// Bytes of all files together, unpacked.
    package var bytes: UInt64
    /// Bytes of a path; leaves room below Linux's PATH_MAX of 4096 for where the package is mounted.
    package static let pathBytes = 2048
    /// Bytes of a component (Linux's NAME_MAX).
    package static let nameBytes = 255
    /// Bytes of a link's target (PATH_MAX with its NUL).
    package static let targetBytes = 4095
    /// The default of ``entries``.
    package static let defaultEntries = 100_000
    /// The default of ``bytes``: 256 MiB.
    package static let defaultBytes: UInt64 = 268_435_456

    package init(entries: Int = ArchiveLimits.defaultEntries, bytes: UInt64 = ArchiveLimits.defaultBytes) {
        self.entries = entries
        self.bytes = bytes
    }

    /// The refusal of a package with too many entries.
    package var tooManyEntries: Failure {
        Failure(.tooLarge, "the package has more than \(entries) files and folders, which is the limit")
    }

    /// The refusal of a package that is too large.
    ///
    /// - Parameter path: the entry that crossed the limit.
    package func tooManyBytes(at path: String) -> Failure {
        let unit: UInt64 = 1_048_576
        let shown = bytes % unit == 0 ? "\(bytes / unit) MiB" : "\(bytes) bytes"
        return Failure(.tooLarge, "the package is over the limit of \(shown) unpacked; \(quoted(path)) went beyond it")
    }
}
