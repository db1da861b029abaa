import Model
import Testing
import Wire

@testable import Store

/// Packages that nothing uses: from the last time that somebody asked for one until it goes.
@Suite struct PackageGraceTests {
    private static let hour: Int64 = 3_600_000_000_000
    private static let start: Int64 = 1_700_000_000_000_000_000

    private func time(_ nanos: Int64) -> Timestamp { Timestamp(nanoseconds: Self.start + nanos) }

    private func change<R: Sendable>(
        _ test: TestStore, at nanos: Int64, _ operation: @escaping @Sendable (Transaction) throws(Failure) -> R
    ) async throws -> R {
        var context = test.context()
        context.now = time(nanos)
        return try await test.store.change(context, operation)
    }

    /// As Packages/Begin and Packages/Commit do it, at a time.
    private func ask(_ test: TestStore, _ number: Int, at nanos: Int64) async throws -> StoredPackage {
        var package = try Sample.package(number)
        (package.meta.createdAt, package.meta.updatedAt) = (time(nanos), time(nanos))
        return try await change(test, at: nanos) { [package] (tx) throws(Failure) in try tx.addPackage(package) }
    }

    private func row(_ test: TestStore, _ number: Int) throws -> Row? {
        let key = try Sample.digest(number).description
        return try test.store.read { $0.find(.package, in: nil, key: key) }
    }

    @Test(arguments: Backing.allCases) func anUploadStaysForTheGraceTime(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        _ = try await ask(test, 1, at: 0)
        try await change(test, at: Self.hour) { tx throws(Failure) in tx.dropUnusedPackages() }
        #expect(try row(test, 1) != nil)
        try await change(test, at: Self.hour + 1) { tx throws(Failure) in tx.dropUnusedPackages() }
        #expect(try row(test, 1) == nil)
    }

    @Test(arguments: Backing.allCases) func whoAsksAgainGetsTheWholeTime(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        let made = try await ask(test, 1, at: 0)
        let sequence = test.store.lastSequence
        let known = try await ask(test, 1, at: Self.hour)
        #expect(known.meta.id == made.meta.id && known.meta.createdAt == time(0) && known.meta.revision == 1)
        #expect(try row(test, 1)?.updatedAt == time(Self.hour) && known.meta.updatedAt == time(Self.hour))
        // A clock that was turned back takes nothing away, and nobody is told.
        #expect(try await ask(test, 1, at: 5).meta.updatedAt == time(Self.hour))
        #expect(test.store.lastSequence == sequence)
        if backing == .sqlite { try test.reopen() }
        try await change(test, at: 2 * Self.hour) { tx throws(Failure) in tx.dropUnusedPackages() }
        #expect(try row(test, 1) != nil)
        try await change(test, at: 2 * Self.hour + 1) { tx throws(Failure) in tx.dropUnusedPackages() }
        #expect(try row(test, 1) == nil)
    }

    /// Somebody hears that nothing has to be sent, then the last user goes, and then comes the deployment.
    @Test(arguments: Backing.allCases) func itsLastUserDoesNotTakeItAlong(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        try await test.furnish()
        _ = try await ask(test, 4, at: 0)
        let first = try Sample.deployment("demo", "first", package: 4)
        let second = try Sample.deployment("demo", "second", package: 4)
        _ = try await change(test, at: 1) { tx throws(Failure) in try tx.deploy(first) }
        _ = try await ask(test, 4, at: Self.hour)
        let delete = DeleteFunctionRequest(app: "demo", function: "first")
        _ = try await change(test, at: 2 * Self.hour) { tx throws(Failure) in try tx.deleteFunction(delete) }
        #expect(try row(test, 4) != nil)
        _ = try await change(test, at: 2 * Self.hour) { tx throws(Failure) in try tx.deploy(second) }
        // Who did not ask has no claim: with the last user it goes at once.
        let last = DeleteFunctionRequest(app: "demo", function: "second")
        _ = try await change(test, at: 2 * Self.hour + 1) { tx throws(Failure) in try tx.deleteFunction(last) }
        #expect(try row(test, 4) == nil)
    }

    @Test func theGraceTimeIsASetting() async throws {
        var surroundings = TestStore.surroundings()
        surroundings.packageGraceNanos = 0
        let test = try TestStore(surroundings: surroundings)
        _ = try await ask(test, 1, at: 0)
        try await change(test, at: 0) { tx throws(Failure) in tx.dropUnusedPackages() }
        #expect(try row(test, 1) != nil)
        try await change(test, at: 1) { tx throws(Failure) in tx.dropUnusedPackages() }
        #expect(try row(test, 1) == nil)
    }

    /// The sweeper counts by the clock of the packages, and takes files only with their row.
    @Test func theSweeperKeepsToIt() async throws {
        let scratch = try Scratch()
        let clock = ManualClock(tick: 0)
        let packages = try PackageStore(path: scratch.path + "/packages", now: clock.now)
        let store = try Store(MemoryDriver())
        let sweeper = PackageSweeper(store: store, packages: packages, isUsed: { _ in false }, log: { _ in })
        store.observe { _ = sweeper.note($0) }
        var builder = TarBuilder()
        builder.add("file", content: [1])
        let archive = builder.bytes
        func upload() async throws -> StoredPackage {
            let package = try packages.add(archive)
            defer { packages.release(package.digest) }
            return try await store.change { (transaction) throws(Failure) in try transaction.addPackage(package) }
        }
        let package = try await upload()
        clock.advance(seconds: 3600)
        #expect(try await upload().meta.id == package.meta.id)
        clock.advance(seconds: 3600)
        try await sweeper.dropUnused()
        sweeper.sweep()
        #expect(try packages.path(of: package.digest) != nil)
        clock.advance(seconds: 1)
        try await sweeper.dropUnused()
        #expect(sweeper.isPending)
        sweeper.sweep()
        #expect(try packages.path(of: package.digest) == nil)
    }
}
