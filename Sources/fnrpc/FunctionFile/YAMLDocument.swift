import Model
import Yams

/// A YAML mapping whose errors name file and line.
struct YAMLDocument {
    /// A func.yaml is a page of text; more is a mistake, and the parser holds all of it in memory.
    static let maxBytes = 256 << 10

    /// One key of the mapping.
    struct Entry {
        let key: String
        let value: Node
        /// Line of the key, from 1.
        let line: Int
    }

    /// As errors call it.
    let path: String
    /// In the file's order.
    let entries: [Entry]

    /// Parses text; duplicate keys, other documents and values that are not a mapping are errors.
    init(_ text: String, path: String) throws(Failure) {
        self.path = path
        guard text.utf8.count <= Self.maxBytes else {
            throw Failure(
                .tooLarge, "\(path): \(text.utf8.count) bytes are over the limit of \(Self.maxBytes) for this file")
        }
        guard let node = try Self.compose(text, path: path) else {
            throw Failure(.invalid, "\(path): is empty; it needs at least runtime and entry or entrypoint")
        }
        guard case .mapping(let mapping) = node else {
            throw Failure(.invalid, "\(path):\(node.mark?.line ?? 1): must be keys and values, such as runtime: python")
        }
        var entries: [Entry] = []
        for (key, value) in mapping {
            let line = key.mark?.line ?? 1
            guard case .scalar(let scalar) = key else {
                throw Failure(.invalid, "\(path):\(line): a key must be plain text")
            }
            entries.append(Entry(key: scalar.string, value: value, line: line))
        }
        self.entries = entries
    }

    /// An error at a line.
    func failure(_ line: Int, _ message: String) -> Failure {
        Failure(.invalid, "\(path):\(line): \(message)")
    }

    private static func compose(_ text: String, path: String) throws(Failure) -> Node? {
        do {
            return try Yams.compose(yaml: text)
        } catch let error as YamlError {
            throw failure(error, text, path)
        } catch {
            throw Failure(.invalid, "\(path): is not YAML (\(error))")
        }
    }

    private static func failure(_ error: YamlError, _ text: String, _ path: String) -> Failure {
        switch error {
        case .scanner(_, let problem, let mark, _), .parser(_, let problem, let mark, _),
            .composer(_, let problem, let mark, _):
            return Failure(.invalid, "\(path):\(mark.line): is not YAML: \(problem)")
        case .duplicatedKeysInMapping(let keys, let context):
            let key = keys.first ?? ""
            let line = secondLine(of: key, in: text) ?? context.mark.line
            return Failure(.invalid, "\(path):\(line): \(key): given twice; keep one of them")
        case .reader(let problem, _, _, _):
            return Failure(.invalid, "\(path): is not YAML: \(problem)")
        default:
            return Failure(.invalid, "\(path): is not YAML")
        }
    }

    /// The parser tells only where the mapping starts.
    private static func secondLine(of key: String, in text: String) -> Int? {
        var seen = false
        for (index, line) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let content = line.drop { $0 == " " || $0 == "\"" || $0 == "'" }
            guard content.hasPrefix(key), content.dropFirst(key.count).contains(":") else { continue }
            let next = content.dropFirst(key.count).first
            guard next == ":" || next == " " || next == "\"" || next == "'" else { continue }
            if seen { return index + 1 }
            seen = true
        }
        return nil
    }
}

extension Node {
    /// The text of a scalar that is not quoted; `nil` otherwise.
    var plain: String? {
        guard case .scalar(let scalar) = self, scalar.style == .plain || scalar.style == .any else { return nil }
        return scalar.string
    }

    /// Whether it is YAML's null.
    var isNull: Bool { plain.map { ["", "~", "null", "Null", "NULL"].contains($0) } ?? false }

    /// How an error shows it.
    var shown: String {
        switch self {
        case .scalar(let scalar): scalar.style == .plain ? scalar.string : quoted(scalar.string)
        case .mapping: "a mapping"
        case .sequence: "a list"
        case .alias: "an alias"
        }
    }
}
