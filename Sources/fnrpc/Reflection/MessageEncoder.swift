import Foundation
import Model

/// Makes a message out of JSON by ProtoJSON's rules, strictly.
struct MessageEncoder {
    /// Messages inside one another, both ways.
    static let maxDepth = 64

    let set: DescriptorSet

    /// - Throws: `invalid` with the place in the JSON, its value and what would be right.
    func encode(_ json: JSON, as type: String) throws(Failure) -> [UInt8] {
        try message(json, type, JSONPlace(), depth: 0)
    }

    func message(_ json: JSON, _ type: String, _ place: JSONPlace, depth: Int) throws(Failure) -> [UInt8] {
        guard depth < Self.maxDepth else { throw place.failure("nested deeper than \(Self.maxDepth) messages") }
        if let known = try wellKnown(json, type, place, depth: depth) { return known }
        guard case .ordered(let members) = json else {
            throw place.failure("\(json.shown) is not an object, which a \(type) is")
        }
        return try message(members, type, place, depth: depth)
    }

    /// The fields of a message that is written as an object.
    func message(
        _ members: [JSON.Member], _ type: String, _ place: JSONPlace, depth: Int
    ) throws(Failure) -> [UInt8] {
        let message = try set.message(type)
        var given: [UInt32: JSON] = [:]
        var oneofs: [Int: String] = [:]
        for member in members {
            guard let field = message.field(named: member.name) else {
                throw place.failure(unknown(member.name, in: message))
            }
            if member.value == .null, !acceptsNull(field) { continue }
            guard given.updateValue(member.value, forKey: field.number) == nil else {
                throw place.member(member.name).failure("given twice, as \(field.name) and as \(field.jsonName)")
            }
            if let oneof = field.oneof, let other = oneofs.updateValue(member.name, forKey: oneof) {
                throw place.member(member.name).failure(
                    "given beside \(other); only one of \(message.oneofs[oneof]) may be set")
            }
        }
        var writer = ProtobufWriter()
        for field in message.fields {
            guard let value = given[field.number] else {
                guard field.label != .required else {
                    throw place.failure("\(field.jsonName) is missing, which \(type) requires")
                }
                continue
            }
            try write(value, field, place.member(field.jsonName), depth: depth, to: &writer)
        }
        return writer.bytes
    }

    private func unknown(_ name: String, in message: MessageDescriptor) -> String {
        guard !message.fields.isEmpty else {
            return "\(quoted(name)) is not a field of \(message.fullName), which has none"
        }
        let known = message.fields.map(\.jsonName).joined(separator: ", ")
        return "\(quoted(name)) is not a field of \(message.fullName); it has \(known)"
    }

    private func acceptsNull(_ field: FieldDescriptor) -> Bool {
        field.label != .repeated && ["google.protobuf.Value", "google.protobuf.NullValue"].contains(field.typeName)
    }

    private func write(
        _ json: JSON, _ field: FieldDescriptor, _ place: JSONPlace, depth: Int, to writer: inout ProtobufWriter
    ) throws(Failure) {
        guard field.label == .repeated else {
            let value = try value(json, field, place, depth: depth)
            if field.hasPresence || !value.isZero { writer.field(field.number, value: value) }
            return
        }
        if set.messages[field.typeName]?.isMapEntry == true {
            return try write(map: json, field, place, depth: depth, to: &writer)
        }
        guard case .array(let items) = json else { throw place.failure("\(json.shown) is not an array") }
        var packed = ProtobufWriter()
        for (index, item) in items.enumerated() {
            let value = try value(item, field, place.item(index), depth: depth)
            if field.isPacked { packed.packed(value) } else { writer.field(field.number, value: value) }
        }
        if field.isPacked && !items.isEmpty { writer.field(field.number, packed.bytes) }
    }

    private func write(
        map json: JSON, _ field: FieldDescriptor, _ place: JSONPlace, depth: Int, to writer: inout ProtobufWriter
    ) throws(Failure) {
        guard case .ordered(let members) = json else { throw place.failure("\(json.shown) is not an object") }
        let entry = try set.message(field.typeName)
        guard let keyField = entry.field(1), let valueField = entry.field(2) else {
            throw place.failure("the descriptors of \(entry.fullName) are damaged")
        }
        for member in members {
            let place = place.key(member.name)
            var content = ProtobufWriter()
            content.field(1, value: try mapKey(member.name, keyField, place))
            content.field(2, value: try value(member.value, valueField, place, depth: depth))
            writer.field(field.number, content.bytes)
        }
    }

    private func mapKey(
        _ name: String, _ field: FieldDescriptor, _ place: JSONPlace
    ) throws(Failure) -> ProtobufReader.Value {
        switch field.kind {
        case .string: return .bytes(Array(name.utf8)[...])
        case .bool:
            guard name == "true" || name == "false" else {
                throw place.failure("the key \(quoted(name)) is neither true nor false")
            }
            return .varint(name == "true" ? 1 : 0)
        default: return try integer(.string(name), field, place)
        }
    }

    /// One value of a field.
    func value(
        _ json: JSON, _ field: FieldDescriptor, _ place: JSONPlace, depth: Int
    ) throws(Failure) -> ProtobufReader.Value {
        switch field.kind {
        case .message: return .bytes(try message(json, field.typeName, place, depth: depth + 1)[...])
        case .group: return .group(try message(json, field.typeName, place, depth: depth + 1)[...])
        case .string:
            guard case .string(let text) = json else { throw place.failure("\(json.shown) is not a string") }
            return .bytes(Array(text.utf8)[...])
        case .bytes: return .bytes(try base64(json, place)[...])
        case .bool:
            guard case .bool(let flag) = json else { throw place.failure("\(json.shown) is neither true nor false") }
            return .varint(flag ? 1 : 0)
        case .enumeration: return try enumeration(json, field, place)
        case .double: return .fixed64(try floating(json, place).bitPattern)
        case .float:
            let number = try floating(json, place)
            let float = Float(number)
            guard float.isFinite || !number.isFinite else {
                throw place.failure(
                    "\(json.shown) is out of range; a float holds up to \(Float.greatestFiniteMagnitude)")
            }
            return .fixed32(float.bitPattern)
        default: return try integer(json, field, place)
        }
    }
}

extension MessageEncoder {
    private func enumeration(
        _ json: JSON, _ field: FieldDescriptor, _ place: JSONPlace
    ) throws(Failure) -> ProtobufReader.Value {
        if field.typeName == "google.protobuf.NullValue", json == .null { return .varint(0) }
        let type = try set.enumeration(field.typeName)
        switch json {
        case .string(let name):
            if let value = type.values.first(where: { $0.name == name }) {
                return .varint(UInt64(bitPattern: Int64(value.number)))
            }
        case .exact(let text):
            if let number = ExactInteger(text)?.signed.flatMap({ Int32(exactly: $0) }),
                !type.isClosed || type.name(of: number) != nil
            {
                return .varint(UInt64(bitPattern: Int64(number)))
            }
        default: break
        }
        let known = type.values.map(\.name).joined(separator: ", ")
        throw place.failure("\(json.shown) is not a value of \(type.fullName); it has \(known)")
    }

    /// Numbers and strings with numbers; both must be whole and in range.
    private func integer(
        _ json: JSON, _ field: FieldDescriptor, _ place: JSONPlace
    ) throws(Failure) -> ProtobufReader.Value {
        let text: String
        switch json {
        case .exact(let number): text = number
        case .string(let number): text = number
        default: throw place.failure("\(json.shown) is not a number")
        }
        guard let number = ExactInteger(text) else { throw place.failure("\(json.shown) is not a whole number") }
        let signed = number.signed
        let unsigned = number.unsigned
        switch field.kind {
        case .int32, .sint32, .sfixed32:
            guard let value = signed.flatMap({ Int32(exactly: $0) }) else {
                throw place.outOfRange(json, Int32.min, Int32.max)
            }
            if field.kind == .sfixed32 { return .fixed32(UInt32(bitPattern: value)) }
            if field.kind == .sint32 { return .varint(UInt64(UInt32(bitPattern: value << 1 ^ value >> 31))) }
            return .varint(UInt64(bitPattern: Int64(value)))
        case .uint32, .fixed32:
            guard let value = unsigned.flatMap({ UInt32(exactly: $0) }) else {
                throw place.outOfRange(json, UInt32.min, UInt32.max)
            }
            return field.kind == .fixed32 ? .fixed32(value) : .varint(UInt64(value))
        case .int64, .sint64, .sfixed64:
            guard let value = signed else { throw place.outOfRange(json, Int64.min, Int64.max) }
            if field.kind == .sfixed64 { return .fixed64(UInt64(bitPattern: value)) }
            return .varint(UInt64(bitPattern: field.kind == .sint64 ? value << 1 ^ value >> 63 : value))
        default:
            guard let value = unsigned else { throw place.outOfRange(json, UInt64.min, UInt64.max) }
            return field.kind == .fixed64 ? .fixed64(value) : .varint(value)
        }
    }

    func floating(_ json: JSON, _ place: JSONPlace) throws(Failure) -> Double {
        switch json {
        case .string("NaN"): return .nan
        case .string("Infinity"): return .infinity
        case .string("-Infinity"): return -.infinity
        case .exact(let text), .string(let text):
            guard ExactInteger.isNumber(text), let number = Double(text) else { break }
            guard number.isFinite else { throw place.failure("\(json.shown) is out of range of a double") }
            return number
        default: break
        }
        throw place.failure("\(json.shown) is not a number")
    }

    /// The standard alphabet and the one for URLs, with or without padding. Its errors never show the value, as others do:
    /// it may be a secret that somebody forgot to encode.
    func base64(_ json: JSON, _ place: JSONPlace) throws(Failure) -> [UInt8] {
        guard case .string(let text) = json else { throw place.failure("not a string, which base64 is") }
        var plain = text.replacing("-", with: "+").replacing("_", with: "/")
        while plain.hasSuffix("=") && text.utf8.count % 4 == 0 && text.utf8.count - plain.utf8.count < 2 {
            plain.removeLast()
        }
        plain += String(repeating: "=", count: (4 - plain.utf8.count % 4) % 4)
        guard let data = Data(base64Encoded: plain) else { throw place.failure("not base64") }
        return Array(data)
    }
}

/// Where in the JSON an error is: `user.ids[3]`.
struct JSONPlace {
    private var path = ""

    func member(_ name: String) -> JSONPlace { JSONPlace(path: path.isEmpty ? name : path + "." + name) }

    func item(_ index: Int) -> JSONPlace { JSONPlace(path: path + "[\(index)]") }

    func key(_ name: String) -> JSONPlace { JSONPlace(path: path + "[\(quoted(name))]") }

    func failure(_ problem: String) -> Failure {
        Failure(.invalid, path.isEmpty ? "the message: \(problem)" : "\(path): \(problem)")
    }

    func outOfRange<N: FixedWidthInteger>(_ json: JSON, _ least: N, _ most: N) -> Failure {
        failure("\(json.shown) is out of range; \(least) to \(most)")
    }

    init() {}

    private init(path: String) {
        self.path = path
    }
}

extension JSON {
    /// How an error shows it.
    var shown: String {
        switch self {
        case .string(let text): quoted(text)
        case .array: "an array"
        case .object, .ordered: "an object"
        default: text().count > 40 ? "\(text().prefix(40))…" : text()
        }
    }
}

/// A whole number out of decimal text, exactly: `12`, `-1`, `1.0`, `1e3`.
struct ExactInteger {
    private let isNegative: Bool
    private let magnitude: UInt64

    /// - Returns: `nil` if it is no number by JSON's grammar, not whole, or beyond 64 bits.
    init?(_ text: String) {
        guard Self.isNumber(text) else { return nil }
        isNegative = text.hasPrefix("-")
        let parts = text.lowercased().drop { $0 == "-" }.split(separator: "e", maxSplits: 1)
        let mantissa = parts[0].split(separator: ".", maxSplits: 1)
        var digits = mantissa.joined()
        guard let exponent = Int(parts.count > 1 ? String(parts[1].drop { $0 == "+" }) : "0"),
            (-10_000...10_000).contains(exponent)
        else { return nil }
        var shift = exponent - (mantissa.count > 1 ? mantissa[1].utf8.count : 0)
        while shift < 0 {
            guard !digits.isEmpty else { break }
            guard digits.removeLast() == "0" else { return nil }
            shift += 1
        }
        digits = String(digits.drop { $0 == "0" })
        guard digits.isEmpty || digits.utf8.count + max(shift, 0) <= 20,
            let magnitude = UInt64(digits.isEmpty ? "0" : digits + String(repeating: "0", count: max(shift, 0)))
        else { return nil }
        self.magnitude = magnitude
    }

    /// `nil` if 64 bits with a sign do not hold it.
    var signed: Int64? {
        guard isNegative else { return Int64(exactly: magnitude) }
        guard magnitude <= UInt64(Int64.max) + 1 else { return nil }
        return Int64(truncatingIfNeeded: 0 &- magnitude)
    }

    /// `nil` if it is below zero.
    var unsigned: UInt64? { isNegative && magnitude > 0 ? nil : magnitude }

    /// Whether it is a number by JSON's grammar; Swift reads more, such as hexadecimal and `inf`.
    static func isNumber(_ text: String) -> Bool {
        if case .exact(let number)? = try? JSONParser.parse(Array(text.utf8)) { return number == text }
        return false
    }
}
