package import Catalog
package import Model
internal import Pool
package import Telemetry

/// Containers by what they do, and calls by where they are, of some functions.
package struct LoadFigures: Sendable, Equatable {
    /// Containers that were asked for and are not ready.
    package private(set) var starting = 0
    /// Containers without a call that are not frozen.
    package private(set) var idle = 0
    package private(set) var frozen = 0
    /// Containers with a call that take further ones.
    package private(set) var busy = 0
    /// Containers that take no more calls, and still have some.
    package private(set) var leaving = 0
    /// Calls in containers.
    package private(set) var running = 0
    /// Calls without one.
    package private(set) var waiting = 0

    /// Nothing.
    package init() {}

    mutating func add(_ counts: PoolMachine.Counts) {
        starting += counts.starting
        idle += counts.idle - counts.frozen
        frozen += counts.frozen
        busy += counts.busy
        leaving += counts.leaving
        running += counts.running
        waiting += counts.waiting
    }
}

/// One function's calls and containers; its versions and its working copy together.
package struct FunctionFigures: Sendable {
    package let function: Function
    package let calls: CallFigures
    package let load: LoadFigures
}

/// What is known of the calls and containers of all functions. Thread-safe; numbers are of about now, not all of one
/// moment.
package struct CallStatistics: Sendable {
    private let catalog: Catalog
    private let counters: Counters
    private let active: @Sendable () -> [Runnable]

    /// - Parameter active: whatever has a container or a waiting call, each pool once.
    package init(catalog: Catalog, counters: Counters, active: @escaping @Sendable () -> [Runnable]) {
        self.catalog = catalog
        self.counters = counters
        self.active = active
    }

    /// All calls since the daemon started.
    package var calls: CallFigures { counters.calls.figures }

    /// Looks at all of it once.
    package func look() -> Look {
        var look = Look(functions: catalog.functions)
        for runnable in active() {
            let counts = runnable.pool.event { $0.counts }
            look.load.add(counts)
            look.loads[runnable.function.meta.id, default: LoadFigures()].add(counts)
        }
        return look
    }

    /// What there was at one look.
    package struct Look: Sendable {
        fileprivate let functions: [CountedFunction]
        /// Of all functions, those too that are deleted or forgotten and still have calls.
        package fileprivate(set) var load = LoadFigures()
        fileprivate var loads: [Identifier: LoadFigures] = [:]

        /// The functions with most calls first.
        ///
        /// - Parameters:
        ///   - limit: how many at most.
        ///   - isWanted: whether it may be among them.
        /// - Returns: them; how many more there are that are wanted.
        package func busiest(
            _ limit: Int, where isWanted: (Function) -> Bool = { _ in true }
        ) -> (functions: [FunctionFigures], omitted: Int) {
            var all = functions.filter { isWanted($0.function) }.map { (counted: $0, calls: $0.metrics.calls) }
            all.sort { first, second in
                // By name then, so that the order stays.
                first.calls != second.calls
                    ? first.calls > second.calls : first.counted.function.isBefore(second.counted.function)
            }
            let figures = all.prefix(limit).map { item in
                FunctionFigures(
                    function: item.counted.function, calls: item.counted.metrics.figures,
                    load: loads[item.counted.function.meta.id] ?? LoadFigures())
            }
            return (figures, all.count - figures.count)
        }
    }
}

extension Function {
    fileprivate func isBefore(_ other: Function) -> Bool {
        (appName.text, name.text) < (other.appName.text, other.name.text)
    }
}
