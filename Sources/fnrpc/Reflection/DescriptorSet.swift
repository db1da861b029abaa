import Model

/// What a google.protobuf.FileDescriptorSet declares, by full name.
struct DescriptorSet: Sendable {
    /// Bytes; far beyond what a function may register.
    static let maxBytes = 16 << 20

    private(set) var messages: [String: MessageDescriptor] = [:]
    private(set) var enums: [String: EnumDescriptor] = [:]
    private(set) var services: [String: ServiceDescriptor] = [:]

    /// Reads the encoded set; never trusts it.
    ///
    /// - Parameter source: how errors call it.
    /// - Throws: `invalid` if it does not parse, or is written in protobuf's editions.
    init(_ bytes: [UInt8], source: String) throws(Failure) {
        guard bytes.count <= Self.maxBytes else {
            throw Failure(.tooLarge, "\(source): \(bytes.count) bytes are over the limit of \(Self.maxBytes)")
        }
        do {
            var reader = ProtobufReader(bytes[...])
            while let field = try reader.next() {
                if field.number == 1, case .bytes(let file) = field.value { try read(file: file) }
            }
        } catch let problem as DescriptorProblem {
            throw Failure(.invalid, "\(source): \(problem.text)")
        } catch {
            throw Failure(.invalid, "\(source): is not a FileDescriptorSet; make one with protoc --descriptor_set_out")
        }
        guard !messages.isEmpty || !services.isEmpty || !enums.isEmpty else {
            throw Failure(.invalid, "\(source): describes nothing; make it with protoc --descriptor_set_out")
        }
    }

    /// A set of messages that are known beforehand.
    init(messages: [MessageDescriptor]) {
        for message in messages { self.messages[message.fullName] = message }
    }

    /// A message by its full name.
    func message(_ name: String) throws(Failure) -> MessageDescriptor {
        guard let message = messages[name] else {
            throw Failure(.invalid, "the descriptors lack \(name); make them with protoc --include_imports")
        }
        return message
    }

    /// An enumeration by its full name.
    func enumeration(_ name: String) throws(Failure) -> EnumDescriptor {
        guard let found = enums[name] else {
            throw Failure(.invalid, "the descriptors lack \(name); make them with protoc --include_imports")
        }
        return found
    }

    private struct DescriptorProblem: Error {
        let text: String
    }

    /// Messages inside one another.
    private static let maxDepth = 64

    private struct FileScope {
        var prefix = ""
        var isProto3 = false
    }

    private mutating func read(file: ArraySlice<UInt8>) throws {
        let fields = try Self.fields(file)
        let name = Self.text(fields, 1)
        var scope = FileScope()
        switch Self.text(fields, 12) {
        case "proto3": scope.isProto3 = true
        case "", "proto2": break
        default: throw DescriptorProblem(text: "\(name) is neither proto2 nor proto3; only these are understood")
        }
        scope.prefix = Self.text(fields, 2)
        for content in Self.all(fields, 4) { _ = try read(message: content, scope, depth: 0) }
        for content in Self.all(fields, 5) { _ = try read(enumeration: content, scope) }
        for content in Self.all(fields, 6) { try read(service: content, scope) }
    }

    private mutating func read(message content: ArraySlice<UInt8>, _ scope: FileScope, depth: Int) throws -> String {
        guard depth < Self.maxDepth else { throw ProtobufReader.Malformed() }
        let fields = try Self.fields(content)
        var message = MessageDescriptor()
        message.fullName = Self.join(scope.prefix, Self.text(fields, 1))
        let inner = FileScope(prefix: message.fullName, isProto3: scope.isProto3)
        for nested in Self.all(fields, 3) {
            message.messages.append(try read(message: nested, inner, depth: depth + 1))
        }
        for nested in Self.all(fields, 4) { message.enums.append(try read(enumeration: nested, inner)) }
        for content in Self.all(fields, 8) { message.oneofs.append(Self.text(try Self.fields(content), 1)) }
        for content in Self.all(fields, 7) { message.isMapEntry = Self.number(try Self.fields(content), 7) == 1 }
        for content in Self.all(fields, 2) {
            let field = try Self.read(field: content, scope)
            if let oneof = field.oneof, !message.oneofs.indices.contains(oneof) { throw ProtobufReader.Malformed() }
            message.fields.append(field)
        }
        message.index()
        messages[message.fullName] = message
        return message.fullName
    }

    private static func read(field content: ArraySlice<UInt8>, _ scope: FileScope) throws -> FieldDescriptor {
        let fields = try Self.fields(content)
        var field = FieldDescriptor()
        field.name = text(fields, 1)
        guard let number = number(fields, 3).flatMap({ UInt32(exactly: $0) }), (1..<1 << 29).contains(number),
            let label = FieldDescriptor.Label(rawValue: Self.number(fields, 4) ?? 1),
            let kind = FieldDescriptor.Kind(rawValue: Self.number(fields, 5) ?? 0)
        else { throw ProtobufReader.Malformed() }
        (field.number, field.label, field.kind) = (number, label, kind)
        field.typeName = String(text(fields, 6).drop { $0 == "." })
        field.jsonName = text(fields, 10)
        if field.jsonName.isEmpty { field.jsonName = camelCase(field.name) }
        field.oneof = Self.number(fields, 9).flatMap { Int(exactly: $0) }
        field.isProto3Optional = Self.number(fields, 17) == 1
        field.defaultValue = all(fields, 7).last.map { String(decoding: $0, as: UTF8.self) }
        field.isPacked = scope.isProto3 && label == .repeated && kind.isPackable
        for content in all(fields, 8) {
            let options = try Self.fields(content)
            if let packed = Self.number(options, 2) { field.isPacked = packed == 1 && kind.isPackable }
            field.isDeprecated = Self.number(options, 3) == 1
        }
        field.hasPresence =
            label != .repeated && (!scope.isProto3 || field.oneof != nil || kind == .message || kind == .group)
        return field
    }

    private mutating func read(enumeration content: ArraySlice<UInt8>, _ scope: FileScope) throws -> String {
        let fields = try Self.fields(content)
        var result = EnumDescriptor()
        result.fullName = Self.join(scope.prefix, Self.text(fields, 1))
        result.isClosed = !scope.isProto3
        for content in Self.all(fields, 2) {
            let value = try Self.fields(content)
            result.values.append(
                EnumDescriptor.Value(
                    name: Self.text(value, 1), number: Int32(truncatingIfNeeded: Self.number(value, 2) ?? 0)))
        }
        enums[result.fullName] = result
        return result.fullName
    }

    private mutating func read(service content: ArraySlice<UInt8>, _ scope: FileScope) throws {
        let fields = try Self.fields(content)
        var service = ServiceDescriptor()
        service.fullName = Self.join(scope.prefix, Self.text(fields, 1))
        for content in Self.all(fields, 2) {
            let method = try Self.fields(content)
            service.methods.append(
                MethodDescriptor(
                    name: Self.text(method, 1), input: String(Self.text(method, 2).drop { $0 == "." }),
                    output: String(Self.text(method, 3).drop { $0 == "." }),
                    isClientStreaming: Self.number(method, 5) == 1, isServerStreaming: Self.number(method, 6) == 1))
        }
        services[service.fullName] = service
    }
}

extension DescriptorSet {
    private static func fields(
        _ bytes: ArraySlice<UInt8>
    ) throws(ProtobufReader.Malformed) -> [ProtobufReader.Field] {
        var reader = ProtobufReader(bytes)
        var fields: [ProtobufReader.Field] = []
        while let field = try reader.next() { fields.append(field) }
        return fields
    }

    private static func all(_ fields: [ProtobufReader.Field], _ number: UInt32) -> [ArraySlice<UInt8>] {
        fields.compactMap { field in
            guard field.number == number, case .bytes(let bytes) = field.value else { return nil }
            return bytes
        }
    }

    private static func text(_ fields: [ProtobufReader.Field], _ number: UInt32) -> String {
        all(fields, number).last.map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    private static func number(_ fields: [ProtobufReader.Field], _ number: UInt32) -> UInt64? {
        for field in fields.reversed() where field.number == number {
            if case .varint(let value) = field.value { return value }
        }
        return nil
    }

    private static func join(_ prefix: String, _ name: String) -> String {
        prefix.isEmpty ? name : prefix + "." + name
    }

    /// As protoc makes JSON names.
    static func camelCase(_ name: String) -> String {
        var result = ""
        var isRaised = false
        for character in name {
            if character == "_" {
                isRaised = true
            } else {
                result += isRaised ? character.uppercased() : String(character)
                isRaised = false
            }
        }
        return result
    }
}
