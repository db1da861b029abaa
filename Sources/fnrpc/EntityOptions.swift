import ArgumentParser
import Model
import Wire

/// Labels and extra data of an entity that is made or changed.
struct NoteOptions: ParsableArguments {
    @Option(
        name: .customLong("label"),
        help: ArgumentHelp(
            "A label; may be given several times. An update deletes one whose value is empty.", valueName: "key=value"))
    private var labelPairs: [String] = []

    @Option(
        name: .customLong("extra"),
        help: ArgumentHelp(
            "Data of other tools as JSON; may be given several times. An update deletes what is empty.",
            valueName: "key=json"))
    private var extraPairs: [String] = []

    /// By key.
    var labels: [String: String] {
        get throws(Failure) { try KeyValues.read(labelPairs, option: "--label") }
    }

    /// By key; values are JSON text.
    var extra: [String: String] {
        get throws(Failure) { try KeyValues.read(extraPairs, option: "--extra") }
    }

    func validate() throws {
        _ = try usage { () throws(Failure) in (try labels, try extra) }
    }
}

/// The revision that an update or a deletion expects.
struct RevisionOptions: ParsableArguments {
    @Option(help: "Refuse if the entity has another revision than this one.", transform: UInt64.read)
    var revision: UInt64?

    func validate() throws {
        guard revision != 0 else { throw ValidationError("--revision: 0 is out of range; revisions start at 1") }
    }
}

/// Which entities a list has.
struct FilterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Only those that match, such as 'labels.team = core AND api_version = 1'.", valueName: "expression"))
    var filter = ""
}

/// How much of a list is shown.
struct LimitOptions: ParsableArguments {
    @Option(help: "Most to list, 1 to 100000. Default: all.", transform: Int.read)
    private var limit: Int?

    /// Entities; without a limit as many as there are.
    var most: Int { limit ?? .max }

    func validate() throws {
        if let limit, !(1...100_000).contains(limit) {
            throw ValidationError("--limit: \(limit) is out of range; 1 to 100000")
        }
    }
}

/// `KEY=VALUE` on the command line.
enum KeyValues {
    /// Splits each at its first `=`.
    ///
    /// - Throws: `invalid` for a pair without `=` or key, and for a key that is given twice.
    static func read(_ pairs: [String], option: String) throws(Failure) -> [String: String] {
        var result: [String: String] = [:]
        for pair in pairs {
            let (key, value) = try split(pair, option: option)
            guard result.updateValue(value, forKey: key) == nil else {
                throw Failure(.invalid, "\(option): \(quoted(key)) is given twice; give it once")
            }
        }
        return result
    }

    /// Splits a pair at its first `=`.
    static func split(_ pair: String, option: String) throws(Failure) -> (key: String, value: String) {
        guard let position = pair.firstIndex(of: "="), position != pair.startIndex else {
            throw Failure(.invalid, "\(option): \(quoted(pair)) is not KEY=VALUE")
        }
        return (String(pair[..<position]), String(pair[pair.index(after: position)...]))
    }
}

extension Deletion {
    /// Says what is gone, or would go.
    func show(_ output: OutputOptions) throws {
        switch output.output {
        case .json: try JSON(self).print()
        case .table:
            for entity in entities {
                try Terminal.print(
                    (done ? "deleted " : "would delete ")
                        + Terminal.harmless("\(entity.kind) \(entity.name) (\(entity.id))"))
            }
            let shown = UInt64(entities.count)
            if count > shown { try Terminal.print("and \(count - shown) more") }
        }
    }
}

extension Meta {
    /// For people, at the end of what they see of an entity.
    var rows: [(String, String)] {
        var rows = [
            ("id", id.description), ("revision", "\(revision)"), ("api version", "\(apiVersion)"),
            ("created", Shown.time(createdAt)), ("updated", Shown.time(updatedAt)),
        ]
        rows += labels.sorted { $0.key < $1.key }.map { ("label \($0.key)", $0.value) }
        rows += extra.sorted { $0.key < $1.key }.map { ("extra \($0.key)", $0.value) }
        return rows
    }
}
