/// One message of fnrpc.v1.Invocation/InvokeStream, of either half: an InvokeStreamRequest or InvokeStreamResponse.
package struct InvokeChunk: Sendable, Hashable {
    /// The next part of the body; empty: this message carries none.
    package var payload: [UInt8]
    /// First message only, as ``headers`` and ``target``.
    package var contentType: String
    package var headers: [CallHeader]
    /// Caller's half only: who is called.
    package var target: InvokeTarget
    /// So many more bytes of payload the sender can take; `nil`: the message says nothing about it.
    package var credit: UInt32?
    /// Caller's half only: the body ends here, but credit still comes.
    package var isEnd: Bool

    package init(
        payload: [UInt8] = [], contentType: String = "", headers: [CallHeader] = [],
        target: InvokeTarget = InvokeTarget(), credit: UInt32? = nil, isEnd: Bool = false
    ) {
        self.payload = payload
        self.contentType = contentType
        self.headers = headers
        self.target = target
        self.credit = credit
        self.isEnd = isEnd
    }

    /// Whether it has what only a first message has.
    package var isHead: Bool { !contentType.isEmpty || !headers.isEmpty || target != InvokeTarget() }

    /// Reads a message.
    ///
    /// - Parameters:
    ///   - bytes: any bytes; never trusted.
    ///   - strict: refuses fields that this version does not know; a client ignores them.
    package init(decoding bytes: UnsafeRawBufferPointer, strict: Bool = false) throws(EnvelopeError) {
        self.init()
        var scanner = FieldScanner(bytes)
        var scan = HeaderScan(strict: strict)
        while let field = try scanner.nextOfCall() {
            switch field.number {
            case 1: payload = Array(try field.callBytes("payload"))
            case 2: contentType = String(decoding: try field.callContentType(), as: UTF8.self)
            case 3:
                let pair = try scan.take(try field.callBytes("headers"))
                headers.append(
                    CallHeader(
                        name: String(decoding: pair.key, as: UTF8.self),
                        value: String(decoding: pair.value, as: UTF8.self)))
            case 7: credit = try field.callNumber("credit")
            case 8: isEnd = try field.callFlag("end")
            default: guard try target.take(field) || !strict else { throw field.isUnknown }
            }
        }
    }

    /// The message's bytes; fields in the order of their numbers.
    package func encoded() -> [UInt8] {
        let contentType = Array(contentType.utf8)
        let texts = target.texts
        let headers = headers.encodedHeaders
        var size = payload.isEmpty ? 0 : FieldSize.field(1, length: payload.count)
        if !contentType.isEmpty { size += FieldSize.field(2, length: contentType.count) }
        size += headers.count
        for (number, bytes) in texts { size += FieldSize.field(number, length: bytes.count) }
        if target.version != 0 { size += FieldSize.field(6, varint: UInt64(target.version)) }
        if let credit { size += FieldSize.field(7, varint: UInt64(credit)) }
        if isEnd { size += FieldSize.field(8, varint: 1) }
        guard size > 0 else { return [] }
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var writer = FieldWriter(UnsafeMutableRawBufferPointer(buffer).prefix(size).rebased)
            if !payload.isEmpty { payload.withUnsafeBytes { writer.field(1, bytes: $0) } }
            if !contentType.isEmpty { contentType.withUnsafeBytes { writer.field(2, bytes: $0) } }
            headers.withUnsafeBytes { writer.raw($0) }
            for (number, bytes) in texts where number < 6 { bytes.withUnsafeBytes { writer.field(number, bytes: $0) } }
            if target.version != 0 { writer.field(6, varint: UInt64(target.version)) }
            if let credit { writer.field(7, varint: UInt64(credit)) }
            if isEnd { writer.field(8, varint: 1) }
            for (number, bytes) in texts where number > 6 { bytes.withUnsafeBytes { writer.field(number, bytes: $0) } }
            count = size
        }
    }
}

extension [CallHeader] {
    /// The headers as fields of a call's message or of its reply; such bytes may be added to those of a message.
    package var encodedHeaders: [UInt8] {
        guard !isEmpty else { return [] }
        let size = reduce(0) { $0 + FieldSize.field(3, length: $1.encodedLength) }
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var writer = FieldWriter(UnsafeMutableRawBufferPointer(buffer).prefix(size).rebased)
            for var header in self {
                writer.header(3, length: header.encodedLength)
                header.name.withUTF8 { writer.field(1, bytes: UnsafeRawBufferPointer($0)) }
                header.value.withUTF8 { writer.field(2, bytes: UnsafeRawBufferPointer($0)) }
            }
            count = size
        }
    }
}

extension CallHeader {
    /// Of its message, bytes.
    fileprivate var encodedLength: Int {
        FieldSize.field(1, length: name.utf8.count) + FieldSize.field(2, length: value.utf8.count)
    }
}
