internal import Calls
internal import Model
internal import Store
internal import Wire

/// Deletes what calls may run. Thread-safe.
///
/// A name is looked up once: what gets the same name while calls are waited for is something else.
struct Deletions: Sendable {
    let store: Store
    let gate: CallsGate

    init(_ context: AdminContext) { self.init(store: context.store, gate: context.gate) }

    init(store: Store, gate: CallsGate) {
        self.store = store
        self.gate = gate
    }

    /// - Parameter context: asked anew for each change, because calls may have been waited for.
    func app(
        _ request: DeleteAppRequest, _ context: @escaping () -> ChangeContext
    ) async throws(Failure) -> Deletion {
        let row = try store.read { (tables) throws(Failure) in try tables.named(request.app, .app) }
        var known = request
        known.app = row.id.description
        return try await delete(.app(row.id), force: request.force, preview: request.preview, context) {
            [known] (transaction) throws(Failure) in try transaction.deleteApp(known)
        }
    }

    /// - Parameter context: as for ``app(_:_:)``.
    func function(
        _ request: DeleteFunctionRequest, _ context: @escaping () -> ChangeContext
    ) async throws(Failure) -> Deletion {
        let row = try store.read { (tables) throws(Failure) in try tables.function(request.app, request.function) }
        var known = request
        (known.app, known.function) = (row.parent?.description ?? request.app, row.id.description)
        return try await delete(.function(row.id), force: request.force, preview: request.preview, context) {
            [known] (transaction) throws(Failure) in try transaction.deleteFunction(known)
        }
    }

    /// - Parameter context: as for ``app(_:_:)``.
    func version(
        _ request: DeleteVersionRequest, _ context: @escaping () -> ChangeContext
    ) async throws(Failure) -> Deletion {
        let row = try store.read { (tables) throws(Failure) in
            let row = try tables.function(request.app, request.function)
            _ = try tables.version(request.number, of: row)
            return row
        }
        var known = request
        (known.app, known.function) = (row.parent?.description ?? request.app, row.id.description)
        return try await delete(
            .version(request.number, of: row.id), force: request.force, preview: false, context
        ) { [known] (transaction) throws(Failure) in try transaction.deleteVersion(known) }
    }

    /// - Parameters:
    ///   - force: waits for the calls that run; else they forbid it.
    ///   - preview: changes nothing, and keeps no call away.
    private func delete(
        _ target: GateTarget, force: Bool, preview: Bool, _ context: @escaping () -> ChangeContext,
        _ operation: @escaping @Sendable (Transaction) throws(Failure) -> Deletion
    ) async throws(Failure) -> Deletion {
        if preview {
            var (deletion, _) = try await store.preview(context(), operation)
            deletion.done = false
            return deletion
        }
        return try await gate.deleting(
            force ? target : nil,
            check: { () throws(Failure) in _ = try await store.preview(context(), operation) }
        ) { () throws(Failure) in try await store.change(context(), operation) }
    }
}
