internal import CProtobufC
package import Model

/// A message with a Swift face and a protobuf-c body.
package protocol WireMessage: Sendable {
    /// The struct that protoc-c made.
    associatedtype Raw
    /// protoc-c's `…__init`.
    static func initialize(_ raw: UnsafeMutablePointer<Raw>)
    /// Reads the parsed struct; throws what a person has to correct.
    init(_ raw: Raw) throws(Failure)
    /// Fills the struct; its pointers come from the builder.
    func write(to raw: inout Raw, _ builder: Builder)
    /// The value that must not be found in memory after use; `nil`: this kind of message has none.
    static var secretValue: (@Sendable (Self) -> [UInt8])? { get }
}

extension WireMessage {
    package static var secretValue: (@Sendable (Self) -> [UInt8])? { nil }

    /// Overwrites the secret value of a request, when nobody reads it any more.
    ///
    /// - Parameters:
    ///   - request: as it was decoded; `nil`: it did not decode.
    ///   - payload: what it was decoded from.
    package static func wipe(_ request: Self?, _ payload: [UInt8]) {
        guard let secretValue else { return }
        payload.wipeShared()
        if let request { secretValue(request).wipeShared() }
    }

    /// The message's bytes.
    package func encoded() -> [UInt8] {
        let builder = Builder()
        let raw = UnsafeMutableRawPointer(builder.message(self))
        // Every generated struct begins with its base.
        let base = raw.assumingMemoryBound(to: ProtobufCMessage.self)
        return [UInt8](unsafeUninitializedCapacity: protobuf_c_message_get_packed_size(base)) { buffer, count in
            count = buffer.baseAddress.map { protobuf_c_message_pack(base, $0) } ?? 0
        }
    }

    /// How many bytes ``encoded()`` has.
    package var encodedSize: Int {
        let builder = Builder()
        let raw = UnsafeMutableRawPointer(builder.message(self))
        return protobuf_c_message_get_packed_size(raw.assumingMemoryBound(to: ProtobufCMessage.self))
    }

    /// Reads a message.
    ///
    /// - Parameters:
    ///   - bytes: any bytes; never trusted.
    ///   - strict: for requests: refuses fields that this version does not know.
    ///   - quota: memory that it may take; see ``MemoryQuota``.
    package init(
        decoding bytes: UnsafeRawBufferPointer, strict: Bool, quota: Int = MemoryQuota.request
    ) throws(Failure) {
        let arena = Arena(quota: quota, wipes: Self.secretValue != nil)
        let probe = UnsafeMutablePointer<Raw>.allocate(capacity: 1)
        defer { probe.deallocate() }
        Self.initialize(probe)
        let base = UnsafeMutableRawPointer(probe).assumingMemoryBound(to: ProtobufCMessage.self)
        guard let descriptor = base.pointee.descriptor else {
            preconditionFailure("BUG: a generated message has no descriptor")
        }
        try MessageCheck(strict: strict).check(bytes, descriptor, path: "")
        guard let raw = arena.unpack(bytes, descriptor) else {
            throw Failure(.invalid, "the \(String(cString: descriptor.pointee.short_name)) message does not parse")
        }
        try self.init(raw.assumingMemoryBound(to: Raw.self).pointee)
    }

    /// Reads a message from an array.
    package init(decoding bytes: [UInt8], strict: Bool, quota: Int = MemoryQuota.request) throws(Failure) {
        let result = bytes.withUnsafeBytes { buffer -> Result<Self, Failure> in
            do throws(Failure) { return .success(try Self(decoding: buffer, strict: strict, quota: quota)) } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }
}

/// A C string as Swift text; absent is empty. ``MessageCheck`` has refused bad UTF-8 and NUL before.
func text(_ field: UnsafeMutablePointer<CChar>?) -> String {
    field.map { String(cString: $0) } ?? ""
}

/// A list of C strings.
func texts(_ field: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int) -> [String] {
    guard let field else { return [] }
    return (0..<count).map { text(field[$0]) }
}

/// A bytes field.
func bytes(_ field: ProtobufCBinaryData) -> [UInt8] {
    Array(UnsafeBufferPointer(start: field.data, count: field.len))
}

/// A list of sub-messages.
func list<M: WireMessage>(
    _ field: UnsafeMutablePointer<UnsafeMutablePointer<M.Raw>?>?, _ count: Int, of type: M.Type = M.self
) throws(Failure) -> [M] {
    var result: [M] = []
    guard let field else { return result }
    result.reserveCapacity(count)
    for index in 0..<count { if let raw = field[index] { result.append(try M(raw.pointee)) } }
    return result
}

/// A sub-message that must be there.
func required<M: WireMessage>(_ field: UnsafeMutablePointer<M.Raw>?, _ name: String) throws(Failure) -> M {
    guard let field else { throw Failure(.invalid, "\(name): missing") }
    return try M(field.pointee)
}

/// A sub-message that may be absent.
func optional<M: WireMessage>(_ field: UnsafeMutablePointer<M.Raw>?) throws(Failure) -> M? {
    guard let field else { return nil }
    return try M(field.pointee)
}
