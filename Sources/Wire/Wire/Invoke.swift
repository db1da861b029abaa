/// An fnrpc.v1.InvokeRequest, scanned without copying. Valid as long as the scanned bytes are.
package struct InvokeScan: HeaderBearing {
    /// The whole message; a ttrpc function gets it as it is, because fields 1 to 3 are those of its CallRequest.
    package let bytes: UnsafeRawBufferPointer
    package private(set) var payload = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var contentType = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Who is called.
    package private(set) var target = InvokeTargetScan()
    /// How many headers there are.
    package private(set) var headerCount = 0

    /// Scans the payload of an Invoke call.
    package init(scanning bytes: UnsafeRawBufferPointer) throws(EnvelopeError) {
        self.bytes = bytes
        var scanner = FieldScanner(bytes)
        var headers = HeaderScan(strict: true)
        while let field = try scanner.nextOfCall() {
            switch field.number {
            case 1: payload = try field.callBytes("payload")
            case 2: contentType = try field.callContentType()
            case 3:
                _ = try headers.take(try field.callBytes("headers"))
                headerCount = headers.count
            default: guard try target.take(field) else { throw field.isUnknown }
            }
        }
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
    package func encoded(for target: InvokeTarget = InvokeTarget()) -> [UInt8] {
        InvokeChunk(payload: payload, contentType: contentType, headers: headers, target: target).encoded()
    }
}
