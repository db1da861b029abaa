package import Model
package import Pool
internal import Synchronization
package import Telemetry

/// A function's version or working copy, ready to be called: immutable, shared by every call of it.
package final class Runnable: Sendable {
    /// As it was when this was made; ids and names never change.
    package let function: Function
    /// Number 0: a working copy that equals no version.
    package let version: Version
    /// What callers who name no version run; even where it equals a version it is not that version.
    package let isWorkingCopy: Bool
    /// Environment that all functions of the app have.
    package let appConfig: [String: String]
    /// Where the app wants what its functions write; empty: nowhere.
    package let syslogURL: String
    /// The revisions of the secrets that it is given, by their names; without those that are not there.
    package let secretRevisions: [String: UInt64]
    /// Its containers.
    package let pool: FunctionPool
    /// What is counted of the function's calls, whichever version or working copy serves them.
    package let metrics: CallMetrics
    /// Why this daemon cannot run it; `nil`: it can.
    package let refusal: Failure?
    private let services: [[UInt8]]
    private let encodedFull = AtomicLazyReference<EncodedAnswer>()

    /// - Parameters:
    ///   - secretRevisions: of the app's secrets, by their names.
    ///   - pool: its containers; `nil`: there are none yet.
    ///   - metrics: of the function.
    package init(
        app: App, function: Function, version: Version, isWorkingCopy: Bool = false,
        secretRevisions: [String: UInt64] = [:], pool: FunctionPool? = nil,
        metrics: CallMetrics = CallMetrics(hasTotals: false)
    ) {
        self.function = function
        self.version = version
        self.isWorkingCopy = isWorkingCopy
        appConfig = app.config
        syslogURL = app.syslogURL
        let spec = version.spec
        self.secretRevisions = Self.revisions(spec, secretRevisions)
        services = spec.services.map { Array($0.utf8) }
        refusal = Self.refusal(version, Self.name(function, version))
        self.metrics = metrics
        self.pool = pool ?? FunctionPool(limits: Self.limits(spec), function: function.meta.id)
    }

    /// `app/function@version`; a working copy that equals no version is `app/function`.
    package var name: String { Self.name(function, version) }

    /// What callers get while its queue is full, as bytes; always the same.
    ///
    /// - Parameter encode: makes them, the first time.
    package func fullAnswer(_ encode: () -> [UInt8]) -> [UInt8] {
        (encodedFull.load() ?? encodedFull.storeIfNil(EncodedAnswer(bytes: encode()))).bytes
    }

    /// The command line of a runtime that is not built in; `nil`: the spec's own starts it.
    package var template: RuntimeTemplate? {
        // It was checked when the runtime was made.
        version.runtime.command.isEmpty ? nil : try? RuntimeTemplate(version.runtime.command)
    }

    /// Whether it serves a service; allocates nothing.
    package func serves(_ service: UnsafeRawBufferPointer) -> Bool {
        services.contains { $0.count == service.count && $0.elementsEqual(service) }
    }

    /// Whether its containers are what a version wants now.
    func isCurrent(_ version: Version, of contents: CatalogFunction) -> Bool {
        guard appConfig.isIdentical(to: contents.app.config), syslogURL == contents.app.syslogURL,
            secretRevisions == Self.revisions(version.spec, contents.secretRevisions)
        else { return false }
        let number = self.version.number
        // Published versions never change.
        guard isWorkingCopy else { return version.number == number && version.meta.id == self.version.meta.id }
        // Its containers know their number, but the deletion of a version is nothing that it may notice.
        let isRenamed = version.number != number
        guard !isRenamed || (number > 0 && !contents.versions.contains { $0.number == number }) else { return false }
        return version.spec.isIdentical(to: self.version.spec) && version.package == self.version.package
            && version.runtime.isIdentical(to: self.version.runtime)
    }

    private static func limits(_ spec: FunctionSpec) -> PoolMachine.Limits {
        var limits = PoolMachine.Limits(
            concurrency: spec.concurrency, maxSlots: spec.maxContainers, minSlots: spec.minContainers,
            maxWaiters: spec.maxQueue, idleNanos: spec.idleTimeoutNanos, isSingleUse: spec.format == .default,
            rateLimit: spec.rateLimit)
        limits.maxCalls = spec.maxCalls
        limits.queuesAhead = spec.queueAhead
        limits.maxAgeNanos = spec.maxAgeNanos
        return limits
    }

    private static func revisions(_ spec: FunctionSpec, _ all: [String: UInt64]) -> [String: UInt64] {
        var own: [String: UInt64] = [:]
        for name in spec.secrets { own[name] = all[name] }
        return own
    }

    private static func name(_ function: Function, _ version: Version) -> String {
        let name = "\(function.appName)/\(function.name)"
        return version.number == 0 ? name : "\(name)@\(version.number)"
    }

    private static func refusal(_ version: Version, _ name: String) -> Failure? {
        let spec = version.spec
        if spec.callType == .async {
            return Failure(
                .unimplemented, "\(name) is asynchronous; asynchronous calls are not served by this daemon yet")
        }
        if version.package == nil {
            return Failure(.unimplemented, "\(name): images are not run by this daemon yet; deploy its code")
        }
        return nil
    }
}

private final class EncodedAnswer: Sendable {
    let bytes: [UInt8]

    init(bytes: [UInt8]) {
        self.bytes = bytes
    }
}
