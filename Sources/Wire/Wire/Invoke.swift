/// An fnrpc.v1.InvokeRequest, scanned without copying. Valid as long as the scanned bytes are.
package struct InvokeScan: HeaderBearing {
    /// The whole message; a ttrpc function gets it as it is, because fields 1 to 3 are those of its CallRequest.
    package let bytes: UnsafeRawBufferPointer
    package private(set) var payload = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var contentType = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var app = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var function = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var version: UInt32 = 0
    /// How many headers there are.
    package private(set) var headerCount = 0

    /// Scans the payload of an Invoke call.
    package init(scanning bytes: UnsafeRawBufferPointer) throws(EnvelopeError) {
        self.bytes = bytes
        var scanner = FieldScanner(bytes)
        var headers = HeaderScan()
        while true {
            let next: FieldScanner.Field?
            do throws(ScanError) { next = try scanner.next() } catch {
                throw EnvelopeError(message: "the InvokeRequest message does not parse")
            }
            guard let field = next else { return }
            switch field.number {
            case 1: payload = try Self.bytes(field)
            case 2:
                contentType = try Self.text(field)
                try HeaderScan.checkContentType(contentType.count)
            case 3:
                _ = try headers.take(try Self.bytes(field))
                headerCount = headers.count
            case 4: app = try Self.text(field)
            case 5: function = try Self.text(field)
            case 6:
                guard field.isVarint, field.value <= UInt64(UInt32.max) else {
                    throw EnvelopeError(message: "version: out of range; 0 to 4294967295")
                }
                version = UInt32(field.value)
            default: throw EnvelopeError(message: "InvokeRequest: has a field that this version does not know")
            }
        }
    }

    private static func bytes(_ field: FieldScanner.Field) throws(EnvelopeError) -> UnsafeRawBufferPointer {
        guard let value = field.bytes else { throw EnvelopeError(message: "InvokeRequest: a field has the wrong type") }
        return value
    }

    private static func text(_ field: FieldScanner.Field) throws(EnvelopeError) -> UnsafeRawBufferPointer {
        let value = try bytes(field)
        guard isText(value) else {
            throw EnvelopeError(message: "InvokeRequest: a name is not UTF-8, or contains a NUL character")
        }
        return value
    }
}

/// A header of a call or of its reply.
package struct CallHeader: Hashable, Sendable {
    package var name: String
    package var value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }

    /// Whether request metadata of this name is between caller and daemon, credentials above all: no function gets it.
    package static func isReserved(_ name: String) -> Bool {
        let name = name.lowercased()
        return name == "authorization" || name.hasPrefix("fnrpc-") || name == "fn-call-id" || name == "fn-deadline"
    }
}

/// An fnrpc.v1.InvokeRequest or InvokeResponse (or a function's CallRequest or CallResponse) as the ends see it.
package struct InvokeBody: Sendable {
    package var payload: [UInt8]
    package var contentType: String
    package var headers: [CallHeader]

    package init(payload: [UInt8] = [], contentType: String = "", headers: [CallHeader] = []) {
        self.payload = payload
        self.contentType = contentType
        self.headers = headers
    }

    /// Reads an InvokeResponse.
    package init(decoding bytes: UnsafeRawBufferPointer) throws(ScanError) {
        self.init()
        var scanner = FieldScanner(bytes)
        while let field = try scanner.next() {
            switch (field.number, field.bytes) {
            case (1, let value?): payload = Array(value)
            case (2, let value?): contentType = String(decoding: value, as: UTF8.self)
            case (3, let value?):
                guard let pair = pair(value) else { throw .malformed }
                headers.append(
                    CallHeader(
                        name: String(decoding: pair.key, as: UTF8.self),
                        value: String(decoding: pair.value, as: UTF8.self)))
            default: break
            }
        }
    }

    /// The message's bytes.
    ///
    /// - Parameter target: for an InvokeRequest, who is called.
    package func encoded(app: String = "", function: String = "", version: UInt32 = 0) -> [UInt8] {
        var texts: [(UInt32, [UInt8])] = []
        if !contentType.isEmpty { texts.append((2, Array(contentType.utf8))) }
        for header in headers {
            let name = Array(header.name.utf8)
            let value = Array(header.value.utf8)
            let size = FieldSize.field(1, length: name.count) + FieldSize.field(2, length: value.count)
            let message = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                var writer = FieldWriter(UnsafeMutableRawBufferPointer(buffer).prefix(size).rebased)
                name.withUnsafeBytes { writer.field(1, bytes: $0) }
                value.withUnsafeBytes { writer.field(2, bytes: $0) }
                count = size
            }
            texts.append((3, message))
        }
        if !app.isEmpty { texts.append((4, Array(app.utf8))) }
        if !function.isEmpty { texts.append((5, Array(function.utf8))) }
        var size = payload.isEmpty ? 0 : FieldSize.field(1, length: payload.count)
        for (number, bytes) in texts { size += FieldSize.field(number, length: bytes.count) }
        if version > 0 { size += FieldSize.field(6, varint: UInt64(version)) }
        guard size > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var writer = FieldWriter(UnsafeMutableRawBufferPointer(buffer).prefix(size).rebased)
            if !payload.isEmpty { payload.withUnsafeBytes { writer.field(1, bytes: $0) } }
            for (number, bytes) in texts { bytes.withUnsafeBytes { writer.field(number, bytes: $0) } }
            if version > 0 { writer.field(6, varint: UInt64(version)) }
            count = size
        }
    }
}
