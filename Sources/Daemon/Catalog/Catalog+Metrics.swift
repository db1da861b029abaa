package import Model
package import Telemetry

/// A function that somebody called, and what was counted of its calls since it was last forgotten.
package struct CountedFunction: Sendable {
    package let function: Function
    package let metrics: CallMetrics
}

extension Catalog {
    /// Everything that was called and is not forgotten yet, in no order.
    package var functions: [CountedFunction] {
        state.withLock { $0.rows.values.map(\.entry) }
            .map { CountedFunction(function: $0.contents.function, metrics: $0.metrics) }
    }
}
