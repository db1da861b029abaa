internal import Model

// Order of checks, in every operation: the entities that the request names, parents first; its fields in the order of the
// message, but labels and extra data last; whether names are free; the revision; what else forbids it.

/// Checks and changes that the entities share.
enum Checks {
    /// Bytes of a description.
    static let maxDescription = 255

    static func description(_ text: String) throws(Failure) {
        guard text.utf8.count <= maxDescription else {
            throw Failure(
                .invalid, "description: \(text.utf8.count) bytes are over the limit of \(maxDescription)")
        }
    }

    /// Whether a name that an update gives is the present one.
    ///
    /// - Throws: `conflict`: it never changes.
    static func unchanged(_ field: String, _ given: String?, _ present: String) throws(Failure) {
        guard let given, given != present else { return }
        throw Failure(.conflict, "\(field): \(quoted(present)) cannot become \(quoted(given)); it never changes")
    }

    /// Calls that forbid a deletion, in words.
    static func text(ofCalls count: Int) -> String { "\(count) running or waiting call\(count == 1 ? "" : "s")" }

    /// Schemes of ``App/syslogURL``.
    static let syslogSchemes = ["tcp", "udp", "unix", "unixgram", "tcp+tls"]
    /// Bytes of ``App/syslogURL``.
    static let maxSyslogURL = 1024

    static func syslogURL(_ text: String) throws(Failure) {
        guard !text.isEmpty else { return }
        guard text.utf8.count <= maxSyslogURL, text.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Failure(
                .invalid, "syslog_url: \(quoted(text)) is no URL of at most \(maxSyslogURL) printable ASCII characters")
        }
        guard let end = text.range(of: "://"), syslogSchemes.contains(String(text[..<end.lowerBound])),
            end.upperBound < text.endIndex
        else {
            throw Failure(
                .invalid,
                "syslog_url: \(quoted(text)) is not understood; write SCHEME://ADDRESS with one of: "
                    + syslogSchemes.joined(separator: ", "))
        }
        _ = try SyslogAddress(text)
    }
}

extension Violations {
    mutating func check(description: String) {
        check { () throws(Failure) in try Checks.description(description) }
    }
}

extension Transaction {
    /// Checks the labels and the extra data of an entity.
    ///
    /// - Parameter old: as it is stored, if it is not new.
    func check(labels: [String: String], extra: [String: String], of old: Meta? = nil, _ violations: inout Violations) {
        violations.check { () throws(Failure) in try FunctionSpec.checkNotes("labels", labels) }
        let version = apiVersion ?? old?.apiVersion ?? Meta.currentAPIVersion
        // Test versions are where new data is tried.
        let policy = version % 2 == 0 ? .open : surroundings.extraPolicy
        violations.check { () throws(Failure) in
            _ = try Extra.validated(extra, stored: old?.extra ?? [:], policy: policy)
        }
    }

    /// Merges an update's labels and extra data into an entity's, and checks what comes out.
    func merge(
        labels: [String: String], extra: [String: String], into meta: inout Meta, _ violations: inout Violations
    ) {
        let old = meta
        // Of what stays the checks below speak.
        for (key, value) in extra.sorted(by: { $0.key < $1.key }) where value.isEmpty {
            violations.require(
                !key.hasPrefix(Extra.reservedPrefix),
                "extra: the key \(quoted(key)) is the daemon's; leave it as it is")
        }
        meta.labels = old.labels.merged(labels)
        meta.extra = old.extra.merged(extra)
        check(labels: meta.labels, extra: meta.extra, of: old, &violations)
    }

    /// Ends the checks of an update: what is wrong with its fields, a name that would change, the revision.
    ///
    /// - Parameters:
    ///   - name: that the update gives; `nil`: none.
    ///   - revision: that the update gives; `nil`: none.
    func finish(_ violations: Violations, _ row: Row, name: String?, revision: UInt64?) throws(Failure) {
        try violations.finish()
        try Checks.unchanged("name", name, row.key)
        try check(revision: revision ?? 0, of: row)
    }

    /// Refuses while something outside of a set needs one of its rows; the error names each, and how many calls run too.
    ///
    /// - Parameters:
    ///   - name: what is being deleted.
    ///   - rows: all that would go.
    ///   - target: whose calls forbid it as well; `nil`: nobody calls it.
    func checkUnused(_ name: String, _ rows: [Row], calls target: GateTarget? = nil) throws(Failure) {
        let users = users(of: rows)
        guard !users.isEmpty else { return }
        let shown = users.prefix(Self.maxUsersShown).map { "\($0.kind.rawValue) \(tables.name(of: $0))" }
            .joined(separator: ", ")
        let more = users.count > Self.maxUsersShown ? " and \(users.count - Self.maxUsersShown) more" : ""
        let calls = target.map { surroundings.gate.calls(of: $0) } ?? 0
        let running = calls > 0 ? ", and has \(Checks.text(ofCalls: calls))" : ""
        throw Failure(
            .precondition, "\(name) is used by \(shown)\(more)\(running); delete or change what uses it first")
    }

    /// What refers to one of these rows and is none of them, each once.
    func users(of rows: [Row]) -> [Row] {
        var seen = Set(rows.map(\.id))
        return rows.flatMap { tables.referrers(of: $0.id) }.filter { seen.insert($0.id).inserted }
    }

    /// Users that an error names.
    private static let maxUsersShown = 20
}
