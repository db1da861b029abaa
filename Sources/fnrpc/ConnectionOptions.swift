import ArgumentParser
import FnrpcClient
import Foundation
import Glibc
import Model

/// Where the daemon is, and who we are to it.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the daemon listens. Default: FNRPC_ADDRESS, else \(Address.standard).",
            valueName: "unix:PATH|tcp:HOST:PORT|tls:HOST:PORT"))
    var address: String?

    @Option(
        help: ArgumentHelp(
            "The file with the bearer token. Default: the token in FNRPC_TOKEN, else the file in FNRPC_TOKEN_FILE.",
            valueName: "file"))
    var tokenFile: String?

    @Option(
        help: ArgumentHelp(
            "PEM certificates of the authorities to trust. Default: FNRPC_TLS_CA, else the system's.", valueName: "file"
        ))
    var tlsCa: String?

    @Option(help: ArgumentHelp("Our PEM certificate chain. Default: FNRPC_TLS_CERT.", valueName: "file"))
    var tlsCert: String?

    @Option(help: ArgumentHelp("The PEM key of our certificate. Default: FNRPC_TLS_KEY.", valueName: "file"))
    var tlsKey: String?

    @Option(
        help: ArgumentHelp(
            "The name that the daemon's certificate must have. Default: FNRPC_TLS_NAME, else the address' host.",
            valueName: "name"))
    var tlsName: String?

    @Option(
        help: ArgumentHelp(
            "The version of the API that is meant. Default: the daemon's current one.", valueName: "number"),
        transform: UInt32.read)
    var apiVersion: UInt32?

    /// The variables behind the options.
    enum Variable {
        static let address = "FNRPC_ADDRESS"
        static let token = "FNRPC_TOKEN"
        static let tokenFile = "FNRPC_TOKEN_FILE"
        static let tlsCa = "FNRPC_TLS_CA"
        static let tlsCert = "FNRPC_TLS_CERT"
        static let tlsKey = "FNRPC_TLS_KEY"
        static let tlsName = "FNRPC_TLS_NAME"
    }

    /// Bytes of a token file; a token is far shorter.
    static let maxTokenBytes = 4096

    func validate() throws {
        let environment = ProcessInfo.processInfo.environment
        let address = try resolved(environment)
        _ = try tls(for: address, environment)
    }

    /// The address that counts: the flag, the environment, the default.
    func resolved(_ environment: [String: String]) throws -> Address {
        guard let text = address ?? Self.value(Variable.address, environment) else { return .standard }
        do throws(ClientError) {
            return try Address(text)
        } catch {
            throw ValidationError((address == nil ? "\(Variable.address): " : "--address: ") + error.message)
        }
    }

    /// What else the connection needs.
    func options(for address: Address, _ environment: [String: String]) throws -> ClientOptions {
        let seen = Lock<Set<String>>([])
        return ClientOptions(
            token: try token(environment), tls: try tls(for: address, environment), apiVersion: apiVersion,
            onWarning: { text in
                // Once, however many calls a command makes.
                if seen.withLock({ $0.insert(text).inserted }) { Terminal.warn(text) }
            })
    }

    /// The token: the file of the flag, the variable, the file of the variable; `nil`: none.
    func token(_ environment: [String: String]) throws(Failure) -> String? {
        if let tokenFile { return try Self.token(inFile: tokenFile, "--token-file") }
        if let token = Self.value(Variable.token, environment) {
            return token.trimmingCharacters(in: .whitespacesAndNewlines)
        }
        guard let file = Self.value(Variable.tokenFile, environment) else { return nil }
        return try Self.token(inFile: file, Variable.tokenFile)
    }

    /// `nil` for an address without TLS; flags for it are a mistake then, variables are not.
    private func tls(for address: Address, _ environment: [String: String]) throws -> TLSOptions? {
        guard case .tls = address.endpoint else {
            let given = [("--tls-ca", tlsCa), ("--tls-cert", tlsCert), ("--tls-key", tlsKey), ("--tls-name", tlsName)]
            if let (name, _) = given.first(where: { $0.1 != nil }) {
                throw ValidationError("\(name): \(address) is without TLS; give --address tls:HOST:PORT")
            }
            return nil
        }
        let options = TLSOptions(
            caFile: tlsCa ?? Self.value(Variable.tlsCa, environment),
            certificateFile: tlsCert ?? Self.value(Variable.tlsCert, environment),
            keyFile: tlsKey ?? Self.value(Variable.tlsKey, environment),
            serverName: tlsName ?? Self.value(Variable.tlsName, environment))
        guard (options.certificateFile == nil) == (options.keyFile == nil) else {
            throw ValidationError("--tls-cert and --tls-key: give both or neither")
        }
        return options
    }

    private static func value(_ name: String, _ environment: [String: String]) -> String? {
        environment[name].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Pipes too, so that a password manager can give it.
    private static func token(inFile file: String, _ option: String) throws(Failure) -> String {
        let descriptor = open(file, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw Failure(
                .invalid, "\(option) \(file): \(String(cString: strerror(errno))); name a file that can be read")
        }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: maxTokenBytes + 1)
        while bytes.count <= maxTokenBytes {
            let count = read(descriptor, &piece, piece.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw Failure(.invalid, "\(option) \(file): \(String(cString: strerror(errno)))")
            }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        guard bytes.count <= maxTokenBytes else {
            throw Failure(.invalid, "\(option) \(file): is over \(maxTokenBytes) bytes; it should hold a token only")
        }
        let token = String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        guard !token.isEmpty else { throw Failure(.invalid, "\(option) \(file): is empty; it should hold a token") }
        return token
    }
}

extension ConnectionOptions {
    /// Connects, runs, and closes again.
    ///
    /// - Parameters:
    ///   - app: which app's services are meant.
    ///   - metadata: for every call.
    func withClient<T>(
        app: String? = nil, metadata: [Header] = [], _ body: (Client) async throws -> T
    ) async throws -> T {
        let environment = ProcessInfo.processInfo.environment
        let address = try resolved(environment)
        var options = try options(for: address, environment)
        options.app = app
        options.metadata = metadata
        let client = try await Client.connect(to: address, options: options)
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }
}
