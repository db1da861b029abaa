package import ArgumentParser
internal import Glibc
package import Model

/// The command line of `fnrpcd`.
package struct DaemonCommand: ParsableCommand {
    package static let configuration = CommandConfiguration(
        commandName: "fnrpcd",
        abstract: "Serves functions over ttrpc, each in containers of its own.",
        discussion: """
            A TCP peer needs a token (fnrpc token create) or a client certificate; on a Unix socket, root and the daemon's \
            own user need neither. Settings come from the file, then from FNRPCD_* variables (FNRPCD_DATA_DIR …), then from flags. Times are in \
            seconds.

            Example: fnrpcd --data-dir /var/lib/fnrpc --listen unix:/run/fnrpc/fnrpc.sock --listen tcp:127.0.0.1:7433
            """, version: DaemonVersion.text, subcommands: [MigrateCommand.self])

    @Option(help: "A YAML file with settings (also FNRPCD_CONFIG).")
    package var config: String?
    @Flag(help: "Print the resulting configuration and exit.")
    package var printConfig = false
    @Option(help: "Where everything durable is. (default: /var/lib/fnrpc)")
    package var dataDir: String?
    @Option(
        parsing: .singleValue,
        help: """
            unix:PATH, tcp:HOST:PORT or tls:HOST:PORT; ?app=NAME behind it names the app of calls that name none; may be \
            repeated. (default: unix:/run/fnrpc/fnrpc.sock)
            """)
    package var listen: [String] = []
    @Option(help: "tcp:HOST:PORT of this machine where Prometheus reads /metrics. (default: nowhere)")
    package var metricsListen: String?
    @Option(help: "Functions with metrics of their own: those with most calls. (default: 1000)")
    package var metricsFunctions: String?
    @Option(help: "Permissions of Unix sockets, octal. (default: 0600)")
    package var unixMode: String?
    @Option(help: "Group of Unix sockets, by name or number. (default: the daemon's)")
    package var unixGroup: String?
    @Option(
        parsing: .singleValue,
        help: """
            What a peer may do without a token: uid:N, user:NAME, gid:N, group:NAME or cert:NAME, then = and scopes \
            (admin, read, invoke, invoke:APP, invoke:APP/FUNCTION) joined by +; may be repeated. (default: root and the \
            daemon's own user are admin)
            """)
    package var peerScopes: [String] = []
    @Flag(help: "TCP peers without token or certificate may do everything.")
    package var insecureTcp = false
    @Flag(help: "Serve TCP without TLS beyond loopback.")
    package var forcePlaintextTcp = false
    @Option(help: "PEM file with the certificate chain for tls: addresses; read again on SIGHUP.")
    package var tlsCertificate: String?
    @Option(help: "PEM file with the certificate's key.")
    package var tlsKey: String?
    @Option(help: "PEM file with the authorities that sign client certificates.")
    package var tlsClientCa: String?
    @Option(help: "none, request or require. (default: request if there is a --tls-client-ca)")
    package var tlsClientCertificate: String?
    @Option(
        help: "32 random bytes that secrets are encrypted with. (default: secret.key in --data-dir, made if absent)")
    package var secretKeyFile: String?
    @Option(help: "How long running calls may take to finish on stop. (default: 30)")
    package var drainTimeout: String?
    @Option(help: "auto, crun, runc, or the path of one of them. (default: auto)")
    package var runtime: String?
    @Option(help: "Folder with fnrpc-init. (default: fnrpc-runtime beside fnrpcd)")
    package var runtimeFiles: String?
    @Option(help: "Unpacked size of a package, MiB. (default: 256)")
    package var maxPackageMib: String?
    @Option(help: "The first uid of sandboxes on the host. (default: 1879048192)")
    package var uidBase: String?
    @Option(help: "How many uids; a sandbox takes two. (default: 65536)")
    package var uidCount: String?
    @Option(parsing: .singleValue, help: "A path that functions do not see; may be repeated.")
    package var hiddenPaths: [String] = []
    @Option(help: "Threads that relay calls; 0: half the cores. (default: 0)")
    package var loops: String?
    @Option(help: "Most containers that start at once. (default: 16)")
    package var startThreads: String?
    @Option(help: "Memory of all containers, MiB; 0: what the machine has, less head room. (default: 0)")
    package var maxMemoryMib: String?
    @Option(help: "Processors of all containers that have a limit, thousandths of a core; 0: all. (default: 0)")
    package var maxCpuMilli: String?
    @Option(help: "How long a container is idle before it is frozen; 0: never. (default: 1)")
    package var freezeAfter: String?
    @Option(help: "How long a function is not called before its queue is forgotten. (default: 600)")
    package var forgetAfter: String?
    @Option(help: "How long a function may take to listen. (default: 5)")
    package var initTimeout: String?
    @Option(
        help: "The most time that must be left for a call to start; half of its time always suffices. (default: 30)")
    package var startMarginMax: String?
    @Option(help: "Call records that are kept. (default: 1000000)")
    package var keepCalls: String?
    @OptionGroup(title: "What is kept of calls")
    package var records: RecordOptions
    @Option(help: "Open client connections; open files (ulimit -n) bound them too. (default: 16384)")
    package var maxConnections: String?
    @Option(help: "Open calls and streams of one connection. (default: 1024)")
    package var maxStreams: String?
    @Option(help: "Messages that wait in one stream. (default: 64)")
    package var maxStreamMessages: String?
    @Option(help: "Their bytes; one message always may, KiB. (default: 1024)")
    package var maxStreamInputKib: String?
    @Option(help: "Input that the streams of one connection hold, MiB. (default: 16)")
    package var maxInputMib: String?
    @Option(help: "A request to the daemon's own services, KiB. (default: 320)")
    package var maxManagementKib: String?
    @Option(help: "Metadata entries of a request. (default: 128)")
    package var maxMetadataEntries: String?
    @Option(help: "All of them together, KiB. (default: 64)")
    package var maxMetadataKib: String?
    @Option(help: "Output that waits for one connection, MiB. (default: 8)")
    package var maxOutputMib: String?
    @Option(help: "What is held for all connections together, MiB. (default: 256)")
    package var bufferBudgetMib: String?
    @Option(help: "How long a frame may take to arrive. (default: 30)")
    package var frameTimeout: String?
    @Option(help: "How long TLS and the first frame may take to arrive. (default: 10)")
    package var handshakeTimeout: String?
    @Option(help: "How long a peer may take no output that waits for it. (default: 30)")
    package var writeTimeout: String?
    @Option(help: "Open files of a function's process. (default: 350)")
    package var functionFiles: String?
    @Option(help: "Events that stay for those who follow. (default: 100000)")
    package var keepEvents: String?
    @Option(help: "Entities of the catalog, all together. (default: 1000000)")
    package var maxEntities: String?
    @Option(help: "How long an unused package stays after its last upload. (default: 3600)")
    package var packageGrace: String?
    @Option(help: "Which keys of extra entities of releases may get: open, namespaced or empty. (default: open)")
    package var extraPolicy: String?
    @Option(help: "An archive that is imported, MiB. (default: 4096)")
    package var maxImportMib: String?
    @Option(help: "Published versions of one function. (default: 50)")
    package var maxVersions: String?
    @Option(
        name: .customLong("extension"),
        help: "A plug-in: NAME=unix:PATH,timeout=500ms,fail=open or closed; may be repeated. (default: none)")
    package var extensions: [String] = []
    @Option(help: "Requests may name test versions of the API: true or false. (default: false in release builds)")
    package var allowTestVersions: String?

    package init() {}

    /// The configuration that file, environment and this command line give.
    package func configuration(environment: [String: String]) throws(Failure) -> Configuration {
        var flags: [String: [String]] = [
            "listen": listen, "hidden-paths": hiddenPaths, "peer-scopes": peerScopes,
            "extension": extensions,
        ]
        if insecureTcp { flags["insecure-tcp"] = ["true"] }
        if forcePlaintextTcp { flags["force-plaintext-tcp"] = ["true"] }
        let single: [(String, String?)] = [
            ("data-dir", dataDir), ("drain-timeout", drainTimeout), ("runtime", runtime),
            ("runtime-files", runtimeFiles), ("max-package-mib", maxPackageMib), ("uid-base", uidBase),
            ("uid-count", uidCount), ("loops", loops), ("start-threads", startThreads), ("init-timeout", initTimeout),
            ("max-memory-mib", maxMemoryMib), ("max-cpu-milli", maxCpuMilli), ("freeze-after", freezeAfter),
            ("forget-after", forgetAfter),
            ("start-margin-max", startMarginMax),
            ("keep-calls", keepCalls), ("max-connections", maxConnections), ("function-files", functionFiles),
            ("allow-test-versions", allowTestVersions), ("keep-events", keepEvents), ("max-versions", maxVersions),
            ("max-entities", maxEntities), ("package-grace", packageGrace), ("extra-policy", extraPolicy),
            ("max-import-mib", maxImportMib),
            ("metrics-listen", metricsListen), ("metrics-functions", metricsFunctions), ("unix-mode", unixMode),
            ("unix-group", unixGroup),
            ("tls-certificate", tlsCertificate), ("secret-key-file", secretKeyFile),
            ("tls-key", tlsKey), ("tls-client-ca", tlsClientCa), ("tls-client-certificate", tlsClientCertificate),
            ("max-stream-messages", maxStreamMessages), ("max-stream-input-kib", maxStreamInputKib),
            ("max-input-mib", maxInputMib), ("max-management-kib", maxManagementKib),
            ("max-metadata-entries", maxMetadataEntries), ("max-metadata-kib", maxMetadataKib),
            ("max-streams", maxStreams), ("max-output-mib", maxOutputMib), ("buffer-budget-mib", bufferBudgetMib),
            ("frame-timeout", frameTimeout), ("handshake-timeout", handshakeTimeout), ("write-timeout", writeTimeout),
        ]
        for (key, value) in single + records.settings { if let value { flags[key] = [value] } }
        return try Configuration.load(
            file: config ?? environment["FNRPCD_CONFIG"], environment: environment, flags: flags)
    }
}

/// The daemon's version.
package enum DaemonVersion {
    package static let text = Release.version
}
