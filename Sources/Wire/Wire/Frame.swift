/// The header of every ttrpc frame: length (u32), stream id (u32), both big-endian, type, flags.
package struct FrameHeader: Equatable, Sendable {
    /// Bytes of a header.
    package static let size = 10
    /// The longest data of a frame, bytes; ttrpc's own constant in every implementation.
    package static let maxLength = 4 << 20

    /// Bytes of data behind the header.
    package var length: UInt32
    /// Odd for calls of the client; never used again on a connection.
    package var streamID: UInt32
    package var type: UInt8
    package var flags: UInt8

    /// A Request frame.
    package static let request: UInt8 = 1
    /// A Response frame.
    package static let response: UInt8 = 2
    /// A Data frame of a stream.
    package static let data: UInt8 = 3

    /// Flag of Request and Data: its sender sends no more Data.
    package static let remoteClosed: UInt8 = 0x01
    /// Flag of Request: its sender sends Data.
    package static let remoteOpen: UInt8 = 0x02
    /// Flag of Data: there is no message in it, not even an empty one.
    package static let noData: UInt8 = 0x04

    package init(length: UInt32, streamID: UInt32, type: UInt8, flags: UInt8 = 0) {
        self.length = length
        self.streamID = streamID
        self.type = type
        self.flags = flags
    }

    /// Reads a header.
    ///
    /// - Parameter bytes: at least ``size`` readable bytes.
    package init(reading bytes: UnsafeRawPointer) {
        length = UInt32(bigEndian: bytes.loadUnaligned(as: UInt32.self))
        streamID = UInt32(bigEndian: bytes.loadUnaligned(fromByteOffset: 4, as: UInt32.self))
        type = bytes.load(fromByteOffset: 8, as: UInt8.self)
        flags = bytes.load(fromByteOffset: 9, as: UInt8.self)
    }

    /// Writes the header.
    ///
    /// - Parameter bytes: at least ``size`` writable bytes.
    package func write(to bytes: UnsafeMutableRawPointer) {
        bytes.storeBytes(of: length.bigEndian, as: UInt32.self)
        bytes.storeBytes(of: streamID.bigEndian, toByteOffset: 4, as: UInt32.self)
        bytes.storeBytes(of: type, toByteOffset: 8, as: UInt8.self)
        bytes.storeBytes(of: flags, toByteOffset: 9, as: UInt8.self)
    }
}

/// What the bytes at the front of an input buffer are.
package enum FrameStep {
    /// Not a whole frame yet; `needed` bytes in all make one.
    case incomplete(needed: Int)
    /// A whole frame; its data is at `FrameHeader.size`.
    case frame(FrameHeader)
    /// A frame whose data is over the limit: skip it and answer on its stream.
    case tooLong(FrameHeader)
    /// The first byte of a ttrpc frame is 0; this peer speaks something else.
    case foreign(Foreign)

    /// What a peer that does not speak ttrpc seems to speak.
    package enum Foreign: String, Sendable {
        /// A TLS handshake record.
        case tls = "a TLS hello"
        /// An HTTP request line or an HTTP/2 preface.
        case http = "an HTTP request"
        /// Anything else.
        case garbage = "bytes that are not ttrpc"
    }

    /// Looks at the front of the input.
    package init(_ bytes: UnsafeRawBufferPointer) {
        guard let base = bytes.baseAddress, bytes.count > 0 else {
            self = .incomplete(needed: FrameHeader.size)
            return
        }
        if bytes[0] != 0 {
            switch bytes[0] {
            case 0x16: self = .foreign(.tls)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): self = .foreign(.http)
            default: self = .foreign(.garbage)
            }
            return
        }
        guard bytes.count >= FrameHeader.size else {
            self = .incomplete(needed: FrameHeader.size)
            return
        }
        let header = FrameHeader(reading: base)
        let length = Int(header.length)
        if length > FrameHeader.maxLength {
            self = .tooLong(header)
        } else if bytes.count < FrameHeader.size + length {
            self = .incomplete(needed: FrameHeader.size + length)
        } else {
            self = .frame(header)
        }
    }
}
