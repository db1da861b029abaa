/// Which entities of a list are wanted: `api_version = 1 AND (labels.team = core OR NOT name:test)`.
///
/// A small part of AIP-160, but AND binds tighter than OR, as everywhere else. An entity that does not have a field (a
/// label that is not set) makes every comparison with it false, only `!=` true.
package struct Filter: Sendable, Hashable, CustomStringConvertible {
    /// Bytes of a filter.
    package static let maxBytes = 4096
    /// Comparisons in a filter; one with `in` counts once.
    package static let maxComparisons = 64
    /// Parentheses and NOTs inside one another.
    package static let maxDepth = 16
    /// Values behind one `in`.
    package static let maxValues = 256

    /// How a field and its values are compared.
    package enum Operator: String, Sendable, Hashable {
        case equal = "="
        case notEqual = "!="
        case less = "<"
        case lessOrEqual = "<="
        case greater = ">"
        case greaterOrEqual = ">="
        /// The text contains the value.
        case has = ":"
        /// It is one of the values.
        case `in` = "in"
        /// There is a value: `labels.team:*`.
        case present = ":*"
    }

    /// A field, an operator, and what it is compared with.
    package struct Comparison: Sendable, Hashable {
        package let field: FilterField
        package let `operator`: Operator
        /// None for ``Operator/present``, 1 to ``maxValues`` for ``Operator/in``, else one; all of the field's type.
        package let values: [FilterValue]
    }

    /// The filter's tree.
    package indirect enum Node: Sendable, Hashable {
        case comparison(Comparison)
        case not(Node)
        /// Two or more, none of them an `and` that was written without parentheses.
        case and([Node])
        /// Two or more.
        case or([Node])
    }

    /// `nil`: everything matches.
    package let root: Node?

    /// Reads a filter; one of blanks only matches everything.
    ///
    /// - Throws: `invalid`: `filter: at column 12: …` with what was expected there; columns count characters from 1.
    package init(_ text: String, fields: FilterFields) throws(Failure) {
        root = try FilterParser.parse(text, fields)
    }

    /// Whether everything matches.
    package var isEmpty: Bool { root == nil }

    /// Whether an entity is wanted.
    ///
    /// - Parameter value: the entity's value of a field, of the field's type; `nil`: it has none.
    package func matches(_ value: (FilterField) -> FilterValue?) -> Bool {
        root.map { $0.matches(value) } ?? true
    }

    /// What every entity that matches is equal to, so that a store can look for it by an index. Not all that the filter
    /// wants.
    package var requiredEquals: [(field: FilterField, value: FilterValue)] { root?.requiredEquals ?? [] }

    /// The filter in its one standard form; reads back as the same filter.
    package var description: String { root?.text ?? "" }

    /// A text in double quotes as a filter says it.
    static func literal(_ text: String) -> String {
        var result = "\""
        for scalar in text.unicodeScalars {
            if scalar == "\"" || scalar == "\\" { result += "\\" }
            result.unicodeScalars.append(scalar)
        }
        return result + "\""
    }
}

extension Filter.Node {
    fileprivate func matches(_ value: (FilterField) -> FilterValue?) -> Bool {
        switch self {
        case .comparison(let comparison): comparison.holds(for: value(comparison.field))
        case .not(let node): !node.matches(value)
        case .and(let nodes): nodes.allSatisfy { $0.matches(value) }
        case .or(let nodes): nodes.contains { $0.matches(value) }
        }
    }

    fileprivate var requiredEquals: [(field: FilterField, value: FilterValue)] {
        switch self {
        case .comparison(let comparison) where comparison.operator == .equal:
            comparison.values.map { (comparison.field, $0) }
        case .and(let nodes): nodes.flatMap(\.requiredEquals)
        default: []
        }
    }

    fileprivate var text: String {
        switch self {
        case .comparison(let comparison): comparison.text
        case .not(let node): "NOT " + (node.isList ? "(\(node.text))" : node.text)
        case .and(let nodes): nodes.map { $0.isList ? "(\($0.text))" : $0.text }.joined(separator: " AND ")
        case .or(let nodes): nodes.map { $0.isOr ? "(\($0.text))" : $0.text }.joined(separator: " OR ")
        }
    }

    private var isOr: Bool { if case .or = self { true } else { false } }

    private var isList: Bool { if case .and = self { true } else { isOr } }
}

extension Filter.Comparison {
    fileprivate func holds(for value: FilterValue?) -> Bool {
        guard let value else { return `operator` == .notEqual }
        switch `operator` {
        case .present: return true
        case .equal, .in: return values.contains { value.order($0) == 0 }
        case .notEqual: return values.allSatisfy { value.order($0) != 0 }
        case .less: return values.contains { value.order($0).map { $0 < 0 } ?? false }
        case .lessOrEqual: return values.contains { value.order($0).map { $0 <= 0 } ?? false }
        case .greater: return values.contains { value.order($0).map { $0 > 0 } ?? false }
        case .greaterOrEqual: return values.contains { value.order($0).map { $0 >= 0 } ?? false }
        case .has: return values.contains { value.contains($0) }
        }
    }

    fileprivate var text: String {
        switch `operator` {
        case .present: "\(field):*"
        case .has: "\(field):\(values.map(\.text).joined())"
        case .in: "\(field) in (\(values.map(\.text).joined(separator: ", ")))"
        default: "\(field) \(`operator`.rawValue) \(values.map(\.text).joined())"
        }
    }
}

extension FilterValue {
    /// Below, at, or above 0 as it comes before, is, or comes after another; `nil`: they are of different types.
    ///
    /// Texts by their bytes, as SQLite does; Swift would take different bytes of the same character as equal.
    fileprivate func order(_ other: FilterValue) -> Int? {
        switch (self, other) {
        case (.number(let left), .number(let right)): Self.order(left, right)
        case (.time(let left), .time(let right)): Self.order(left, right)
        case (.text(let left), .text(let right)):
            left.utf8.elementsEqual(right.utf8) ? 0 : left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
        default: nil
        }
    }

    private static func order<T: Comparable>(_ left: T, _ right: T) -> Int { left < right ? -1 : left == right ? 0 : 1 }

    /// By Knuth, Morris and Pratt: the time grows with the sum of both lengths, not with their product.
    fileprivate func contains(_ other: FilterValue) -> Bool {
        guard case (.text(let text), .text(let part)) = (self, other) else { return false }
        let wanted = Array(part.utf8)
        // Of each beginning of `wanted`, how long a beginning it ends with.
        var borders = [0]
        for byte in wanted.dropFirst() {
            borders.append(Self.extended(borders[borders.count - 1], byte, wanted, borders))
        }
        var length = 0
        for byte in text.utf8 {
            if length == wanted.count { break }
            length = Self.extended(length, byte, wanted, borders)
        }
        return length == wanted.count
    }

    /// The length of the longest beginning of `wanted` at the end, after one more byte.
    private static func extended(_ length: Int, _ byte: UInt8, _ wanted: [UInt8], _ borders: [Int]) -> Int {
        var length = length
        while length > 0, wanted[length] != byte { length = borders[length - 1] }
        return wanted[length] == byte ? length + 1 : 0
    }

    fileprivate var text: String {
        switch self {
        case .number(let number): String(number)
        case .text(let text): Filter.literal(text)
        case .time(let time): "\"\(time)\""
        }
    }
}
