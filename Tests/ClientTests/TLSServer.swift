import Foundation
import NIOCore
import NIOPosix
import NIOSSL
import Testing
import Wire

@testable import FnrpcClient

/// Authorities and certificates, made once by the openssl command and removed at the end.
final class Certificates: Sendable {
    let folder: String

    /// `ca` signs `server` (localhost, 127.0.0.1), `other-name` (elsewhere.example) and `client`; `foreign-ca` signs
    /// `foreign-client`.
    init() throws {
        folder = NSTemporaryDirectory() + "fnrpc-tls-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try authority("ca")
        try authority("foreign-ca")
        try certificate("server", by: "ca", names: "DNS:localhost,IP:127.0.0.1")
        try certificate("other-name", by: "ca", names: "DNS:elsewhere.example")
        try certificate("client", by: "ca", names: "DNS:client")
        try certificate("foreign-client", by: "foreign-ca", names: "DNS:client")
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: folder)
    }

    func pem(_ name: String) -> String { "\(folder)/\(name).pem" }
    func key(_ name: String) -> String { "\(folder)/\(name).key" }

    private func authority(_ name: String) throws {
        try openssl(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
            "-subj", "/CN=\(name)", "-keyout", key(name), "-out", pem(name))
    }

    private func certificate(_ name: String, by authority: String, names: String) throws {
        try openssl(
            "req", "-x509", "-CA", pem(authority), "-CAkey", key(authority), "-newkey", "ec", "-pkeyopt",
            "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2", "-subj", "/CN=\(name)", "-addext",
            "subjectAltName=\(names)", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout", key(name), "-out",
            pem(name))
    }

    private func openssl(_ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        process.arguments = ["openssl"] + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl \(arguments.joined(separator: " "))")
    }
}

/// A TLS server on 127.0.0.1 that answers every Request with its own payload, by a stream too.
struct TLSServer {
    let port: Int
    private let channel: any Channel

    /// - Parameters:
    ///   - name: of its certificate.
    ///   - wantsClient: whether the client must show a certificate of `ca`.
    ///   - newest: its newest version of TLS.
    init(
        _ certificates: Certificates, name: String = "server", wantsClient: Bool = false,
        newest: TLSVersion = .tlsv13, protocols: [String] = ["ttrpc/1.2"]
    ) async throws {
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMFile(certificates.pem(name)).map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(file: certificates.key(name), format: .pem)))
        configuration.maximumTLSVersion = newest
        configuration.applicationProtocols = protocols
        if wantsClient {
            configuration.trustRoots = .file(certificates.pem("ca"))
            configuration.certificateVerification = .noHostnameVerification
        }
        let context = try NIOSSLContext(configuration: configuration)
        channel = try await ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .serverChannelOption(.socketOption(.so_reuseaddr), value: 1)
            .childChannelInitializer { channel in
                channel.eventLoop.makeCompletedFuture {
                    try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: context))
                    try channel.pipeline.syncOperations.addHandler(EchoHandler())
                }
            }
            .bind(host: "127.0.0.1", port: 0).get()
        port = try #require(channel.localAddress?.port)
    }

    func stop() async throws {
        try await channel.close()
    }
}

/// Answers each unary Request with its payload, and sends back what comes on a stream; knows no Hello.
private final class EchoHandler: ChannelInboundHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    private var input = FrameInput()

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        input.append(unwrapInboundIn(data))
        while case .frame(let header, let bytes) = input.next() {
            let data = Array(bytes.readableBytesView)
            if header.type == FrameHeader.data {
                send(context, frameBytes(data, streamID: header.streamID, type: header.type, flags: header.flags))
            } else if header.flags == 0, let payload = payload(data) {
                send(context, frameBytes(response(payload: payload), streamID: header.streamID))
            }
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    private func payload(_ data: [UInt8]) -> [UInt8]? {
        data.withUnsafeBytes { bytes in (try? RequestEnvelope(scanning: bytes)).map { Array($0.payload) } }
    }

    private func send(_ context: ChannelHandlerContext, _ bytes: [UInt8]) {
        context.writeAndFlush(wrapOutboundOut(ByteBuffer(bytes: bytes)), promise: nil)
    }
}
