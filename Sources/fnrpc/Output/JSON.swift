import Yams

/// A JSON value whose text is always the same for the same value: keys are sorted, unless the order is part of it.
indirect enum JSON: Equatable, Sendable {
    case null
    case bool(Bool)
    case integer(Int64)
    case unsigned(UInt64)
    case number(Double)
    /// A number as it is written, so that nothing of it is lost.
    case exact(String)
    case string(String)
    case array([JSON])
    case object([String: JSON])
    /// An object in its own order.
    case ordered([Member])

    /// One member of an ordered object.
    struct Member: Equatable, Sendable {
        let name: String
        let value: JSON
    }

    /// Its text; compact, or with line breaks and two spaces a level.
    func text(pretty: Bool = false) -> String {
        var out = ""
        write(to: &out, depth: pretty ? 0 : nil)
        return out
    }

    private func write(to out: inout String, depth: Int?) {
        switch self {
        case .null: out += "null"
        case .bool(let value): out += value ? "true" : "false"
        case .integer(let value): out += String(value)
        case .unsigned(let value): out += String(value)
        case .number(let value): out += value.isFinite ? String(value) : "null"
        case .exact(let text): out += text
        case .string(let value): Self.write(value, to: &out)
        case .array(let values):
            Self.list("[", "]", values, to: &out, depth: depth) { value, out, depth in
                value.write(to: &out, depth: depth)
            }
        case .object(let members):
            Self.list("{", "}", members.sorted { $0.key < $1.key }, to: &out, depth: depth) { member, out, depth in
                Self.write(member.key, to: &out)
                out += depth == nil ? ":" : ": "
                member.value.write(to: &out, depth: depth)
            }
        case .ordered(let members):
            Self.list("{", "}", members, to: &out, depth: depth) { member, out, depth in
                Self.write(member.name, to: &out)
                out += depth == nil ? ":" : ": "
                member.value.write(to: &out, depth: depth)
            }
        }
    }

    private static func list<T>(
        _ open: String, _ close: String, _ items: [T], to out: inout String, depth: Int?,
        _ each: (T, inout String, Int?) -> Void
    ) {
        out += open
        let inner = depth.map { $0 + 1 }
        for (index, item) in items.enumerated() {
            if index > 0 { out += "," }
            if let inner { out += "\n" + String(repeating: "  ", count: inner) }
            each(item, &out, inner)
        }
        if let depth, !items.isEmpty { out += "\n" + String(repeating: "  ", count: depth) }
        out += close
    }

    private static func write(_ text: String, to out: inout String) {
        out += "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": out += "\\\""
            case "\\": out += "\\\\"
            case "\n": out += "\\n"
            case "\r": out += "\\r"
            case "\t": out += "\\t"
            // What could drive a terminal.
            case _ where scalar.isControl:
                let hex = String(scalar.value, radix: 16)
                out += "\\u" + String(repeating: "0", count: 4 - hex.count) + hex
            default: out.unicodeScalars.append(scalar)
            }
        }
        out += "\""
    }
}

extension JSON {
    /// A YAML value as JSON.
    ///
    /// - Parameter limit: bytes of its text; `nil` beyond, before memory is spent on it (aliases multiply).
    init?(_ node: Node, limit: Int) {
        var budget = limit
        guard let value = JSON(node, budget: &budget), value.text().utf8.count <= limit else { return nil }
        self = value
    }

    private init?(_ node: Node, budget: inout Int) {
        budget -= 1
        guard budget >= 0 else { return nil }
        switch node {
        case .scalar(let scalar):
            budget -= scalar.string.utf8.count
            guard budget >= 0 else { return nil }
            self = JSON(scalar, plain: node.plain, isNull: node.isNull)
        case .sequence(let list):
            var values: [JSON] = []
            for item in list {
                guard let value = JSON(item, budget: &budget) else { return nil }
                values.append(value)
            }
            self = .array(values)
        case .mapping(let mapping):
            var members: [String: JSON] = [:]
            for (key, item) in mapping {
                guard case .scalar(let name) = key, let value = JSON(item, budget: &budget) else { return nil }
                members[name.string] = value
            }
            self = .object(members)
        case .alias: return nil
        }
    }

    private init(_ scalar: Node.Scalar, plain: String?, isNull: Bool) {
        guard let plain else {
            self = .string(scalar.string)
            return
        }
        if isNull {
            self = .null
        } else if plain == "true" || plain == "false" {
            self = .bool(plain == "true")
        } else if let value = Int64(plain) {
            self = .integer(value)
        } else if let value = Double(plain), value.isFinite {
            self = .number(value)
        } else {
            self = .string(plain)
        }
    }
}
