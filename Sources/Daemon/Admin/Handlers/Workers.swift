internal import Calls
internal import Catalog
internal import Model
internal import Store
internal import Wire

/// `fnrpc.v1.Workers`.
struct WorkersHandler: Sendable {
    private static let service = "fnrpc.v1.Workers"
    let context: AdminContext

    func register(in list: inout MethodList) {
        let dispatcher = context.dispatcher
        list.add(Self.service, "List", .read) { (request: WorkersRequest, _: Caller) in
            let runnable = try runnable(request.app, request.function, request.version)
            let all = [runnable] + replaced(by: runnable)
            let workers = all.flatMap(dispatcher.workers).map {
                Worker(
                    container: $0.container, version: $0.version, state: $0.state.rawValue, calls: $0.calls,
                    startedAt: $0.startedAt ?? Timestamp(nanoseconds: 0),
                    lastUsedAt: $0.lastUsed ?? Timestamp(nanoseconds: 0), memoryMiB: $0.memoryMiB)
            }
            return ListWorkersResponse(
                workers: workers,
                waitingCalls: UInt32(clamping: all.reduce(0) { $0 + dispatcher.counts(of: $1).waiting }))
        }
        list.addChange(Self.service, "ScaleUp", target: Self.target) { (request: ScaleRequest, _: Caller) in
            try dispatcher.scaleUp(
                try runnable(request.app, request.function, request.version), by: request.count)
            return ScaleResponse(count: request.count)
        }
        list.addChange(Self.service, "ScaleDown", target: Self.target) { (request: ScaleRequest, _: Caller) in
            guard request.count > 0 else {
                throw Failure(.invalid, "count: 0 is out of range; at least 1 container")
            }
            let gone = dispatcher.scaleDown(
                try runnable(request.app, request.function, request.version), by: request.count)
            return ScaleResponse(count: UInt32(clamping: gone))
        }
        list.addChange(
            Self.service, "Detach",
            target: { [("app", $0.app), ("function", $0.function), ("version", "\($0.version)")] }
        ) { (request: WorkersRequest, _: Caller) in
            let runnable = try runnable(request.app, request.function, request.version)
            let count = dispatcher.workers(of: runnable).count
            dispatcher.detach(runnable)
            return ScaleResponse(count: UInt32(clamping: count))
        }
    }

    /// What was the same version, or the working copy, before a change, and still has calls.
    private func replaced(by runnable: Runnable) -> [Runnable] {
        context.dispatcher.active(.function(runnable.function.meta.id)).filter {
            $0.pool !== runnable.pool && $0.isWorkingCopy == runnable.isWorkingCopy
                && ($0.isWorkingCopy || $0.version.number == runnable.version.number)
        }
    }

    private static func target(_ request: ScaleRequest) -> MethodList.Target {
        [
            ("app", request.app), ("function", request.function), ("version", "\(request.version)"),
            ("count", "\(request.count)"),
        ]
    }

    private func runnable(_ app: String, _ function: String, _ version: UInt32) throws(Failure) -> Runnable {
        let row = try context.store.read { (tables) throws(Failure) in
            let row = try tables.function(app, function)
            if version > 0 { _ = try tables.version(version, of: row) }
            return row
        }
        let choice: VersionChoice = version == 0 ? .working : .version(version)
        let runnable: Runnable
        switch context.catalog.find(function: row.id, choice, split: { _ in 0 }) {
        case .runnable(let found): runnable = found
        case .unreadable(let failure): throw failure
        case .noApp, .noFunction, .noVersion, .noAlias:
            throw Failure(.notFound, "function \(quoted(app + "/" + function)) was deleted just now")
        }
        if let refusal = runnable.refusal { throw refusal }
        return runnable
    }
}
