internal import Calls
internal import Catalog
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Apps`.
struct AppsHandler: Sendable {
    private static let service = "fnrpc.v1.Apps"
    private static let hour: Int64 = 3_600_000_000_000
    let context: AdminContext

    func register(in list: inout MethodList) {
        let (store, deletions) = (context.store, Deletions(context))
        list.addOperation(Self.service, "Create", target: { [("app", $0.name)] }) {
            (request: CreateAppRequest, transaction) throws(Failure) in try transaction.createApp(request)
        }
        list.add(Self.service, "Get", .unary, .read, get)
        list.add(
            Self.service, "List", .unary, .read,
            .unary { payload, _ in
                try await store.beforeReading(nil)
                let request = try ListAppsRequest(decoding: payload, strict: true)
                let page = try store.list(.app, ListRequest(request.page, request.filter))
                store.afterReading(nil)
                return ListAnswer(page).encoded()
            })
        list.addOperation(Self.service, "Update", target: { [("app", $0.app ?? "")] }) {
            (request: UpdateAppRequest, transaction) throws(Failure) in try transaction.updateApp(request)
        }
        list.addChange(Self.service, "Delete", target: { [("app", $0.app)] }) {
            (request: DeleteAppRequest, caller: Caller) in try await deletions.app(request) { ChangeContext(caller) }
        }
        list.add(Self.service, "Usage", .read) { (request: AppUsageRequest, _: Caller) in
            try await usage(request.app, now: .now())
        }
    }

    /// From memory, on the loop, unless a listener has to be asked.
    private var get: Method.Handler {
        let store = context.store
        @Sendable func read(_ payload: UnsafeRawBufferPointer) throws(Failure) -> [UInt8] {
            let request = try GetAppRequest(decoding: payload, strict: true)
            return try store.message { (tables) throws(Failure) in try tables.named(request.app, .app) }
        }
        return .immediate(
            { (payload) throws(Failure) in store.isReadingListenedTo ? nil : try read(payload) },
            otherwise: { payload, _ in
                try await store.app(try GetAppRequest(decoding: payload, strict: true).app).encoded()
            })
    }

    private func usage(_ app: String, now: Timestamp) async throws(Failure) -> AppUsage {
        let id = try await context.store.app(app).meta.id
        let (functions, triggers) = try context.store.read { (tables) throws(Failure) in
            (tables.children(.function, of: id).count, tables.children(.trigger, of: id).count)
        }
        let versions = try context.store.versionCount(ofApp: id)
        await context.recorder.flush()
        let containers = context.dispatcher.active(.app(id)).map {
            (count: context.dispatcher.workers(of: $0).count, spec: $0.version.spec)
        }
        return AppUsage(
            functions: UInt32(clamping: functions), triggers: UInt32(clamping: triggers),
            versions: UInt32(clamping: versions),
            containers: UInt32(clamping: containers.reduce(0) { $0 + $1.count }),
            memoryMiB: containers.reduce(0) { $0 + UInt64($1.count) * UInt64($1.spec.memoryMiB) },
            lastHour: try await calls(of: id, since: now.nanoseconds - Self.hour),
            lastDay: try await calls(of: id, since: now.nanoseconds - 24 * Self.hour))
    }

    private func calls(of app: Identifier, since: Int64) async throws(Failure) -> CallCounts {
        let counts = try await context.store.driver.callCounts(.app(app), since: Timestamp(nanoseconds: since))
        return CallCounts(
            success: counts[.success] ?? 0, failed: counts[.failed] ?? 0, error: counts[.error] ?? 0,
            timeout: counts[.timeout] ?? 0, cancelled: counts[.cancelled] ?? 0)
    }
}
