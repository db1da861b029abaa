package import Model
package import Pool

/// A function's version, ready to be called: immutable, shared by every call of it.
package final class Runnable: Sendable {
    package let function: Function
    package let version: Version
    /// Its containers.
    package let pool: FunctionPool

    package init(function: Function, version: Version) {
        self.function = function
        self.version = version
        let spec = version.spec
        pool = FunctionPool(
            limits: PoolMachine.Limits(
                concurrency: spec.concurrency, maxSlots: spec.maxContainers, minSlots: spec.minContainers,
                maxWaiters: spec.maxQueue, idleNanos: spec.idleTimeoutNanos, isSingleUse: spec.format == .default))
    }

    /// `app/function@version`.
    package var name: String { "\(function.appName)/\(function.name)@\(version.number)" }
}
