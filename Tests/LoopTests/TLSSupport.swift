import COpenSSL
import Foundation
import Loop
import Model
import Testing

/// A folder with certificates, made by the `openssl` command; removed at the end.
final class Certificates: Sendable {
    let folder: String

    init() throws {
        folder = "/tmp/fnrpc-tls-\(getpid())-\(UInt64.random(in: 0 ... .max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        try authority("ca", "Test CA")
        try issue("server", "localhost", by: "ca", "subjectAltName=DNS:localhost")
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    func file(_ name: String) -> String { "\(folder)/\(name)" }

    func context(clientCA: String? = nil, required: Bool = false) throws -> TLSContext {
        try TLSContext(
            certificateFile: file("server.crt"), keyFile: file("server.key"), clientCAFile: clientCA.map(file),
            requireClientCertificate: required)
    }

    /// A certificate that signs itself.
    func authority(_ name: String, _ commonName: String) throws {
        try run(
            "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj",
            "/CN=\(commonName)", "-keyout", "\(name).key", "-out", "\(name).crt", "-addext",
            "basicConstraints=critical,CA:TRUE")
    }

    func issue(_ name: String, _ commonName: String, by issuer: String, _ extensions: String) throws {
        try run(
            "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=\(commonName)",
            "-keyout", "\(name).key", "-out", "\(name).csr")
        try extensions.write(toFile: file("\(name).ext"), atomically: true, encoding: .utf8)
        try run(
            "x509", "-req", "-in", "\(name).csr", "-CA", "\(issuer).crt", "-CAkey", "\(issuer).key", "-CAcreateserial",
            "-days", "2", "-extfile", "\(name).ext", "-out", "\(name).crt")
    }

    private func run(_ arguments: String...) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments = arguments
        process.currentDirectoryURL = URL(fileURLWithPath: folder)
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0, "openssl \(arguments.joined(separator: " "))")
    }
}

/// A blocking TLS client.
// SAFETY: used by one task at a time.
final class TLSClient: @unchecked Sendable {
    private let context: OpaquePointer?
    private let ssl: OpaquePointer?
    private let descriptor: Int32

    /// - Parameters:
    ///   - descriptor: taken over.
    ///   - offers: ALPN; `nil`: none.
    ///   - certificate: the name of the client's own certificate.
    init(
        _ descriptor: Int32, _ certificates: Certificates, offers: [String]? = [TLSContext.protocolName],
        certificate: String? = nil, version: Int32 = TLS1_3_VERSION
    ) {
        self.descriptor = descriptor
        signal(SIGPIPE, SIG_IGN)
        context = SSL_CTX_new(TLS_client_method())
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MAX_PROTO_VERSION, Int(version), nil)
        SSL_CTX_load_verify_file(context, certificates.file("ca.crt"))
        SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        if let certificate {
            SSL_CTX_use_certificate_chain_file(context, certificates.file("\(certificate).crt"))
            SSL_CTX_use_PrivateKey_file(context, certificates.file("\(certificate).key"), SSL_FILETYPE_PEM)
        }
        ssl = SSL_new(context)
        if let offers {
            let list = offers.flatMap { [UInt8($0.utf8.count)] + Array($0.utf8) }
            SSL_set_alpn_protos(ssl, list, UInt32(list.count))
        }
        SSL_set_fd(ssl, descriptor)
    }

    deinit {
        SSL_free(ssl)
        SSL_CTX_free(context)
        Glibc.close(descriptor)
    }

    func connect() -> Bool {
        ERR_clear_error()
        return SSL_connect(ssl) == 1
    }

    /// What ALPN agreed on.
    var chosen: String {
        var name: UnsafePointer<UInt8>?
        var length: UInt32 = 0
        SSL_get0_alpn_selected(ssl, &name, &length)
        return String(decoding: UnsafeBufferPointer(start: name, count: Int(length)), as: UTF8.self)
    }

    /// The common name of the server's certificate.
    var serverName: String {
        guard let certificate = SSL_get0_peer_certificate(ssl) else { return "" }
        var name = [CChar](repeating: 0, count: 100)
        X509_NAME_get_text_by_NID(X509_get_subject_name(certificate), NID_commonName, &name, Int32(name.count))
        return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    func write(_ bytes: [UInt8]) -> Bool {
        ERR_clear_error()
        return SSL_write(ssl, bytes, Int32(bytes.count)) == bytes.count
    }

    /// Up to `count` bytes; fewer when the server ends.
    func read(_ count: Int) -> [UInt8] {
        var result: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 65_536)
        while result.count < count {
            ERR_clear_error()
            let got = SSL_read(ssl, &buffer, Int32(min(buffer.count, count - result.count)))
            guard got > 0 else { break }
            result += buffer[..<Int(got)]
        }
        return result
    }

    /// Whether the server has said goodbye.
    var wasToldGoodbye: Bool { SSL_get_shutdown(ssl) & SSL_RECEIVED_SHUTDOWN != 0 }

    /// Says goodbye.
    func shutdown() { SSL_shutdown(ssl) }
}

/// Accepts a TLS connection on a loop; echoes what comes.
// SAFETY: constants.
final class TLSEcho: CustomReflectable, @unchecked Sendable {
    var customMirror: Mirror { Mirror(self, children: []) }
    let bench: Bench
    let witness: Witness
    let session: TLSSession
    let far: Int32

    /// - Parameter echoes: `false`: takes input and says nothing.
    init(_ bench: Bench, _ context: TLSContext, echoes: Bool = true, budget: ByteBudget? = nil) async throws {
        self.bench = bench
        witness = Witness { connection, bytes in
            if echoes { connection.write(count: bytes.count) { $0.copyMemory(from: bytes) } }
            return .consumed(bytes.count, needed: 0)
        }
        let (near, far) = socketPair()
        self.far = far
        session = try context.makeSession(descriptor: near)
        var options = Connection.Options.timed
        options.tls = session
        options.budget = budget
        await bench.attach(witness, near, options)
    }

    /// The text of the reason of the end.
    func failure() async -> String {
        await bench.until({ self.witness.isClosed }, "it was not closed")
        return witness.reasons.map(\.description).joined(separator: "; ")
    }
}
