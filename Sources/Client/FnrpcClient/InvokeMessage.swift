internal import Wire

/// `fnrpc.v1.InvokeRequest`, written by hand: the payload is copied once.
struct InvokeRequest {
    let app: String
    let function: String
    /// 0: as last deployed.
    let version: UInt32
    let payload: [UInt8]
    let contentType: String
    let headers: [Header]

    /// The message's bytes.
    func encoded() -> [UInt8] {
        var size = FieldSize.field(4, length: app.utf8.count) + FieldSize.field(5, length: function.utf8.count)
        if !payload.isEmpty { size += FieldSize.field(1, length: payload.count) }
        if !contentType.isEmpty { size += FieldSize.field(2, length: contentType.utf8.count) }
        for header in headers { size += FieldSize.field(3, length: header.encodedSize) }
        if version != 0 { size += FieldSize.field(6, varint: UInt64(version)) }
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var writer = FieldWriter(UnsafeMutableRawBufferPointer(start: buffer.baseAddress, count: size))
            if !payload.isEmpty { payload.withUnsafeBytes { writer.field(1, bytes: $0) } }
            if !contentType.isEmpty { writer.field(2, text: contentType) }
            for header in headers { header.write(3, to: &writer) }
            writer.field(4, text: app)
            writer.field(5, text: function)
            if version != 0 { writer.field(6, varint: UInt64(version)) }
            precondition(writer.isFull, "BUG: the computed size is too large")
            count = size
        }
    }
}

extension Invocation {
    /// Reads `fnrpc.v1.InvokeResponse`; `nil` if it does not parse.
    init?(_ reply: Reply) {
        var payload: [UInt8] = []
        var contentType = ""
        var headers: [Header] = []
        let parsed = reply.payload.withUnsafeBytes { bytes -> Bool in
            var scanner = FieldScanner(bytes)
            do throws(ScanError) {
                while let field = try scanner.next() {
                    guard let value = field.bytes else { continue }
                    switch field.number {
                    case 1: payload = Array(value)
                    case 2: contentType = String(decoding: value, as: UTF8.self)
                    case 3:
                        guard let header = Header(scanning: value) else { return false }
                        headers.append(header)
                    default: break
                    }
                }
                return true
            } catch { return false }
        }
        guard parsed else { return nil }
        self.init(
            payload: payload, contentType: contentType, headers: headers, callID: reply.metadata("fn-call-id"),
            version: reply.metadata("fnrpc-version").flatMap { UInt32($0) })
    }
}

extension Health {
    /// Reads `grpc.health.v1.HealthCheckResponse`.
    init(_ payload: [UInt8]) {
        let status = payload.withUnsafeBytes { bytes -> UInt64 in
            var scanner = FieldScanner(bytes)
            var status: UInt64 = 0
            while let field = try? scanner.next() {
                if field.number == 1, field.bytes == nil { status = field.value }
            }
            return status
        }
        switch status {
        case 1: self = .serving
        case 2: self = .notServing
        default: self = .unknown
        }
    }
}
