import Archive
import Foundation
import Model
import Testing
import Wire

@testable import Store

/// A store with packages on disk, to be exported or imported into.
final class ArchiveSide: Sendable {
    let test: TestStore
    let packages: PackageStore
    let transfers: TransferFolder
    let scratch: Scratch
    let keyID: [UInt8]

    init(_ backing: Backing = .memory, keyID: [UInt8] = [1, 2, 3], maxImportBytes: UInt64 = 1 << 30) throws {
        scratch = try Scratch()
        test = try TestStore(backing)
        packages = try PackageStore(path: scratch.path + "/packages")
        transfers = try TransferFolder(path: scratch.path + "/transfers", maxImportBytes: maxImportBytes)
        self.keyID = keyID
    }

    /// Uploads a package of one file; its row.
    func upload(_ text: String) async throws -> StoredPackage {
        var builder = TarBuilder()
        builder.add("func.py", content: Array(text.utf8))
        let (id, _) = try packages.open(builder.bytes)
        _ = try packages.write(uploadID: id, offset: 0, bytes: builder.bytes)
        let package = try packages.commit(uploadID: id)
        return try await test.change { (transaction) throws(Failure) in try transaction.addPackage(package) }
    }

    func export(calls: Bool = false) async throws -> [UInt8] {
        let origin = Export.Origin(daemon: "1.2.3", keyID: keyID, now: Timestamp(nanoseconds: 0))
        let export = try Export(test.store, packages, origin, in: transfers)
        var before: Identifier?
        var specs: Set<Digest> = []
        var isMore = calls
        while isMore {
            let (page, last) = try await test.store.archivedCalls(before: before, specs: &specs)
            try export.append(page)
            before = last
            isMore = last != nil
        }
        var bytes: [UInt8] = []
        while let piece = try export.next() {
            #expect(piece.count <= Export.pieceBytes)
            bytes += piece
        }
        return bytes
    }

    @discardableResult
    func take(_ archive: [UInt8]) async throws -> ImportResponse {
        let incoming = try Import(in: transfers)
        for start in stride(from: 0, to: archive.count, by: 100_000) {
            try incoming.append(Array(archive[start..<min(start + 100_000, archive.count)]))
        }
        let key = Import.Key(id: keyID) { (sealed, id) throws(Failure) in
            guard !sealed.isEmpty else { throw Failure(.invalid, "secret \(id): it is empty") }
            return sealed.count
        }
        let content = try incoming.verify(test.store.surroundings, key)
        try await incoming.check(content, for: test.store, test.context())
        try incoming.storePackages(content, in: packages)
        return try await incoming.store(content, in: test.store, test.context())
    }
}

@Suite struct MaintenanceArchiveTests {
    private static let value = Array("a value that nobody may see".utf8)

    /// One of everything.
    private func furnished(_ backing: Backing = .memory) async throws -> ArchiveSide {
        let side = try ArchiveSide(backing)
        let package = try await side.upload("def main(): pass")
        var spec = Sample.spec()
        spec.services = ["pkg.A"]
        spec.secrets = ["key"]
        let request = DeployRequest(
            app: "demo", function: "hello", spec: spec, packageDigest: package.digest.description)
        try await side.test.change { (transaction) throws(Failure) in
            try transaction.createBuiltInRuntimes()
            _ = try transaction.createApp(CreateAppRequest(name: "demo", labels: ["a": "b"]))
            _ = try transaction.createSecret(CreateSecretRequest(app: "demo", name: "key", value: Self.value))
            _ = try transaction.deploy(request)
            _ = try transaction.createAlias(
                CreateAliasRequest(app: "demo", function: "hello", name: "live", version: 1))
            _ = try transaction.createTrigger(
                CreateTriggerRequest(app: "demo", name: "t", source: "/x/:id", function: "hello", alias: "live"))
            _ = try transaction.createRoute(CreateRouteRequest(app: "routed", path: "/a/*", image: "img:1"))
            _ = try transaction.createRuntime(CreateRuntimeRequest(name: "own", command: ["/bin/x", "{entry}"]))
            _ = try transaction.createToken(
                name: try Sample.name("ci"), scopes: [.read], expiresAt: nil, hash: Sample.hash(1))
        }
        try await side.test.change(apiVersion: 2) { (transaction) throws(Failure) in
            _ = try transaction.updateApp(UpdateAppRequest(app: "demo", extra: ["x": "1"]))
        }
        try await side.test.store.driver.append((1...600).map { Sample.call($0, log: "log \($0)") })
        let other = CallSpec(spec: Sample.spec(), appConfig: ["A": "1"])
        try await side.test.store.record(
            [
                (CallSpec(spec: spec), (601...660).map { Sample.call($0, log: "log \($0)", input: "input \($0)") }),
                (other, (661...700).map { Sample.call($0, input: "input \($0)") }),
            ], CallRetention())
        return side
    }

    private func fresh(_ backing: Backing = .memory, keyID: [UInt8] = [1, 2, 3]) async throws -> ArchiveSide {
        let side = try ArchiveSide(backing, keyID: keyID)
        // The same seeds would make the same ids here as there.
        for _ in 0..<50 { _ = side.test.context() }
        // The ids of its built-in runtimes are others.
        try await side.test.change { (transaction) throws(Failure) in
            _ = try transaction.createApp(CreateAppRequest(name: "there-already"))
            try transaction.createBuiltInRuntimes()
        }
        return side
    }

    /// What is in a store, without what is its own: built-in runtimes by their names, and no app `there-already`.
    private func content(_ side: ArchiveSide) throws -> [String] {
        let rows = try side.test.rows()
        let builtIn = Set(FunctionSpec.Runtime.allCases.map(\.rawValue))
        let names = Dictionary(uniqueKeysWithValues: rows.map { ($0.id, $0.kind == .runtime ? $0.key : "\($0.id)") })
        return rows.filter { $0.key != "there-already" && !($0.kind == .runtime && builtIn.contains($0.key)) }.map {
            "\($0.kind) \($0.id) \(String(describing: $0.parent)) \($0.key) \($0.apiVersion) \($0.revision) "
                + "\($0.createdAt) \($0.updatedAt) \($0.references.map { names[$0] ?? "?" }) \($0.claims) \($0.sealed) "
                + "\($0.body)"
        }
    }

    @Test(arguments: Backing.allCases) func everythingComesBack(backing: Backing) async throws {
        let source = try await furnished(backing)
        let archive = try await source.export(calls: true)
        let target = try await fresh(backing)
        let sequence = target.test.store.lastSequence
        let done = try await target.take(archive)
        let expected = try content(source)
        #expect(done.entities == UInt64(expected.count) && done.packages == 1 && done.calls == 700)
        #expect((try content(target) == expected) == true)

        // Told like anything else that is made, parents first; packages are nobody's business.
        let events = try await target.test.store.driver.events(after: sequence, limit: 1000)
        #expect(events.count == expected.count - 1 && events.allSatisfy { $0.action == .create })
        let order = events.map(\.kind.depth)
        #expect(order == order.sorted())

        // The package runs from the same bytes.
        let digest = try #require(try target.test.rows().first { $0.kind == .package }).key
        let path = try #require(try target.packages.path(of: try Digest(digest, field: "digest")))
        #expect(try String(contentsOfFile: path + "/func.py", encoding: .utf8) == "def main(): pass")
        let log = try await target.test.store.callLog(Sample.id(7).description)
        #expect(log.log == Array("log 7".utf8) && log.truncated)
        try await expectSameCalls(target, source)

        // References were rewritten, so the rules hold: what is used cannot go.
        let used = await failure {
            try await target.test.change { (transaction) throws(Failure) in
                try transaction.deleteSecret(DeleteSecretRequest(app: "demo", secret: "key"))
            }
        }
        #expect(used.code == .precondition && used.message.contains("function demo/hello"))
        if backing == .sqlite {
            try target.test.reopen()
            #expect((try content(target) == expected) == true)
        }
        let again = try await fresh(backing)
        try await again.take(try await target.exportWithout("there-already"))
        #expect((try content(again) == expected) == true)
        // What the records need goes with them.
        let spec = try #require(try await target.test.store.driver.call(Sample.id(700))?.spec)
        try await target.test.store.driver.pruneCalls(CallRetention(calls: 1), now: .now())
        #expect(try await target.test.store.driver.callSpec(spec) != nil)
        try await target.test.store.driver.pruneCalls(CallRetention(calls: 0), now: .now())
        #expect(try await target.test.store.driver.callSpec(spec) == nil)
    }

    /// Records, and all that is kept apart from them.
    private func expectSameCalls(_ side: ArchiveSide, _ other: ArchiveSide) async throws {
        let (store, known) = (side.test.store, other.test.store)
        for id in (1...700).map({ Sample.id($0) }) {
            #expect(try await store.driver.call(id) == (try await known.driver.call(id)))
            #expect(try await store.driver.callContents(id) == (try await known.driver.callContents(id)))
        }
        #expect(try await store.driver.callContents(Sample.id(650))?.input == Array("input 650".utf8))
        for id in [601, 660, 661, 700].map({ Sample.id($0).description }) {
            #expect(try await store.callSpec(id).encoded() == (try await known.callSpec(id).encoded()))
        }
        let none = await failure { try await store.callSpec(Sample.id(600).description) }
        #expect(none.code == .notFound)
    }

    @Test func secretsAreNeverInPlain() async throws {
        let source = try await furnished()
        let archive = try await source.export(calls: true)
        #expect(!archive.contains(Self.value))
        #expect(archive.contains(Self.value.map { ~$0 }))
        for row in try source.test.rows() {
            #expect(try !source.test.store.raw(GetRawRequest(id: row.id.description)).encoded().contains(Self.value))
        }
    }

    @Test func pythonReadsTheArchive() async throws {
        let source = try await furnished()
        let path = source.scratch.path + "/export.tar"
        try Data(try await source.export(calls: true)).write(to: URL(fileURLWithPath: path))
        let output = try Python.run(
            """
            import tarfile, json, hashlib, sys
            tar = tarfile.open(sys.argv[1])
            names = tar.getnames()
            manifest = json.load(tar.extractfile("manifest.json"))
            assert names == ["manifest.json"] + [m["name"] for m in manifest["members"]], names
            for m in manifest["members"]:
                data = tar.extractfile(m["name"]).read()
                assert len(data) == m["bytes"] and "sha256:" + hashlib.sha256(data).hexdigest() == m["digest"]
            print(manifest["format"], manifest["daemon"], manifest["created_at"], manifest["key_id"], manifest["calls"],
                  manifest["entities"]["app"], names[1:3])
            """, [path])
        #expect(
            output == "1 1.2.3 1970-01-01T00:00:00.000Z 010203 700 2 ['entities.binpb', 'calls.binpb']\n")
    }

    @Test func anotherKeyIsRefusedUnlessThereAreNoSecrets() async throws {
        let source = try await furnished()
        let target = try await fresh(keyID: [9])
        let before = try target.test.rows()
        let refused = await failure { try await target.take(try await source.export()) }
        #expect(refused.code == .precondition && refused.message.contains("another key (010203)"))
        #expect((try target.test.rows() == before) == true)
        let plain = try ArchiveSide()
        try await plain.test.furnishApps(3)
        #expect(try await target.take(try await plain.export()).entities == 3)
    }

    @Test func whatIsThereAlreadyIsNamedAndNothingChanges() async throws {
        let source = try await furnished()
        let archive = try await source.export(calls: true)
        let target = try await fresh()
        try await target.test.change { (transaction) throws(Failure) in
            _ = try transaction.createApp(CreateAppRequest(name: "demo"))
        }
        let before = try target.test.rows()
        let refused = await failure { try await target.take(archive) }
        #expect(refused.code == .exists && refused.message.contains("here already, by id or name: app \"demo\""))
        #expect((try target.test.rows() == before) == true)
        #expect(try await target.test.store.driver.callCount() == 0)
        #expect(try target.scratch.names("packages").filter { $0.hasSuffix(".tar") }.isEmpty)

        let same = await failure { try await source.take(archive) }
        #expect(
            same.code == .exists && same.message.contains("app \"demo\"") && same.message.contains("app \"routed\""))
        let calls = try await fresh()
        try await calls.test.store.driver.append([Sample.call(3)])
        let recorded = await failure { try await calls.take(archive) }
        #expect(recorded.code == .exists && recorded.message.hasPrefix("call \(Sample.id(3)) is recorded already"))
        #expect(try calls.test.rows().filter { $0.key == "demo" }.isEmpty)
    }

    @Test func everyDamageIsFound() async throws {
        let source = try await furnished()
        let archive = try await source.export(calls: true)
        let target = try await fresh()
        let before = try target.test.rows()
        var random = SeededRandom(state: 4)
        // The manifest's JSON has room for bytes that mean nothing; what it says of the rest is checked.
        let end = try #require(archive.firstRange(of: Array("entities.binpb\0".utf8))).lowerBound
        for _ in 0..<200 {
            var damaged = archive
            let place = Int.random(in: end..<archive.count - 1024, using: &random)
            damaged[place] ^= UInt8.random(in: 1...255, using: &random)
            // Padding behind a member and unused bytes of a header say nothing either.
            guard archive[place] != 0 else { continue }
            let refused = await failure { try await target.take(damaged) }
            #expect(refused.code == .invalid, "byte \(place): \(refused)")
        }
        for length in [0, 1, 511, 512, 4096, archive.count / 2, archive.count - 1536] {
            let refused = await failure { try await target.take(Array(archive.prefix(length))) }
            #expect(refused.code == .invalid, "\(length) bytes: \(refused)")
        }
        #expect((try target.test.rows() == before) == true)
    }

    @Test func anArchivesSizeIsLimited() async throws {
        let source = try ArchiveSide()
        try await source.test.furnishApps(1)
        let archive = try await source.export()
        let exact = try ArchiveSide(maxImportBytes: UInt64(archive.count))
        #expect(try await exact.take(archive).entities == 1)
        let small = try ArchiveSide(maxImportBytes: UInt64(archive.count - 1))
        let refused = await failure { try await small.take(archive) }
        #expect(refused.code == .tooLarge && refused.quota == "max-import-mib")
        let incoming = try Import(in: exact.transfers)
        let chunk = await failure { try incoming.append([UInt8](repeating: 0, count: Export.pieceBytes + 1)) }
        #expect(chunk.code == .tooLarge && chunk.message.hasPrefix("data: 262145 bytes"))
    }

    @Test func onlyAFewRunAtOnceAndNothingIsLeft() async throws {
        let side = try ArchiveSide()
        var running: [Import] = []
        for _ in 0..<TransferFolder.maxAtOnce { running.append(try Import(in: side.transfers)) }
        try running[0].append([1, 2, 3])
        let refused = await failure { try Import(in: side.transfers) }
        #expect(refused.code == .busy && refused.quota == "transfers")
        #expect(try side.scratch.names("transfers").isEmpty)
        running.removeLast()
        _ = try Import(in: side.transfers)
        try Data([1]).write(to: URL(fileURLWithPath: side.scratch.path + "/transfers/left"))
        _ = try TransferFolder(path: side.scratch.path + "/transfers", maxImportBytes: 1)
        #expect(try side.scratch.names("transfers").isEmpty)
    }

    @Test func entitiesOfNewerDaemonsAndAPackageThatIsGoneAreRefused() async throws {
        let source = try ArchiveSide()
        let newer = Row(
            kind: .app, id: Sample.id(9), parent: nil, key: "newer", apiVersion: 7, revision: 4,
            createdAt: Timestamp(nanoseconds: 1), updatedAt: Timestamp(nanoseconds: 2), body: [])
        try await source.test.change { (transaction) throws(Failure) in transaction.put(newer) }
        let target = try ArchiveSide()
        let refused = await failure { try await target.take(try await source.export()) }
        #expect(refused.code == .precondition && refused.message.contains("api_version 7"))

        let other = try ArchiveSide()
        let package = try await other.upload("x")
        try FileManager.default.removeItem(
            atPath: other.scratch.path + "/packages/\(package.digest.hex).tar")
        let gone = await failure { try await other.export() }
        #expect(gone.code == .internalError && gone.message.contains("is not in the data directory"))
    }
}

extension TestStore {
    fileprivate func furnishApps(_ count: Int) async throws(Failure) {
        try await change { (transaction) throws(Failure) in
            for number in 0..<count { _ = try transaction.createApp(CreateAppRequest(name: "app\(number)")) }
        }
    }
}

extension ArchiveSide {
    /// Exports after one app is gone.
    fileprivate func exportWithout(_ app: String) async throws -> [UInt8] {
        try await test.change { (transaction) throws(Failure) in
            _ = try transaction.deleteApp(DeleteAppRequest(app: app, force: true))
        }
        return try await export(calls: true)
    }
}
