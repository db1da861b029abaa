/// One message of fnrpc.v1.Invocation/InvokeStream, of either half: an InvokeStreamRequest or InvokeStreamResponse.
package struct InvokeChunk: Sendable, Hashable {
    /// The next part of the body; empty: this message carries none.
    package var payload: [UInt8]
    /// First message only, as ``headers``, ``app``, ``function`` and ``version``.
    package var contentType: String
    package var headers: [CallHeader]
    /// Caller's half only, as ``function`` and ``version``.
    package var app: String
    package var function: String
    /// 0: the function as last deployed.
    package var version: UInt32
    /// So many more bytes of payload the sender can take; `nil`: the message says nothing about it.
    package var credit: UInt32?
    /// Caller's half only: the body ends here, but credit still comes.
    package var isEnd: Bool

    package init(
        payload: [UInt8] = [], contentType: String = "", headers: [CallHeader] = [], app: String = "",
        function: String = "", version: UInt32 = 0, credit: UInt32? = nil, isEnd: Bool = false
    ) {
        self.payload = payload
        self.contentType = contentType
        self.headers = headers
        self.app = app
        self.function = function
        self.version = version
        self.credit = credit
        self.isEnd = isEnd
    }

    /// Whether it has what only a first message has.
    package var isHead: Bool {
        !contentType.isEmpty || !headers.isEmpty || !app.isEmpty || !function.isEmpty || version != 0
    }

    /// Reads a message.
    ///
    /// - Parameters:
    ///   - bytes: any bytes; never trusted.
    ///   - strict: refuses fields that this version does not know; a client ignores them.
    package init(decoding bytes: UnsafeRawBufferPointer, strict: Bool = false) throws(EnvelopeError) {
        self.init()
        var scanner = FieldScanner(bytes)
        var scan = HeaderScan()
        while true {
            let next: FieldScanner.Field?
            do throws(ScanError) { next = try scanner.next() } catch {
                throw EnvelopeError(message: "the InvokeStream message does not parse")
            }
            guard let field = next else { return }
            switch field.number {
            case 1: payload = Array(try Self.bytes(field))
            case 2:
                contentType = try Self.text(field)
                try HeaderScan.checkContentType(contentType.utf8.count)
            case 3:
                let pair = try scan.take(try Self.bytes(field))
                headers.append(
                    CallHeader(
                        name: String(decoding: pair.key, as: UTF8.self),
                        value: String(decoding: pair.value, as: UTF8.self)))
            case 4: app = try Self.text(field)
            case 5: function = try Self.text(field)
            case 6: version = try Self.number(field)
            case 7: credit = try Self.number(field)
            case 8: isEnd = try Self.number(field) != 0
            default:
                if strict { throw EnvelopeError(message: "InvokeStream: has a field that this version does not know") }
            }
        }
    }

    /// The message's bytes.
    package func encoded() -> [UInt8] {
        let fields: [(UInt32, [UInt8])] = [
            (2, Array(contentType.utf8)), (4, Array(app.utf8)), (5, Array(function.utf8)),
        ].filter { !$0.1.isEmpty }
        let pairs = headers.map { (Array($0.name.utf8), Array($0.value.utf8)) }
        var size = payload.isEmpty ? 0 : FieldSize.field(1, length: payload.count)
        for (number, bytes) in fields { size += FieldSize.field(number, length: bytes.count) }
        for pair in pairs { size += FieldSize.field(3, length: Self.size(pair)) }
        if version != 0 { size += FieldSize.field(6, varint: UInt64(version)) }
        if let credit { size += FieldSize.field(7, varint: UInt64(credit)) }
        if isEnd { size += FieldSize.field(8, varint: 1) }
        guard size > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var writer = FieldWriter(UnsafeMutableRawBufferPointer(buffer).prefix(size).rebased)
            if !payload.isEmpty { payload.withUnsafeBytes { writer.field(1, bytes: $0) } }
            for (number, bytes) in fields { bytes.withUnsafeBytes { writer.field(number, bytes: $0) } }
            for pair in pairs {
                writer.header(3, length: Self.size(pair))
                pair.0.withUnsafeBytes { writer.field(1, bytes: $0) }
                pair.1.withUnsafeBytes { writer.field(2, bytes: $0) }
            }
            if version != 0 { writer.field(6, varint: UInt64(version)) }
            if let credit { writer.field(7, varint: UInt64(credit)) }
            if isEnd { writer.field(8, varint: 1) }
            count = size
        }
    }

    private static func size(_ pair: ([UInt8], [UInt8])) -> Int {
        FieldSize.field(1, length: pair.0.count) + FieldSize.field(2, length: pair.1.count)
    }

    private static func bytes(_ field: FieldScanner.Field) throws(EnvelopeError) -> UnsafeRawBufferPointer {
        guard let value = field.bytes else { throw EnvelopeError(message: "InvokeStream: a field has the wrong type") }
        return value
    }

    private static func text(_ field: FieldScanner.Field) throws(EnvelopeError) -> String {
        let value = try bytes(field)
        guard isText(value) else {
            throw EnvelopeError(message: "InvokeStream: a name is not UTF-8, or contains a NUL character")
        }
        return String(decoding: value, as: UTF8.self)
    }

    private static func number(_ field: FieldScanner.Field) throws(EnvelopeError) -> UInt32 {
        guard field.isVarint, field.value <= UInt64(UInt32.max) else {
            throw EnvelopeError(message: "version, credit, end: out of range; 0 to 4294967295")
        }
        return UInt32(field.value)
    }
}
