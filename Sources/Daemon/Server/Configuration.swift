package import Access
package import Extensions
internal import Glibc
package import Model

/// Everything that can be set. File, then environment, then flags; the last one wins.
package struct Configuration: Sendable, Equatable {
    /// Where everything durable is.
    package var dataDirectory = "/var/lib/fnrpc"
    /// Addresses to serve.
    package var listen: [ListenAddress] = [.unix("/run/fnrpc/fnrpc.sock")]
    /// Where metrics are served over HTTP, a loopback address; `nil`: nowhere.
    package var metricsListen: ListenAddress?
    /// Functions with metrics of their own: those with most calls.
    package var metricsFunctions: UInt32 = 1000
    /// Permissions of Unix sockets.
    package var unixMode: UInt32 = 0o600
    /// Group of Unix sockets, by name or number; empty: the daemon's own.
    package var unixGroup = ""
    /// What peers may do without a token, beyond user 0 and the daemon's own user.
    package var peerScopes: [PeerRule] = []
    /// TCP peers without token or certificate may do everything.
    package var insecureTCP = false
    /// Serve TCP without TLS beyond loopback.
    package var forcePlaintextTCP = false
    /// PEM file with the certificate and those that signed it; empty: none.
    package var tlsCertificate = ""
    /// PEM file with the certificate's key.
    package var tlsKey = ""
    /// PEM file with the authorities that sign client certificates; empty: none are asked for.
    package var tlsClientCA = ""
    /// Whether clients show a certificate; `nil`: ``ClientCertificate/request`` if there is a ``tlsClientCA``.
    package var tlsClientCertificate: ClientCertificate?
    /// File with the key that secrets are encrypted with; empty: one that the daemon makes in the data directory.
    package var secretKeyFile = ""
    /// How long running calls may take to finish after SIGTERM, seconds.
    package var drainTimeout: Double = 30
    /// `auto`, `crun`, `runc`, or the path of one of them.
    package var runtime = "auto"
    /// Folder with fnrpc-init and the runtimes' own files; empty: `fnrpc-runtime` beside the daemon.
    package var runtimeFiles = ""
    /// Unpacked size of a package, MiB.
    package var maxPackageMiB: UInt32 = 256
    /// How long a package that nothing uses stays after it was last uploaded or asked for, seconds.
    package var packageGrace: Double = 3600
    /// An archive that is imported, MiB.
    package var maxImportMiB: UInt32 = 4096
    /// The first of the uids that sandboxes have on the host.
    package var uidBase: UInt32 = 1_879_048_192
    /// How many uids there are; a sandbox takes two.
    package var uidCount: UInt32 = 65_536
    /// Paths below /usr that functions do not see.
    package var hiddenPaths: [String] = []
    /// Threads that relay calls; 0: half the cores.
    package var loops: UInt32 = 0
    /// Most containers that start at once.
    package var startThreads: UInt32 = 16
    /// What all containers together may hold of the machine's memory, MiB; 0: what it has, less some head room.
    package var maxMemoryMiB: UInt32 = 0
    /// What the containers with a limit of their own may hold of its processors, thousandths of a core; 0: all.
    package var maxCPUMilli: UInt32 = 0
    /// How long a container is idle before it is frozen, seconds; 0: it never is.
    package var freezeAfter: Double = 1
    /// How long nobody calls a function before the daemon forgets what it keeps for its calls, seconds.
    package var forgetAfter: Double = 600
    /// How long a function may take from its start until it listens, seconds.
    package var initTimeout: Double = 5
    /// The most time that has to be left for a call to start, seconds.
    package var startMarginMax: Double = 30
    /// Call records that are kept.
    package var keepCalls: UInt32 = 1_000_000
    /// How long they are kept at most, seconds.
    package var keepCallsFor: Double = 2_592_000
    /// Calls whose logs and payloads are kept.
    package var keepLogs: UInt32 = 100_000
    /// How long they are kept at most, seconds.
    package var keepLogsFor: Double = 604_800
    /// All logs and payloads together, MiB; the oldest go first.
    package var keepLogsMiB: UInt32 = 1024
    /// What of one call's output is kept, KiB.
    package var maxLogKiB: UInt32 = 1024
    /// What of one call's payload is recorded, KiB.
    package var maxRecordedInputKiB: UInt32 = 64
    /// PEM file with the authorities of syslog servers; empty: the machine's.
    package var syslogCA = ""
    /// Open client connections; the limit on open files bounds them too.
    package var maxConnections: UInt32 = 16_384
    /// Open calls and streams of one connection.
    package var maxStreams: UInt32 = 1024
    /// Output that waits for one connection, MiB.
    package var maxOutputMiB: UInt32 = 8
    /// Messages that wait in one stream for their handler.
    package var maxStreamMessages: UInt32 = 64
    /// Their bytes, KiB; one message always may.
    package var maxStreamInputKiB: UInt32 = 1024
    /// Input that the streams of one connection hold together, MiB.
    package var maxInputMiB: UInt32 = 16
    /// A request to the daemon's own services, KiB.
    package var maxManagementKiB: UInt32 = 320
    /// Metadata entries of a request.
    package var maxMetadataEntries: UInt32 = 128
    /// All of them together, KiB.
    package var maxMetadataKiB: UInt32 = 64
    /// What the daemon holds for all connections together, MiB.
    package var bufferBudgetMiB: UInt32 = 256
    /// From a frame's first byte to its last, seconds.
    package var frameTimeout: Double = 30
    /// From the connection to the end of its TLS handshake and its first whole frame, seconds.
    package var handshakeTimeout: Double = 10
    /// How long a peer may take nothing while output waits for it, seconds.
    package var writeTimeout: Double = 30
    /// Open files of a function's process.
    package var functionFiles: UInt32 = 350
    /// Events that stay for those who follow.
    package var keepEvents: UInt32 = 100_000
    /// Entities of the catalog, all together.
    package var maxEntities: UInt32 = 1_000_000
    /// Published versions of one function.
    package var maxVersions: UInt32 = 50
    /// Which keys of `extra` entities of releases may get.
    package var extraPolicy = ExtraPolicy.open
    /// Plug-ins that are asked about changes and calls, in this order.
    package var extensions: [PlugInSetting] = []
    /// Whether requests may name test versions of the management methods.
    package var allowTestVersions = Self.isDebugBuild
    /// The versions of the management methods that there are; not a setting.
    package var apiVersions = Self.builtAPIVersions

    #if DEBUG
        private static let isDebugBuild = true

        /// Those of a later daemon, in which 1 is deprecated, if the environment says when its sunset is: no daemon has been
        /// that old yet, and tests have to see one.
        private static var builtAPIVersions: [APIVersion] {
            let sunset = getenv("FNRPC_TEST_SUNSET").flatMap { Timestamp(rfc3339: String(cString: $0)) }
            guard let sunset else { return APIVersions.shipped }
            return [
                APIVersion(0, .test), APIVersion(1, .deprecated(sunset: sunset)), APIVersion(2, .test),
                APIVersion(3, .current),
            ]
        }
    #else
        private static let isDebugBuild = false
        private static let builtAPIVersions = APIVersions.shipped
    #endif

    package init() {}

    /// Whether clients show a certificate.
    package enum ClientCertificate: String, Sendable, CaseIterable {
        case none
        /// Asked for; who has none needs a token.
        case request
        case require
    }

    /// What holds for TLS listeners.
    package var clientCertificate: ClientCertificate {
        tlsClientCertificate ?? (tlsClientCA.isEmpty ? .none : .request)
    }

    /// Checks what single settings cannot know of each other.
    package func validated() throws(Failure) -> Configuration {
        if !forcePlaintextTCP, let open = listen.first(where: { $0.isPlaintext && !$0.isLoopback }) {
            throw Failure(
                .invalid,
                "listen: \(quoted(open.description)) is beyond loopback and not encrypted; write tls: and set "
                    + "tls-certificate and tls-key, or force it with force-plaintext-tcp")
        }
        if let tls = listen.first(where: \.isTLS) {
            for (key, path) in [("tls-certificate", tlsCertificate), ("tls-key", tlsKey)] where path.isEmpty {
                throw Failure(.invalid, "listen: \(quoted(tls.description)) needs the setting \(key)")
            }
        }
        if tlsCertificate.isEmpty != tlsKey.isEmpty {
            throw Failure(.invalid, "tls-certificate and tls-key: one is set without the other")
        }
        if clientCertificate != .none && tlsClientCA.isEmpty {
            throw Failure(
                .invalid, "tls-client-certificate: \(clientCertificate.rawValue) needs the setting tls-client-ca")
        }
        return self
    }
}
