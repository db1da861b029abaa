internal import Access
internal import Admin
internal import CLinux
internal import Calls
internal import Catalog
internal import Drivers
internal import Extensions
internal import Glibc
package import Logging
internal import Loop
internal import Metrics
internal import Model
internal import Pool
internal import Store
internal import Synchronization
internal import Syslog
internal import Telemetry
internal import Wire

/// The whole daemon: made, run and ended in one order, written here. Thread-safe.
package final class Server: Sendable {
    private let configuration: Configuration
    private let log: Logger
    private let lock: DataDirectory
    private let users: HostUsers
    private let store: Store
    private let secretBox: SecretBox
    private let driver: OCIDriver
    private let counters: Counters
    private let recorder: Recorder
    private let dispatcher: Dispatcher
    private let loops: [EventLoop]
    private let blocking: BlockingThreads
    private let front: Front
    private let sessions: SessionRegistry
    private let authenticator: Authenticator
    private let changes: Changes
    private let tls: TLSContext?
    private let metrics: MetricsServer?
    /// What the daemon's methods know of it.
    private let knownMetrics: Lock<DaemonMetrics?>
    private let plugIns: [PlugIn]
    private let background: Lock<[Task<Void, Never>]>

    /// What the daemon prints when it serves.
    package var readyLine: String { "ready " + front.addresses.joined(separator: " ") }

    /// Starts everything; when it returns, the daemon serves.
    ///
    /// The caller has made the mount namespace private and blocked the signals that it waits for.
    package static func start(_ configuration: Configuration, log: Logger) async throws -> Server {
        raiseFileLimit()
        let lock = try DataDirectory.lock(configuration.dataDirectory)
        let database = try SQLiteDriver(path: lock.databasePath)
        let secretBox = try SecretBox(dataDirectory: lock.path, keyFile: configuration.secretKeyFile)
        var limits = PackageStore.Limits()
        limits.archive.bytes = UInt64(configuration.maxPackageMiB) << 20
        let packages = try PackageStore(path: lock.packagesPath, limits: limits)
        let users = try HostUsers(base: configuration.uidBase, count: configuration.uidCount)
        try mountState(lock.path + "/run")
        let driver = try OCIDriver.probe(driverConfiguration(configuration, users, lock.path, database.instanceID))
        do {
            let gate = CallsGate()
            let ledger = try makeLedger(configuration, driver, log)
            let store = try Store(
                database,
                surroundings: Surroundings(
                    gate: gate, interpreters: driver.info.interpreters, maxVersions: Int(configuration.maxVersions),
                    maxEntities: Int(configuration.maxEntities), extraPolicy: configuration.extraPolicy,
                    packageGraceNanos: Int64(configuration.packageGrace * 1e9),
                    seal: { (value, id) throws(Failure) in try secretBox.seal(value, for: id) },
                    checkRoot: { (root) throws(Failure) in try driver.check(root) },
                    packageHas: { packages.mayHave($1, in: $0) },
                    checkReserve: { (id, spec) throws(Failure) in try ledger.checkReserve(id, spec) }),
                firstSequence: UInt64(max(Timestamp.now().nanoseconds, 0)) / 1000)
            try await store.change { (transaction) throws(Failure) in try transaction.createBuiltInRuntimes() }
            try StoreSource(store: store).check(secretBox)
            return try await start(configuration, log, lock, users, store, gate, secretBox, packages, driver, ledger)
        } catch {
            driver.removeLeftovers()
            throw error
        }
    }

    private static func start(
        _ configuration: Configuration, _ log: Logger, _ lock: DataDirectory, _ users: HostUsers, _ store: Store,
        _ gate: CallsGate, _ secretBox: SecretBox, _ packages: PackageStore, _ driver: OCIDriver,
        _ ledger: Ledger
    ) async throws -> Server {
        let counters = Counters()
        let recorder = Recorder(
            counters: counters, write: { try await store.record($0, configuration.callRetention) },
            onError: { error, count in log.error("\(count) call records were not stored: \(error)") })
        let source = StoreSource(store: store)
        let catalog = Catalog(source: source)
        let loopCount =
            configuration.loops > 0 ? Int(configuration.loops) : max(1, sysconf(Int32(_SC_NPROCESSORS_ONLN)) / 2)
        let loops = (0..<loopCount).map { _ in EventLoop() }
        let budget = ByteBudget(limit: Int(configuration.bufferBudgetMiB) << 20)
        let plugIns = startPlugIns(configuration, loops, log)
        let listeners = ListenerRegistry(entities: plugIns, calls: plugIns)
        let dispatcher = Dispatcher(
            catalog: catalog, driver: driver, counters: counters, recorder: recorder, loops: loops, budget: budget,
            startThreads: Int(configuration.startThreads), ledger: ledger,
            freezeNanos: UInt64(configuration.freezeAfter * 1e9), initNanos: UInt64(configuration.initTimeout * 1e9),
            startMarginNanos: UInt64(configuration.startMarginMax * 1e9), limits: configuration.callLimits,
            syslog: Syslog(
                hostname: Syslog.hostname, caFile: configuration.syslogCA, counters: counters,
                log: { log.warning("\($0)") }),
            listeners: listeners,
            packagePath: { digest in
                do throws(Failure) {
                    guard let path = try packages.path(of: digest) else {
                        return .failure(Failure(.internalError, "package \(digest) is not in the data directory"))
                    }
                    return .success(path)
                } catch { return .failure(error) }
            },
            secrets: { source.secrets(of: $0, secretBox) }, log: { log.error("\($0)") })
        gate.attach(catalog, dispatcher)
        catalog.onRetire { dispatcher.retire($0) }
        catalog.onKeep { dispatcher.keepMinimum($0) }
        let changes = Changes()
        let blocking = BlockingThreads(count: 4)
        let sweeper = PackageSweeper(
            store: store, packages: packages, isUsed: { dispatcher.usesPackage($0) }, log: { log.error("\($0)") })
        try sweeper.sweepAll()
        let reserves = Reserves(store: store, catalog: catalog, dispatcher: dispatcher, log: { log.warning("\($0)") })
        store.observe { committed in
            catalog.learn(committed)
            reserves.learn(committed)
            for change in committed where change.new == nil && change.row.kind == .function {
                dispatcher.followers.end(change.row.id)
            }
            changes.announce()
            if sweeper.note(committed) { blocking.post { sweeper.sweep() } }
        }
        store.listen(listeners) { log.error("\($0)") }
        let addresses = Lock<[String]>([])
        let authenticator = Authenticator(try store.allTokens())
        let sessions = SessionRegistry(counters: counters)
        let audit = AuditLog(path: lock.path + "/audit.log") { log.error("\($0)") }
        let apiVersions = APIVersions(configuration.apiVersions, allowsTest: configuration.allowTestVersions)
        let context = AdminContext(
            store: store, packages: packages, gate: gate, catalog: catalog, driver: driver.info, counters: counters,
            recorder: recorder, dispatcher: dispatcher, authenticator: authenticator, sessions: sessions,
            changes: changes, audit: audit, maintenance: try maintenance(configuration, lock, secretBox),
            metrics: Lock(nil), ownServices: Lock([]), apiVersions: apiVersions,
            version: DaemonVersion.text,
            dataDirectory: lock.path, startedAt: .now(), listeners: addresses, runBlocking: { blocking.post($0) },
            log: { log.error("\($0)") })
        let methods = MethodTable(Administration.methods(context))
        context.ownServices.withLock { $0 = methods.services }
        let rules = try PeerRules(configuration.peerScopes, insecureTCP: configuration.insecureTCP)
        let tls = try makeTLS(configuration)
        let front = Front(
            loops: loops,
            context: SessionContext(
                dispatcher: dispatcher, methods: methods, limits: sessionLimits(configuration), budget: budget,
                sessions: sessions, authenticator: authenticator,
                apiVersions: apiVersions,
                certificatePrincipal: { rules.principal(for: .certificate(name: $0)) },
                serverName: "fnrpcd \(DaemonVersion.text)", log: { log.warning("\($0)") }),
            counters: counters, configuration: configuration, budget: budget, rules: rules, tls: tls, log: log)
        let metrics = try serveMetrics(configuration, context, methods, budget, log)
        try await front.listen(configuration.listen)
        addresses.withLock { $0 = front.addresses }
        let server = Server(
            configuration: configuration, log: log, lock: lock, users: users, store: store,
            secretBox: secretBox, driver: driver, counters: counters, recorder: recorder, dispatcher: dispatcher,
            loops: loops, blocking: blocking,
            front: front, sessions: sessions, authenticator: authenticator, changes: changes, tls: tls,
            metrics: metrics, knownMetrics: context.metrics, plugIns: plugIns)
        blocking.post {
            do throws(Failure) { try reserves.learnAll() } catch { log.error("\(error)") }
        }
        let forgetNanos = UInt64(configuration.forgetAfter * 1e9)
        server.startBackground(
            [
                { await keepPackages(packages, sweeper, blocking, log) },
                { await forgetUnused(catalog, after: forgetNanos) },
            ])
        return server
    }

    private static func maintenance(
        _ configuration: Configuration, _ lock: DataDirectory, _ secretBox: SecretBox
    ) throws(Failure) -> MaintenanceContext {
        MaintenanceContext(
            backups: Backups(of: lock),
            transfers: try TransferFolder(
                path: lock.transfersPath, maxImportBytes: UInt64(configuration.maxImportMiB) << 20),
            secretBox: secretBox)
    }

    private static func sessionLimits(_ configuration: Configuration) -> SessionLimits {
        var limits = SessionLimits()
        limits.maxStreams = Int(configuration.maxStreams)
        limits.maxOutputBytes = Int(configuration.maxOutputMiB) << 20
        limits.managementBytes = Int(configuration.maxManagementKiB) << 10
        limits.inputMessages = Int(configuration.maxStreamMessages)
        limits.inputBytes = Int(configuration.maxStreamInputKiB) << 10
        limits.connectionInputBytes = Int(configuration.maxInputMiB) << 20
        limits.envelope = EnvelopeLimits(
            entries: Int(configuration.maxMetadataEntries), bytes: Int(configuration.maxMetadataKiB) << 10)
        return limits
    }

    private static func makeTLS(_ configuration: Configuration) throws(Failure) -> TLSContext? {
        guard !configuration.tlsCertificate.isEmpty else { return nil }
        return try TLSContext(
            certificateFile: configuration.tlsCertificate, keyFile: configuration.tlsKey,
            clientCAFile: configuration.clientCertificate == .none ? nil : configuration.tlsClientCA,
            requireClientCertificate: configuration.clientCertificate == .require)
    }

    private init(
        configuration: Configuration, log: Logger, lock: DataDirectory, users: HostUsers, store: Store,
        secretBox: SecretBox, driver: OCIDriver, counters: Counters, recorder: Recorder, dispatcher: Dispatcher,
        loops: [EventLoop],
        blocking: BlockingThreads, front: Front, sessions: SessionRegistry, authenticator: Authenticator,
        changes: Changes, tls: TLSContext?, metrics: MetricsServer?, knownMetrics: Lock<DaemonMetrics?>,
        plugIns: [PlugIn]
    ) {
        self.configuration = configuration
        self.log = log
        self.lock = lock
        self.users = users
        self.store = store
        self.secretBox = secretBox
        self.driver = driver
        self.counters = counters
        self.recorder = recorder
        self.dispatcher = dispatcher
        self.loops = loops
        self.blocking = blocking
        self.front = front
        self.sessions = sessions
        self.authenticator = authenticator
        self.changes = changes
        self.tls = tls
        self.metrics = metrics
        self.knownMetrics = knownMetrics
        self.plugIns = plugIns
        background = Lock([])
    }

    /// How long a stopping daemon goes on to answer that it is stopping, before connections close: to a client a closed
    /// connection says nothing about its call.
    private static let lingerMilliseconds = 500

    /// Stops everything: no new calls, running ones finish within the drain time, containers are removed.
    package func stop() async {
        log.info("stopping; running calls have \(configuration.drainTimeout) s to finish")
        let deadline = Instant.now().advanced(byNanoseconds: UInt64(configuration.drainTimeout * 1e9))
        dispatcher.beginDraining()
        changes.announce()
        await front.stopListening()
        for session in sessions.all { session.goAway() }
        await dispatcher.drain(until: deadline)
        for session in sessions.all { session.interruptStreams() }
        if !sessions.all.isEmpty { try? await Task.sleep(for: .milliseconds(Self.lingerMilliseconds)) }
        await front.closeConnections()
        for task in background.withLock({ $0 }) {
            task.cancel()
            await task.value
        }
        for plugIn in plugIns { plugIn.close() }
        dispatcher.stop()
        metrics?.stop()
        // The methods know the metrics, and these the methods: neither, nor the audit log, would ever be let go.
        knownMetrics.withLock { $0 = nil }
        blocking.stop()
        for loop in loops { loop.stop() }
        let held = dispatcher.budget.used
        if held != 0 { log.warning("BUG: buffers still hold \(held) bytes, and nobody is there") }
        driver.removeLeftovers()
        _ = fnrpc_unmount(lock.path + "/run")
        do { try store.close() } catch { log.error("the store was not closed: \(error)") }
        log.info("stopped")
    }

    /// Reads the TLS certificates again; connections that are open keep theirs. Bad files change nothing.
    package func reload() {
        guard let tls else {
            log.info("SIGHUP: there is no certificate to read again (tls-certificate is not set)")
            return
        }
        do throws(Failure) {
            try tls.reload()
            log.info("SIGHUP: the TLS certificates were read again")
        } catch {
            log.error("SIGHUP: the TLS certificates stay as they were: \(error.message)")
        }
    }

    private func noteTokenUses() async {
        let uses = authenticator.takeUses()
        guard !uses.isEmpty else { return }
        do {
            try await store.change { (transaction) throws(Failure) in try transaction.touchTokens(uses) }
        } catch {
            log.error("when tokens were used was not stored: \(error)")
        }
    }

    private func startBackground(_ bodies: [@Sendable () async -> Void]) {
        let tasks =
            bodies.map { body in Task { await body() } } + [
                Task { [recorder] in await recorder.run() },
                Task { [store, configuration, log] in
                    while !Task.isCancelled {
                        do {
                            try await store.driver.pruneCalls(configuration.callRetention, now: .now())
                            try await store.driver.pruneEvents(keep: Int(configuration.keepEvents))
                        } catch {
                            if Task.isCancelled { return }
                            log.error("old records of calls and events were not removed: \(error)")
                        }
                        try? await Task.sleep(for: .seconds(60))
                    }
                },
                Task { [self] in
                    while !Task.isCancelled {
                        try? await Task.sleep(for: .seconds(60))
                        if !Task.isCancelled { await noteTokenUses() }
                    }
                },
            ]
        background.withLock { $0 = tasks }
    }

    /// What is known of containers is in memory: it is gone with the daemon, and a full disk stops no function's start.
    private static func mountState(_ folder: String) throws(Failure) {
        try Posix.makeFolder(folder, mode: 0o711)
        let result = fnrpc_mount_tmpfs(folder, "mode=0711,size=\(stateBytes),nr_inodes=\(stateFiles)")
        guard result == 0 else { throw Posix.failure("mount a tmpfs at", folder, -result) }
    }

    /// Bytes and files of what is known of containers; each takes some 16 KiB and 8 files.
    private static let stateBytes = 1 << 30
    private static let stateFiles = 1 << 20

    private static func driverConfiguration(
        _ configuration: Configuration, _ users: HostUsers, _ dataDirectory: String, _ instance: Identifier
    ) throws(Failure) -> OCIDriver.Configuration {
        let files = configuration.runtimeFiles.isEmpty ? try besideExecutable() : configuration.runtimeFiles
        guard access(files + "/fnrpc-init", X_OK) == 0 else {
            throw Failure(
                .precondition,
                "runtime-files: \(quoted(files)) has no fnrpc-init; build it with `make build` or set --runtime-files")
        }
        // The folder's inode too: a copy of a data directory carries the id of its original, whose containers it must
        // not take for its own.
        var folder = stat()
        guard stat(dataDirectory, &folder) == 0 else {
            throw Failure(
                .internalError, "data directory \(quoted(dataDirectory)): \(String(cString: strerror(errno)))")
        }
        let name = "\(instance.description.lowercased())-\(String(folder.st_ino, radix: 16))"
        var driver = OCIDriver.Configuration(
            instance: name, stateDirectory: dataDirectory + "/run", runtimeFilesPath: files
        )
        driver.dataDirectory = dataDirectory
        driver.runtime = configuration.runtime
        driver.uidBase = users.first
        driver.uidCount = users.count
        driver.hiddenPaths = configuration.hiddenPaths
        driver.openFiles = configuration.functionFiles
        return driver
    }

    private static func besideExecutable() throws(Failure) -> String {
        var buffer = [CChar](repeating: 0, count: Int(PATH_MAX))
        let count = readlink("/proc/self/exe", &buffer, buffer.count - 1)
        guard count > 0 else { throw Failure(.internalError, "the daemon cannot find itself in /proc") }
        let path = String(decoding: buffer[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
        let folder = path.split(separator: "/").dropLast().joined(separator: "/")
        return "/" + folder + "/fnrpc-runtime"
    }

    /// Every connection and container needs descriptors; the soft limit is often 1024.
    private static func raiseFileLimit() {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 else { return }
        limit.rlim_cur = limit.rlim_max
        setrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit)
    }
}
