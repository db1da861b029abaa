/// The rules of ``Meta/extra``: what newer and foreign tools may keep in an entity.
package enum Extra {
    /// Keys of one entity.
    package static let maxKeys = 64
    /// Bytes of a key.
    package static let maxKeyBytes = 63
    /// Arrays and objects inside one another in a value.
    package static let maxDepth = 32
    /// Bytes of all keys and values together.
    package static let maxBytes = 16 << 10
    /// Beginning of the keys that the daemon alone sets.
    package static let reservedPrefix = "fnrpc.io/"

    /// Checks what a caller sends; the error names everything that is wrong.
    ///
    /// - Parameters:
    ///   - stored: what the entity has now: the daemon's own keys, and those that `policy` does not allow, may come back
    ///     as they are.
    ///   - policy: which keys are allowed.
    package static func validated(
        _ extra: [String: String], stored: [String: String] = [:], policy: ExtraPolicy = .open
    ) throws(Failure) -> [String: String] {
        var found = Violations()
        found.require(extra.count <= maxKeys, "extra: \(extra.count) keys are over the limit of \(maxKeys)")
        let bytes = extra.reduce(0) { $0 + $1.key.utf8.count + $1.value.utf8.count }
        // Nothing is parsed that is too much anyway.
        guard found.isEmpty, bytes <= maxBytes else {
            found.require(bytes <= maxBytes, "extra: \(bytes) bytes are over the limit of \(maxBytes)")
            try found.finish()
            return extra
        }
        for (key, value) in extra.sorted(by: { $0.key < $1.key }) {
            found.require(
                (1...maxKeyBytes).contains(key.utf8.count) && key.utf8.allSatisfy(FunctionSpec.isNoteKey),
                "extra: the key \(quoted(key)) needs 1 to \(maxKeyBytes) printable ASCII characters")
            found.require(
                !key.hasPrefix(reservedPrefix) || stored[key] == value,
                "extra: the key \(quoted(key)) is the daemon's; choose one that does not begin with \(reservedPrefix)")
            if !key.hasPrefix(reservedPrefix), stored[key] != value {
                found.check { () throws(Failure) in try policy.check(key) }
            }
            found.check { () throws(Failure) in
                try JSONText.check(value, name: "extra: the value of \(quoted(key))", maxDepth: maxDepth)
            }
        }
        try found.finish()
        return extra
    }
}

/// Which keys callers may put into ``Meta/extra`` of entities of a release. Those of test versions take every key.
package enum ExtraPolicy: String, Sendable, CaseIterable {
    /// All.
    case open
    /// Those with a domain in front: `example.com/owner`.
    case namespaced
    /// None.
    case empty

    /// - Throws: `invalid` naming the key and the setting.
    func check(_ key: String) throws(Failure) {
        switch self {
        case .open: return
        case .namespaced where Self.isNamespaced(key): return
        case .namespaced:
            throw Failure(
                .invalid,
                "extra: the key \(quoted(key)) needs a domain in front, such as example.com/owner (extra-policy is "
                    + "namespaced)")
        case .empty:
            throw Failure(
                .invalid, "extra: the key \(quoted(key)) is refused; this daemon takes none (extra-policy is empty)")
        }
    }

    /// Two or more labels of letters, digits and `-` with dots in between, a slash, and something.
    private static func isNamespaced(_ key: String) -> Bool {
        let parts = key.utf8.split(separator: UInt8(ascii: "/"), maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[1].isEmpty else { return false }
        let labels = parts[0].split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        return labels.count > 1
            && labels.allSatisfy { label in
                !label.isEmpty
                    && label.allSatisfy { byte in
                        (48...57).contains(byte) || (65...90).contains(byte) || (97...122).contains(byte) || byte == 45
                    }
            }
    }
}
