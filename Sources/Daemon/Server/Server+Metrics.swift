internal import Admin
internal import Calls
internal import Logging
internal import Loop
internal import Metrics
internal import Model

extension Server {
    /// The text over HTTP, bytes; what has more is left out.
    private static let maxMetricsBytes = 32 << 20

    /// Makes the metrics known to the daemon's methods, and serves them where the configuration wants them; `nil`: nowhere.
    static func serveMetrics(
        _ configuration: Configuration, _ context: AdminContext, _ methods: MethodTable, _ budget: ByteBudget,
        _ log: Logger
    ) throws(Failure) -> MetricsServer? {
        let dispatcher = context.dispatcher
        let metrics = DaemonMetrics(
            version: context.version, startedAt: context.startedAt, counters: context.counters, methods: methods,
            sessions: context.sessions, budget: budget,
            statistics: CallStatistics(catalog: context.catalog, counters: context.counters) { dispatcher.active },
            functions: Int(configuration.metricsFunctions), audit: context.audit, ledger: dispatcher.ledger)
        context.metrics.withLock { $0 = metrics }
        guard case .tcp(let host, let port) = configuration.metricsListen?.endpoint else { return nil }
        let server = try MetricsServer(host: host, port: port) { metrics.text(maxBytes: maxMetricsBytes) }
        log.info(
            "metrics at http://\(ListenAddress.tcp(host: host, port: server.port).description.dropFirst(4))/metrics")
        return server
    }
}
