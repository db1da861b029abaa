import Foundation
import Model

/// Makes JSON out of a message by ProtoJSON's rules; fields that the descriptors do not know are left out.
struct MessageDecoder {
    let set: DescriptorSet

    /// - Throws: `internalError` if the bytes do not parse as the message.
    func decode(_ bytes: [UInt8], as type: String) throws(Failure) -> JSON {
        try message(bytes[...], type, depth: 0)
    }

    func message(_ bytes: ArraySlice<UInt8>, _ type: String, depth: Int) throws(Failure) -> JSON {
        guard depth < MessageEncoder.maxDepth else {
            throw failure(type, "nests deeper than \(MessageEncoder.maxDepth) messages")
        }
        if let known = try wellKnown(bytes, type, depth: depth) { return known }
        return .ordered(try members(bytes, type, depth: depth))
    }

    /// The fields of a message that is written as an object.
    func members(_ bytes: ArraySlice<UInt8>, _ type: String, depth: Int) throws(Failure) -> [JSON.Member] {
        let message = try set.message(type)
        let found = try values(bytes, message)
        var members: [JSON.Member] = []
        for field in message.fields {
            guard let values = found[field.number], !values.isEmpty else { continue }
            let json: JSON
            if field.label == .repeated {
                if set.messages[field.typeName]?.isMapEntry == true {
                    json = try map(values, field, depth: depth)
                } else {
                    json = .array(
                        try values.map { (value) throws(Failure) in try one(value, field, type, depth: depth) })
                }
            } else {
                let value = Self.merged(values)
                if !field.hasPresence && value.isZero { continue }
                json = try one(value, field, type, depth: depth)
            }
            members.append(JSON.Member(name: field.jsonName, value: json))
        }
        return members
    }

    func failure(_ type: String, _ problem: String) -> Failure {
        Failure(.internalError, "the answer does not parse as \(type): it \(problem)")
    }

    /// What the wire holds for each field; of a oneof only the member that came last.
    private func values(
        _ bytes: ArraySlice<UInt8>, _ message: MessageDescriptor
    ) throws(Failure) -> [UInt32: [ProtobufReader.Value]] {
        var reader = ProtobufReader(bytes)
        var found: [UInt32: [ProtobufReader.Value]] = [:]
        var chosen: [Int: UInt32] = [:]
        do throws(ProtobufReader.Malformed) {
            while let part = try reader.next() {
                guard let field = message.field(part.number) else { continue }
                if case .bytes(let content) = part.value, field.label == .repeated, field.kind.isPackable {
                    found[field.number, default: []] += try ProtobufReader.packed(content, width: field.kind.width)
                    continue
                }
                // Another wire type makes it a field that we do not know.
                guard field.kind.matches(part.value) else { continue }
                if let oneof = field.oneof {
                    if let other = chosen[oneof], other != field.number { found[other] = nil }
                    chosen[oneof] = field.number
                }
                let accumulates = field.label == .repeated || field.kind == .message || field.kind == .group
                if accumulates {
                    found[field.number, default: []].append(part.value)
                } else {
                    found[field.number] = [part.value]
                }
            }
        } catch {
            throw failure(message.fullName, "is cut short or damaged")
        }
        return found
    }

    /// A message that comes in pieces is all of them together.
    private static func merged(_ values: [ProtobufReader.Value]) -> ProtobufReader.Value {
        guard values.count > 1 else { return values[0] }
        var all: [UInt8] = []
        for value in values {
            switch value {
            case .bytes(let content), .group(let content): all += content
            default: return value
            }
        }
        return .bytes(all[...])
    }

    private func map(
        _ entries: [ProtobufReader.Value], _ field: FieldDescriptor, depth: Int
    ) throws(Failure) -> JSON {
        let entry = try set.message(field.typeName)
        guard let keyField = entry.field(1), let valueField = entry.field(2) else {
            throw Failure(.invalid, "the descriptors of \(entry.fullName) are damaged")
        }
        var members: [String: JSON] = [:]
        for case .bytes(let content) in entries {
            let parts = try values(content, entry)
            let key = parts[1]?.last ?? keyField.kind.zero
            let value = parts[2].map(Self.merged) ?? valueField.kind.zero
            let name: String
            switch try one(key, keyField, entry.fullName, depth: depth) {
            case .string(let text): name = text
            case let other: name = other.text()
            }
            members[name] = try one(value, valueField, entry.fullName, depth: depth)
        }
        guard keyField.kind != .string, keyField.kind != .bool else { return .object(members) }
        // Numbers in their own order.
        let sorted = members.sorted { (Double($0.key) ?? 0, $0.key) < (Double($1.key) ?? 0, $1.key) }
        return .ordered(sorted.map { JSON.Member(name: $0.key, value: $0.value) })
    }

    /// One value of a field.
    func one(
        _ value: ProtobufReader.Value, _ field: FieldDescriptor, _ type: String, depth: Int
    ) throws(Failure) -> JSON {
        switch (field.kind, value) {
        case (.message, .bytes(let content)), (.group, .bytes(let content)), (.group, .group(let content)):
            return try message(content, field.typeName, depth: depth + 1)
        case (.string, .bytes(let content)):
            guard let text = String(validating: content, as: UTF8.self) else {
                throw failure(type, "has a \(field.name) that is not UTF-8")
            }
            return .string(text)
        case (.bytes, .bytes(let content)): return .string(Data(content).base64EncodedString())
        case (.enumeration, .varint(let number)):
            if field.typeName == "google.protobuf.NullValue" { return .null }
            let number = Int32(truncatingIfNeeded: number)
            return try set.enumeration(field.typeName).name(of: number).map { .string($0) } ?? .integer(Int64(number))
        case (.float, .fixed32(let bits)): return Self.number(Float(bitPattern: bits))
        case (.double, .fixed64(let bits)): return Self.number(Double(bitPattern: bits))
        case (let kind, .varint(let number)): return kind.json(number)
        case (let kind, .fixed32(let number)): return kind.json(UInt64(number))
        case (let kind, .fixed64(let number)): return kind.json(number)
        default: throw failure(type, "has a \(field.name) of another type")
        }
    }

    static func number<N: BinaryFloatingPoint & LosslessStringConvertible>(_ number: N) -> JSON {
        if number.isNaN { return .string("NaN") }
        if number.isInfinite { return .string(number < 0 ? "-Infinity" : "Infinity") }
        let text = String(number)
        return .exact(text.hasSuffix(".0") ? String(text.dropLast(2)) : text)
    }
}

extension FieldDescriptor.Kind {
    /// Whether the wire type is this kind's own.
    func matches(_ value: ProtobufReader.Value) -> Bool {
        switch value {
        case .varint: isPackable && width == nil
        case .fixed64: width == 8
        case .fixed32: width == 4
        case .bytes: !isPackable && self != .group
        case .group: self == .group
        }
    }

    /// What an absent key or value of a map is.
    var zero: ProtobufReader.Value {
        switch width {
        case 4: .fixed32(0)
        case 8: .fixed64(0)
        default: isPackable ? .varint(0) : .bytes([])
        }
    }

    /// An integer or bool as JSON; 64 bits are strings, because many readers of JSON lose some of them.
    func json(_ number: UInt64) -> JSON {
        switch self {
        case .bool: .bool(number != 0)
        case .int32, .sfixed32: .integer(Int64(Int32(truncatingIfNeeded: number)))
        case .sint32:
            .integer(Int64(Int32(bitPattern: UInt32(truncatingIfNeeded: number) >> 1) ^ -Int32(number & 1)))
        case .uint32, .fixed32: .unsigned(UInt64(UInt32(truncatingIfNeeded: number)))
        case .sint64: .string(String(Int64(bitPattern: number >> 1) ^ -Int64(number & 1)))
        case .uint64, .fixed64: .string(String(number))
        default: .string(String(Int64(bitPattern: number)))
        }
    }
}
