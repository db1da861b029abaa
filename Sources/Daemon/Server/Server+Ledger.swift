internal import Catalog
internal import Drivers
internal import Logging
internal import Model
internal import Pool

extension Server {
    /// What containers may hold together: what the machine has, and no more than the configuration allows.
    static func makeLedger(
        _ configuration: Configuration, _ driver: OCIDriver, _ log: Logger
    ) throws(Failure) -> Ledger {
        let machine = try driver.machineResources()
        var total = machine.usable
        if configuration.maxMemoryMiB > 0 { total.memoryMiB = min(total.memoryMiB, UInt64(configuration.maxMemoryMiB)) }
        if configuration.maxCPUMilli > 0 { total.cpuMilli = min(total.cpuMilli, UInt64(configuration.maxCPUMilli)) }
        let text =
            "containers may hold \(total.memoryMiB) MiB of memory and \(total.cpuMilli) thousandths of a core together; "
            + "the machine can give \(machine.usable.memoryMiB) MiB and keeps \(machine.headRoomMiB) MiB for everything else"
        log.info("\(text)")
        return Ledger(total: total, maxStarts: Int(configuration.startThreads))
    }

    /// The longest time between two looks for functions that nobody calls, nanoseconds.
    private static let forgetPeriodNanos: UInt64 = 60_000_000_000

    /// Forgets functions that nobody calls, until its task is cancelled.
    static func forgetUnused(_ catalog: Catalog, after nanos: UInt64) async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .nanoseconds(min(nanos / 2, forgetPeriodNanos)))
            catalog.forgetUnused(for: nanos, now: .now())
        }
    }
}
