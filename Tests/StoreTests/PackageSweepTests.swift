import Archive
import Foundation
import Model
import Store
import Testing

@Suite struct PackageSweepTests {
    private let scratch: Scratch
    private let clock = ManualClock(tick: 0)
    private let packages: PackageStore
    private let store: Store
    private let used = Lock<Set<Digest>>([])
    private let log = Lock<[String]>([])
    private let sweeper: PackageSweeper

    init() throws {
        scratch = try Scratch()
        packages = try PackageStore(path: scratch.path + "/packages", now: clock.now)
        store = try Store(MemoryDriver())
        let (used, log) = (used, log)
        let sweeper = PackageSweeper(
            store: store, packages: packages, isUsed: { digest in used.withLock { $0.contains(digest) } },
            log: { line in log.withLock { $0.append(line) } })
        store.observe { _ = sweeper.note($0) }
        self.sweeper = sweeper
    }

    private func archive(_ number: UInt8) -> [UInt8] {
        var builder = TarBuilder()
        builder.add("lib/file", content: [UInt8](repeating: number, count: 3000))
        return builder.bytes
    }

    /// A package with its row, as an upload leaves it.
    private func upload(_ number: UInt8) async throws -> StoredPackage {
        let package = try packages.add(archive(number))
        defer { packages.release(package.digest) }
        return try await store.change { (transaction) throws(Failure) in try transaction.addPackage(package) }
    }

    private func dropRow(_ digest: Digest) async throws {
        try await store.change { (transaction) throws(Failure) in
            guard let row = transaction.tables.find(.package, in: nil, key: digest.description) else {
                throw Failure(.notFound, "no row")
            }
            transaction.delete(row)
        }
    }

    /// Files and folders of a package, and the archives that became it.
    private func files(_ digest: Digest) throws -> [String] {
        let boot = try #require(try scratch.names("packages/trees").first)
        var found: [String] = []
        if try scratch.names("packages").contains(digest.hex + ".tar") { found.append("tar") }
        if try scratch.names("packages/trees/" + boot).contains(digest.hex) { found.append("tree") }
        for name in try scratch.names("packages/archives") {
            let text = try String(contentsOfFile: scratch.path + "/packages/archives/" + name, encoding: .utf8)
            if text.hasPrefix(digest.description) { found.append("archive") }
        }
        return found
    }

    private let all = ["tar", "tree", "archive", "archive"]

    @Test func filesGoWithTheirRow() async throws {
        let (gone, kept) = (try await upload(1), try await upload(2))
        #expect(try files(gone.digest) == all)
        sweeper.sweep()
        #expect(try files(gone.digest) == all)
        try await dropRow(gone.digest)
        #expect(sweeper.isPending)
        sweeper.sweep()
        #expect(!sweeper.isPending)
        #expect(try files(gone.digest) == [])
        #expect(try packages.path(of: gone.digest) == nil && packages.file(of: gone.digest) == nil)
        #expect(try scratch.names("packages/temporary") == [])
        #expect(try files(kept.digest) == all)
        // It can come back, and has to be sent for that.
        guard case .open = try packages.begin(archiveDigest: gone.digest, archiveBytes: gone.bytes) else {
            Issue.record("the archive is still known")
            return
        }
        #expect(try await upload(1).digest == gone.digest)
        #expect(try files(gone.digest) == all)
        #expect(log.withLock { $0 } == [])
    }

    @Test func onlyDeletedPackagesAreNoted() async throws {
        let package = try await upload(1)
        let row = try store.read { (tables) throws(Failure) in
            tables.find(.package, in: nil, key: package.digest.description)
        }
        let made = try #require(row)
        func change(_ old: Row?, _ new: Row?) -> Change { Change(old: old, new: new, name: "p", at: clock.now()) }
        #expect(!sweeper.note([change(nil, made), change(made, made)]))
        #expect(!sweeper.isPending)
        #expect(sweeper.note([change(made, nil)]))
        // Its row is there after all.
        sweeper.sweep()
        #expect(!sweeper.isPending)
        #expect(try files(package.digest) == all)
    }

    @Test func filesStayWhileAContainerHasThem() async throws {
        let package = try await upload(1)
        used.withLock { _ = $0.insert(package.digest) }
        try await dropRow(package.digest)
        for _ in 0..<2 {
            sweeper.sweep()
            #expect(sweeper.isPending)
            #expect(try files(package.digest) == all)
        }
        used.withLock { $0 = [] }
        sweeper.sweep()
        #expect(!sweeper.isPending)
        #expect(try files(package.digest) == [])
    }

    @Test func filesStayThatAreAboutToGetARow() async throws {
        let package = try await upload(1)
        // Somebody hears that nothing has to be sent, and then the row goes.
        let begin = try packages.begin(archiveDigest: package.digest, archiveBytes: package.bytes)
        guard case .stored(let held) = begin else {
            Issue.record("not stored: \(begin)")
            return
        }
        try await dropRow(package.digest)
        sweeper.sweep()
        #expect(try files(package.digest) == all)
        #expect(sweeper.isPending)
        _ = try await store.change { (transaction) throws(Failure) in try transaction.addPackage(held) }
        packages.release(held.digest)
        sweeper.sweep()
        #expect(!sweeper.isPending)
        #expect(try files(package.digest) == all)
    }

    @Test func aCommitHoldsItsPackageOnceForEachCaller() async throws {
        let first = try packages.add(archive(1))
        let second = try packages.add(archive(1))
        #expect(first.digest == second.digest)
        packages.release(first.digest)
        try sweeper.sweepAll()
        #expect(try files(first.digest) == all)
        // Neither got a row.
        packages.release(second.digest)
        sweeper.sweep()
        #expect(try files(first.digest) == [])
    }

    @Test func aStartRemovesWhatHasNoRow() async throws {
        let kept = try await upload(1)
        let boot = try #require(try scratch.names("packages/trees").first)
        // Crashes in the middle of a removal, and between the files and their row.
        let numbers: [UInt8] = [2, 3, 4]
        let lost = try numbers.map { number in
            let package = try packages.add(archive(number))
            packages.release(package.digest)
            return package.digest
        }
        let root = scratch.path + "/packages"
        try FileManager.default.removeItem(atPath: root + "/trees/\(boot)/\(lost[0].hex)")
        try FileManager.default.removeItem(atPath: root + "/\(lost[1].hex).tar")
        try Data([1]).write(to: URL(fileURLWithPath: root + "/notes.txt"))
        try sweeper.sweepAll()
        for digest in lost { #expect(try files(digest) == []) }
        #expect(try files(kept.digest) == all)
        #expect(try scratch.names("packages/temporary") == [])
        #expect(try scratch.names("packages").contains("notes.txt"))
        #expect(!sweeper.isPending)
    }

    @Test func anOpenFileIsReadToItsEnd() async throws {
        let package = try await upload(1)
        let file = try #require(try packages.file(of: package.digest))
        let stored = try Data(contentsOf: URL(fileURLWithPath: scratch.path + "/packages/\(package.digest.hex).tar"))
        #expect(file.bytes == package.bytes && file.digest == package.digest)
        let start = try file.read(at: 0, count: 1000)
        try await dropRow(package.digest)
        sweeper.sweep()
        #expect(try files(package.digest) == [])
        let rest = try file.read(at: 1000, count: .max)
        #expect((start + rest == Array(stored)) == true)
        #expect(try file.read(at: file.bytes - 1, count: 5) == [try #require(stored.last)])
        #expect(try file.read(at: file.bytes, count: 5) == [])
        #expect(try file.read(at: .max, count: 5) == [])
    }

    @Test func aFailedRemovalIsTriedAgain() async throws {
        let package = try await upload(1)
        let temporary = scratch.path + "/packages/temporary"
        try FileManager.default.removeItem(atPath: temporary)
        try await dropRow(package.digest)
        sweeper.sweep()
        #expect(sweeper.isPending)
        #expect(log.withLock { $0.count } == 1)
        #expect(try files(package.digest) == all)
        try FileManager.default.createDirectory(atPath: temporary, withIntermediateDirectories: false)
        sweeper.sweep()
        #expect(!sweeper.isPending)
        #expect(try files(package.digest) == [])
    }

    /// Uploads, deletions and sweeps of one package at once: who has a row has files.
    @Test func aRowNeverLosesItsFiles() async throws {
        let isOver = Lock(false)
        let sweeps = Thread { [sweeper] in
            while !isOver.withLock({ $0 }) { sweeper.sweep() }
        }
        sweeps.start()
        defer { isOver.withLock { $0 = true } }
        for round in 0..<150 {
            let package = try await upload(UInt8(round % 2))
            let tree = try #require(try packages.path(of: package.digest), "round \(round)")
            #expect(try packages.file(of: package.digest)?.bytes == package.bytes, "round \(round)")
            #expect(FileManager.default.fileExists(atPath: tree + "/lib/file"), "round \(round)")
            try await dropRow(package.digest)
        }
    }
}
