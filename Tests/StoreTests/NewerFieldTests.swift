import Model
import Testing
import Wire

@testable import Store

/// Rows of a known `api_version` with fields that a later release of it added: they are read, called and deleted, and
/// never written again.
@Suite struct NewerFieldTests {
    /// A copy of a row whose message has one more field: at its end, or at the end of one of its messages.
    private func newer(_ row: Row, in number: UInt32? = nil) -> Row {
        var body: [UInt8] = []
        row.body.withUnsafeBytes { bytes in
            var scanner = FieldScanner(bytes)
            var start = 0
            while let field = try? scanner.next() {
                if field.number == number, let content = field.bytes {
                    let longer = Array(content) + NextDialect.field(99, "new")
                    body += [UInt8](unsafeUninitializedCapacity: FieldSize.field(field.number, length: longer.count)) {
                        buffer, count in
                        count = buffer.count
                        var writer = FieldWriter(UnsafeMutableRawBufferPointer(buffer))
                        longer.withUnsafeBytes { writer.field(field.number, bytes: $0) }
                    }
                } else {
                    body += bytes[start..<scanner.offset]
                }
                start = scanner.offset
            }
        }
        if number == nil { body += NextDialect.field(99, "new") }
        return Row(
            kind: row.kind, id: row.id, parent: row.parent, key: row.key, apiVersion: row.apiVersion,
            revision: row.revision, createdAt: row.createdAt, updatedAt: row.updatedAt, references: row.references,
            claims: row.claims, sealed: row.sealed, body: body)
    }

    /// All kinds, each row as a later release would have stored it.
    private func furnished(_ backing: Backing) async throws -> TestStore {
        let test = try TestStore(backing)
        try await test.furnish()
        for operation in Operations.setUp { try await test.change(operation.run) }
        try await test.change { tx throws(Failure) in
            _ = try tx.createAlias(CreateAliasRequest(app: "demo", function: "hello", name: "live", version: 1))
            _ = try tx.createAlias(CreateAliasRequest(app: "demo", function: "hello", name: "back", version: 1))
            _ = try tx.updateAlias(UpdateAliasRequest(app: "demo", function: "hello", alias: "back", version: 2))
            _ = try tx.createTrigger(CreateTriggerRequest(app: "demo", name: "t", source: "/t", function: "hello"))
            _ = try tx.createRoute(CreateRouteRequest(app: "demo", path: "/a/*", image: "img:1"))
            _ = try tx.createToken(name: try Sample.name("ci"), scopes: [.read], expiresAt: nil, hash: Sample.hash(1))
        }
        let rows = try test.rows().map { newer($0) }
        try await test.change { tx throws(Failure) in for row in rows { tx.put(row) } }
        if backing == .sqlite { try test.reopen() }
        return test
    }

    @Test(arguments: Backing.allCases) func noOperationWritesThem(_ backing: Backing) async throws {
        let test = try await furnished(backing)
        let before = try test.rows()
        var patch = FunctionPatch()
        patch.memoryMiB = 256
        let function = UpdateFunctionRequest(app: "demo", function: "hello", spec: patch)
        let refused: [Operation] = [
            Operation("app") { tx throws(Failure) in
                try tx.updateApp(UpdateAppRequest(app: "demo", config: ["A": "2"]))
            },
            Operation("function") { tx throws(Failure) in try tx.updateFunction(function) },
            Operation("deploy") { tx throws(Failure) in try tx.deploy(try Sample.deployment("demo", "hello")) },
            Operation("publish") { tx throws(Failure) in
                try tx.publishVersion(PublishVersionRequest(app: "demo", function: "hello"))
            },
            Operation("version") { tx throws(Failure) in
                try tx.updateVersion(UpdateVersionRequest(app: "demo", function: "hello", number: 1, description: "x"))
            },
            Operation("alias") { tx throws(Failure) in
                try tx.updateAlias(UpdateAliasRequest(app: "demo", function: "hello", alias: "live", version: 2))
            },
            Operation("rollback") { tx throws(Failure) in
                try tx.rollbackAlias(RollbackAliasRequest(app: "demo", function: "hello", alias: "back"))
            },
            Operation("trigger") { tx throws(Failure) in
                try tx.updateTrigger(UpdateTriggerRequest(app: "demo", trigger: "t", source: "/y"))
            },
            Operation("route") { tx throws(Failure) in
                try tx.updateRoute(UpdateRouteRequest(app: "demo", path: "/a/*", image: "img:2"))
            },
            Operation("runtime") { tx throws(Failure) in
                try tx.updateRuntime(UpdateRuntimeRequest(runtime: "r", description: "x"))
            },
            Operation("secret") { tx throws(Failure) in
                try tx.updateSecret(UpdateSecretRequest(app: "demo", secret: "key", value: [8]))
            },
        ]
        for operation in refused {
            let refusal = await failure { try await test.change(operation.run) }
            #expect(
                refusal.code == .precondition && refusal.message.contains("was stored by a newer fnrpcd")
                    && refusal.message.contains("99: a field that this version does not know"),
                "\(operation.name): \(refusal)")
        }
        // What nobody asked for is passed over: the time of a token's use, and that of a package's.
        var asked = try Sample.package(1)
        asked.meta.createdAt = test.clock.now()
        try await test.change { [asked] tx throws(Failure) in
            try tx.touchTokens(tx.tables.children(.token, of: nil).map { ($0.id, Timestamp(nanoseconds: 9)) })
            _ = try tx.addPackage(asked)
        }
        #expect((try test.rows() == before) == true)
    }

    @Test(arguments: Backing.allCases) func theyAreReadAndDeleted(_ backing: Backing) async throws {
        let test = try await furnished(backing)
        for row in try test.rows() {
            let entity = try test.store.surroundings.dialects.decode(row, row.message(app: "demo"))
            #expect(entity.meta.id == row.id)
            #expect(try await test.store.raw(GetRawRequest(id: row.id.description)).body == row.body)
        }
        #expect(try test.store.allTokens().count == 1)
        try await test.change { tx throws(Failure) in
            _ = try tx.deleteApp(DeleteAppRequest(app: "demo", force: true))
            _ = try tx.deleteRuntime(DeleteRuntimeRequest(runtime: "r"))
            _ = try tx.revokeToken("ci")
        }
        #expect(try test.rows().allSatisfy { $0.kind == .runtime || $0.kind == .package })
    }

    @Test(arguments: Backing.allCases) func aMigrationNamesThemAndAPurgeKeepsTheirVersions(_ backing: Backing)
        async throws
    {
        let test = try await furnished(backing)
        let before = try test.rows()
        let last = Lock<MigrateEntitiesProgress?>(nil)
        try await test.store.migrate(MigrateEntitiesRequest(to: 2)) { progress in last.withLock { $0 = progress } }
        let progress = try #require(last.withLock { $0 })
        #expect(progress.done == 0 && progress.refused == UInt64(before.count))
        #expect(
            progress.problems.contains {
                $0.hasPrefix("app demo: ") && $0.contains("99: a field that this version does not know")
            })
        #expect((try test.rows() == before) == true)
        // Only its function could note that a version is gone.
        let refusal = await failure {
            try await test.change { tx throws(Failure) in
                try tx.deleteVersion(DeleteVersionRequest(app: "demo", function: "other", number: 1))
            }
        }
        #expect(refusal.code == .precondition && refusal.message.hasPrefix("function demo/other was stored"))
        let version = try #require(try test.rows().first { $0.kind == .version && $0.key == VersionKey.text(1) })
        let trial = Row(
            kind: .version, id: version.id, parent: version.parent, key: version.key, apiVersion: 2,
            revision: version.revision, createdAt: version.createdAt, updatedAt: version.updatedAt,
            references: version.references, body: version.body)
        let purged = try await test.change { tx throws(Failure) in
            for alias in tx.tables.children(.alias, of: version.parent) { tx.delete(alias) }
            tx.put(trial)
            return try tx.purge(PurgeByApiVersionRequest(apiVersion: 2, confirm: true))
        }
        #expect(purged.deletion?.count == 0 && purged.refused.first?.contains("by a newer fnrpcd") == true, "\(purged)")
    }

    /// At any depth: in the spec of a function and in the target of an alias.
    @Test func fieldsInsideOfMessagesCount() async throws {
        let test = try TestStore()
        try await test.furnish()
        try await test.deploy()
        try await test.change { tx throws(Failure) in
            _ = try tx.createAlias(CreateAliasRequest(app: "demo", function: "hello", name: "live", version: 1))
        }
        for (kind, path) in [(EntityKind.function, "spec"), (.alias, "target")] {
            let row = try #require(try test.rows().first { $0.kind == kind })
            let found = (UInt32(1)...12).compactMap { number -> String? in
                let row = newer(row, in: number)
                do throws(Failure) {
                    try Dialects().checkRewritable(row, row.message(app: "demo"), "x")
                    return nil
                } catch { return error.message }
            }
            #expect(
                found.contains { $0.contains("(\(path).99: a field that this version does not know)") },
                "\(kind): \(found)")
        }
        for row in try test.rows() { try Dialects().checkRewritable(row, row.message(app: "demo"), "x") }
    }
}
