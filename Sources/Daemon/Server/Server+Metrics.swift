internal import Admin
internal import Calls
internal import Logging
internal import Loop
internal import Metrics
internal import Model

extension Server {
    /// Serves metrics where the configuration wants them; `nil`: nowhere.
    static func serveMetrics(
        _ configuration: Configuration, _ context: AdminContext, _ methods: MethodTable, _ budget: ByteBudget,
        _ log: Logger
    ) throws(Failure) -> MetricsServer? {
        guard case .tcp(let host, let port) = configuration.metricsListen?.endpoint else { return nil }
        let metrics = DaemonMetrics(
            version: context.version, startedAt: context.startedAt, counters: context.counters, methods: methods,
            sessions: context.sessions, budget: budget, catalog: context.catalog, audit: context.audit,
            ledger: context.dispatcher.ledger)
        let server = try MetricsServer(host: host, port: port) { metrics.text() }
        log.info(
            "metrics at http://\(ListenAddress.tcp(host: host, port: server.port).description.dropFirst(4))/metrics")
        return server
    }
}
