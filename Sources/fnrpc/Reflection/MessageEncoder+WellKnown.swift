import Model

extension MessageEncoder {
    /// The types of google.protobuf that have a JSON of their own; `nil`: it is none of them.
    func wellKnown(
        _ json: JSON, _ type: String, _ place: JSONPlace, depth: Int
    ) throws(Failure) -> [UInt8]? {
        guard type.hasPrefix("google.protobuf.") else { return nil }
        if let kind = Wrapper.kinds[type] {
            let value = try value(json, Wrapper.field(kind), place, depth: depth)
            return value.isZero ? [] : one(1, value)
        }
        switch type {
        case "google.protobuf.Timestamp":
            guard case .string(let text) = json, let (seconds, nanos) = Timestamp.seconds(rfc3339: text) else {
                throw place.failure("\(json.shown) is not a time; write \"2026-01-31T12:00:00.5Z\", years 1 to 9999")
            }
            return clock(seconds, Int32(nanos))
        case "google.protobuf.Duration":
            guard case .string(let text) = json, let (seconds, nanos) = WellKnownText.duration(text) else {
                throw place.failure("\(json.shown) is not a duration; write \"1.5s\", at most 315576000000s")
            }
            return clock(seconds, nanos)
        case "google.protobuf.FieldMask": return try fieldMask(json, place)
        case "google.protobuf.Struct": return try structure(json, place, depth: depth)
        case "google.protobuf.ListValue": return try list(json, place, depth: depth)
        case "google.protobuf.Value": return try dynamic(json, place, depth: depth)
        case "google.protobuf.Any": return try any(json, place, depth: depth)
        default: return nil
        }
    }

    private func one(_ number: UInt32, _ value: ProtobufReader.Value) -> [UInt8] {
        var writer = ProtobufWriter()
        writer.field(number, value: value)
        return writer.bytes
    }

    private func clock(_ seconds: Int64, _ nanos: Int32) -> [UInt8] {
        var writer = ProtobufWriter()
        if seconds != 0 { writer.field(1, value: .varint(UInt64(bitPattern: seconds))) }
        if nanos != 0 { writer.field(2, value: .varint(UInt64(bitPattern: Int64(nanos)))) }
        return writer.bytes
    }

    private func fieldMask(_ json: JSON, _ place: JSONPlace) throws(Failure) -> [UInt8] {
        guard case .string(let text) = json else { throw place.failure("\(json.shown) is not a string of paths") }
        var writer = ProtobufWriter()
        for path in text.split(separator: ",") {
            guard let path = WellKnownText.path(fromJSON: String(path)) else {
                throw place.failure("\(quoted(String(path))) is not a path; write lowerCamelCase")
            }
            writer.field(1, Array(path.utf8))
        }
        return writer.bytes
    }

    private func structure(_ json: JSON, _ place: JSONPlace, depth: Int) throws(Failure) -> [UInt8] {
        guard case .ordered(let members) = json else { throw place.failure("\(json.shown) is not an object") }
        var writer = ProtobufWriter()
        for member in members {
            var entry = ProtobufWriter()
            entry.field(1, Array(member.name.utf8))
            entry.field(
                2, try message(member.value, "google.protobuf.Value", place.member(member.name), depth: depth + 1))
            writer.field(1, entry.bytes)
        }
        return writer.bytes
    }

    private func list(_ json: JSON, _ place: JSONPlace, depth: Int) throws(Failure) -> [UInt8] {
        guard case .array(let items) = json else { throw place.failure("\(json.shown) is not an array") }
        var writer = ProtobufWriter()
        for (index, item) in items.enumerated() {
            writer.field(1, try message(item, "google.protobuf.Value", place.item(index), depth: depth + 1))
        }
        return writer.bytes
    }

    private func dynamic(_ json: JSON, _ place: JSONPlace, depth: Int) throws(Failure) -> [UInt8] {
        switch json {
        case .null: one(1, .varint(0))
        case .bool(let flag): one(4, .varint(flag ? 1 : 0))
        case .string(let text): one(3, .bytes(Array(text.utf8)[...]))
        case .array: one(6, .bytes(try list(json, place, depth: depth)[...]))
        case .ordered, .object: one(5, .bytes(try structure(json, place, depth: depth)[...]))
        default: one(2, .fixed64(try floating(json, place).bitPattern))
        }
    }

    /// `{"@type": "type.googleapis.com/pkg.M", …}`; of a type that is not described `value` holds the bytes in base64.
    private func any(_ json: JSON, _ place: JSONPlace, depth: Int) throws(Failure) -> [UInt8] {
        guard case .ordered(let members) = json else { throw place.failure("\(json.shown) is not an object") }
        if members.isEmpty { return [] }
        guard case .string(let url)? = members.first(where: { $0.name == "@type" })?.value else {
            throw place.failure("\"@type\" is missing; write \"type.googleapis.com/package.Message\"")
        }
        let type = url.split(separator: "/").last.map(String.init) ?? ""
        let rest = members.filter { $0.name != "@type" }
        let isKnown = set.messages[type] != nil
        let content: [UInt8]
        if isKnown && !Wrapper.isSpecial(type) {
            content = try message(.ordered(rest), type, place, depth: depth + 1)
        } else {
            guard rest.count == 1, rest[0].name == "value" else {
                throw place.failure("an Any of \(quoted(type)) has exactly \"@type\" and \"value\"")
            }
            let inner = place.member("value")
            content =
                Wrapper.isSpecial(type)
                ? try message(rest[0].value, type, inner, depth: depth + 1) : try base64(rest[0].value, inner)
        }
        var writer = ProtobufWriter()
        writer.field(1, Array(url.utf8))
        if !content.isEmpty { writer.field(2, content) }
        return writer.bytes
    }
}
