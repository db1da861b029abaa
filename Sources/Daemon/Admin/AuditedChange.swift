internal import Access
internal import Calls
internal import Model
internal import Wire

/// A unary method that changes something: whoever calls it, it is in the audit log, done or refused, before it is answered.
struct AuditedChange<Request: WireMessage>: Sendable {
    private let audit: AuditLog
    /// `SERVICE/METHOD`.
    private let method: String
    private let target: @Sendable (Request) -> MethodList.Target

    init(
        _ audit: AuditLog, _ service: String, _ name: String,
        _ target: @escaping @Sendable (Request) -> MethodList.Target
    ) {
        self.audit = audit
        self.method = "\(service)/\(name)"
        self.target = target
    }

    /// Runs it as a task.
    func run<Response: WireMessage>(
        _ payload: [UInt8], _ caller: Caller, _ work: (Request, Caller) async throws -> Response
    ) async throws -> [UInt8] {
        var decoded: Request?
        // What the store does with it is over by then, however that ended.
        defer { Request.wipe(decoded, payload) }
        let request = try payload.withUnsafeBytes { bytes in
            Result { () throws(Failure) in try read(bytes, caller) }
        }.get()
        decoded = request
        do {
            let response = try await work(request, caller).encoded()
            record(request, caller, nil)
            return response
        } catch {
            record(request, caller, (error as? Failure)?.code ?? .internalError)
            throw error
        }
    }

    /// Reads the request.
    func read(_ payload: UnsafeRawBufferPointer, _ caller: Caller) throws(Failure) -> Request {
        do throws(Failure) { return try Request(decoding: payload, strict: true) } catch {
            record(nil, caller, error.code)
            throw error
        }
    }

    /// Somebody may not call it; nobody has looked at the payload.
    func denied(_ payload: [UInt8], _ caller: Caller) {
        let request = try? Request(decoding: payload, strict: true)
        record(request, caller, .notPermitted)
        Request.wipe(request, payload)
    }

    /// Writes down how it ended.
    ///
    /// - Parameters:
    ///   - request: `nil`: it was not understood.
    ///   - failure: `nil`: it was done.
    func record(_ request: Request?, _ caller: Caller, _ failure: Failure.Code?) {
        audit.record(method, request.map(target) ?? [], by: caller, failure)
    }
}

extension AuditLog {
    /// Writes down how a change ended.
    ///
    /// - Parameters:
    ///   - method: `SERVICE/METHOD`.
    ///   - failure: `nil`: it was done.
    func record(_ method: String, _ target: MethodList.Target, by caller: Caller, _ failure: Failure.Code?) {
        record(
            AuditEntry(
                time: .now(), principal: caller.principal.description, peer: caller.peer, method: method,
                target: target, failure: failure, connection: caller.connection, trace: caller.trace?.traceID))
    }
}
