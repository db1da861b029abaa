internal import NIOCore
internal import NIOPosix
internal import NIOSSL
internal import NIOTLS

/// What every TLS connection of a client shares: files are read once. Thread-safe.
struct TLSTransport: Sendable {
    /// ALPN's name of what is spoken inside.
    static let protocolName = "ttrpc/1.2"

    private let context: NIOSSLContext
    /// `nil` for an IP address, which the certificate must then have.
    private let serverName: String?

    /// - Parameter host: of the address.
    /// - Throws: code `invalid` with the file that cannot be used.
    init(_ options: TLSOptions, host: String) throws(ClientError) {
        var configuration = TLSConfiguration.makeClientConfiguration()
        configuration.minimumTLSVersion = .tlsv13
        configuration.certificateVerification = .fullVerification
        configuration.applicationProtocols = [Self.protocolName]
        if let file = options.caFile {
            let authorities = try Self.read(file, "CA file") { try NIOSSLCertificate.fromPEMFile($0) }
            configuration.trustRoots = .certificates(authorities)
        }
        switch (options.certificateFile, options.keyFile) {
        case (let certificate?, let key?):
            configuration.certificateChain = try Self.read(certificate, "certificate file") {
                try NIOSSLCertificate.fromPEMFile($0).map { .certificate($0) }
            }
            configuration.privateKey = .privateKey(
                try Self.read(key, "key file") { try NIOSSLPrivateKey(file: $0, format: .pem) })
        case (nil, nil): break
        case (_?, nil): throw ClientError(.invalid, "a client certificate needs its private key; give the key file too")
        case (nil, _?):
            throw ClientError(.invalid, "a private key needs its certificate; give the certificate file too")
        }
        do { context = try NIOSSLContext(configuration: configuration) } catch {
            throw ClientError(
                .invalid, "TLS cannot be set up; check that the key file belongs to the certificate file (\(error))")
        }
        let name = options.serverName ?? host
        if (try? SocketAddress(ipAddress: name, port: 0)) == nil {
            serverName = name
        } else {
            guard name == host else {
                throw ClientError(
                    .invalid, "server name \"\(name)\": write a host name; an IP address belongs into the address")
            }
            serverName = nil
        }
        do { _ = try handler() } catch {
            throw ClientError(.invalid, "server name \"\(name)\": not a host name (\(error))")
        }
    }

    /// A handler for one connection.
    func handler() throws -> NIOSSLClientHandler {
        try NIOSSLClientHandler(context: context, serverHostname: serverName)
    }

    private static func read<T>(_ file: String, _ name: String, _ body: (String) throws -> T) throws(ClientError) -> T {
        do { return try body(file) } catch {
            throw ClientError(
                .invalid, "\(name) \(file): cannot be read as PEM (\(error)); check the path and its rights")
        }
    }
}

/// Tells when the handshake is over, one way or the other. Loop-confined.
final class TLSHandshake: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer

    /// The peer closed, or said nothing, before the handshake was over.
    struct Ended: Error {}

    private let timeout: TimeAmount
    private var done: EventLoopPromise<Void>?
    private var timer: Scheduled<Void>?

    init(done: EventLoopPromise<Void>, timeout: TimeAmount) {
        self.done = done
        self.timeout = timeout
    }

    func channelActive(context: ChannelHandlerContext) {
        let channel = context.channel
        timer = context.eventLoop.assumeIsolated().scheduleTask(in: timeout) { [weak self] in
            guard let self, self.done != nil else { return }
            self.finish(Ended())
            channel.close(promise: nil)
        }
        context.fireChannelActive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if let event = event as? TLSUserEvent, case .handshakeCompleted = event { finish(nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        finish(error is IOError ? Ended() : error)
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        finish(Ended())
        context.fireChannelInactive()
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        finish(Ended())
    }

    private func finish(_ error: (any Error)?) {
        timer?.cancel()
        guard let done else { return }
        self.done = nil
        if let error { done.fail(error) } else { done.succeed() }
    }
}
