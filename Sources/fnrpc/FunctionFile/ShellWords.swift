/// Splits a command line as a POSIX shell splits words: blanks, quotes and backslashes; no expansion.
enum ShellWords {
    /// A quote has no end, or the text ends in a backslash.
    struct Unterminated: Error {}

    static func split(_ text: String) throws(Unterminated) -> [String] {
        var words: [String] = []
        var word: String?
        var rest = text.unicodeScalars[...]
        while let scalar = rest.popFirst() {
            switch scalar {
            case " ", "\t", "\n", "\r":
                if let finished = word { words.append(finished) }
                word = nil
            case "'":
                guard let end = rest.firstIndex(of: "'") else { throw Unterminated() }
                word = (word ?? "") + String(rest[..<end])
                rest = rest[rest.index(after: end)...]
            case "\"":
                word = (word ?? "") + (try quoted(&rest))
            case "\\":
                guard let escaped = rest.popFirst() else { throw Unterminated() }
                word = (word ?? "") + String(escaped)
            default:
                word = (word ?? "") + String(scalar)
            }
        }
        if let finished = word { words.append(finished) }
        return words
    }

    /// The inside of double quotes: a backslash escapes only `"`, `\`, `$` and a backtick.
    private static func quoted(_ rest: inout Substring.UnicodeScalarView) throws(Unterminated) -> String {
        var result = ""
        while let scalar = rest.popFirst() {
            if scalar == "\"" { return result }
            if scalar == "\\", let next = rest.first, ["\"", "\\", "$", "`"].contains(next) {
                result.unicodeScalars.append(next)
                rest.removeFirst()
            } else {
                result.unicodeScalars.append(scalar)
            }
        }
        throw Unterminated()
    }
}
