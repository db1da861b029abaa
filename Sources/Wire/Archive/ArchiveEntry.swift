import Model

/// One file, folder or link of a package.
package struct ArchiveEntry: Hashable, Sendable {
    /// What it is.
    package enum Kind: Hashable, Sendable {
        /// Mode 0755.
        case folder
        /// Mode 0755 if executable, else 0644.
        case file(bytes: UInt64, executable: Bool)
        /// A symbolic link; the target is kept as it is.
        case link(target: String)
    }

    /// Relative; components joined by single slashes, none of them `.` or `..`, valid UTF-8.
    package let path: String
    package let kind: Kind

    package init(path: String, kind: Kind) {
        self.path = path
        self.kind = kind
    }
}

/// The rule for links: followed as the kernel would follow it, a link must stay within the package.
package enum LinkRule {
    /// The kernel's own bound on links in one path (path_resolution(7)).
    private static let hops = 40

    /// Refuses a link whose target is absolute, or leaves the folder by its own `..` components.
    ///
    /// Enough while unpacking; the whole package needs ``check(_:)``, since links can be combined to leave.
    package static func check(path: String, target: String) throws(Failure) {
        guard !target.isEmpty, !target.utf8.contains(0), target.utf8.count <= ArchiveLimits.targetBytes else {
            throw Failure(
                .invalid, "link \(quoted(path)): the target needs 1 to \(ArchiveLimits.targetBytes) bytes and no NUL")
        }
        guard target.utf8.first != UInt8(ascii: "/") else {
            throw Failure(.invalid, "link \(quoted(path)) to the absolute \(quoted(target)) leaves the folder")
        }
        var depth = path.utf8.count { $0 == UInt8(ascii: "/") }
        for component in target.pathComponents where component != "." {
            depth += component == ".." ? -1 : 1
            if depth < 0 { throw leaves(path, target) }
        }
    }

    /// Refuses every link of a package that leaves it, alone or through other links.
    package static func check(_ entries: [ArchiveEntry]) throws(Failure) {
        // By bytes: to Swift, two spellings of "é" are one string, to Linux two names.
        var targets: [[UInt8]: (path: String, target: String)] = [:]
        for entry in entries {
            if case .link(let target) = entry.kind { targets[Array(entry.path.utf8)] = (entry.path, target) }
        }
        for (path, target) in targets.values.sorted(by: { $0.path < $1.path }) {
            try check(path: path, target: target)
            try follow(path, target, targets)
        }
    }

    private static func follow(
        _ path: String, _ target: String, _ targets: [[UInt8]: (path: String, target: String)]
    ) throws(Failure) {
        var place = Array(path.pathComponents.dropLast())
        var rest = Array(target.pathComponents.reversed())
        var hops = Self.hops
        while let component = rest.popLast() {
            if component == "." { continue }
            if component == ".." {
                if place.popLast() == nil { throw leaves(path, target) }
                continue
            }
            place.append(component)
            if let next = targets[Array(place.joined(separator: "/").utf8)]?.target {
                hops -= 1
                // The kernel gives up with ELOOP, so the link leads nowhere.
                if hops == 0 { return }
                place.removeLast()
                rest += next.pathComponents.reversed()
            }
        }
    }

    private static func leaves(_ path: String, _ target: String) -> Failure {
        Failure(.invalid, "link \(quoted(path)) to \(quoted(target)) leaves the folder")
    }
}
