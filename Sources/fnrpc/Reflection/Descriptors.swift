/// One field of a message.
struct FieldDescriptor: Sendable {
    /// `FieldDescriptorProto.Type`.
    enum Kind: UInt64, Sendable {
        case double = 1
        case float, int64, uint64, int32, fixed64, fixed32, bool, string, group, message, bytes, uint32
        case enumeration, sfixed32, sfixed64, sint32, sint64

        /// As .proto files write it; groups, messages and enumerations are written by their names.
        var keyword: String { self == .enumeration ? "enum" : "\(self)" }

        /// Bytes of a number with a fixed width; `nil`: a varint.
        var width: Int? {
            switch self {
            case .double, .fixed64, .sfixed64: 8
            case .float, .fixed32, .sfixed32: 4
            default: nil
            }
        }

        /// Whether many can stand in one field.
        var isPackable: Bool { ![.string, .group, .message, .bytes].contains(self) }
    }

    /// `FieldDescriptorProto.Label`.
    enum Label: UInt64, Sendable {
        case optional = 1
        case required, repeated
    }

    var name = ""
    /// The name in JSON.
    var jsonName = ""
    /// 1 to 2^29 − 1.
    var number: UInt32 = 0
    var label = Label.optional
    var kind = Kind.int32
    /// Of a message, group or enumeration; full, without the dot in front.
    var typeName = ""
    /// Index into the message's oneofs, also of the hidden one that a proto3 `optional` makes.
    var oneof: Int?
    var isProto3Optional = false
    /// As the file writes it; proto2 only.
    var defaultValue: String?
    var isPacked = false
    /// Whether absent and zero differ on the wire.
    var hasPresence = false
    var isDeprecated = false
}

/// A message, with what is declared in it.
struct MessageDescriptor: Sendable {
    /// With its package, without the dot in front.
    var fullName = ""
    /// By number.
    var fields: [FieldDescriptor] = []
    var oneofs: [String] = []
    /// Whether it is the hidden entry of a map field.
    var isMapEntry = false
    /// Full names of the messages declared inside, in the file's order, map entries too.
    var messages: [String] = []
    /// Full names of the enumerations declared inside.
    var enums: [String] = []
    private var byNumber: [UInt32: Int] = [:]
    private var byName: [String: Int] = [:]

    /// Makes the indexes; call it when the fields are there.
    mutating func index() {
        fields.sort { $0.number < $1.number }
        byNumber = Dictionary(fields.indices.map { (fields[$0].number, $0) }, uniquingKeysWith: { first, _ in first })
        // A field's own name counts more than what another is called in JSON.
        for index in fields.indices { byName[fields[index].jsonName] = index }
        for index in fields.indices { byName[fields[index].name] = index }
    }

    /// The field with a number.
    func field(_ number: UInt32) -> FieldDescriptor? { byNumber[number].map { fields[$0] } }

    /// The field with a name, the file's or JSON's.
    func field(named name: String) -> FieldDescriptor? { byName[name].map { fields[$0] } }
}

/// An enumeration.
struct EnumDescriptor: Sendable {
    /// One of its values.
    struct Value: Sendable {
        var name = ""
        var number: Int32 = 0
    }

    var fullName = ""
    /// In the file's order.
    var values: [Value] = []
    /// Whether other numbers are refused, as proto2 does.
    var isClosed = false

    /// The first value's name with a number.
    func name(of number: Int32) -> String? { values.first { $0.number == number }?.name }
}

/// A method of a service.
struct MethodDescriptor: Sendable {
    var name = ""
    /// Full names of its messages.
    var input = ""
    var output = ""
    var isClientStreaming = false
    var isServerStreaming = false
}

/// A service.
struct ServiceDescriptor: Sendable {
    var fullName = ""
    /// In the file's order.
    var methods: [MethodDescriptor] = []
}
