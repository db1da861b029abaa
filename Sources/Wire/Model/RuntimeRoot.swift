/// What a runtime's functions see as their root, beside their package, `/tmp`, and the kernel's own folders.
package enum RuntimeRoot: Hashable, Sendable {
    /// The machine's `/usr` with a generated `/etc`.
    case host
    /// A folder of the administrator's, absolute; what it is checked for says `RootFolder` of the drivers.
    case folder(String)
    /// A container image, by its reference.
    case image(String)

    /// Reads `host`, `folder:PATH` or `image:REFERENCE`; empty is `host`.
    ///
    /// - Throws: `invalid`.
    package init(_ text: String, field: String) throws(Failure) {
        let parts = text.split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        switch (parts[0], parts.count) {
        case ("host", 1), ("", 1): self = .host
        case ("folder", 2) where !parts[1].isEmpty: self = .folder(parts[1])
        case ("image", 2) where !parts[1].isEmpty: self = .image(parts[1])
        default:
            throw Failure(
                .invalid, "\(field): \(quoted(text)) is no root; write host, folder:PATH or image:REFERENCE")
        }
    }
}

extension RuntimeRoot: CustomStringConvertible {
    package var description: String {
        switch self {
        case .host: "host"
        case .folder(let path): "folder:" + path
        case .image(let reference): "image:" + reference
        }
    }
}
