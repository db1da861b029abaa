internal import NIOCore
internal import Wire

/// Cuts what arrives into frames. A pure machine; holds at most one frame that is not whole yet, and never more than
/// its limit: what is over it is skipped as it comes.
struct FrameInput {
    /// What is at the front.
    enum Step {
        /// Nothing whole yet.
        case needsMore
        /// A frame.
        case frame(FrameHeader, ByteBuffer)
        /// The beginning of a frame whose data is over the limit; its data is skipped by later steps.
        case tooLong(FrameHeader)
        /// The peer does not speak ttrpc; nothing after this makes sense, so no step gives anything more.
        case foreign(FrameStep.Foreign, first: UInt8)
    }

    private var bytes = ByteBuffer()
    /// Bytes of an overlong frame that are still to come.
    private var skipped = 0
    private var isForeign = false

    /// Adds what arrived.
    mutating func append(_ incoming: ByteBuffer) {
        guard !isForeign else { return }
        var incoming = incoming
        if bytes.readableBytes == 0 { bytes = incoming } else { bytes.writeBuffer(&incoming) }
    }

    /// The next frame, if it is whole.
    mutating func next() -> Step {
        guard !isForeign else { return .needsMore }
        if skipped > 0 {
            let count = min(skipped, bytes.readableBytes)
            bytes.moveReaderIndex(forwardBy: count)
            skipped -= count
            if skipped > 0 { return .needsMore }
        }
        switch bytes.withUnsafeReadableBytes({ FrameStep($0) }) {
        case .incomplete: return .needsMore
        case .foreign(let foreign):
            isForeign = true
            return .foreign(foreign, first: bytes.getInteger(at: bytes.readerIndex) ?? 0)
        case .tooLong(let header):
            bytes.moveReaderIndex(forwardBy: FrameHeader.size)
            skipped = Int(header.length)
            return .tooLong(header)
        case .frame(let header):
            bytes.moveReaderIndex(forwardBy: FrameHeader.size)
            guard let data = bytes.readSlice(length: Int(header.length)) else { return .needsMore }
            return .frame(header, data)
        }
    }

    /// Gives memory back; call it when ``next()`` wants more.
    mutating func compact() {
        if bytes.readableBytes == 0 { bytes.clear() } else { bytes.discardReadBytes() }
    }
}
