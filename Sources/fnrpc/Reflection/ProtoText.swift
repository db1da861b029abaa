import Model

/// Declarations as a .proto file writes them.
struct ProtoText {
    let set: DescriptorSet

    /// A service, a method's service, a message or an enumeration; `nil`: there is none of that name.
    func describe(_ symbol: String) -> String? {
        let package = symbol.split(separator: ".").dropLast().joined(separator: ".")
        if let service = set.services[symbol] { return text(service) }
        if let service = set.services[package],
            let method = service.methods.first(where: { symbol == "\(package).\($0.name)" })
        {
            return text(method) + "\n"
        }
        var out = ""
        if let message = set.messages[symbol] {
            write(message, indent: "", to: &out)
        } else if let enumeration = set.enums[symbol] {
            write(enumeration, indent: "", to: &out)
        } else {
            return nil
        }
        return out
    }

    /// `rpc Say(stream a.B) returns (a.C);`
    func text(_ method: MethodDescriptor) -> String {
        "rpc \(method.name)(\(method.isClientStreaming ? "stream " : "")\(method.input)) returns "
            + "(\(method.isServerStreaming ? "stream " : "")\(method.output));"
    }

    private func text(_ service: ServiceDescriptor) -> String {
        let methods = service.methods.map { "  " + text($0) + "\n" }.joined()
        return "service \(service.fullName) {\n\(methods)}\n"
    }

    private func write(_ enumeration: EnumDescriptor, indent: String, to out: inout String) {
        let name = indent.isEmpty ? enumeration.fullName : Self.last(enumeration.fullName)
        out += "\(indent)enum \(name) {\n"
        for value in enumeration.values { out += "\(indent)  \(value.name) = \(value.number);\n" }
        out += "\(indent)}\n"
    }

    private func write(_ message: MessageDescriptor, indent: String, to out: inout String) {
        let name = indent.isEmpty ? message.fullName : Self.last(message.fullName)
        out += "\(indent)message \(name) {\n"
        let inner = indent + "  "
        for name in message.enums {
            if let enumeration = set.enums[name] { write(enumeration, indent: inner, to: &out) }
        }
        for name in message.messages {
            if let nested = set.messages[name], !nested.isMapEntry { write(nested, indent: inner, to: &out) }
        }
        var written: Set<Int> = []
        for field in message.fields {
            guard let oneof = field.oneof, !field.isProto3Optional else {
                out += inner + text(field) + "\n"
                continue
            }
            guard written.insert(oneof).inserted else { continue }
            out += "\(inner)oneof \(message.oneofs[oneof]) {\n"
            for member in message.fields where member.oneof == oneof {
                out += "\(inner)  \(text(member, inOneof: true))\n"
            }
            out += "\(inner)}\n"
        }
        out += "\(indent)}\n"
    }

    private func text(_ field: FieldDescriptor, inOneof: Bool = false) -> String {
        let isNamed = [.message, .group, .enumeration].contains(field.kind)
        var type = isNamed ? field.typeName : field.kind.keyword
        var label = ""
        if field.kind == .message, let entry = set.messages[field.typeName], entry.isMapEntry, entry.fields.count == 2 {
            let value = entry.fields[1]
            let named = [.message, .group, .enumeration].contains(value.kind)
            type = "map<\(entry.fields[0].kind.keyword), \(named ? value.typeName : value.kind.keyword)>"
        } else if field.label != .optional {
            label = "\(field.label) "
        } else if !inOneof, field.isProto3Optional || (field.hasPresence && field.kind != .message) {
            label = "optional "
        }
        var options: [String] = []
        if let value = field.defaultValue {
            options.append("default = " + (field.kind == .string || field.kind == .bytes ? quoted(value) : value))
        }
        if field.isDeprecated { options.append("deprecated = true") }
        let suffix = options.isEmpty ? "" : " [\(options.joined(separator: ", "))]"
        return "\(label)\(type) \(field.name) = \(field.number)\(suffix);"
    }

    private static func last(_ name: String) -> String { name.split(separator: ".").last.map(String.init) ?? name }
}
