package import Access
package import Calls
package import Catalog
package import Drivers
package import Metrics
package import Model
package import Store
package import Telemetry

/// What the handlers work with; made once by the composition root.
package struct AdminContext: Sendable {
    package let store: Store
    package let packages: PackageStore
    /// Keeps calls away from what is being deleted.
    package let gate: CallsGate
    package let catalog: Catalog
    package let driver: DriverInfo
    package let counters: Counters
    package let recorder: Recorder
    package let dispatcher: Dispatcher
    package let authenticator: Authenticator
    /// The versions of the daemon's own methods.
    package let apiVersions: APIVersions
    /// The daemon's version.
    package let version: String
    package let dataDirectory: String
    package let startedAt: Instant
    /// Addresses that are served, as they are given to clients.
    package let listeners: Lock<[String]>
    /// Runs blocking work on a thread of its own kind.
    package let runBlocking: @Sendable (@escaping @Sendable () -> Void) -> Void
    /// One line to the daemon's log.
    package let log: @Sendable (String) -> Void

    /// Every client connection.
    package let sessions: SessionRegistry
    /// Who waits for changes of the catalog and of the daemon's health.
    package let changes: Changes
    /// Where changes are written down.
    package let audit: AuditLog
    /// Copies of everything.
    package let maintenance: MaintenanceContext
    /// Everything that is counted; known when all methods are.
    package let metrics: Lock<DaemonMetrics?>
    /// The names of the daemon's services; known when all methods are.
    package let ownServices: Lock<[String]>

    package init(
        store: Store, packages: PackageStore, gate: CallsGate, catalog: Catalog, driver: DriverInfo, counters: Counters,
        recorder: Recorder, dispatcher: Dispatcher, authenticator: Authenticator, sessions: SessionRegistry,
        changes: Changes, audit: AuditLog, maintenance: MaintenanceContext,
        metrics: Lock<DaemonMetrics?>, ownServices: Lock<[String]>,
        apiVersions: APIVersions, version: String,
        dataDirectory: String,
        startedAt: Instant, listeners: Lock<[String]>,
        runBlocking: @escaping @Sendable (@escaping @Sendable () -> Void) -> Void,
        log: @escaping @Sendable (String) -> Void
    ) {
        self.store = store
        self.packages = packages
        self.gate = gate
        self.catalog = catalog
        self.driver = driver
        self.counters = counters
        self.recorder = recorder
        self.dispatcher = dispatcher
        self.authenticator = authenticator
        self.sessions = sessions
        self.changes = changes
        self.audit = audit
        self.maintenance = maintenance
        self.metrics = metrics
        self.ownServices = ownServices
        self.apiVersions = apiVersions
        self.version = version
        self.dataDirectory = dataDirectory
        self.startedAt = startedAt
        self.listeners = listeners
        self.runBlocking = runBlocking
        self.log = log
    }

    /// Waits for blocking work without holding a thread of the cooperative pool.
    func blocking<R: Sendable>(_ work: @escaping @Sendable () throws(Failure) -> R) async throws -> R {
        try await withCheckedThrowingContinuation { (continuation: CheckedContinuation<R, any Error>) in
            runBlocking {
                do throws(Failure) { continuation.resume(returning: try work()) } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}
