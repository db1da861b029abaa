/// Reads a filter by recursive descent.
///
///     filter     = [ or ]
///     or         = and { OR and }
///     and        = not { AND not }
///     not        = NOT not | "(" or ")" | comparison
///     comparison = field ( "=" | "!=" | "<" | "<=" | ">" | ">=" | ":" ) value | field ":" "*"
///                | field IN "(" value { "," value } ")"
struct FilterParser {
    private let text: String
    private let bytes: [UInt8]
    private let fields: FilterFields
    private var position = 0
    private var comparisons = 0
    private var depth = 0

    /// - Returns: `nil` for blanks only.
    static func parse(_ text: String, _ fields: FilterFields) throws(Failure) -> Filter.Node? {
        guard text.utf8.count <= Filter.maxBytes else {
            throw Failure(.invalid, "filter: \(text.utf8.count) bytes are over the limit of \(Filter.maxBytes)")
        }
        var parser = FilterParser(text, fields)
        parser.skipBlanks()
        guard !parser.isAtEnd else { return nil }
        let node = try parser.or()
        guard parser.isAtEnd else { throw parser.expected("AND, OR or the end") }
        return node
    }

    private init(_ text: String, _ fields: FilterFields) {
        self.text = text
        self.fields = fields
        bytes = Array(text.utf8)
    }

    // MARK: - The grammar

    private mutating func or() throws(Failure) -> Filter.Node {
        var nodes = [try and()]
        while takeKeyword("OR") { nodes.append(try and()) }
        return nodes.count == 1 ? nodes[0] : .or(nodes)
    }

    private mutating func and() throws(Failure) -> Filter.Node {
        var nodes = [try not()]
        while takeKeyword("AND") { nodes.append(try not()) }
        return nodes.count == 1 ? nodes[0] : .and(nodes)
    }

    private mutating func not() throws(Failure) -> Filter.Node {
        let start = position
        if takeKeyword("NOT") {
            try enter(start)
            defer { depth -= 1 }
            return .not(try not())
        }
        guard take("(") else { return .comparison(try comparison()) }
        try enter(start)
        defer { depth -= 1 }
        let node = try or()
        guard take(")") else { throw expected("AND, OR or )") }
        return node
    }

    private mutating func enter(_ start: Int) throws(Failure) {
        depth += 1
        guard depth <= Filter.maxDepth else {
            throw failure(start, "parentheses and NOTs are nested deeper than \(Filter.maxDepth)")
        }
    }

    private mutating func comparison() throws(Failure) -> Filter.Comparison {
        let start = position
        comparisons += 1
        guard comparisons <= Filter.maxComparisons else {
            throw failure(start, "more than \(Filter.maxComparisons) comparisons")
        }
        let field = try field()
        guard let type = fields.type(of: field) else {
            let known = fields.entries.map(\.name).joined(separator: ", ")
            throw failure(start, "unknown field \(quoted(field.description)); known are \(known)")
        }
        if takeKeyword("IN") { return Filter.Comparison(field: field, operator: .in, values: try values(type)) }
        let place = position
        guard let symbol = takeOperator() else { throw expected("one of = != < <= > >= : or in") }
        guard symbol == .has else {
            return Filter.Comparison(field: field, operator: symbol, values: [try value(type)])
        }
        if isPresence {
            position += 1
            skipBlanks()
            return Filter.Comparison(field: field, operator: .present, values: [])
        }
        guard type == .text else {
            throw failure(place, "\(field) is a \(type.rawValue), and : looks into text; only :* is for every type")
        }
        return Filter.Comparison(field: field, operator: .has, values: [try value(type)])
    }

    private mutating func values(_ type: FilterType) throws(Failure) -> [FilterValue] {
        guard take("(") else { throw expected("( and the values") }
        var values: [FilterValue] = []
        repeat {
            guard values.count < Filter.maxValues else {
                throw failure(position, "more than \(Filter.maxValues) values")
            }
            values.append(try value(type))
        } while take(",")
        guard take(")") else { throw expected(", or )") }
        return values
    }

    private mutating func field() throws(Failure) -> FilterField {
        let start = position
        guard let name = bareWord(), !Self.isKeyword(name) else {
            position = start
            throw expected("a field, NOT or (")
        }
        // By bytes: a key may begin with a mark that joins the point to one character.
        for (prefix, make) in Self.maps where name.utf8.starts(with: prefix.utf8) {
            var key = String(decoding: name.utf8.dropFirst(prefix.utf8.count), as: UTF8.self)
            // Only directly behind the point: `labels."a b"`.
            if key.isEmpty, current == UInt8(ascii: "\"") { key = try quotedText() }
            guard !key.isEmpty else { throw expected("a key behind \(prefix)") }
            skipBlanks()
            return make(key)
        }
        skipBlanks()
        return .named(name)
    }

    private static let maps: [(String, @Sendable (String) -> FilterField)] = [
        ("labels.", { .label($0) }), ("extra.", { .extra($0) }),
    ]

    private mutating func value(_ type: FilterType) throws(Failure) -> FilterValue {
        let start = position
        let word: String
        if current == UInt8(ascii: "\"") {
            word = try quotedText()
        } else if let bare = bareWord() {
            guard !Self.isKeyword(bare) else {
                throw failure(start, "expected a value; write \"\(bare)\" if the word is meant")
            }
            word = bare
        } else {
            throw expected("a word or a \"text\"")
        }
        skipBlanks()
        switch type {
        case .text: return .text(word)
        case .number:
            guard let number = Int64(word) else { throw failure(start, "\(quoted(word)) is not a whole number") }
            return .number(number)
        case .time:
            guard let time = Timestamp(rfc3339: word) else {
                throw failure(start, "\(quoted(word)) is not a time; write \"2026-11-01T00:00:00Z\", in quotes")
            }
            return .time(time)
        }
    }

    // MARK: - Words; all but `bareWord` and `quotedText` take the blanks behind them

    private var current: UInt8? { position < bytes.count ? bytes[position] : nil }
    private var isAtEnd: Bool { position == bytes.count }

    private mutating func skipBlanks() {
        while let byte = current, byte == 0x20 || (0x09...0x0D).contains(byte) { position += 1 }
    }

    private mutating func take(_ character: Unicode.Scalar) -> Bool {
        guard let byte = current, UInt32(byte) == character.value else { return false }
        position += 1
        skipBlanks()
        return true
    }

    private mutating func takeKeyword(_ keyword: String) -> Bool {
        let start = position
        guard let word = bareWord(), Self.same(word, keyword) else {
            position = start
            return false
        }
        skipBlanks()
        return true
    }

    private mutating func takeOperator() -> Filter.Operator? {
        for symbol in [Filter.Operator.notEqual, .lessOrEqual, .greaterOrEqual, .equal, .less, .greater, .has]
        where bytes[position...].starts(with: symbol.rawValue.utf8) {
            position += symbol.rawValue.utf8.count
            skipBlanks()
            return symbol
        }
        return nil
    }

    /// A `*` that is a word of its own.
    private var isPresence: Bool {
        guard current == UInt8(ascii: "*") else { return false }
        return position + 1 == bytes.count || !Self.isBare(bytes[position + 1])
    }

    private mutating func bareWord() -> String? {
        let start = position
        while let byte = current, Self.isBare(byte) { position += 1 }
        return position > start ? String(decoding: bytes[start..<position], as: UTF8.self) : nil
    }

    /// Everything but control characters, blanks and what the grammar uses.
    static func isBare(_ byte: UInt8) -> Bool {
        switch byte {
        case ...0x20, 0x7F, UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "("), UInt8(ascii: ")"),
            UInt8(ascii: ","), UInt8(ascii: ":"), UInt8(ascii: "="), UInt8(ascii: "!"), UInt8(ascii: "<"),
            UInt8(ascii: ">"):
            false
        default: true
        }
    }

    private static func isKeyword(_ word: String) -> Bool { ["AND", "OR", "NOT"].contains { same(word, $0) } }

    /// Without regard to case, of ASCII letters only.
    private static func same(_ word: String, _ keyword: String) -> Bool {
        word.utf8.elementsEqual(keyword.utf8) { $0 & 0xDF == $1 }
    }

    private mutating func quotedText() throws(Failure) -> String {
        let start = position
        position += 1
        var text: [UInt8] = []
        while let byte = current {
            position += 1
            switch byte {
            case UInt8(ascii: "\""): return String(decoding: text, as: UTF8.self)
            case UInt8(ascii: "\\"):
                guard let escaped = current, escaped == UInt8(ascii: "\"") || escaped == UInt8(ascii: "\\") else {
                    throw expected("\" or \\ behind \\")
                }
                text.append(escaped)
                position += 1
            default: text.append(byte)
            }
        }
        throw failure(start, "the quotes are not closed")
    }

    // MARK: - What is wrong

    private func expected(_ what: String) -> Failure {
        guard !isAtEnd else { return failure(position, "expected \(what), found the end") }
        var rest = FilterParser(String(decoding: bytes[position...], as: UTF8.self), fields)
        let found = rest.bareWord() ?? rest.text.unicodeScalars.first.map { String($0) } ?? ""
        return failure(position, "expected \(what), found \(quoted(found))")
    }

    private func failure(_ position: Int, _ problem: String) -> Failure {
        // Continuation bytes are no characters of their own.
        let column = bytes[..<position].count { $0 & 0xC0 != 0x80 } + 1
        return Failure(.invalid, "filter: at column \(column): \(problem)")
    }
}
