internal import Loop
package import Wire

extension Session {
    /// As `Connections/List` shows it. Thread-safe.
    package var info: ConnectionInfo {
        let statistics = connection?.statistics ?? (0, 0, 0, 0)
        let usage = usage
        return ConnectionInfo(
            id: id, listener: listener.address, peer: peer, principal: usage.principal, tls: listener.isTLS,
            openedAt: openedAt, streams: UInt32(clamping: openCount), calls: usage.calls,
            bytesReceived: statistics.0, bytesSent: statistics.1, queuedBytes: UInt64(clamping: statistics.2),
            bufferedBytes: UInt64(clamping: statistics.3))
    }
}
