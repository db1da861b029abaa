import FnrpcClient
import Model

/// A method's error with all that came with it.
struct StatusFailure: Error {
    let error: ClientError
    /// Lines for standard error, behind the sentence.
    let details: [String]

    /// `nil` for an error that no server sent.
    init?(_ error: ClientError) {
        guard let status = GoogleStatus(error.status) else { return nil }
        self.error = error
        details = ["status: \(status.name) (\(status.code))"] + status.details
    }
}

/// A google.rpc.Status for people.
struct GoogleStatus {
    let code: Int32
    let message: String
    /// One or more lines for each detail.
    let details: [String]
    /// What BadRequest says is wrong, each with its field in front.
    let violations: [String]

    private static let names = [
        "OK", "CANCELLED", "UNKNOWN", "INVALID_ARGUMENT", "DEADLINE_EXCEEDED", "NOT_FOUND", "ALREADY_EXISTS",
        "PERMISSION_DENIED", "RESOURCE_EXHAUSTED", "FAILED_PRECONDITION", "ABORTED", "OUT_OF_RANGE", "UNIMPLEMENTED",
        "INTERNAL", "UNAVAILABLE", "DATA_LOSS", "UNAUTHENTICATED",
    ]

    var name: String { Self.names.indices.contains(Int(code)) ? Self.names[Int(code)] : "status" }

    /// `nil` if there is none, or if it does not parse.
    init?(_ bytes: [UInt8]) {
        guard !bytes.isEmpty,
            let json = try? MessageDecoder(set: Self.descriptors).decode(bytes, as: "google.rpc.Status"),
            case .ordered(let members) = json
        else { return nil }
        func value(_ name: String) -> JSON? { members.first { $0.name == name }?.value }
        guard case .integer(let number)? = value("code") else { return nil }
        code = Int32(truncatingIfNeeded: number)
        if case .string(let text)? = value("message") { message = text } else { message = "" }
        var lines: [String] = []
        var violations: [String] = []
        if case .array(let details)? = value("details") {
            for case .ordered(let detail) in details {
                guard case .string(let url)? = detail.first(where: { $0.name == "@type" })?.value else { continue }
                let type = url.split(separator: "/").last.map(String.init) ?? url
                lines.append(
                    "\(type.split(separator: ".").last ?? ""): \(JSON.ordered(Array(detail.dropFirst())).text())")
                if type == "google.rpc.BadRequest" { violations += Self.violations(detail) }
            }
        }
        self.details = lines
        self.violations = violations
    }

    private static func violations(_ detail: [JSON.Member]) -> [String] {
        guard case .array(let items)? = detail.first(where: { $0.name == "fieldViolations" })?.value else { return [] }
        return items.compactMap { item in
            guard case .ordered(let members) = item,
                case .string(let text)? = members.first(where: { $0.name == "description" })?.value
            else { return nil }
            // The daemon's descriptions have the field already; those of functions need not.
            guard case .string(let field)? = members.first(where: { $0.name == "field" })?.value, !field.isEmpty,
                !text.hasPrefix(field + ":")
            else { return text }
            return "\(field): \(text)"
        }
    }

    /// google/rpc/status.proto and error_details.proto, as far as they are shown by name.
    private static let descriptors: DescriptorSet = {
        func field(
            _ name: String, _ number: UInt32, _ kind: FieldDescriptor.Kind, _ type: String = "", many: Bool = false
        ) -> FieldDescriptor {
            var field = FieldDescriptor()
            (field.name, field.jsonName, field.number, field.kind) = (name, DescriptorSet.camelCase(name), number, kind)
            (field.typeName, field.label, field.hasPresence) = (type, many ? .repeated : .optional, !many)
            return field
        }
        func message(_ name: String, _ fields: [FieldDescriptor], isMapEntry: Bool = false) -> MessageDescriptor {
            var message = MessageDescriptor()
            (message.fullName, message.fields, message.isMapEntry) = ("google.rpc." + name, fields, isMapEntry)
            message.index()
            return message
        }
        return DescriptorSet(messages: [
            message(
                "Status",
                [
                    field("code", 1, .int32), field("message", 2, .string),
                    field("details", 3, .message, "google.protobuf.Any", many: true),
                ]),
            message("RetryInfo", [field("retry_delay", 1, .message, "google.protobuf.Duration")]),
            message(
                "ErrorInfo",
                [
                    field("reason", 1, .string), field("domain", 2, .string),
                    field("metadata", 3, .message, "google.rpc.ErrorInfo.MetadataEntry", many: true),
                ]),
            message(
                "ErrorInfo.MetadataEntry", [field("key", 1, .string), field("value", 2, .string)], isMapEntry: true),
            message(
                "BadRequest",
                [field("field_violations", 1, .message, "google.rpc.BadRequest.FieldViolation", many: true)]),
            message("BadRequest.FieldViolation", [field("field", 1, .string), field("description", 2, .string)]),
            message(
                "QuotaFailure", [field("violations", 1, .message, "google.rpc.QuotaFailure.Violation", many: true)]),
            message("QuotaFailure.Violation", [field("subject", 1, .string), field("description", 2, .string)]),
        ])
    }()
}
