internal import Access
internal import Extensions
internal import Model
internal import Wire

/// One thing that can be set: its name serves the file (`data-dir:`), the environment (`FNRPCD_DATA_DIR`) and the
/// command line (`--data-dir`).
package struct Setting: Sendable {
    /// As in the file and on the command line.
    package let key: String
    /// One line for `--help`.
    package let help: String
    /// Takes a list: repeated on the command line, comma-separated in the environment.
    package let isList: Bool
    /// Stands alone on the command line.
    package let isFlag: Bool
    let read: @Sendable (Configuration) -> [String]
    let write: @Sendable (inout Configuration, [String]) throws(Failure) -> Void

    init(
        key: String, help: String, isList: Bool, isFlag: Bool = false,
        read: @escaping @Sendable (Configuration) -> [String],
        write: @escaping @Sendable (inout Configuration, [String]) throws(Failure) -> Void
    ) {
        self.key = key
        self.help = help
        self.isList = isList
        self.isFlag = isFlag
        self.read = read
        self.write = write
    }

    /// The variable's name.
    package var variable: String {
        "FNRPCD_" + String(key.map { $0 == "-" ? "_" : Character($0.uppercased()) })
    }

    /// Every setting, in the order of `--print-config`.
    package static let all: [Setting] = [
        text("data-dir", "where everything durable is", \.dataDirectory, rule: absolutePath),
        Setting(
            key: "listen", help: "unix:PATH, tcp:HOST:PORT or tls:HOST:PORT, each with ?app=NAME; may be repeated",
            isList: true,
            read: { $0.listen.map(\.description) },
            write: { (configuration, values) throws(Failure) in
                guard (1...16).contains(values.count) else {
                    throw Failure(.invalid, "listen: \(values.count) addresses are out of range; 1 to 16")
                }
                var addresses: [ListenAddress] = []
                for value in values { addresses.append(try ListenAddress(value)) }
                configuration.listen = addresses
            }),
        Setting(
            key: "metrics-listen", help: "tcp:HOST:PORT of this machine for Prometheus; empty: nowhere", isList: false,
            read: { [$0.metricsListen?.description ?? ""] },
            write: { (configuration, values) throws(Failure) in
                let value = try single("metrics-listen", values)
                configuration.metricsListen = value.isEmpty ? nil : try ListenAddress(metrics: value)
            }),
        number(
            "metrics-functions", "functions with metrics of their own: those with most calls", \.metricsFunctions,
            0...10_000),
        mode("unix-mode", "permissions of Unix sockets, octal", \.unixMode),
        text("unix-group", "group of Unix sockets, by name or number; empty: the daemon's", \.unixGroup),
        Setting(
            key: "peer-scopes", help: "what peers may do without a token: uid:1000=admin, cert:ci=invoke:shop+read",
            isList: true, read: { $0.peerScopes.map(\.description) },
            write: { (configuration, values) throws(Failure) in
                guard values.count <= PeerRules.maxRules else {
                    throw Failure(
                        .invalid, "peer-scopes: \(values.count) entries are over the limit of \(PeerRules.maxRules)")
                }
                var rules: [PeerRule] = []
                for value in values { rules.append(try PeerRule(value)) }
                configuration.peerScopes = rules
            }),
        bool("insecure-tcp", "TCP peers without token or certificate may do everything", \.insecureTCP),
        bool("force-plaintext-tcp", "serve TCP without TLS beyond loopback", \.forcePlaintextTCP),
        text("tls-certificate", "PEM file with the certificate chain", \.tlsCertificate, rule: absolutePathOrNothing),
        text("tls-key", "PEM file with the certificate's key", \.tlsKey, rule: absolutePathOrNothing),
        text(
            "tls-client-ca", "PEM file with the authorities that sign client certificates", \.tlsClientCA,
            rule: absolutePathOrNothing),
        Setting(
            key: "tls-client-certificate", help: "none, request or require; request if tls-client-ca is set",
            isList: false, read: { [$0.tlsClientCertificate?.rawValue ?? ""] },
            write: { (configuration, values) throws(Failure) in
                let value = try single("tls-client-certificate", values)
                guard value.isEmpty || Configuration.ClientCertificate(rawValue: value) != nil else {
                    throw Failure(
                        .invalid, "tls-client-certificate: \(quoted(value)) is not known; none, request or require")
                }
                configuration.tlsClientCertificate = Configuration.ClientCertificate(rawValue: value)
            }),
        text(
            "secret-key-file", "32 random bytes that secrets are encrypted with; empty: secret.key in data-dir",
            \.secretKeyFile, rule: absolutePathOrNothing),
        seconds("drain-timeout", "how long running calls may take to finish on stop", \.drainTimeout, 0...3600),
        text("runtime", "auto, crun, runc, or the path of one of them", \.runtime),
        text("runtime-files", "folder with fnrpc-init; empty: fnrpc-runtime beside fnrpcd", \.runtimeFiles),
        number("max-package-mib", "unpacked size of a package, MiB", \.maxPackageMiB, 1...65_536),
        seconds(
            "package-grace", "how long an unused package stays after its last upload", \.packageGrace, 0...2_592_000),
        number("max-import-mib", "an archive that is imported, MiB", \.maxImportMiB, 1...1_048_576),
        number("uid-base", "the first uid of sandboxes on the host", \.uidBase, 100_000...4_000_000_000),
        number("uid-count", "how many uids; a sandbox takes two", \.uidCount, 2...1_000_000),
        Setting(
            key: "hidden-paths", help: "paths that functions do not see", isList: true, read: { $0.hiddenPaths },
            write: { (configuration, values) throws(Failure) in
                for value in values { try absolutePath("hidden-paths", value) }
                configuration.hiddenPaths = values
            }),
        number("loops", "threads that relay calls; 0: half the cores", \.loops, 0...256),
        number("start-threads", "most containers that start at once", \.startThreads, 1...256),
        number(
            "max-memory-mib", "memory of all containers, MiB; 0: what the machine has, less head room", \.maxMemoryMiB,
            0...1_073_741_824),
        number(
            "max-cpu-milli", "processors of all containers that have a limit, thousandths of a core; 0: all",
            \.maxCPUMilli, 0...10_000_000),
        seconds("freeze-after", "how long a container is idle before it is frozen; 0: never", \.freezeAfter, 0...3600),
        seconds(
            "forget-after", "how long a function is not called before its queue is forgotten", \.forgetAfter,
            0.1...86_400),
        seconds(
            "start-margin-max", "the most time that must be left for a call to start; half of its time always suffices",
            \.startMarginMax, 0...3600),
        seconds("init-timeout", "how long a function may take to listen", \.initTimeout, 0.1...300),
        number("keep-calls", "call records that are kept", \.keepCalls, 0...1_000_000_000),
        seconds("keep-calls-for", "how long they are kept at most", \.keepCallsFor, 1...315_360_000),
        number("keep-logs", "calls whose logs and payloads are kept", \.keepLogs, 0...1_000_000_000),
        seconds("keep-logs-for", "how long they are kept at most", \.keepLogsFor, 1...315_360_000),
        number("keep-logs-mib", "all of them together; the oldest go first, MiB", \.keepLogsMiB, 0...16_777_216),
        number(
            "max-log-kib", "what is kept of one call's output, KiB", \.maxLogKiB,
            1...UInt32(CallRecord.maxLogBytes >> 10)),
        number(
            "max-recorded-input-kib", "what is kept of a payload where record_input asks for it, KiB",
            \.maxRecordedInputKiB, 1...UInt32(CallRecord.maxInputBytes >> 10)),
        text(
            "syslog-ca", "PEM file with the authorities of syslog servers; empty: the machine's", \.syslogCA,
            rule: absolutePathOrNothing),
        number(
            "max-connections", "open client connections; open files (ulimit -n) bound them too", \.maxConnections,
            1...1_000_000),
        number("max-streams", "open calls and streams of one connection", \.maxStreams, 1...1_000_000),
        number("max-stream-messages", "messages that wait in one stream", \.maxStreamMessages, 1...65_536),
        number("max-stream-input-kib", "their bytes; one message always may, KiB", \.maxStreamInputKiB, 1...65_536),
        number("max-input-mib", "input that the streams of one connection hold, MiB", \.maxInputMiB, 5...1024),
        number("max-management-kib", "a request to the daemon's own services, KiB", \.maxManagementKiB, 320...4032),
        number("max-metadata-entries", "metadata entries of a request", \.maxMetadataEntries, 8...4096),
        number("max-metadata-kib", "all of them together, KiB", \.maxMetadataKiB, 1...1024),
        number("max-output-mib", "output that waits for one connection, MiB", \.maxOutputMiB, 5...1024),
        number("buffer-budget-mib", "what is held for all connections together, MiB", \.bufferBudgetMiB, 16...65_536),
        seconds("frame-timeout", "how long a frame may take to arrive", \.frameTimeout, 0.1...3600),
        seconds(
            "handshake-timeout", "how long TLS and the first frame may take to arrive", \.handshakeTimeout, 0.1...3600),
        seconds("write-timeout", "how long a peer may take no output that waits for it", \.writeTimeout, 0.1...3600),
        number("function-files", "open files of a function's process", \.functionFiles, 32...1_000_000),
        number("keep-events", "events that stay for those who follow", \.keepEvents, 1000...10_000_000),
        number("max-entities", "entities of the catalog, all together", \.maxEntities, 1000...100_000_000),
        number("max-versions", "published versions of one function", \.maxVersions, 1...10_000),
        Setting(
            key: "extension", help: "a plug-in: NAME=unix:PATH,timeout=500ms,fail=open or closed; may be repeated",
            isList: true, read: { $0.extensions.map(\.description) },
            write: { (configuration, values) throws(Failure) in
                configuration.extensions = try PlugInSetting.list(values)
            }),
        Setting(
            key: "extra-policy", help: "which keys of extra entities of releases may get: open, namespaced or empty",
            isList: false, read: { [$0.extraPolicy.rawValue] },
            write: { (configuration, values) throws(Failure) in
                configuration.extraPolicy = try choice(try single("extra-policy", values), "extra-policy")
            }),
        bool("allow-test-versions", "requests may name test versions of the API", \.allowTestVersions, isFlag: false),
    ]
}
