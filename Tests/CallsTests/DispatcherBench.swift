import Access
import Catalog
import Dispatch
import Extensions
import Glibc
import Loop
import Model
import Telemetry
import Testing
import Wire

@testable import Calls
@testable import Drivers

/// Starts nothing; what is resolved here is not called.
private struct NoDriver: Driver {
    func start(_ spec: SandboxSpec) throws(Failure) -> Sandbox { throw Failure(.unavailable, "there is no driver") }
    func check(_ root: RuntimeRoot) throws(Failure) {}
    func removeLeftovers() {}
    var info: DriverInfo {
        DriverInfo(runtime: "none", cgroupLayout: .v1, userNamespaces: false, interpreters: [:])
    }
}

/// A dispatcher with a loop and a session, and functions `demo/f1` and `demo/f2` that nobody can start.
struct DispatcherBench {
    /// Of every function's package.
    static let package = Digest(bytes: [UInt8](repeating: 1, count: 32))

    let dispatcher: Dispatcher
    let session: Session
    let source: FixedSource
    let loop = EventLoop()
    /// The other end of the session's connection.
    let peer: Int32
    let invoke = Method("fnrpc.v1.Invocation", "Invoke", kind: .unary, access: .call, handler: .invoke)

    /// - Parameters:
    ///   - listeners: that are asked about calls.
    ///   - write: gets the records.
    init(
        listeners: ListenerRegistry = ListenerRegistry(), write: @escaping Recorder.Write = { _ in }
    ) throws {
        let counters = Counters()
        let budget = ByteBudget(limit: 1 << 20)
        let app = App(meta: Self.meta(2, 2), name: try Name("demo", field: "app"))
        let functions = [
            try Self.function(1, versions: 2, of: app, aliases: ["live"]), try Self.function(2, versions: 1, of: app),
        ]
        let triggers = try [("/greet/:name", UInt64(1)), ("/admin/*", 2)].map { source, function in
            Trigger(
                meta: Self.meta(9, function), appID: app.meta.id, functionID: Self.meta(1, function).id,
                name: try Name("t\(function)", field: "trigger"), source: source)
        }
        source = FixedSource(app: app, functions: functions, triggers: triggers)
        let catalog = Catalog(source: source)
        dispatcher = Dispatcher(
            catalog: catalog, driver: NoDriver(), counters: counters,
            recorder: Recorder(counters: counters, write: write, onError: { _, _ in }), loops: [loop],
            budget: budget, startThreads: 1, initNanos: 1, listeners: listeners, packagePath: { _ in .success("/") },
            secrets: { _ in .success([]) }, log: { _ in })
        let context = SessionContext(
            dispatcher: dispatcher, methods: MethodTable([]), limits: SessionLimits(), budget: budget,
            sessions: SessionRegistry(counters: counters), authenticator: Authenticator(),
            apiVersions: APIVersions(allowsTest: true),
            certificatePrincipal: { _ in nil }, serverName: "test", log: { _ in })
        var ends: [Int32] = [0, 0]
        socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends)
        peer = ends[1]
        let listener = ListenerInfo(address: "unix:/x", defaultApp: "demo", isTLS: false)
        // Nobody greets.
        var options = Connection.Options()
        options.firstNanos = 0
        let made = Self.run(on: loop) { [loop, near = ends[0], options] in
            Session(
                loop: loop, descriptor: near, options: options, context: context, listener: listener, peer: "test",
                principal: nil)
        }
        session = try #require(made)
    }

    static func meta(_ high: UInt64, _ low: UInt64) -> Meta {
        Meta(id: Identifier(high: high, low: low), createdAt: Timestamp(nanoseconds: 0))
    }

    /// Its working copy is the highest version; aliases lead to version 1.
    static func function(
        _ id: UInt64, versions: UInt32, of app: App, aliases: [String] = []
    ) throws -> CatalogFunction {
        let meta = meta(1, id)
        let spec = FunctionSpec(runtime: .python, entry: "a.b", format: .ttrpc)
        let function = Function(
            meta: meta, appID: app.meta.id, appName: app.name, name: try Name("f\(id)", field: "function"), spec: spec,
            package: Self.package, latestVersion: versions, lastVersionNumber: versions, workingVersion: versions)
        let published = (1...versions).map { number in
            Version(
                meta: Self.meta(3 + id, UInt64(number)), functionID: meta.id, number: number, description: "",
                spec: spec, package: Self.package, packageBytes: 1)
        }
        let named = try aliases.map { name in
            Alias(
                meta: Self.meta(8, id), functionID: meta.id, name: try Name(name, field: "alias"),
                target: Alias.Target(version: 1, setAt: meta.createdAt))
        }
        return CatalogFunction(app: app, function: function, versions: published, aliases: named)
    }

    /// A request as it is when it has been admitted. The envelope is borrowed.
    func incoming(
        _ envelope: RequestEnvelope, _ scopes: [Scope], streamID: UInt32 = 1, method: Method? = nil
    ) -> Incoming {
        var request = Incoming(
            envelope: envelope, streamID: streamID, flags: 0, session: session, method: method ?? invoke,
            arrivedAt: .now())
        request.principal = Principal(.nobody, grants: Grants(scopes))
        return request
    }

    /// Gives a handler an Invoke request for `demo/f1`, on the loop; `false` if the request is none.
    func deliver(streamID: UInt32 = 1, to handler: @escaping @Sendable (Incoming) -> Void) -> Bool {
        let payload = InvokeBody().encoded(for: InvokeTarget(app: "demo", function: "f1"))
        // Service "a", method "b".
        let frame: [UInt8] = [0x0A, 1, 0x61, 0x12, 1, 0x62, 0x1A, UInt8(payload.count)] + payload
        return onLoop {
            frame.withUnsafeBytes { bytes in
                guard let envelope = try? RequestEnvelope(scanning: bytes) else { return false }
                handler(incoming(envelope, [.invoke], streamID: streamID))
                return true
            }
        } ?? false
    }

    /// Code, payload and keys of metadata of the next Response that the session sends. Tasks go on meanwhile.
    func response() async throws -> (code: Int32, payload: [UInt8], keys: [String]) {
        let bytes = await withCheckedContinuation { continuation in
            DispatchQueue.global().async { [peer] in
                var bytes = [UInt8](repeating: 0, count: 4096)
                var entry = pollfd(fd: peer, events: Int16(POLLIN), revents: 0)
                let count = poll(&entry, 1, 60_000) == 1 ? read(peer, &bytes, bytes.count) : 0
                continuation.resume(returning: bytes.prefix(max(count, 0)))
            }
        }
        try #require(bytes.count > FrameHeader.size && bytes[8] == FrameHeader.response)
        return try bytes[FrameHeader.size...].withUnsafeBytes { bytes in
            let envelope = try ResponseEnvelope(scanning: bytes)
            return (envelope.code, Array(envelope.payload), envelope.metadata.map { $0.key })
        }
    }

    /// Runs something on the session's loop, and waits for it.
    func onLoop<R: Sendable>(_ body: @escaping @Sendable () -> R) -> R? {
        Self.run(on: loop, body)
    }

    private static func run<R: Sendable>(on loop: EventLoop, _ body: @escaping @Sendable () -> R) -> R? {
        let made = Lock<R?>(nil)
        let done = DispatchSemaphore(value: 0)
        loop.post {
            let value = body()
            made.withLock { $0 = value }
            done.signal()
        }
        done.wait()
        return made.withLock { $0 }
    }

    func stop() {
        dispatcher.stop()
        loop.stop()
        close(peer)
    }
}
