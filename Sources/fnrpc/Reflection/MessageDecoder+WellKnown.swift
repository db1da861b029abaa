import Foundation
import Model

extension MessageDecoder {
    /// The types of google.protobuf that have a JSON of their own; `nil`: it is none of them.
    func wellKnown(_ bytes: ArraySlice<UInt8>, _ type: String, depth: Int) throws(Failure) -> JSON? {
        guard type.hasPrefix("google.protobuf.") else { return nil }
        if let kind = Wrapper.kinds[type] {
            let value = try fields(bytes, type).last { $0.number == 1 && kind.matches($0.value) }?.value ?? kind.zero
            return try one(value, Wrapper.field(kind), type, depth: depth)
        }
        switch type {
        case "google.protobuf.Timestamp":
            let (seconds, nanos) = try clock(bytes, type)
            guard let text = WellKnownText.timestamp(seconds: seconds, nanos: nanos) else {
                throw failure(type, "is out of range")
            }
            return .string(text)
        case "google.protobuf.Duration":
            let (seconds, nanos) = try clock(bytes, type)
            guard let text = WellKnownText.duration(seconds: seconds, nanos: nanos) else {
                throw failure(type, "is out of range")
            }
            return .string(text)
        case "google.protobuf.FieldMask":
            let paths = try texts(try fields(bytes, type), 1, type)
            return .string(paths.map(DescriptorSet.camelCase).joined(separator: ","))
        case "google.protobuf.Struct": return try structure(bytes, depth: depth)
        case "google.protobuf.ListValue": return try list(bytes, depth: depth)
        case "google.protobuf.Value": return try dynamic(bytes, depth: depth)
        case "google.protobuf.Any": return try any(bytes, depth: depth)
        default: return nil
        }
    }

    private func fields(_ bytes: ArraySlice<UInt8>, _ type: String) throws(Failure) -> [ProtobufReader.Field] {
        var reader = ProtobufReader(bytes)
        var fields: [ProtobufReader.Field] = []
        do throws(ProtobufReader.Malformed) {
            while let field = try reader.next() { fields.append(field) }
        } catch {
            throw failure(type, "is cut short or damaged")
        }
        return fields
    }

    private func texts(
        _ fields: [ProtobufReader.Field], _ number: UInt32, _ type: String
    ) throws(Failure) -> [String] {
        var result: [String] = []
        for field in fields where field.number == number {
            guard case .bytes(let bytes) = field.value else { continue }
            guard let text = String(validating: bytes, as: UTF8.self) else { throw failure(type, "is not UTF-8") }
            result.append(text)
        }
        return result
    }

    private func clock(_ bytes: ArraySlice<UInt8>, _ type: String) throws(Failure) -> (Int64, Int32) {
        var (seconds, nanos): (Int64, Int32) = (0, 0)
        for field in try fields(bytes, type) {
            guard case .varint(let value) = field.value else { continue }
            if field.number == 1 { seconds = Int64(bitPattern: value) }
            if field.number == 2 { nanos = Int32(truncatingIfNeeded: value) }
        }
        return (seconds, nanos)
    }

    private func structure(_ bytes: ArraySlice<UInt8>, depth: Int) throws(Failure) -> JSON {
        let type = "google.protobuf.Struct"
        var members: [String: JSON] = [:]
        for field in try fields(bytes, type) where field.number == 1 {
            guard case .bytes(let content) = field.value else { continue }
            let parts = try fields(content, type)
            var value = JSON.null
            if case .bytes(let content)? = parts.last(where: { $0.number == 2 })?.value {
                value = try message(content, "google.protobuf.Value", depth: depth + 1)
            }
            members[try texts(parts, 1, type).last ?? ""] = value
        }
        return .object(members)
    }

    private func list(_ bytes: ArraySlice<UInt8>, depth: Int) throws(Failure) -> JSON {
        var items: [JSON] = []
        for field in try fields(bytes, "google.protobuf.ListValue") where field.number == 1 {
            guard case .bytes(let content) = field.value else { continue }
            items.append(try message(content, "google.protobuf.Value", depth: depth + 1))
        }
        return .array(items)
    }

    private func dynamic(_ bytes: ArraySlice<UInt8>, depth: Int) throws(Failure) -> JSON {
        let type = "google.protobuf.Value"
        let fields = try fields(bytes, type)
        guard let field = fields.last(where: { (1...6).contains($0.number) }) else { return .null }
        switch (field.number, field.value) {
        case (2, .fixed64(let bits)): return Self.number(Double(bitPattern: bits))
        case (3, .bytes): return .string(try texts([field], 3, type)[0])
        case (4, .varint(let flag)): return .bool(flag != 0)
        case (5, .bytes(let content)): return try message(content, "google.protobuf.Struct", depth: depth + 1)
        case (6, .bytes(let content)): return try message(content, "google.protobuf.ListValue", depth: depth + 1)
        default: return .null
        }
    }

    /// Of a type that is not described `value` is the content in base64.
    private func any(_ bytes: ArraySlice<UInt8>, depth: Int) throws(Failure) -> JSON {
        let fields = try fields(bytes, "google.protobuf.Any")
        guard let url = try texts(fields, 1, "google.protobuf.Any").last, !url.isEmpty else { return .ordered([]) }
        var content: ArraySlice<UInt8> = []
        if case .bytes(let bytes)? = fields.last(where: { $0.number == 2 })?.value { content = bytes }
        let type = url.split(separator: "/").last.map(String.init) ?? ""
        let first = JSON.Member(name: "@type", value: .string(url))
        if Wrapper.isSpecial(type) {
            return .ordered([first, JSON.Member(name: "value", value: try message(content, type, depth: depth + 1))])
        }
        guard set.messages[type] != nil else {
            return .ordered([first, JSON.Member(name: "value", value: .string(Data(content).base64EncodedString()))])
        }
        guard depth + 1 < MessageEncoder.maxDepth else { throw failure(type, "nests too deep") }
        return .ordered([first] + (try members(content, type, depth: depth + 1)))
    }
}
