internal import CProtobufC
internal import Model

/// What protobuf-c does not check: UTF-8, NUL in strings (it cuts there), numbers (it keeps their low 32 bits), nesting
/// depth, the same sub-message twice (it merges in quadratic time), and, for requests, fields that nobody knows.
struct MessageCheck {
    /// No message of ours nests deeper.
    static let maxDepth = 8

    /// Whether an unknown field is an error.
    let strict: Bool

    /// How errors call a field: as the checks of its value do, which know it from func.yaml, where neither the message
    /// around it nor the unit is in its name.
    private static func name(of field: String, in path: String) -> String {
        let unit = field == "tmp_mib" ? "" : ["_nanos", "_mib", "_milli"].first { field.hasSuffix($0) } ?? ""
        let name = field == "tmp_mib" ? "tmp_size" : String(field.dropLast(unit.count))
        return path.isEmpty || path == "spec" ? name : "\(path).\(name)"
    }

    /// Walks the bytes along the descriptor; throws with the path of the field.
    func check(
        _ bytes: UnsafeRawBufferPointer, _ descriptor: UnsafePointer<ProtobufCMessageDescriptor>, path: String,
        depth: Int = 0
    ) throws(Failure) {
        guard depth < Self.maxDepth else {
            throw Failure(.invalid, "\(path): nested deeper than \(Self.maxDepth) levels")
        }
        var scanner = FieldScanner(bytes)
        var seen: Set<UInt32> = []
        while true {
            let next: FieldScanner.Field?
            do throws(ScanError) { next = try scanner.next() } catch {
                throw Failure(.invalid, "\(path.isEmpty ? "the message" : path): does not parse as protobuf")
            }
            guard let item = next else { return }
            guard let field = protobuf_c_message_descriptor_get_field(descriptor, item.number) else {
                if strict { throw Failure(.invalid, unknownField((path.isEmpty ? "" : path + ".") + "\(item.number)")) }
                continue
            }
            // Made only when needed: most requests are right, and every one comes through here.
            var name: String { Self.name(of: String(cString: field.pointee.name), in: path) }
            switch field.pointee.type {
            case PROTOBUF_C_TYPE_STRING:
                guard let value = item.bytes else { throw Failure(.invalid, "\(name): not a string") }
                guard isText(value) else { throw Failure(.invalid, "\(name): not UTF-8, or contains a NUL character") }
            case PROTOBUF_C_TYPE_MESSAGE:
                guard let value = item.bytes, let inner = field.pointee.descriptor else {
                    throw Failure(.invalid, "\(name): not a message")
                }
                let repeated = field.pointee.label == PROTOBUF_C_LABEL_REPEATED
                guard repeated || seen.insert(item.number).inserted else {
                    throw Failure(.invalid, "\(name): given twice")
                }
                let type = inner.assumingMemoryBound(to: ProtobufCMessageDescriptor.self)
                try check(value, type, path: name, depth: depth + 1)
            case PROTOBUF_C_TYPE_UINT32:
                guard item.value <= UInt64(UInt32.max) else {
                    throw Failure(.invalid, "\(name): \(item.value) is out of range; 0 to \(UInt32.max)")
                }
            case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_ENUM:
                let value = Int64(bitPattern: item.value)
                guard Int32(exactly: value) != nil else {
                    throw Failure(.invalid, "\(name): \(value) is out of range; \(Int32.min) to \(Int32.max)")
                }
            case PROTOBUF_C_TYPE_BOOL:
                guard item.value <= 1 else {
                    throw Failure(.invalid, "\(name): \(item.value) is neither false nor true; 0 or 1")
                }
            default: break
            }
        }
    }
}

/// What a strict reader says to a field that it does not know. Only its number has come, so that stands for its name.
func unknownField(_ path: String) -> String {
    "\(path): a field that this version does not know"
}

/// Whether bytes are UTF-8 without NUL.
func isText(_ bytes: UnsafeRawBufferPointer) -> Bool {
    var ascii: UInt8 = 0
    for byte in bytes {
        if byte == 0 { return false }
        ascii |= byte
    }
    if ascii < 0x80 { return true }
    return String(validating: bytes, as: UTF8.self) != nil
}
