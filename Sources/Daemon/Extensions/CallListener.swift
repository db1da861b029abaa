package import Model
package import Wire

/// A call that was accepted and has no slot yet: what listeners may change of it.
package struct CallProposal: Sendable, Equatable {
    /// The call's id.
    package let id: Identifier
    /// Who calls: "uid 0", "token ci".
    package let principal: String
    /// The function's own service and method by which it is called; empty: by the function's name.
    package let service: String
    package let method: String
    package let isStream: Bool
    /// The W3C trace that its caller named; empty: none.
    package let traceID: String
    /// Where it goes. What a listener puts here is not asked of the caller's scopes.
    package var app: String
    package var function: String
    /// 0: the function as last deployed.
    package var version: UInt32
    /// From its arrival, nanoseconds, at least 1; it can be made shorter only.
    package var timeoutNanos: UInt64
    /// What the function gets: Request metadata with format `ttrpc`; elsewhere `traceparent` and `tracestate` only.
    package var metadata: [CallHeader]

    package init(
        id: Identifier, principal: String, service: String = "", method: String = "", isStream: Bool = false,
        traceID: String = "", app: String, function: String, version: UInt32, timeoutNanos: UInt64,
        metadata: [CallHeader] = []
    ) {
        self.id = id
        self.principal = principal
        self.service = service
        self.method = method
        self.isStream = isStream
        self.traceID = traceID
        self.app = app
        self.function = function
        self.version = version
        self.timeoutNanos = timeoutNanos
        self.metadata = metadata
    }
}

/// Hears of calls of functions, in the process of the daemon. Thread-safe.
package protocol CallListener: Sendable {
    /// Whether it is asked, and whether it is told; may change from one moment to the next.
    var interest: Interest { get }
    /// A call is about to be given a slot. Must not wait: `then` may be called later, from any thread, and must be
    /// called once.
    ///
    /// - Parameter then: takes the call as it shall be, or what refuses it.
    func before(_ call: CallProposal, then: @escaping @Sendable (Result<CallProposal, Failure>) -> Void)
    /// A call has ended, whether it ran or not. Must not wait.
    func after(_ record: CallRecord)
}

extension CallListener {
    package func before(_ call: CallProposal, then: @escaping @Sendable (Result<CallProposal, Failure>) -> Void) {
        then(.success(call))
    }
    package func after(_ record: CallRecord) {}
}
