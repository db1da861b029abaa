internal import Catalog
internal import Contracts
internal import Drivers
internal import Loop
internal import Model
internal import Pool
internal import Wire

/// Calls on their way in; on the caller's loop.
extension Dispatcher {
    /// The largest InvokeRequest, bytes: a frame less room for the envelope that the function gets.
    package static let maxRequestBytes = FrameHeader.maxLength - (64 << 10)

    /// Accepts an Invoke call.
    func invoke(_ incoming: Incoming) {
        do throws(Failure) {
            let request: InvokeScan
            do throws(EnvelopeError) { request = try InvokeScan(scanning: incoming.envelope.payload) } catch {
                throw Failure(.invalid, "\(error.message)")
            }
            try checkSize(request.bytes.count)
            try ReservedHeaders.check(request)
            let callee = try resolve(request.target, for: incoming.principal ?? Session.nobody, incoming.session)
            open(incoming, callee.runnable, callee.path)
        } catch {
            incoming.session.refuse(incoming, error)
        }
    }

    /// Accepts a call by the name of a function's service.
    func route(_ incoming: Incoming) {
        do throws(Failure) {
            try checkSize(incoming.envelope.payload.count)
            let runnable = try findService(incoming)
            if incoming.isStream {
                try FunctionRelay.openService(incoming, runnable)
            } else {
                open(incoming, runnable, nil)
            }
        } catch {
            incoming.session.refuse(incoming, error)
        }
    }

    private func checkSize(_ count: Int) throws(Failure) {
        guard count > Self.maxRequestBytes else { return }
        throw Failure(
            .tooLarge,
            "the request has \(count) bytes; at most \(Self.maxRequestBytes) are allowed; InvokeStream has no limit",
            quota: "request")
    }

    private func open(_ incoming: Incoming, _ runnable: Runnable, _ path: PathRequest?) {
        let call = makeCall(
            runnable, CallOrigin(incoming), path, session: incoming.session, streamID: incoming.streamID, relay: nil)
        guard incoming.session.add(call, incoming.streamID) else { return }
        accept(call, data: incoming.envelope.bytes)
    }

    /// A call that nobody knows of yet.
    func makeCall(
        _ runnable: Runnable, _ origin: CallOrigin, _ path: PathRequest?, session: Session, streamID: UInt32,
        relay: FunctionRelay?
    ) -> Call {
        let time = Timestamp.now()
        var timeout = runnable.version.spec.timeoutNanos
        if origin.timeoutNanos > 0 { timeout = min(timeout, UInt64(origin.timeoutNanos)) }
        return Call(
            id: newID(time), runnable: runnable, session: session, streamID: streamID, origin: origin, path: path,
            relay: relay,
            deadline: origin.arrivedAt.advanced(byNanoseconds: timeout), now: origin.arrivedAt, time: time)
    }

    /// Gets a slot for a call that its session has noted.
    ///
    /// - Parameter data: of the Request frame, or InvokeStream's first message; borrowed.
    func accept(_ call: Call, data: UnsafeRawBufferPointer) {
        counters.callsStarted.increment()
        if !call.origin.invocationID.isEmpty { invocations.add(call) }
        guard let listeners else { return place(call, data: data) }
        consult(call, data: data, listeners)
    }

    /// As ``accept(_:data:)``, for a call that is counted and that no listener has to be asked about any more.
    func place(_ call: Call, data: UnsafeRawBufferPointer) {
        // Kept before it can be handed to a slot by another thread. A relay keeps its own.
        let pool = call.runnable.pool
        let keeps = call.relay == nil
        var hasRoom = true
        if keeps, call.request.isEmpty, pool.event({ $0.isSaturated }) { hasRoom = keep(call, data) }
        let lease =
            !hasRoom
            ? nil
            : pool.event { machine -> PoolMachine.Lease? in
                // The look above was a guess; without the bytes a call must not wait.
                if keeps, call.request.isEmpty, machine.isSaturated, !keep(call, data) {
                    return nil
                }
                return machine.lease(call.waiter, of: call, now: call.acceptedAt)
            }
        guard let lease else {
            fail(call, noRoom)
            return
        }
        // After the lease, so that its deadline finds the call where it is.
        wheels[0].add(call.wheelEntry, of: call, due: call.deadline)
        if call.isDone { wheels[0].remove(call.wheelEntry) }
        switch lease {
        case .slot(let owner): (owner as? Worker)?.dispatch(call, data)
        case .wait(let start):
            upkeep.watch(call.runnable)
            if start { startWorker(call.runnable) }
        case .full:
            let limit = call.runnable.version.spec.maxQueue
            let text = "\(call.runnable.name): \(limit) calls wait for it, its limit (max_queue); try again later"
            fail(call, Failure(.busy, text, retryNanos: 100_000_000, quota: "max_queue"))
        case .closed(let closing): fail(call, Self.closed(closing, call.runnable))
        }
    }

    /// Copies what a waiting call needs; `false` if the daemon has no room for it.
    func keep(_ call: Call, _ data: UnsafeRawBufferPointer) -> Bool {
        guard budget.reserve(data.count) else { return false }
        call.keep(data)
        return true
    }

    // MARK: - What is called

    /// Finds a function that the caller may call.
    ///
    /// - Parameters: names as they came off the wire; an empty app is the token's, or the listener's default.
    func find(
        _ app: UnsafeRawBufferPointer, _ function: UnsafeRawBufferPointer, _ version: UInt32,
        for principal: Principal, _ session: Session
    ) throws(Failure) -> Runnable {
        if app.count == 0, let name = Self.defaultApp(principal, session) {
            let bytes = Array(name.utf8)
            let result = bytes.withUnsafeBytes { bytes -> Result<Runnable, Failure> in
                do throws(Failure) {
                    return .success(try find(bytes, function, version, for: principal, session))
                } catch {
                    return .failure(error)
                }
            }
            return try result.get()
        }
        guard principal.grants.allowsCall(app: app, function: function) else {
            let name = String(decoding: app, as: UTF8.self) + "/" + String(decoding: function, as: UTF8.self)
            throw Failure(.notPermitted, "\(principal) may not call \(quoted(name)); it needs the scope invoke:\(name)")
        }
        let found = catalog.snapshot.find(app: app, function: function, version: version)
        guard case .runnable(let runnable) = found else { throw Self.notFound(found, app, function, version) }
        return runnable
    }

    static func defaultApp(_ principal: Principal, _ session: Session) -> String? {
        principal.grants.onlyApp ?? (session.listener.defaultApp.isEmpty ? nil : session.listener.defaultApp)
    }

    private static func notFound(
        _ result: Snapshot.Result, _ app: UnsafeRawBufferPointer, _ function: UnsafeRawBufferPointer, _ version: UInt32
    ) -> Failure {
        let app = String(decoding: app, as: UTF8.self)
        let function = String(decoding: function, as: UTF8.self)
        switch result {
        case .noApp: return Failure(.notFound, "app \(quoted(app)) not found; deploy a function to it first")
        case .noVersion:
            return Failure(.notFound, "version \(version) of \(quoted(app + "/" + function)) not found")
        default: return Failure(.notFound, "function \(quoted(app + "/" + function)) not found; deploy it first")
        }
    }

    private func findService(_ incoming: Incoming) throws(Failure) -> Runnable {
        let envelope = incoming.envelope
        let principal = incoming.principal ?? Session.nobody
        let version = try Self.version(envelope)
        var name = envelope.metadata("fnrpc-app").map { String(decoding: $0, as: UTF8.self) }
        if name == nil { name = Self.defaultApp(principal, incoming.session) }
        var route = Snapshot.Route.noService
        if var name {
            route = name.withUTF8 {
                catalog.snapshot.route(service: envelope.service, app: UnsafeRawBufferPointer($0), version: version)
            }
        } else {
            route = catalog.snapshot.route(service: envelope.service, app: nil, version: version)
        }
        if case .ambiguous(let apps) = route {
            // What the caller may not call, it is not told of either.
            let callable = callable(apps, envelope.service, principal)
            guard callable.count == 1, var only = callable.first else {
                throw Self.ambiguous(callable, envelope.service)
            }
            route = only.withUTF8 {
                catalog.snapshot.route(service: envelope.service, app: UnsafeRawBufferPointer($0), version: version)
            }
        }
        let service = String(decoding: envelope.service, as: UTF8.self)
        switch route {
        case .runnable(let runnable):
            let function = runnable.function
            guard principal.grants.allowsCall(app: function.appName.text.utf8, function: function.name.text.utf8) else {
                let name = "\(function.appName.text)/\(function.name.text)"
                throw Failure(
                    .notPermitted, "\(principal) may not call \(quoted(name)); it needs the scope invoke:\(name)")
            }
            return runnable
        case .noVersion:
            throw Failure(
                .notFound, "fnrpc-version: \(version) of the function that serves \(quoted(service)) not found")
        case .notServed:
            throw Failure(.unimplemented, "service \(service) is not served by version \(version)")
        default:
            // Go's wording; clients match on it.
            throw Failure(.unimplemented, "service \(service)")
        }
    }

    private static func ambiguous(_ apps: [String], _ service: UnsafeRawBufferPointer) -> Failure {
        let service = quoted(String(decoding: service, as: UTF8.self))
        guard !apps.isEmpty else {
            return Failure(.notPermitted, "service \(service) is in apps that the caller may not call")
        }
        return Failure(
            .precondition,
            "fnrpc-app: missing; service \(service) is in the apps \(apps.joined(separator: ", ")); name one by request "
                + "metadata fnrpc-app")
    }

    /// Those of the apps whose function for this service may be called.
    private func callable(
        _ apps: [String], _ service: UnsafeRawBufferPointer, _ principal: Principal
    ) -> [String] {
        apps.filter { app in
            var app = app
            return app.withUTF8 { bytes in
                let route = catalog.snapshot.route(service: service, app: UnsafeRawBufferPointer(bytes), version: 0)
                guard case .runnable(let runnable) = route else { return false }
                return principal.grants.allowsCall(app: bytes, function: runnable.function.name.text.utf8)
            }
        }
    }

    /// Metadata `fnrpc-version` or `fnrpc-alias`; 0: the function as last deployed.
    private static func version(_ envelope: RequestEnvelope) throws(Failure) -> UInt32 {
        if let text = envelope.metadata("fnrpc-version") {
            guard let number = UInt32(String(decoding: text, as: UTF8.self)) else {
                throw Failure(
                    .invalid,
                    "fnrpc-version: \(quoted(String(decoding: text, as: UTF8.self))) is not a version's number")
            }
            return number
        }
        guard let alias = envelope.metadata("fnrpc-alias"), !equal(alias, "latest") else { return 0 }
        throw Failure(
            .notFound, "fnrpc-alias: \(quoted(String(decoding: alias, as: UTF8.self))) not found; there is latest")
    }
}
