import Model
import Testing
import Wire

@testable import Store

/// Rows of an `api_version` that this daemon does not know: they came from a newer one.
@Suite struct NewerRowTests {
    /// A row as a newer daemon would have written it.
    private func newer(_ row: Row) -> Row {
        Row(
            kind: row.kind, id: row.id, parent: row.parent, key: row.key, apiVersion: 9, revision: row.revision + 1,
            createdAt: row.createdAt, updatedAt: row.updatedAt, references: row.references, claims: row.claims,
            sealed: row.sealed, body: [0xFF, 0x00, 0xFE])
    }

    /// Replaces rows as if a newer daemon had written them, and opens the store again.
    private func age(_ test: TestStore, _ isNewer: (Row) -> Bool) async throws -> [Row] {
        let rows = try test.rows().filter(isNewer).map(newer)
        try #require(!rows.isEmpty)
        try await test.change { tx throws(Failure) in for row in rows { tx.put(row) } }
        try test.reopen()
        return rows
    }

    /// Every kind in turn: all is there as bytes, nothing is readable, and nobody who works beside it changes it.
    @Test(arguments: EntityKind.allCases)
    func theyStayAsTheyAre(_ kind: EntityKind) async throws {
        let test = try TestStore(.sqlite)
        try await test.furnish()
        var operations = RandomOperations(seed: 77)
        while try Set(test.rows().map(\.kind)).count < EntityKind.allCases.count || test.rows().count < 40 {
            operations.rows = try test.rows()
            _ = try? await test.change(operations.next().run)
        }
        let newer = try await age(test) { $0.kind == kind }
        for row in newer {
            #expect(try test.store.read { $0[row.id] } == row)
            let refusal = await failure {
                try test.store.message { (tables) throws(Failure) in
                    guard let row = tables[row.id] else { throw Failure(.notFound, "gone") }
                    return row
                }
            }
            #expect(refusal.code == .precondition && refusal.message.contains("has api_version 9"), "\(refusal)")
            #expect(refusal.message.contains("Entities/GetRaw"))
        }
        #expect(try test.store.countByAPIVersion()[kind]?[9] == newer.count)
        // Whoever lists gets the others.
        _ = try test.store.allTokens()
        for app in try test.rows() where app.kind == .app {
            _ = try test.store.routes(ListRoutesRequest(app: app.key))
            for kind in [EntityKind.function, .trigger, .secret] {
                let page = try test.store.list(kind, ListRequest(), of: { _ throws(Failure) in app })
                let known = try test.rows().count { $0.kind == kind && $0.parent == app.id && $0.apiVersion != 9 }
                #expect(page.items.count == known)
            }
        }
        let ids = Dictionary(uniqueKeysWithValues: newer.map { ($0.id, $0) })
        var (done, unknown) = (0, 0)
        for _ in 0..<300 {
            operations.rows = try test.rows()
            let operation = operations.next()
            // Deleting is not rewriting: that is wanted where it is allowed.
            do throws(Failure) {
                try await test.change(operation.run)
                done += 1
            } catch {
                if error.message.contains("api_version 9") { unknown += 1 }
            }
            for row in try test.rows() where row.apiVersion == 9 {
                try #require(ids[row.id] == row, "\(operation.name)")
            }
            for id in ids.keys {
                let row = try test.store.read { $0[id] }
                try #require(row == nil || row?.apiVersion == 9, "\(operation.name)")
            }
        }
        #expect(done > 10)
        #expect(unknown > 0 || [.package, .token, .version].contains(kind))
        let before = try test.rows()
        try test.reopen()
        #expect((try test.rows() == before) == true)
    }

    /// What they refer to cannot go, and packages that only they need stay.
    @Test(arguments: Backing.allCases)
    func theyProtectWhatTheyNeed(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        try await test.furnish()
        for operation in Operations.setUp { try await test.change(operation.run) }
        var spec = Sample.spec()
        spec.runtime = try #require(FunctionSpec.Runtime(rawValue: "r"))
        spec.secrets = ["key"]
        spec.services = ["pkg.A"]
        try await test.deploy("demo", "newer", package: 3, spec: spec)
        let function = try test.store.read { (tables) throws(Failure) in try tables.function("demo", "newer") }
        let version = try test.store.read { (tables) throws(Failure) in try tables.version(1, of: function) }
        let rows = [newer(function), newer(version)]
        try await test.change { tx throws(Failure) in for row in rows { tx.put(row) } }
        try test.reopen()

        let refusals: [Operation] = [
            Operation("secret") { tx throws(Failure) in
                try tx.deleteSecret(DeleteSecretRequest(app: "demo", secret: "key"))
            },
            Operation("runtime") { tx throws(Failure) in try tx.deleteRuntime(DeleteRuntimeRequest(runtime: "r")) },
        ]
        for operation in refusals {
            let refusal = await failure { try await test.change(operation.run) }
            #expect(refusal.code == .precondition && refusal.message.contains("function demo/newer"), "\(refusal)")
            #expect(refusal.message.contains("version demo/newer@1"))
        }
        try await test.change { tx throws(Failure) in tx.dropUnusedPackages() }
        let digest = try Sample.digest(3).description
        #expect(try test.store.read { $0.find(.package, in: nil, key: digest) } != nil)
        // Its name and its services are taken.
        let deployment = try Sample.deployment("demo", "newer")
        #expect(
            await failure { try await test.change { tx throws(Failure) in try tx.deploy(deployment) } }.code
                == .precondition)
        var other = Sample.spec()
        other.services = ["pkg.A"]
        let clash = await failure { [other] in try await test.deploy("demo", "other", spec: other) }
        #expect(clash.code == .exists && clash.message.contains("demo/newer"))
        #expect((try test.rows().filter { $0.apiVersion == 9 } == rows.sorted { $0.id < $1.id }) == true)
        // With the app everything goes, and then the package may.
        try await test.change { tx throws(Failure) in
            _ = try tx.deleteApp(DeleteAppRequest(app: "demo", force: true))
        }
        #expect(try test.store.read { $0.find(.package, in: nil, key: digest) } == nil)
        #expect(try test.rows().allSatisfy { $0.apiVersion != 9 })
    }

    /// Working on a function goes on when one of its versions is newer.
    @Test func aFunctionOutlivesANewerVersion() async throws {
        let test = try TestStore()
        try await test.furnish()
        for _ in 0..<3 { try await test.deploy() }
        let newer = try await age(test) { $0.kind == .version && VersionKey.number($0.key) == 1 }
        let made = try await test.deploy("demo", "hello", package: 2)
        #expect(made.version.number == 4)
        for operation in [
            Operation("restore") { tx throws(Failure) in
                try tx.restoreVersion(RestoreVersionRequest(app: "demo", function: "hello", number: 2))
            },
            Operation("alias") { tx throws(Failure) in
                try tx.createAlias(CreateAliasRequest(app: "demo", function: "hello", name: "one", version: 1))
            },
        ] { try await test.change(operation.run) }
        let refusal = await failure {
            try await test.change { tx throws(Failure) in
                try tx.restoreVersion(RestoreVersionRequest(app: "demo", function: "hello", number: 1))
            }
        }
        #expect(refusal.code == .precondition && refusal.message.contains("api_version 9"))
        #expect((try test.rows().filter { $0.apiVersion == 9 } == newer) == true)
    }
}
