internal import COpenSSL
internal import Glibc

/// TLS of one connection. Belongs to one ``Connection`` and is touched on its loop only.
// SAFETY: handed over once to a connection, which touches it on its loop only.
package final class TLSSession: @unchecked Sendable {
    enum Outcome {
        case done, blocked, ended
        case failed(String)
    }

    /// `nil` after ``close()``.
    private var ssl: OpaquePointer?
    private let descriptor: Int32
    private var hasBegun = false
    private var isBroken = false
    /// The handshake is done.
    private(set) var isReady = false
    /// Handshake or reading go on when the socket has room for output.
    private(set) var readingWantsOutput = false
    /// Writing goes on when the socket has input.
    private(set) var writingWantsInput = false
    /// The common name of the client's certificate, which was verified; `nil` without one, before the handshake is done,
    /// and when there is not exactly one.
    package private(set) var peerCommonName: String?
    /// The alternative names (DNS, URI, e-mail) of the client's certificate, which was verified.
    package private(set) var peerAlternativeNames: [String] = []

    init(_ ssl: OpaquePointer, _ descriptor: Int32) {
        self.ssl = ssl
        self.descriptor = descriptor
    }

    deinit {
        SSL_free(ssl)
    }

    /// Goes on with the handshake.
    func handshake() -> Outcome {
        if !hasBegun {
            // OpenSSL's words for what is not TLS at all would help nobody.
            var first = [UInt8](repeating: 0, count: 4)
            let count = recv(descriptor, &first, first.count, Int32(MSG_PEEK))
            if count == 0 { return .ended }
            if count < 0 { return errno == EAGAIN || errno == EINTR ? .blocked : .ended }
            if let text = Self.foreign(first[..<count]) { return .failed(text) }
            hasBegun = true
        }
        ERR_clear_error()
        let result = SSL_do_handshake(ssl)
        guard result == 1 else { return outcome(of: result, isReading: true) }
        readingWantsOutput = false
        isReady = true
        identify()
        return .done
    }

    /// Reads until `target` is full or there is no more.
    func read(_ target: UnsafeMutableRawBufferPointer) -> (Int, Connection.ReadEnd) {
        var done = 0
        while done < target.count, let base = target.baseAddress {
            var count = 0
            ERR_clear_error()
            let result = SSL_read_ex(ssl, base + done, target.count - done, &count)
            guard result != 1 else {
                readingWantsOutput = false
                done += count
                continue
            }
            switch outcome(of: result, isReading: true) {
            case .done, .blocked: return (done, .drained)
            case .ended: return (done, .ended)
            case .failed(let text): return (done, .failed(.tls(text)))
            }
        }
        return (done, .filled)
    }

    /// Takes from the queue what the socket takes.
    func write(_ queue: inout ByteQueue) -> Connection.SendResult {
        guard isReady else { return .blocked }
        while queue.count > 0 {
            var count = 0
            ERR_clear_error()
            let bytes = queue.bytes
            let result = SSL_write_ex(ssl, bytes.baseAddress, bytes.count, &count)
            if result == 1 {
                writingWantsInput = false
                queue.consume(count)
            } else if case .blocked = outcome(of: result, isReading: false) {
                return .blocked
            } else {
                return .failed
            }
        }
        return .sent
    }

    /// Says goodbye (close_notify) if that makes sense, and frees everything; idempotent.
    func close() {
        if isReady && !isBroken {
            ERR_clear_error()
            SSL_shutdown(ssl)
        }
        SSL_free(ssl)
        ssl = nil
        isBroken = true
    }

    private func outcome(of result: Int32, isReading: Bool) -> Outcome {
        let code = SSL_get_error(ssl, result)
        if isReading {
            readingWantsOutput = code == SSL_ERROR_WANT_WRITE
        } else {
            writingWantsInput = code == SSL_ERROR_WANT_READ
        }
        switch code {
        case SSL_ERROR_WANT_READ, SSL_ERROR_WANT_WRITE: return .blocked
        case SSL_ERROR_ZERO_RETURN: return .ended
        case SSL_ERROR_SSL:
            isBroken = true
            var text = TLSError.takeText()
            let verdict = SSL_get_verify_result(ssl)
            if verdict != Int(X509_V_OK), let words = X509_verify_cert_error_string(verdict) {
                text += ": " + String(cString: words)
            }
            return .failed(text)
        default:
            // The socket failed, or ended in the middle.
            isBroken = true
            return .ended
        }
    }

    private static func foreign(_ first: ArraySlice<UInt8>) -> String? {
        // A handshake record begins with 22.
        guard let byte = first.first, byte != 22 else { return nil }
        if byte == 0 { return "it sent plain ttrpc; this address wants TLS" }
        let isText = first.allSatisfy { (32..<127).contains($0) }
        return isText
            ? "it sent plain text, maybe HTTP; this address wants TLS" : "it sent bytes that are not TLS"
    }

    private func identify() {
        guard SSL_get_verify_result(ssl) == Int(X509_V_OK), let certificate = SSL_get0_peer_certificate(ssl) else {
            return
        }
        peerCommonName = Self.commonName(certificate)
        peerAlternativeNames = Self.alternativeNames(certificate)
    }

    private static func commonName(_ certificate: OpaquePointer) -> String? {
        guard let subject = X509_get_subject_name(certificate) else { return nil }
        let index = X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        // Of several names nobody knows which one is meant.
        guard index >= 0, X509_NAME_get_index_by_NID(subject, NID_commonName, index) < 0,
            let value = X509_NAME_ENTRY_get_data(X509_NAME_get_entry(subject, index))
        else { return nil }
        return text(value)
    }

    private static func alternativeNames(_ certificate: OpaquePointer) -> [String] {
        guard let names = X509_get_ext_d2i(certificate, NID_subject_alt_name, nil, nil) else { return [] }
        let stack = OpaquePointer(names)
        defer { GENERAL_NAMES_free(stack) }
        var result: [String] = []
        for index in 0..<OPENSSL_sk_num(stack) {
            var kind: Int32 = 0
            guard let name = OPENSSL_sk_value(stack, index)?.assumingMemoryBound(to: GENERAL_NAME.self),
                let value = GENERAL_NAME_get0_value(name, &kind),
                [GEN_DNS, GEN_URI, GEN_EMAIL].contains(kind),
                let text = text(value.assumingMemoryBound(to: ASN1_STRING.self))
            else { continue }
            result.append(text)
        }
        return result
    }

    /// The string in UTF-8; `nil` if it has a NUL, by which names could be cut.
    private static func text(_ value: UnsafePointer<ASN1_STRING>) -> String? {
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = ASN1_STRING_to_UTF8(&bytes, value)
        guard count > 0, let bytes else { return nil }
        defer { CRYPTO_free(bytes, nil, 0) }
        let buffer = UnsafeBufferPointer(start: bytes, count: Int(count))
        return buffer.contains(0) ? nil : String(validating: buffer, as: UTF8.self)
    }
}

/// OpenSSL's list of errors of this thread.
enum TLSError {
    /// Words for the first error; empties the list.
    static func takeText() -> String {
        let code = ERR_get_error()
        ERR_clear_error()
        guard code != 0 else { return "unknown error" }
        // Marked so, it is an errno.
        if code & 0x8000_0000 != 0 { return String(cString: strerror(Int32(code & 0x7FFF_FFFF))) }
        return ERR_reason_error_string(code).map { String(cString: $0) } ?? "error \(code)"
    }
}
