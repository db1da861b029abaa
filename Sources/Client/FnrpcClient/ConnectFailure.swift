internal import NIOCore
internal import NIOPosix
internal import NIOSSL

#if canImport(Glibc)
    internal import Glibc
#endif

/// Why a connect failed or a TLS connection ended, in words.
struct ConnectFailure {
    private let error: any Error

    init(_ error: any Error) {
        self.error = error
    }

    /// The failure of a connect.
    func described(_ address: Address) -> ClientError {
        if let error = error as? ClientError { return error }
        if case .tls = address.endpoint, let described = describedTLS(address) { return described }
        return ClientError(.unavailable, "cannot reach the daemon at \(address): \(reason)")
    }

    private var reason: String {
        switch error {
        case let error as IOError: Self.reason(error)
        case is ChannelError: "it did not answer in time; check that fnrpcd runs there"
        case let error as NIOConnectionError:
            if let first = error.connectionErrors.first?.error as? IOError {
                Self.reason(first)
            } else if error.connectionErrors.isEmpty {
                "the host is not known; check the address"
            } else {
                "it did not answer in time; check that fnrpcd runs there"
            }
        default: "\(error)"
        }
    }

    private static func reason(_ error: IOError) -> String {
        switch error.errnoCode {
        case ENOENT: "the socket does not exist; start fnrpcd, or give its address"
        case ECONNREFUSED: "nobody listens there; start fnrpcd, or give its address"
        case EACCES, EPERM: "permission denied; use sudo, or join the group that may use the socket"
        default: error.description
        }
    }

    /// What went wrong with TLS; `nil` if the failure is another one.
    ///
    /// With TLS 1.3 a daemon that wants a client certificate says so only after the handshake, on the first call.
    func describedTLS(_ address: Address) -> ClientError? {
        guard case .tls(let host, let port) = address.endpoint else { return nil }
        let refused = "the daemon at \(address) refused the connection: "
        let untrusted = "cannot connect to \(address): "
        let plain =
            "cannot connect to \(address): it does not speak TLS there; if it is a plain listener, write "
            + "\(Address(endpoint: .tcp(host: host, port: port)))"
        if error is TLSHandshake.Ended { return ClientError(.unavailable, plain) }
        if let error = error as? NIOSSLExtraError, error == .failedToValidateHostname {
            return ClientError(
                .unavailable,
                untrusted + "its certificate is not for this name (\(error.description)); connect by a name that is in "
                    + "the certificate, or give that name as the server name")
        }
        guard error is NIOSSLError || error is BoringSSLError else { return nil }
        let text = "\(error)"
        // The names are BoringSSL's; there is no other way to tell its errors apart.
        func says(_ names: String...) -> Bool { names.contains { text.contains($0) } }
        if says("CERTIFICATE_REQUIRED") {
            return ClientError(
                .unauthenticated, refused + "it wants a client certificate; give a certificate file and its key file")
        }
        if says("ALERT_UNKNOWN_CA", "ALERT_BAD_CERTIFICATE", "ALERT_CERTIFICATE", "ALERT_UNSUPPORTED_CERTIFICATE") {
            return ClientError(
                .unauthenticated,
                refused + "it does not accept the client certificate; give one that its authority has signed and that "
                    + "has not expired")
        }
        if says("CERTIFICATE_VERIFY_FAILED", "unableToValidateCertificate", "noCertificateToValidate") {
            return ClientError(
                .unavailable,
                untrusted
                    + "its certificate is not trusted: the authority that signed it is unknown, or it has expired; "
                    + "give the file of that authority (CA)")
        }
        if says("ALERT_PROTOCOL_VERSION", "UNSUPPORTED_PROTOCOL") {
            return ClientError(.unavailable, untrusted + "it does not speak TLS 1.3; nothing older is used")
        }
        if says("NO_APPLICATION_PROTOCOL") {
            return ClientError(.unavailable, untrusted + "it does not offer \(TLSTransport.protocolName) there")
        }
        if says("WRONG_VERSION_NUMBER", "EOF during handshake") { return ClientError(.unavailable, plain) }
        // The peer closed without TLS's goodbye: not an error of its own.
        if says("uncleanShutdown") { return nil }
        return ClientError(.unavailable, untrusted + "TLS failed (\(text))")
    }
}
