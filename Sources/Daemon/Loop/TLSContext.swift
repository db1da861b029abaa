internal import COpenSSL
internal import Glibc
package import Model

/// Certificate, key and rules of a TLS server; makes a ``TLSSession`` for each connection. TLS 1.3 only. Thread-safe.
// SAFETY: the context inside is guarded by its lock; OpenSSL counts its references atomically.
package final class TLSContext: @unchecked Sendable {
    /// The one protocol that is spoken, as ALPN names it.
    package static let protocolName = "ttrpc/1.2"

    private let certificateFile: String
    private let keyFile: String
    private let clientCAFile: String?
    private let requiresClientCertificate: Bool
    private let current: Lock<OpaquePointer>

    /// Reads the files.
    ///
    /// - Parameters:
    ///   - certificateFile: PEM: the server's certificate, then its issuers.
    ///   - keyFile: PEM, without a password.
    ///   - clientCAFile: PEM: whose client certificates are trusted; `nil`: clients are not asked for one.
    ///   - requireClientCertificate: refuse clients that show none.
    /// - Throws: `Failure` that names the file and what OpenSSL says of it.
    package init(
        certificateFile: String, keyFile: String, clientCAFile: String?, requireClientCertificate: Bool
    ) throws(Failure) {
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.clientCAFile = clientCAFile
        requiresClientCertificate = requireClientCertificate
        _ = Self.ignoresPipeSignal
        current = Lock(
            try Self.load(certificateFile, keyFile, clientCAFile, requireClientCertificate))
    }

    deinit {
        current.withLock { SSL_CTX_free($0) }
    }

    /// Reads the files again, for later handshakes; connections that exist live on. When a file is bad, what was read
    /// before stays.
    package func reload() throws(Failure) {
        let fresh = try Self.load(certificateFile, keyFile, clientCAFile, requiresClientCertificate)
        let old = current.withLock { current in
            defer { current = fresh }
            return current
        }
        SSL_CTX_free(old)
    }

    /// The server's side of one connection over a connected, nonblocking socket, which stays the connection's.
    package func makeSession(descriptor: Int32) throws(Failure) -> TLSSession {
        let ssl = current.withLock { SSL_new($0) }
        guard let ssl, SSL_set_fd(ssl, descriptor) == 1 else {
            SSL_free(ssl)
            throw Failure(.internalError, "TLS: no session: \(TLSError.takeText())")
        }
        SSL_set_accept_state(ssl)
        return TLSSession(ssl, descriptor)
    }

    /// OpenSSL writes to sockets without MSG_NOSIGNAL.
    private static let ignoresPipeSignal: Void = { _ = signal(SIGPIPE, SIG_IGN) }()

    private static func load(
        _ certificateFile: String, _ keyFile: String, _ clientCAFile: String?, _ requiresClientCertificate: Bool
    ) throws(Failure) -> OpaquePointer {
        guard !requiresClientCertificate || clientCAFile != nil else {
            throw Failure(.invalid, "TLS: client certificates are required, but no file says which CA they are from")
        }
        ERR_clear_error()
        guard let context = SSL_CTX_new(TLS_server_method()) else {
            throw Failure(.internalError, "TLS: no context: \(TLSError.takeText())")
        }
        do throws(Failure) {
            configure(context)
            guard SSL_CTX_use_certificate_chain_file(context, certificateFile) == 1 else {
                throw refused("certificate", certificateFile)
            }
            guard SSL_CTX_use_PrivateKey_file(context, keyFile, SSL_FILETYPE_PEM) == 1 else {
                throw refused("key", keyFile)
            }
            if let clientCAFile { try trust(context, clientCAFile, requiresClientCertificate) }
        } catch {
            SSL_CTX_free(context)
            throw error
        }
        return context
    }

    private static func configure(_ context: OpaquePointer) {
        SSL_CTX_ctrl(context, SSL_CTRL_SET_MIN_PROTO_VERSION, Int(TLS1_3_VERSION), nil)
        SSL_CTX_ctrl(
            context, SSL_CTRL_MODE,
            Int(SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS), nil)
        // One system call for a record's header and its body.
        SSL_CTX_ctrl(context, SSL_CTRL_SET_READ_AHEAD, 1, nil)
        // Nothing is resumed: a resumed session would outlive the certificate that was checked for it.
        SSL_CTX_ctrl(context, SSL_CTRL_SET_SESS_CACHE_MODE, Int(SSL_SESS_CACHE_OFF), nil)
        SSL_CTX_set_num_tickets(context, 0)
        // Frames tell where messages end, so an end without close_notify cuts nothing off.
        SSL_CTX_set_options(context, ignoreUnexpectedEnd)
        // Never ask a terminal for a key's password.
        SSL_CTX_set_default_passwd_cb(context) { _, _, _, _ in 0 }
        SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, chosenLength, offered, length, _ in
                guard let offered, let found = TLSContext.find(UnsafeBufferPointer(start: offered, count: Int(length)))
                else { return SSL_TLSEXT_ERR_ALERT_FATAL }
                chosen?.pointee = offered + found.lowerBound
                chosenLength?.pointee = UInt8(found.count)
                return SSL_TLSEXT_ERR_OK
            }, nil)
    }

    /// SSL_OP_IGNORE_UNEXPECTED_EOF, a macro that Swift does not see.
    private static let ignoreUnexpectedEnd: UInt64 = 1 << 7

    /// Where the protocol's name is in the client's list: each entry is a length of one byte and so many bytes.
    private static func find(_ offered: UnsafeBufferPointer<UInt8>) -> Range<Int>? {
        var position = 0
        while position < offered.count {
            let end = position + 1 + Int(offered[position])
            guard end <= offered.count else { return nil }
            if offered[(position + 1)..<end].elementsEqual(protocolName.utf8) { return (position + 1)..<end }
            position = end
        }
        return nil
    }

    private static func trust(
        _ context: OpaquePointer, _ file: String, _ isRequired: Bool
    ) throws(Failure) {
        guard SSL_CTX_load_verify_file(context, file) == 1 else { throw refused("client CA", file) }
        guard let names = SSL_load_client_CA_file(file) else { throw refused("client CA", file) }
        SSL_CTX_set_client_CA_list(context, names)
        SSL_CTX_set_verify(
            context, SSL_VERIFY_PEER | (isRequired ? SSL_VERIFY_FAIL_IF_NO_PEER_CERT : 0), nil)
    }

    private static func refused(_ what: String, _ file: String) -> Failure {
        Failure(.invalid, "TLS: the \(what) file \(quoted(file)): \(TLSError.takeText())")
    }
}
