import Foundation
import Model
import Testing
import Wire

@testable import Store

/// Archives whose sums are right and whose content is not: each is refused as the request would be that asked for it.
@Suite struct ImportRulesTests {
    /// A way to spoil a store.
    struct Mistake: CustomTestStringConvertible, Sendable {
        let testDescription: String
        /// How the refusal begins.
        let text: String
        let spoil: @Sendable (Transaction) throws(Failure) -> Void

        /// Stores another entity in the place of one, whatever the rules say.
        ///
        /// - Parameter needs: its references, from those that it has.
        init<E: Entity>(
            _ type: E.Type, _ text: String, needs: @escaping @Sendable ([Identifier]) -> [Identifier] = { $0 },
            where matches: @escaping @Sendable (E) -> Bool = { _ in true },
            _ change: @escaping @Sendable (inout E, Transaction) throws(Failure) -> Void
        ) {
            testDescription = text
            self.text = text
            spoil = { (transaction) throws(Failure) in
                let rows = transaction.tables.all.filter { $0.kind == E.kind }
                for row in rows.sorted(by: { transaction.tables.name(of: $0) < transaction.tables.name(of: $1) }) {
                    var entity: E = try transaction.entity(row)
                    guard matches(entity), (entity as? Runtime)?.isBuiltIn != true else { continue }
                    try change(&entity, transaction)
                    try transaction.update(row, to: entity, references: needs(row.references))
                    return
                }
                throw Failure(.internalError, "there is nothing to spoil")
            }
        }
    }

    private static let notes: [Mistake] = [
        Mistake(App.self, "app \"demo\": config: the key \"A=B\" must not contain =") { app, _ in
            app.config = ["A=B": "1"]
        },
        Mistake(App.self, "app \"demo\": annotations: the key \"\" needs 1 to") { app, _ in app.annotations = ["": "1"]
        },
        Mistake(App.self, "app \"demo\": syslog_url: \"ftp://x\" is not understood") { app, _ in
            app.syslogURL = "ftp://x"
        },
        Mistake(App.self, "app \"demo\": labels: the key \"a b\" needs 1 to") { app, _ in app.meta.labels = ["a b": "1"]
        },
        Mistake(App.self, "app \"demo\": extra: the value of \"k\" is not JSON") { app, _ in app.meta.extra = ["k": "{"]
        },
        Mistake(App.self, "app \"demo\": updated_at: ") { app, _ in app.meta.createdAt = Timestamp(nanoseconds: .max) },
        Mistake(App.self, "app \"demo\": references: ", needs: { _ in [Sample.id(1)] }) {
            (app, transaction) throws(Failure) in
            guard let package = transaction.tables.all.first(where: { $0.kind == .package }) else { return }
            // Its package under the id that the app says that it needs.
            let row = Row(
                kind: .token, id: Sample.id(1), parent: nil, key: "t", apiVersion: 1, revision: 1,
                createdAt: package.createdAt, updatedAt: package.createdAt, sealed: Sample.hash(1),
                body: Token(
                    meta: Meta(id: Sample.id(1), createdAt: package.createdAt), name: try Sample.name("t"),
                    scopes: [.read]
                ).encoded())
            transaction.put(row)
            app.config = ["N": "1"]
        },
        Mistake(Secret.self, "secret \"demo/key\": value_bytes: 7 is not the size of its value, 27") { secret, _ in
            secret.valueBytes = 7
        },
        Mistake(Secret.self, "secret \"demo/key\": description: 256 bytes are over the limit of 255") { secret, _ in
            secret.description = String(repeating: "x", count: 256)
        },
        Mistake(Token.self, "token \"ci\": scopes: 0 are out of range") { token, _ in token.scopes = [] },
        Mistake(StoredPackage.self, "version \"demo/hello@1\": package_bytes: ") { package, _ in package.bytes += 1 },
        Mistake(StoredPackage.self, "package sha256:") { package, _ in package.entries += 1 },
    ]

    private static let functions: [Mistake] = [
        Mistake(Function.self, "function \"demo/hello\": memory: 1 is out of range") { function, _ in
            function.spec.memoryMiB = 1
        },
        Mistake(Function.self, "function \"demo/hello\": references: ", needs: { Array($0.dropLast()) }) {
            function, _ in
            function.meta.labels = ["a": "b"]
        },
        Mistake(Function.self, "function \"demo/hello\": secret \"other\" was not found") { function, _ in
            function.spec.secrets = ["other"]
        },
        Mistake(Function.self, "function \"demo/hello\": package_digest: ") { function, _ in function.package = nil },
        Mistake(Function.self, "function \"demo/hello\": package sha256:000000000000000000000") {
            (function, _) throws(Failure) in
            function.package = try Sample.digest(9)
        },
        Mistake(Function.self, "function \"demo/hello\": latest_version: 9 is not the highest number") { function, _ in
            function.latestVersion = 9
        },
        Mistake(Function.self, "function \"demo/hello\": last_version_number: 0 is below version 1") { function, _ in
            function.lastVersionNumber = 0
        },
        Mistake(Function.self, "function \"demo/hello\": working_version: there is no version 5") { function, _ in
            function.workingVersion = 5
        },
        Mistake(Function.self, "function \"demo/hello\": runtime_root: \"folder:/\" is not the root") { function, _ in
            function.runtime.root = "folder:/"
        },
        Mistake(Function.self, "function \"demo/hello\": runtime_command: ") { function, _ in
            function.runtime.command = ["/bin/sh"]
        },
        Mistake(Function.self, "function \"demo/hello\": interpreter: 256 bytes") { function, _ in
            function.runtime.interpreter = String(repeating: "x", count: 256)
        },
        Mistake(Version.self, "version \"demo/hello@1\": description: 256 bytes") { version, _ in
            version.description = String(repeating: "x", count: 256)
        },
        Mistake(Version.self, "version \"demo/hello@1\": package_bytes: 5 is not the size") { version, _ in
            version.packageBytes = 5
        },
        Mistake(Version.self, "version \"demo/hello@1\": concurrency: 0 is out of range") { version, _ in
            version.spec.concurrency = 0
        },
        Mistake(Runtime.self, "runtime \"own\": pool_size: 1025 is out of range") { runtime, _ in
            runtime.poolSize = 1025
        },
        Mistake(Runtime.self, "runtime \"own\": command: 0 words are out of range") { runtime, _ in runtime.command = []
        },
        Mistake(Runtime.self, "runtime \"own\": root: \"x\" is no root") { runtime, _ in runtime.root = "x" },
        Mistake(Runtime.self, "runtime \"own\": built_in: true is wrong") { runtime, _ in runtime.isBuiltIn = true },
    ]

    private static let targets: [Mistake] = [
        Mistake(Alias.self, "alias \"demo/hello@live\": second_weight: 10001 is out of range") { alias, _ in
            alias.target.secondWeight = 10_001
        },
        Mistake(Alias.self, "alias \"demo/hello@latest\": name: \"latest\" always means") {
            (alias, _) throws(Failure) in
            alias.name = try Sample.name("latest")
        },
        Mistake(Alias.self, "alias \"demo/hello@7\": name: \"7\" reads as a version's number") {
            (alias, _) throws(Failure) in
            alias.name = try Sample.name("7")
        },
        Mistake(Alias.self, "alias \"demo/hello@live\": sticky_key: \"a b\" is no metadata key") { alias, _ in
            alias.stickyKey = "a b"
        },
        Mistake(Alias.self, "alias \"demo/hello@live\": history: 33 targets are over the limit of 32") { alias, _ in
            alias.history = Array(repeating: alias.target, count: 33)
        },
        Mistake(Alias.self, "alias \"demo/hello@live\": second_version: 1 is the first version already") { alias, _ in
            var target = alias.target
            target.secondVersion = 1
            alias.history = [target]
        },
        Mistake(Alias.self, "alias \"demo/hello@live\": version 3 of demo/hello was not found") { alias, _ in
            alias.target.version = 3
        },
        Mistake(Alias.self, "alias \"demo/hello@live\": references: ", needs: { _ in [] }) { alias, _ in
            alias.description = "x"
        },
        Mistake(Trigger.self, "trigger \"demo/t\": source: \"/a b\" has a character", where: { $0.name.text == "t" }) {
            trigger, _ in trigger.source = "/a b"
        },
        Mistake(Trigger.self, "trigger \"demo/t\": alias_id: a version, an alias", where: { $0.name.text == "t" }) {
            trigger, _ in trigger.version = 1
        },
        Mistake(Trigger.self, "trigger \"demo/t\": references: ", where: { $0.name.text == "t" }) { trigger, _ in
            (trigger.aliasID, trigger.isLatest) = (nil, true)
        },
        Mistake(Trigger.self, "trigger \"demo/t\": alias_id: ", where: { $0.name.text == "t" }) { trigger, _ in
            trigger.aliasID = trigger.functionID
        },
        Mistake(Trigger.self, "trigger \"demo/t\": function_id: ", where: { $0.name.text == "t" }) {
            (trigger, transaction) throws(Failure) in
            let routed = try transaction.tables.named("routed", .app)
            guard let other = transaction.tables.children(.function, of: routed.id).first else { return }
            trigger.functionID = other.id
        },
    ]

    /// One of everything.
    private func furnished() async throws -> ArchiveSide {
        let side = try ArchiveSide()
        let package = try await side.upload("def main(): pass")
        var spec = Sample.spec()
        spec.services = ["pkg.A"]
        spec.secrets = ["key"]
        let request = DeployRequest(
            app: "demo", function: "hello", spec: spec, packageDigest: package.digest.description)
        try await side.test.change { (transaction) throws(Failure) in
            try transaction.createBuiltInRuntimes()
            _ = try transaction.createApp(CreateAppRequest(name: "demo"))
            _ = try transaction.createSecret(
                CreateSecretRequest(app: "demo", name: "key", value: [UInt8](repeating: 1, count: 27)))
            _ = try transaction.createRuntime(CreateRuntimeRequest(name: "own", command: ["/bin/x", "{entry}"]))
            _ = try transaction.deploy(request)
            _ = try transaction.createAlias(
                CreateAliasRequest(app: "demo", function: "hello", name: "live", version: 1))
            _ = try transaction.createTrigger(
                CreateTriggerRequest(app: "demo", name: "t", source: "/x/:id", function: "hello", alias: "live"))
            _ = try transaction.createRoute(CreateRouteRequest(app: "routed", path: "/a/*", image: "img:1"))
            _ = try transaction.createToken(
                name: try Sample.name("ci"), scopes: [.read], expiresAt: nil, hash: Sample.hash(1))
        }
        try await side.test.store.driver.append((1...20).map { Sample.call($0) })
        return side
    }

    private func fresh() async throws -> ArchiveSide {
        let side = try ArchiveSide()
        for _ in 0..<50 { _ = side.test.context() }
        try await side.test.change { (transaction) throws(Failure) in try transaction.createBuiltInRuntimes() }
        return side
    }

    /// How an archive is refused; nothing of it may be there then.
    private func refusal(_ archive: [UInt8], sourceLocation: SourceLocation = #_sourceLocation) async throws -> Failure
    {
        let target = try await fresh()
        let before = try target.test.rows()
        let refusal = await failure(sourceLocation: sourceLocation) { try await target.take(archive) }
        #expect((try target.test.rows() == before) == true, sourceLocation: sourceLocation)
        #expect(try await target.test.store.driver.callCount() == 0, sourceLocation: sourceLocation)
        return refusal
    }

    @Test(arguments: notes + functions + targets) func whatNoRequestCouldMakeIsRefused(mistake: Mistake) async throws {
        let source = try await furnished()
        try await source.test.change(mistake.spoil)
        let refusal = try await refusal(try await source.export(calls: true))
        #expect(refusal.code == .invalid, "\(refusal)")
        #expect(refusal.message.hasPrefix(mistake.text), "\(refusal)")
    }

    /// The furniture itself is good, so each refusal above is about its mistake.
    @Test(arguments: Backing.allCases) func whatIsRightIsTaken(_ backing: Backing) async throws {
        let source = try await furnished()
        let target = try ArchiveSide(backing)
        for _ in 0..<50 { _ = target.test.context() }
        try await target.test.change { (transaction) throws(Failure) in try transaction.createBuiltInRuntimes() }
        #expect(try await target.take(try await source.export(calls: true)).calls == 20)
    }

    /// What no Swift value can say, by its bytes.
    @Test(arguments: [
        (EntityKind.app, "demo", "de o", "app \"de o\": the stored app "),
        (.secret, "key", "k/y", "secret \"demo/k/y\""),
        (.token, "ci", "c\u{7F}", "token "),
    ])
    func badNamesAreRefused(kind: EntityKind, name: String, bad: String, text: String) async throws {
        let source = try await furnished()
        let row = try #require(try source.test.rows().first { $0.kind == kind && $0.key == name })
        var body = row.body
        let fields = [2, 3].compactMap { body.firstRange(of: NextDialect.field($0, name)) }
        let place = try #require(fields.first)
        body.replaceSubrange(place.upperBound - name.utf8.count..<place.upperBound, with: Array(bad.utf8))
        let spoiled = Row(
            kind: row.kind, id: row.id, parent: row.parent, key: bad, apiVersion: row.apiVersion,
            revision: row.revision, createdAt: row.createdAt, updatedAt: row.updatedAt, references: row.references,
            sealed: row.sealed, body: body)
        try await source.test.change { (transaction) throws(Failure) in transaction.put(spoiled) }
        let refusal = try await refusal(try await source.export())
        #expect(refusal.code == .invalid && refusal.message.hasPrefix(text), "\(refusal)")
        #expect(refusal.message.contains("name: "), "\(refusal)")
    }

    /// Names and paths that two entities of the archive have.
    @Test func whatIsThereTwiceIsRefused() async throws {
        let source = try await furnished()
        try await source.test.change { (transaction) throws(Failure) in
            _ = try transaction.createApp(CreateAppRequest(name: "twin"))
            let row = try transaction.tables.named("twin", .app)
            var app: App = try transaction.entity(row)
            app.name = try Sample.name("demo")
            try transaction.update(row, to: app)
        }
        let refusal = try await refusal(try await source.export())
        #expect(refusal.code == .invalid && refusal.message.hasSuffix("name: \"demo\" is in the archive twice"))
    }

    /// A later release of the same api_version: some of it would be lost.
    @Test func fieldsThatThisDaemonDoesNotKnowAreRefused() async throws {
        let source = try await furnished()
        let row = try #require(try source.test.rows().first { $0.kind == .app && $0.key == "demo" })
        let newer = Row(
            kind: row.kind, id: row.id, parent: row.parent, key: row.key, apiVersion: row.apiVersion,
            revision: row.revision, createdAt: row.createdAt, updatedAt: row.updatedAt,
            body: row.body + NextDialect.field(99, "new"))
        try await source.test.change { (transaction) throws(Failure) in transaction.put(newer) }
        let refusal = try await refusal(try await source.export())
        #expect(
            refusal.code == .precondition && refusal.message.hasPrefix("app \"demo\": app demo was stored by a newer"))
    }

    @Test func aFunctionsVersionsAreLimited() async throws {
        let source = try await furnished()
        for number in 2...4 {
            try await source.test.change { (transaction) throws(Failure) in
                _ = try transaction.publishVersion(
                    PublishVersionRequest(app: "demo", function: "hello", description: "\(number)"))
            }
        }
        let archive = try await source.export()
        for limit in [3, 4] {
            let target = try ArchiveSide()
            let incoming = try Import(in: target.transfers)
            for start in stride(from: 0, to: archive.count, by: 100_000) {
                try incoming.append(Array(archive[start..<min(start + 100_000, archive.count)]))
            }
            var surroundings = TestStore.surroundings()
            surroundings.maxVersions = limit
            let key = Import.Key(id: target.keyID) { (sealed, _) throws(Failure) in sealed.count }
            if limit == 4 {
                _ = try incoming.verify(surroundings, key)
            } else {
                let refusal = await failure { try incoming.verify(surroundings, key) }
                #expect(refusal.code == .busy && refusal.quota == "max-versions", "\(refusal)")
                #expect(refusal.message.hasPrefix("function \"demo/hello\": "))
            }
        }
    }

    /// The policy for `extra` is one of the rules; the daemon's own keys are not its matter.
    @Test func theExtraPolicyHoldsForArchives() async throws {
        let source = try await furnished()
        try await source.test.change { (transaction) throws(Failure) in
            let row = try transaction.tables.named("demo", .app)
            var app: App = try transaction.entity(row)
            app.meta.extra = [Extra.reservedPrefix + "3.x": "1", "own": "1"]
            try transaction.update(row, to: app)
        }
        let archive = try await source.export()
        #expect(try await (try await fresh()).take(archive).entities > 0)
        let target = try ArchiveSide()
        let incoming = try Import(in: target.transfers)
        try incoming.append(archive)
        var surroundings = TestStore.surroundings()
        surroundings.extraPolicy = .namespaced
        let key = Import.Key(id: target.keyID) { (sealed, _) throws(Failure) in sealed.count }
        let refusal = await failure { [surroundings] in try incoming.verify(surroundings, key) }
        #expect(
            refusal.code == .invalid && refusal.message.hasPrefix("app \"demo\": extra: the key \"own\" needs a domain")
        )
        #expect(refusal.further.isEmpty)
    }

    // MARK: - Calls

    private func archive(_ calls: [CallRecord]) async throws -> [UInt8] {
        try await archive(calls.map { ArchivedCall(call: $0) })
    }

    private func archive(_ calls: [ArchivedCall]) async throws -> [UInt8] {
        try await furnished().archive(calls)
    }

    @Test func badRecordsOfCallsAreRefused() async throws {
        let twice = try await refusal(try await archive([1, 2, 3, 2].map { Sample.call($0) }))
        #expect(twice.code == .invalid && twice.message == "call \(Sample.id(2)): id: it is in the archive twice")
        var call = Sample.call(1)
        call.appName = "a b"
        call.traceID = "xyz"
        let refusal = try await refusal(try await archive([Sample.call(2), call]))
        #expect(refusal.code == .invalid && refusal.message.hasPrefix("call \(Sample.id(1)): app_name: \"a b\""))
        #expect(refusal.further == ["call \(Sample.id(1)): trace_id: \"xyz\" is no trace of 32 hexadecimal digits"])
    }

    /// Entities and records come together or not at all, so tokens are never there without anybody knowing them.
    @Test(arguments: Backing.allCases) func oneRecordThatIsThereKeepsEverythingOut(_ backing: Backing) async throws {
        let bytes = try await archive((1...900).map { Sample.call($0) })
        let target = try ArchiveSide(backing)
        for _ in 0..<50 { _ = target.test.context() }
        try await target.test.change { (transaction) throws(Failure) in try transaction.createBuiltInRuntimes() }
        try await target.test.store.driver.append([Sample.call(880)])
        let seen = try await Seen(target.test)
        let refusal = await failure { try await target.take(bytes) }
        #expect(refusal.code == .exists, "\(refusal)")
        #expect(refusal.message == "call \(Sample.id(880)) is recorded already; nothing was imported")
        #expect((try await Seen(target.test) == seen) == true)
        #expect(try await target.test.store.driver.callCount() == 1)
        #expect(try target.test.store.allTokens().isEmpty)
        // The writer goes on, and without that record all of it is taken.
        try await target.test.store.driver.pruneCalls(CallRetention(calls: 0), now: .now())
        let again = try await target.take(bytes)
        #expect(again.calls == 900 && again.entities > 0)
        #expect(try await target.test.store.driver.callCount() == 900)
        #expect(try target.test.store.allTokens().map(\.name.text) == ["ci"])
    }
}
