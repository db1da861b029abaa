/// The extension frames, and the features that turn them on. A peer that did not say Hello never gets one.
package enum Extension {
    /// Frame type: the client gives up the call on this stream. Feature ``cancel``.
    package static let cancelFrame: UInt8 = 0x40
    /// Frame type, on stream 0: the daemon takes no further calls; data: the last stream id that it took (u32, big-endian).
    /// Feature ``goaway``.
    package static let goawayFrame: UInt8 = 0x43
    package static let cancel = "cancel"
    package static let goaway = "goaway"
}
