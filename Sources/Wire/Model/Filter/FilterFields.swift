/// What is compared in a filter.
package enum FilterField: Hashable, Sendable, CustomStringConvertible {
    /// A field of ``FilterFields``.
    case named(String)
    /// `labels.KEY`.
    case label(String)
    /// `extra.KEY`: the JSON text of the value.
    case extra(String)

    /// As a filter says it.
    package var description: String {
        switch self {
        case .named(let name): name
        case .label(let key): "labels." + Self.key(key)
        case .extra(let key): "extra." + Self.key(key)
        }
    }

    private static func key(_ key: String) -> String {
        key.utf8.allSatisfy(FilterParser.isBare) ? key : Filter.literal(key)
    }
}

/// What a field holds.
package enum FilterType: String, Sendable, Hashable {
    /// A whole number of 64 bits with sign.
    case number
    /// Text; compared by its bytes, so case counts.
    case text
    /// A moment; written as RFC 3339.
    case time
}

/// A value of a field, or of a comparison.
package enum FilterValue: Sendable, Hashable {
    case number(Int64)
    case text(String)
    case time(Timestamp)
}

/// The fields that the filter of one kind of entity may name. The documentation and the errors are made from it.
package struct FilterFields: Sendable, Hashable {
    /// One field.
    package struct Entry: Sendable, Hashable {
        /// As a filter says it; `labels.KEY` and `extra.KEY` stand for every key.
        package let name: String
        package let type: FilterType
        /// What it is, for the documentation.
        package let note: String

        package init(_ name: String, _ type: FilterType, _ note: String) {
            self.name = name
            self.type = type
            self.note = note
        }
    }

    /// What every entity has.
    package static let common: [Entry] = [
        Entry("api_version", .number, "the shape that the entity was written in"),
        Entry("id", .text, "never changes"),
        Entry("name", .text, "where the entity has one"),
        Entry("revision", .number, "grows with every change"),
        Entry("created_at", .time, "when it was made"),
        Entry("updated_at", .time, "when it last changed"),
        Entry("labels.KEY", .text, "a label's value"),
        Entry("extra.KEY", .text, "the JSON text of an extra value"),
    ]

    /// All of them, the common ones first.
    package let entries: [Entry]

    /// The common fields and those of one kind of entity.
    ///
    /// - Parameter own: names of lower-case letters, digits, `_` and `.`, none of them common.
    package init(_ own: [Entry] = []) {
        entries = Self.common + own
    }

    /// The type of a field; `nil`: there is no such field.
    package func type(of field: FilterField) -> FilterType? {
        switch field {
        case .named(let name): entries.first { $0.name == name && !name.hasSuffix(".KEY") }?.type
        case .label, .extra: .text
        }
    }
}

extension Meta {
    /// The value of a common field; `nil`: it is not here, or it is no field of every entity.
    package func value(of field: FilterField) -> FilterValue? {
        switch field {
        case .named("api_version"): .number(Int64(apiVersion))
        case .named("id"): .text(id.description)
        case .named("revision"): .number(Int64(clamping: revision))
        case .named("created_at"): .time(createdAt)
        case .named("updated_at"): .time(updatedAt)
        case .named: nil
        case .label(let key): labels[key].map { .text($0) }
        case .extra(let key): extra[key].map { .text($0) }
        }
    }
}
