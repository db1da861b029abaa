/// A Request frame to send: sizes first, then bytes, so that it is written once into memory that exists.
package struct RequestFrame {
    private let service: UnsafeRawBufferPointer
    private let method: UnsafeRawBufferPointer
    private let payload: UnsafeRawBufferPointer
    private let timeoutNanos: Int64
    private let metadata: UnsafeBufferPointer<MetadataEntry>
    /// Bytes of data; at most `FrameHeader.maxLength`, which the caller checks.
    package let length: Int

    /// - Parameters: borrowed; must stay alive until written.
    package init(
        service: UnsafeRawBufferPointer, method: UnsafeRawBufferPointer, payload: UnsafeRawBufferPointer,
        timeoutNanos: Int64, metadata: UnsafeBufferPointer<MetadataEntry>
    ) {
        self.service = service
        self.method = method
        self.payload = payload
        self.timeoutNanos = timeoutNanos
        self.metadata = metadata
        var length = FieldSize.field(1, length: service.count) + FieldSize.field(2, length: method.count)
        if payload.count > 0 { length += FieldSize.field(3, length: payload.count) }
        if timeoutNanos != 0 { length += FieldSize.field(4, varint: UInt64(bitPattern: timeoutNanos)) }
        for entry in metadata { length += FieldSize.field(5, length: entry.size) }
        self.length = length
    }

    /// Writes header and data.
    ///
    /// - Parameter buffer: exactly `FrameHeader.size + length` bytes.
    package func write(streamID: UInt32, to buffer: UnsafeMutableRawBufferPointer) {
        var writer = frameWriter(buffer, length: length, streamID: streamID, type: FrameHeader.request)
        writer.field(1, bytes: service)
        writer.field(2, bytes: method)
        if payload.count > 0 { writer.field(3, bytes: payload) }
        if timeoutNanos != 0 { writer.field(4, varint: UInt64(bitPattern: timeoutNanos)) }
        for entry in metadata { entry.write(5, to: &writer) }
        precondition(writer.isFull, "BUG: the computed size is too large")
    }
}

/// A Response frame to send: a status, or a payload, and our response metadata.
package struct ResponseFrame {
    private let status: UnsafeRawBufferPointer
    private let payload: UnsafeRawBufferPointer
    private let metadata: UnsafeBufferPointer<MetadataEntry>
    /// Bytes of data.
    package let length: Int

    /// - Parameters:
    ///   - status: an encoded Status message; empty on success.
    ///   - payload: borrowed; must stay alive until written.
    package init(
        status: UnsafeRawBufferPointer = .init(start: nil, count: 0),
        payload: UnsafeRawBufferPointer = .init(start: nil, count: 0),
        metadata: UnsafeBufferPointer<MetadataEntry> = .init(start: nil, count: 0)
    ) {
        self.status = status
        self.payload = payload
        self.metadata = metadata
        var length = 0
        if status.count > 0 { length += FieldSize.field(1, length: status.count) }
        if payload.count > 0 { length += FieldSize.field(2, length: payload.count) }
        for entry in metadata { length += FieldSize.field(100, length: entry.size) }
        self.length = length
    }

    /// Writes header and data.
    ///
    /// - Parameter buffer: exactly `FrameHeader.size + length` bytes.
    package func write(streamID: UInt32, to buffer: UnsafeMutableRawBufferPointer) {
        var writer = frameWriter(buffer, length: length, streamID: streamID, type: FrameHeader.response)
        if status.count > 0 { writer.field(1, bytes: status) }
        if payload.count > 0 { writer.field(2, bytes: payload) }
        for entry in metadata { entry.write(100, to: &writer) }
        precondition(writer.isFull, "BUG: the computed size is too large")
    }
}

/// A Data frame to send.
package struct DataFrame {
    /// Writes header and message.
    ///
    /// - Parameter buffer: exactly `FrameHeader.size + message.count` bytes.
    package static func write(
        _ message: UnsafeRawBufferPointer, streamID: UInt32, to buffer: UnsafeMutableRawBufferPointer
    ) {
        precondition(buffer.count == FrameHeader.size + message.count, "BUG: frame size")
        precondition(message.count <= FrameHeader.maxLength, "BUG: a frame over the limit")
        guard let base = buffer.baseAddress else { preconditionFailure("BUG: a frame has at least a header") }
        FrameHeader(length: UInt32(message.count), streamID: streamID, type: FrameHeader.data).write(to: base)
        UnsafeMutableRawBufferPointer(rebasing: buffer[FrameHeader.size...]).copyMemory(from: message)
    }
}

/// The end of this side of a stream: a frame of its own, without a message. Its flags tell every peer to look for none, so
/// a server says there what else would stand in a Response, which some clients take for one more message.
package struct EndFrame {
    private let metadata: UnsafeBufferPointer<MetadataEntry>
    /// Bytes of data.
    package let length: Int

    /// - Parameter metadata: borrowed; must stay alive until written.
    package init(metadata: UnsafeBufferPointer<MetadataEntry> = .init(start: nil, count: 0)) {
        self.metadata = metadata
        length = metadata.reduce(0) { $0 + FieldSize.field(100, length: $1.size) }
    }

    /// Writes header and data.
    ///
    /// - Parameter buffer: exactly `FrameHeader.size + length` bytes.
    package func write(streamID: UInt32, to buffer: UnsafeMutableRawBufferPointer) {
        let flags = FrameHeader.remoteClosed | FrameHeader.noData
        var writer = frameWriter(buffer, length: length, streamID: streamID, type: FrameHeader.data, flags: flags)
        for entry in metadata { entry.write(100, to: &writer) }
        precondition(writer.isFull, "BUG: the computed size is too large")
    }
}

/// Writes the header and gives a writer for the data behind it.
private func frameWriter(
    _ buffer: UnsafeMutableRawBufferPointer, length: Int, streamID: UInt32, type: UInt8, flags: UInt8 = 0
) -> FieldWriter {
    precondition(buffer.count == FrameHeader.size + length && length <= FrameHeader.maxLength, "BUG: frame size")
    guard let base = buffer.baseAddress else { preconditionFailure("BUG: a frame has at least a header") }
    FrameHeader(length: UInt32(length), streamID: streamID, type: type, flags: flags).write(to: base)
    // A frame without data is legal; the writer then has nothing to write.
    return FieldWriter(UnsafeMutableRawBufferPointer(start: base + FrameHeader.size, count: length))
}

extension Slice<UnsafeMutableRawBufferPointer> {
    /// The same bytes with indexes from 0.
    package var rebased: UnsafeMutableRawBufferPointer { UnsafeMutableRawBufferPointer(rebasing: self) }
}
