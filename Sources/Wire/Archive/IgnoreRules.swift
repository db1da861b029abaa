import Glibc
import Model

/// Which files of a folder do not belong into its package: `.fnrpcignore`, a subset of `.gitignore`'s language.
///
/// - One pattern a line; blank lines and lines that start with `#` say nothing; spaces at the end are cut; `\` takes the
///   next character as it is.
/// - `*` and `?` match within a component, `**` as a whole component matches any number of components.
/// - A pattern with a `/` at the start or in the middle counts from the folder; any other matches at every depth.
/// - A `/` at the end: only folders. A `!` at the start: not ignored after all. The last pattern that matches decides.
/// - Nothing inside an ignored folder can come back. Character classes (`[a-z]`) are taken literally.
///
/// The defaults ``defaults`` come before the file's patterns, so the file can take them back. Only the file at the top
/// of the folder counts, and that one is never packed: it is about packing, not part of the function.
package struct IgnoreRules: Sendable, Equatable {
    /// The file's name.
    package static let fileName = ".fnrpcignore"
    /// Ignored without a file.
    package static let defaults = [".git", ".venv", "__pycache__"]
    /// Bytes of the file.
    package static let maxBytes = 65_536
    /// Patterns in the file.
    package static let maxPatterns = 1000

    private var patterns: [IgnorePattern]
    private var skipsOwnFile: Bool

    /// Ignores nothing at all.
    package static let none = IgnoreRules(patterns: [], skipsOwnFile: false)

    private init(patterns: [IgnorePattern], skipsOwnFile: Bool) {
        self.patterns = patterns
        self.skipsOwnFile = skipsOwnFile
    }

    /// The defaults, then the patterns of a text.
    package init(_ text: String = "") throws(Failure) {
        patterns = Self.defaults.compactMap { IgnorePattern($0) }
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let pattern = IgnorePattern(line.hasSuffix("\r") ? String(line.dropLast()) : String(line)) {
                patterns.append(pattern)
            }
        }
        let count = patterns.count - Self.defaults.count
        guard count <= Self.maxPatterns else {
            throw Failure(
                .invalid, "\(Self.fileName): \(count) patterns are over the limit of \(Self.maxPatterns)")
        }
        skipsOwnFile = true
    }

    /// The defaults, then the patterns of the folder's file if it has one. Blocks.
    package static func load(folder: String) throws(Failure) -> IgnoreRules {
        let cursor = try FolderCursor(path: folder)
        let bytes = try FileIO.contents(of: fileName, in: cursor.descriptor, limit: maxBytes) ?? []
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Failure(.invalid, "\(fileName): the file is not valid UTF-8")
        }
        return try IgnoreRules(text)
    }

    /// Whether a file or folder stays out.
    ///
    /// - Parameter path: relative to the folder; what holds it is not ignored.
    package func ignores(_ path: String, isFolder: Bool) -> Bool {
        if skipsOwnFile && path == Self.fileName { return true }
        let components = path.utf8.split(separator: UInt8(ascii: "/")).map { Array($0) }
        let last = patterns.last { ($0.foldersOnly ? isFolder : true) && $0.matches(components) }
        return last.map { !$0.isNegated } ?? false
    }
}

/// One pattern of ``IgnoreRules``.
struct IgnorePattern: Sendable, Equatable {
    let isNegated: Bool
    let foldersOnly: Bool
    private let components: [Component]

    private enum Component: Sendable, Equatable {
        case anyDepth
        case glob([Token])
    }

    private enum Token: Sendable, Equatable {
        case byte(UInt8)
        case one
        case many
    }

    /// `nil` for a line that says nothing.
    init?(_ line: String) {
        var text = Array(line.utf8)
        while text.last == UInt8(ascii: " "), text.dropLast().last != UInt8(ascii: "\\") { text.removeLast() }
        guard let first = text.first, first != UInt8(ascii: "#") else { return nil }
        isNegated = first == UInt8(ascii: "!")
        if isNegated { text.removeFirst() }
        foldersOnly = text.last == UInt8(ascii: "/")
        if foldersOnly { text.removeLast() }
        let anchored = text.contains(UInt8(ascii: "/"))
        let parts = text.split(separator: UInt8(ascii: "/"))
        guard !parts.isEmpty else { return nil }
        components = (anchored ? [] : [.anyDepth]) + parts.map { Self.component(Array($0)) }
    }

    func matches(_ path: [[UInt8]]) -> Bool {
        // Row by row over the pattern: which prefixes of the path it matches so far. Never exponential.
        var reached = [Bool](repeating: false, count: path.count + 1)
        reached[0] = true
        for (index, component) in components.enumerated() {
            var next = [Bool](repeating: false, count: path.count + 1)
            switch component {
            case .anyDepth:
                var open = false
                for place in 0...path.count {
                    open = open || reached[place]
                    next[place] = open
                }
                // `a/**` is what is inside a, not a itself.
                if index == components.count - 1, let first = reached.firstIndex(of: true) { next[first] = false }
            case .glob(let tokens):
                for place in 0..<path.count where reached[place] {
                    next[place + 1] = Self.glob(tokens, path[place])
                }
            }
            reached = next
        }
        return reached[path.count]
    }

    private static func component(_ text: [UInt8]) -> Component {
        if text == Array("**".utf8) { return .anyDepth }
        var tokens: [Token] = []
        var escaped = false
        for byte in text {
            if escaped {
                tokens.append(.byte(byte))
                escaped = false
            } else if byte == UInt8(ascii: "\\") {
                escaped = true
            } else if byte == UInt8(ascii: "*") {
                if tokens.last != .many { tokens.append(.many) }
            } else {
                tokens.append(byte == UInt8(ascii: "?") ? .one : .byte(byte))
            }
        }
        return .glob(tokens)
    }

    private static func glob(_ tokens: [Token], _ text: [UInt8]) -> Bool {
        var (token, place) = (0, 0)
        var retry: (token: Int, place: Int)?
        while place < text.count {
            if token < tokens.count, tokens[token] == .many {
                retry = (token, place)
                token += 1
            } else if token < tokens.count, tokens[token] == .one || tokens[token] == .byte(text[place]) {
                // `?` is one character, not one byte of it.
                if tokens[token] == .one {
                    repeat { place += 1 } while place < text.count && text[place] & 0xC0 == 0x80
                } else {
                    place += 1
                }
                token += 1
            } else if let (star, start) = retry {
                retry = (star, start + 1)
                token = star + 1
                place = start + 1
            } else {
                return false
            }
        }
        return tokens[token...].allSatisfy { $0 == .many }
    }
}
