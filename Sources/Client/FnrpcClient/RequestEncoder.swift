internal import Model
internal import NIOCore
internal import Wire

/// Writes a Request frame once, into a buffer of exactly its size; the stream id follows on the event loop.
struct RequestEncoder {
    let service: String
    let method: String
    let payload: [UInt8]
    /// 0: none.
    let timeoutNanos: Int64
    let metadata: [Header]
    /// Of the frame; 0 is a unary call.
    var flags: UInt8 = 0

    /// What a connection says about itself.
    static func hello(_ metadata: [Header]) -> RequestEncoder {
        RequestEncoder(
            service: "fnrpc.v1.Transport", method: "Hello",
            payload: HelloRequest(features: [Extension.cancel, Extension.goaway]).encoded(), timeoutNanos: 0,
            metadata: metadata)
    }

    /// Bytes of the frame's data.
    private var length: Int {
        var length = FieldSize.field(1, length: service.utf8.count) + FieldSize.field(2, length: method.utf8.count)
        if !payload.isEmpty { length += FieldSize.field(3, length: payload.count) }
        if timeoutNanos != 0 { length += FieldSize.field(4, varint: UInt64(bitPattern: timeoutNanos)) }
        for entry in metadata { length += FieldSize.field(5, length: entry.encodedSize) }
        return length
    }

    /// The frame, with stream id 0.
    ///
    /// - Throws: code `tooLarge` if the frame is over ttrpc's limit; no peer has to accept it.
    func frame(_ allocator: ByteBufferAllocator) throws(ClientError) -> ByteBuffer {
        let length = length
        guard length <= FrameHeader.maxLength else {
            let overhead = length - payload.count
            throw ClientError(
                .tooLarge,
                "the request of \(service)/\(method) has \(payload.count) bytes; a call takes at most "
                    + "\(FrameHeader.maxLength - overhead) in one message; use a stream")
        }
        let size = FrameHeader.size + length
        var buffer = allocator.buffer(capacity: size)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: size) { bytes in
            guard let base = bytes.baseAddress else { return 0 }
            FrameHeader(length: UInt32(length), streamID: 0, type: FrameHeader.request, flags: flags).write(to: base)
            var writer = FieldWriter(UnsafeMutableRawBufferPointer(start: base + FrameHeader.size, count: length))
            writer.field(1, text: service)
            writer.field(2, text: method)
            if !payload.isEmpty { payload.withUnsafeBytes { writer.field(3, bytes: $0) } }
            if timeoutNanos != 0 { writer.field(4, varint: UInt64(bitPattern: timeoutNanos)) }
            for entry in metadata { entry.write(5, to: &writer) }
            precondition(writer.isFull, "BUG: the computed size is too large")
            return size
        }
        return buffer
    }
}

extension Header {
    /// Bytes as a message with the fields 1 and 2.
    var encodedSize: Int {
        FieldSize.field(1, length: name.utf8.count) + FieldSize.field(2, length: value.utf8.count)
    }

    /// Writes it as field `number`.
    func write(_ number: UInt32, to writer: inout FieldWriter) {
        writer.header(number, length: encodedSize)
        writer.field(1, text: name)
        writer.field(2, text: value)
    }
}

extension FieldWriter {
    /// A string field.
    mutating func field(_ number: UInt32, text: String) {
        var text = text
        text.withUTF8 { field(number, bytes: UnsafeRawBufferPointer($0)) }
    }
}
