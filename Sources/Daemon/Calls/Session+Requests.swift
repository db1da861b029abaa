internal import Loop
internal import Model
internal import Wire

extension Session {
    /// Brings an admitted request to its handler; on the loop.
    func dispatch(_ request: Incoming) {
        switch request.method.handler {
        case .echo: echo(request)
        case .hello: answerHello(request)
        case .invoke:
            if request.method === context.methods.routed {
                context.dispatcher.route(request)
            } else {
                context.dispatcher.invoke(request)
            }
        case .invokeStream: FunctionRelay.openBody(request)
        case .immediate(let run, let otherwise): answer(request, run, otherwise)
        case .deferred(let begin, let otherwise): serve(request, begin, otherwise)
        case .unary(let run): serve(request, run)
        case .streaming(let run): serve(request, run)
        }
    }

    private func echo(_ request: Incoming) {
        countCall()
        do throws(Failure) { _ = try EchoScan(scanning: request.envelope.payload) } catch {
            return refuse(request, error)
        }
        send(request.streamID, ResponseFrame(payload: request.envelope.payload))
        request.method.metrics.observe(code: 0, nanos: Instant.now().nanoseconds(since: request.arrivedAt))
    }

    private func answerHello(_ request: Incoming) {
        countCall()
        let hello: HelloRequest
        do throws(Failure) {
            hello = try HelloRequest(decoding: request.envelope.payload, strict: true)
        } catch { return refuse(request, error) }
        self.hello(hello).encoded().withUnsafeBytes { send(request.streamID, ResponseFrame(payload: $0)) }
        request.method.metrics.observe(code: 0, nanos: Instant.now().nanoseconds(since: request.arrivedAt))
    }

    private func answer(_ request: Incoming, _ run: Method.Immediate, _ otherwise: @escaping Method.Unary) {
        guard fits(request) else { return }
        let version: APIVersion?
        do throws(Failure) { version = try namedVersion(request) } catch { return refuse(request, error) }
        var (status, code): ([UInt8], Int32) = ([], 0)
        var payload: [UInt8] = []
        do throws(Failure) {
            guard let made = try run(request.envelope.payload) else {
                return serve(request, otherwise)
            }
            payload = made
        } catch {
            let failure = context.failure(error, of: request.method)
            (status, code) = (failure.encodedStatus(), failure.status)
        }
        countCall()
        request.method.metrics.observe(code: code, nanos: Instant.now().nanoseconds(since: request.arrivedAt))
        VersionMetadata(version ?? context.apiVersions.current).withEntries { metadata in
            status.withUnsafeBytes { status in
                payload.withUnsafeBytes { payload in
                    send(request.streamID, ResponseFrame(status: status, payload: payload, metadata: metadata))
                }
            }
        }
        if queuedOutput > context.limits.maxOutputBytes { waitForReader() }
    }

    /// Requests of this size are read on the loop, bytes; what is larger holds up nobody's calls.
    private static let maxInlineBytes = 16 << 10

    private func serve(_ request: Incoming, _ begin: Method.Deferred, _ otherwise: @escaping Method.Unary) {
        let (budget, held) = (context.budget, request.envelope.payload.count)
        guard held <= Self.maxInlineBytes else { return serve(request, otherwise) }
        guard budget.reserve(held) else { return refuse(request, context.noRoom) }
        var isBegun = false
        defer { if !isBegun { budget.release(held) } }
        do throws(Failure) {
            let version = try namedVersion(request)
            let call = ServedCall(request, version ?? context.apiVersions.current)
            isBegun = try begin(request.envelope.payload, request.caller(version)) { [loop] answer in
                // Never at once: the call is open by then.
                loop.post {
                    budget.release(held)
                    do throws(Failure) { call.answer(payload: try answer()) } catch { call.answer(failing: error) }
                }
            }
            guard isBegun else { return serve(request, otherwise) }
            if add(call, request.streamID) { call.start() }
        } catch {
            countCall()
            refuse(request, context.failure(error, of: request.method))
        }
    }

    private func serve(_ request: Incoming, _ run: @escaping Method.Unary) {
        guard fits(request) else { return }
        let version: APIVersion?
        do throws(Failure) { version = try namedVersion(request) } catch { return refuse(request, error) }
        let budget = context.budget
        let held = request.envelope.payload.count
        guard budget.reserve(held) else {
            return refuse(request, context.noRoom)
        }
        let call = ServedCall(request, version ?? context.apiVersions.current)
        guard add(call, request.streamID) else { return budget.release(held) }
        let payload = Array(request.envelope.payload)
        let caller = request.caller(version)
        call.start {
            defer { budget.release(held) }
            do { call.answer(payload: try await run(payload, caller)) } catch { call.answer(failing: error) }
        }
    }

    private func serve(_ request: Incoming, _ run: @escaping Method.Streaming) {
        guard fits(request) else { return }
        let version: APIVersion?
        do throws(Failure) { version = try namedVersion(request) } catch { return refuse(request, error) }
        let stream = Stream(
            session: self, id: request.streamID, .own(VersionMetadata(version ?? context.apiVersions.current)))
        let served = ServerStream(
            stream: stream, caller: request.caller(version), request: Array(request.envelope.payload),
            method: request.method, arrivedAt: request.arrivedAt, timeoutNanos: request.timeoutNanos)
        stream.receiver = served
        guard add(stream, request.streamID) else { return }
        if !request.method.kind.takesStream || request.flags & FrameHeader.remoteClosed != 0 { stream.endInput() }
        served.start(run)
    }

    /// Which version of the daemon's own methods a request asks for by name. Only for these: calls of functions do not
    /// pay for it.
    private func namedVersion(_ request: Incoming) throws(Failure) -> APIVersion? {
        guard let text = request.envelope.metadata(APIVersions.metadataKey) else { return nil }
        return try context.apiVersions.version(named: text)
    }

    /// The version that an answer names which comes before the handler; `nil`: the request names one that there is not.
    func meantVersion(_ envelope: RequestEnvelope) -> APIVersion? {
        guard let text = envelope.metadata(APIVersions.metadataKey) else { return context.apiVersions.current }
        return try? context.apiVersions.version(named: text)
    }

    private func fits(_ request: Incoming) -> Bool {
        let count = request.envelope.payload.count
        guard count > context.limits.managementBytes else { return true }
        refuse(
            request,
            Failure(
                .tooLarge,
                "the request has \(count) bytes; at most \(context.limits.managementBytes) are allowed (max-management-kib)",
                quota: "max-management-kib"))
        return false
    }

    // MARK: - Answers

    /// Refuses a request that was counted as started.
    ///
    /// - Parameter call: what is known of a call of a function; `nil`: nothing yet.
    func refuse(_ request: Incoming, _ failure: Failure, _ call: CallMetadata? = nil) {
        request.method.metrics.observe(
            code: failure.code.status, nanos: Instant.now().nanoseconds(since: request.arrivedAt))
        defer { if failure.code == .busy { countRefusal() } }
        if request.method.callsFunction {
            let call = call ?? CallMetadata(id: context.dispatcher.newID(.now()))
            return call.withEntries { refuse(request.streamID, failure, metadata: $0) }
        }
        guard request.method.hasVersion, let version = meantVersion(request.envelope) else {
            return refuse(request.streamID, failure)
        }
        VersionMetadata(version).withEntries { refuse(request.streamID, failure, metadata: $0) }
    }

    /// Answers without having opened the stream. Thread-safe.
    func refuse(
        _ streamID: UInt32, _ failure: Failure,
        metadata: UnsafeBufferPointer<MetadataEntry> = .init(start: nil, count: 0)
    ) {
        refuse(streamID, status: failure.encodedStatus(), metadata: metadata)
    }

    /// As ``refuse(_:_:metadata:)``, with the encoded Status.
    func refuse(_ streamID: UInt32, status: [UInt8], metadata: UnsafeBufferPointer<MetadataEntry>) {
        status.withUnsafeBytes { send(streamID, ResponseFrame(status: $0, metadata: metadata)) }
        // Ten bytes of a mistake cost a sentence of answer; who does not read the answers is not read either.
        if loop.isCurrent, queuedOutput > context.limits.maxOutputBytes { waitForReader() }
    }

    /// Answers a unary call and ends it; says nothing if it has ended meanwhile. Thread-safe.
    ///
    /// - Returns: google.rpc.Code of what was sent.
    @discardableResult
    func answer(
        _ streamID: UInt32, status: [UInt8] = [], payload: UnsafeRawBufferPointer = .init(start: nil, count: 0),
        metadata: UnsafeBufferPointer<MetadataEntry> = .init(start: nil, count: 0)
    ) -> Bool {
        guard take(streamID) != nil else { return false }
        let fits = status.withUnsafeBytes { status in
            let frame = ResponseFrame(status: status, payload: payload, metadata: metadata)
            guard frame.length <= FrameHeader.maxLength else { return false }
            send(streamID, frame)
            return true
        }
        if fits { return true }
        let limit = "the answer is over the frame limit of \(FrameHeader.maxLength) bytes"
        Failure(.tooLarge, limit, quota: "frame").encodedStatus().withUnsafeBytes {
            send(streamID, ResponseFrame(status: $0, metadata: metadata))
        }
        return true
    }

    func send(_ streamID: UInt32, _ frame: ResponseFrame) {
        _ = connection?.write(count: FrameHeader.size + frame.length) { frame.write(streamID: streamID, to: $0) }
    }
}

extension SessionContext {
    /// What a handler threw, as the caller is told it. What the platform did wrong goes to the log.
    func failure(_ error: any Error, of method: Method) -> Failure {
        switch error {
        case let failure as Failure:
            if failure.code == .internalError { log("\(method.service)/\(method.name): \(failure.report)") }
            return failure
        case is CancellationError: return Failure(.cancelled, "the call was cancelled")
        default:
            log("\(method.service)/\(method.name): \(error)")
            return Failure(.internalError, "the daemon failed; its log says why")
        }
    }
}
