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
    /// - Parameter stored: what the entity has now: the daemon's own keys may come back as they are.
    package static func validated(
        _ extra: [String: String], stored: [String: String] = [:]
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
            found.check { () throws(Failure) in
                try JSONText.check(value, name: "extra: the value of \(quoted(key))", maxDepth: maxDepth)
            }
        }
        try found.finish()
        return extra
    }
}
