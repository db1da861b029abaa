internal import Model

/// How to connect to a daemon, and what every call says about its caller.
public struct ClientOptions: Sendable {
    /// Sent with every request as metadata `authorization: Bearer TOKEN`. Never part of an error's text.
    public var token: String?
    /// For a `tls:` address; `nil` trusts the authorities of the system and shows no certificate.
    public var tls: TLSOptions?
    /// Sent with every request as metadata `fnrpc-app`: which app's services are meant.
    public var app: String?
    /// Sent with every request, before the metadata of the call itself.
    public var metadata: [Header]
    /// Sent with every request as metadata `fnrpc-api-version`: which version of the daemon's own methods is meant;
    /// `nil`: the daemon's current one.
    public var apiVersion: UInt32?
    /// Told what the daemon warns of in the reply to a unary call, with every such reply. On the caller's task.
    public var onWarning: (@Sendable (String) -> Void)?

    public init(
        token: String? = nil, tls: TLSOptions? = nil, app: String? = nil, metadata: [Header] = [],
        apiVersion: UInt32? = nil, onWarning: (@Sendable (String) -> Void)? = nil
    ) {
        self.apiVersion = apiVersion
        self.onWarning = onWarning
        self.token = token
        self.tls = tls
        self.app = app
        self.metadata = metadata
    }
}

/// The files and names of a TLS connection. TLS 1.3 at least; the daemon's certificate is always verified.
public struct TLSOptions: Sendable, Hashable {
    /// PEM certificates of the authorities to trust; `nil`: those of the system.
    public var caFile: String?
    /// PEM certificate chain that shows who the caller is, leaf first; only with ``keyFile``.
    public var certificateFile: String?
    /// PEM private key of the certificate.
    public var keyFile: String?
    /// The host name that the daemon's certificate must have; `nil`: the host of the address.
    public var serverName: String?

    public init(
        caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil, serverName: String? = nil
    ) {
        self.caFile = caFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.serverName = serverName
    }
}

extension ClientOptions {
    /// What every request carries.
    ///
    /// - Throws: code `invalid` for a token that no header can carry.
    func requestMetadata() throws(ClientError) -> [Header] {
        var result: [Header] = []
        if let token {
            guard !token.isEmpty, token.utf8.allSatisfy({ $0 > 0x20 && $0 < 0x7F }) else {
                throw ClientError(
                    .invalid, "the token is empty or has spaces, line ends or other characters that no token has")
            }
            result.append(Header("authorization", "Bearer \(token)"))
        }
        if let app { result.append(Header("fnrpc-app", app)) }
        if let apiVersion { result.append(Header("\(APIVersions.metadataKey)", String(apiVersion))) }
        return result + metadata
    }
}
