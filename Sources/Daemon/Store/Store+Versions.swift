package import Model
package import Wire

// Stored entities by their api_version, also those that this daemon is too old to understand.
extension Store {
    /// Rows that a migration converts in one transaction.
    package static let migrationBatch = 200
    /// Refusals that a migration names.
    package static let maxProblems = 20
    /// Entities of unknown versions that a migration names.
    package static let maxUnknown = 100

    /// How many entities there are of each kind and api_version, sorted by both.
    ///
    /// - Throws: `invalid` for an unknown kind.
    package func countByApiVersion(_ request: CountByApiVersionRequest) throws(Failure) -> CountByApiVersionResponse {
        let kind = try EntityKind.named(request.kind)
        let counts = try countByAPIVersion().filter { kind == nil || $0.key == kind }
            .sorted { $0.key.rawValue < $1.key.rawValue }
        return CountByApiVersionResponse(
            counts: counts.flatMap { kind, versions in
                versions.sorted { $0.key < $1.key }.map {
                    ApiVersionCount(kind: kind.rawValue, apiVersion: $0.key, entities: UInt64($0.value))
                }
            })
    }

    /// An entity as it is stored, without what only the daemon reads (a secret's value, a token's hash). Listeners are
    /// asked about apps, and told of those that this daemon can read.
    ///
    /// - Throws: `invalid` for an unknown kind or what is no id; `notFound`; what a listener throws.
    package func raw(_ request: GetRawRequest) async throws(Failure) -> RawEntity {
        let kind = try EntityKind.named(request.kind)
        guard let id = Identifier(request.id) else {
            throw Failure(.invalid, "id: \(quoted(request.id)) is not the id of an entity")
        }
        let row = try read { (tables) throws(Failure) in
            guard let row = tables[id], kind == nil || row.kind == kind else {
                throw Failure(.notFound, "\(kind?.rawValue ?? "entity") \(id) was not found")
            }
            return row
        }
        if row.kind == .app {
            try await beforeReading(request.id)
            if let app: App = try? surroundings.dialects.decode(row, row.body) { afterReading(app) }
        }
        return RawEntity(
            kind: row.kind.rawValue, id: id.description, parentID: row.parent?.description ?? "", name: row.key,
            apiVersion: row.apiVersion, revision: row.revision, createdAt: row.createdAt, updatedAt: row.updatedAt,
            body: row.body)
    }

    /// Stores every entity in another api_version: no new revision, no event, no listener. Rows of that version already
    /// are passed over, so what was broken off goes on where it ended; rows of versions that this daemon does not know
    /// are never touched. Others read and change entities meanwhile.
    ///
    /// - Parameter progress: told after every ``migrationBatch`` rows, and at the end.
    /// - Throws: `invalid` for a version that this daemon does not know; what `progress` throws ends it after a whole
    ///   batch.
    package func migrate(
        _ request: MigrateEntitiesRequest, progress: (MigrateEntitiesProgress) async throws -> Void
    ) async throws {
        let dialects = surroundings.dialects
        guard let target = request.to, dialects.knows(target) else {
            let known = dialects.numbers.map(String.init).joined(separator: ", ")
            throw Failure(
                .invalid,
                "to: \(request.to.map { "\($0) is not a version that this daemon knows" } ?? "it is missing"); use one "
                    + "of \(known)")
        }
        let others = rows().filter { $0.apiVersion != target }
        let ids = others.filter { dialects.knows($0.apiVersion) }.map(\.id).sorted()
        let unknown = others.filter { !dialects.knows($0.apiVersion) }.map(\.id).sorted()
        var state = MigrateEntitiesProgress(
            total: UInt64(ids.count), unknown: UInt64(unknown.count),
            unknownIDs: unknown.prefix(Self.maxUnknown).map(\.description))
        for start in stride(from: 0, to: ids.count, by: Self.migrationBatch) {
            try Task.checkCancellation()
            let batch = ids[start..<min(start + Self.migrationBatch, ids.count)]
            let context = ChangeContext(now: .now())
            // Not by change(): the meaning stays the same, so there is nothing to ask listeners about.
            let (problems, _) = try await submit(context, isDry: request.dryRun) { transaction throws(Failure) in
                transaction.convert(batch, to: target)
            }.get()
            state.done += UInt64(batch.count - problems.count)
            state.refused += UInt64(problems.count)
            state.problems += problems.prefix(Self.maxProblems - state.problems.count)
            try await progress(state)
            // Between two batches everybody else has a turn.
            await Task.yield()
        }
        if ids.isEmpty { try await progress(state) }
    }

    /// Every row, of one moment, in no order.
    package func rows() -> [Row] { (try? read { tables in Array(tables.all) }) ?? [] }
}

extension Transaction {
    /// Stores rows in another api_version; those that are gone meanwhile count as done.
    ///
    /// - Returns: why the others stay as they are.
    func convert(_ ids: ArraySlice<Identifier>, to version: UInt32) -> [String] {
        var problems: [String] = []
        for id in ids {
            guard let row = tables[id], row.apiVersion != version else { continue }
            do throws(Failure) {
                var entity = try surroundings.dialects.decode(row, tables.message(of: row))
                entity.meta.apiVersion = version
                try rewrite(row, as: entity)
            } catch {
                problems.append("\(row.kind.rawValue) \(tables.name(of: row)): \(error.message)")
            }
        }
        return problems
    }
}
