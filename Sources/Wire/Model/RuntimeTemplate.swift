/// The command line of a user-defined runtime, with places for what a function fills in.
///
/// `{entry}` stands for the function's entry and `{package}` for the folder of its package, as a whole word or as a part
/// of one; `{{` and `}}` are braces. What is filled in is never read as a template, and never split into words.
package struct RuntimeTemplate: Hashable, Sendable {
    /// The template as it was written.
    package let words: [String]
    private let parsed: [[Piece]]

    /// How large a template may be.
    package enum Limits {
        /// Words of the command line; the first names the program.
        package static let words = 1...FunctionSpec.Limits.words
        /// Bytes of a word, before anything is filled in.
        package static let wordBytes = FunctionSpec.Limits.wordBytes
        /// Placeholders of the whole command line: it stays bounded when they are filled in.
        package static let placeholders = 64
    }

    private enum Piece: Hashable, Sendable {
        case text(String)
        case entry
        case package
    }

    /// Checks a template.
    ///
    /// - Parameter field: how the error calls it.
    /// - Throws: `invalid` naming the word and what is wrong with it.
    package init(_ words: [String], field: String = "command") throws(Failure) {
        guard Limits.words.contains(words.count) else {
            throw Failure(
                .invalid,
                "\(field): \(words.count) words are out of range; \(Limits.words.lowerBound) to "
                    + "\(Limits.words.upperBound)")
        }
        guard words.first?.isEmpty == false else {
            throw Failure(.invalid, "\(field): the first word is empty; it names the program")
        }
        var parsed: [[Piece]] = []
        for word in words { parsed.append(try Self.pieces(word, field)) }
        let count = parsed.reduce(0) { count, pieces in
            count + pieces.count { if case .text = $0 { false } else { true } }
        }
        guard count <= Limits.placeholders else {
            throw Failure(.invalid, "\(field): \(count) placeholders are over the limit of \(Limits.placeholders)")
        }
        self.words = words
        self.parsed = parsed
    }

    /// The command line of a function.
    ///
    /// - Parameters:
    ///   - entry: the function's entry.
    ///   - package: where the package is, inside the sandbox.
    package func command(entry: String, package: String) -> [String] {
        parsed.map { pieces in
            pieces.reduce(into: "") { word, piece in
                switch piece {
                case .text(let text): word += text
                case .entry: word += entry
                case .package: word += package
                }
            }
        }
    }

    private static func pieces(_ word: String, _ field: String) throws(Failure) -> [Piece] {
        guard word.utf8.count <= Limits.wordBytes else {
            throw Failure(
                .invalid,
                "\(field): a word of \(word.utf8.count) bytes is over the limit of \(Limits.wordBytes)")
        }
        guard !word.utf8.contains(0) else {
            throw Failure(.invalid, "\(field): \(quoted(word)) contains a NUL character")
        }
        var pieces: [Piece] = []
        var text = ""
        // Scalars, not characters: a combining mark must not hide a brace.
        var rest = Substring(word).unicodeScalars
        while let scalar = rest.popFirst() {
            guard scalar == "{" || scalar == "}" else {
                text.unicodeScalars.append(scalar)
                continue
            }
            if rest.first == scalar {
                rest.removeFirst()
                text.unicodeScalars.append(scalar)
                continue
            }
            guard scalar == "{", let end = rest.firstIndex(of: "}") else {
                throw Failure(
                    .invalid,
                    "\(field): \(quoted(word)) has a single \(quoted(String(scalar))); write it twice if a brace is meant"
                )
            }
            let name = String(rest[..<end])
            rest = rest[rest.index(after: end)...]
            if !text.isEmpty { pieces.append(.text(text)) }
            text = ""
            switch name {
            case "entry": pieces.append(.entry)
            case "package": pieces.append(.package)
            default:
                throw Failure(
                    .invalid,
                    "\(field): \(quoted("{" + name + "}")) is no placeholder; there are {entry} and {package}")
            }
        }
        if !text.isEmpty { pieces.append(.text(text)) }
        return pieces
    }
}
