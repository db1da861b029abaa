import Foundation
import Glibc
import Model
import Testing
import Wire

@testable import Store

/// Exports, imports and packages on file systems that are full or may not be written; only as root.
@Suite(.enabled(if: geteuid() == 0, "a file system can only be mounted by root"))
struct TransferDiskTests {
    private static let kib = 1024

    private func fill(_ path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        try #require(descriptor >= 0)
        let noise = [UInt8](repeating: 7, count: 4096)
        while write(descriptor, noise, noise.count) > 0 {}
        close(descriptor)
    }

    private func origin() -> Export.Origin {
        Export.Origin(daemon: "1.2.3", keyID: [1, 2, 3], now: Timestamp(nanoseconds: 0))
    }

    private func key() -> Import.Key { Import.Key(id: [1, 2, 3]) { (sealed, _) throws(Failure) in sealed.count } }

    private func receive(_ archive: [UInt8], in folder: TransferFolder) throws -> Import {
        let incoming = try Import(in: folder)
        for start in stride(from: 0, to: archive.count, by: 100_000) {
            try incoming.append(Array(archive[start..<min(start + 100_000, archive.count)]))
        }
        return incoming
    }

    /// Demo's app and function, and calls with logs of 20,000 bytes.
    private func source(calls: UInt64) async throws -> ArchiveSide {
        let side = try ArchiveSide()
        let package = try await side.upload(String(repeating: "noise \(calls) ", count: 20_000))
        let request = DeployRequest(
            app: "demo", function: "hello", spec: Sample.spec(), packageDigest: package.digest.description)
        try await side.test.change { (transaction) throws(Failure) in
            try transaction.createBuiltInRuntimes()
            _ = try transaction.deploy(request)
        }
        if calls > 0 {
            let log = String(repeating: "x", count: 20_000)
            try await side.test.store.driver.append((1...calls).map { Sample.call($0, log: log) })
        }
        return side
    }

    @Test func anExportThatDoesNotFitLeavesNothing() async throws {
        let side = try await source(calls: 40)
        try await withSmallDisk(kibibytes: 512) { scratch in
            let folder = try TransferFolder(path: scratch.path + "/transfers", maxImportBytes: 1 << 30)
            var specs: Set<Digest> = []
            let (calls, _) = try await side.test.store.archivedCalls(before: nil, specs: &specs)
            do {
                let export = try Export(side.test.store, side.packages, origin(), in: folder)
                let refusal = await failure { try export.append(calls) }
                #expect(refusal.code == .internalError && refusal.message.contains("the disk is full"), "\(refusal)")
            }
            // What it had written is free again, and so is its place.
            #expect(try scratch.names("transfers").isEmpty)
            try fill(scratch.path + "/filler")
            for _ in 0..<TransferFolder.maxAtOnce + 1 {
                let refusal = await failure {
                    try Export(side.test.store, side.packages, origin(), in: folder)
                }
                #expect(refusal.code == .internalError && refusal.message.contains("the disk is full"), "\(refusal)")
            }
            try remount(scratch)
            let export = try Export(side.test.store, side.packages, origin(), in: folder)
            try export.append(calls)
            var count = 0
            while let piece = try export.next() { count += piece.count }
            #expect(count > 40 * 20_000)
        }
    }

    @Test func anArchiveThatDoesNotFitIsRefused() async throws {
        let archive = try await source(calls: 60).export(calls: true)
        try await withSmallDisk(kibibytes: 600) { scratch in
            let folder = try TransferFolder(path: scratch.path + "/transfers", maxImportBytes: 1 << 30)
            let refusal = await failure { try receive(archive, in: folder) }
            #expect(refusal.code == .internalError && refusal.message.contains("the disk is full"), "\(refusal)")
            #expect(try scratch.names("transfers").isEmpty)
            // Room for the archive, but not for its calls beside it.
            try remount(scratch, kibibytes: archive.count / Self.kib + 300)
            do {
                let incoming = try receive(archive, in: folder)
                let second = await failure { try incoming.verify(TestStore.surroundings(), key()) }
                #expect(second.code == .internalError && second.message.contains("the disk is full"), "\(second)")
            }
            try remount(scratch)
            let incoming = try receive(archive, in: folder)
            #expect(try incoming.verify(TestStore.surroundings(), key()).callCount == 60)
        }
    }

    @Test func packagesOfAnImportThatDoNotFitLeaveNothing() async throws {
        let archive = try await source(calls: 0).export()
        let target = try ArchiveSide()
        for _ in 0..<50 { _ = target.test.context() }
        try await target.test.change { (transaction) throws(Failure) in try transaction.createBuiltInRuntimes() }
        let before = try target.test.rows()
        try await withSmallDisk(kibibytes: 400) { scratch in
            let packages = try PackageStore(path: scratch.path + "/packages")
            let sweeper = PackageSweeper(
                store: target.test.store, packages: packages, isUsed: { _ in false }, log: { Issue.record("\($0)") })
            let incoming = try receive(archive, in: target.transfers)
            let content = try incoming.verify(TestStore.surroundings(), key())
            let refusal = await failure { try incoming.storePackages(content, in: packages) }
            #expect(refusal.code == .internalError && refusal.message.contains("the disk is full"), "\(refusal)")
            incoming.releasePackages(in: packages)
            try sweeper.sweepAll()
            #expect(try scratch.names("packages/temporary").isEmpty && scratch.names("packages/archives").isEmpty)
            #expect(try !scratch.names("packages").contains { $0.hasSuffix(".tar") })
            #expect((try target.test.rows() == before) == true)
            // With room the same import goes on.
            try remount(scratch)
            try incoming.storePackages(content, in: packages)
            #expect(try await incoming.store(content, in: target.test.store, target.test.context()).packages == 1)
            incoming.releasePackages(in: packages)
            try sweeper.sweepAll()
            #expect(try scratch.names("packages").count { $0.hasSuffix(".tar") } == 1)
        }
    }

    /// The entities would fit, the records of calls do not.
    @Test func anImportIsWholeOrNothing() async throws {
        let side = try await source(calls: 60)
        let archive = try await side.export(calls: true)
        try await withSmallDisk(kibibytes: 700) { scratch in
            let test = try TestStore(.sqlite, path: scratch.path + "/fnrpc.db")
            for _ in 0..<50 { _ = test.context() }
            try await test.change { (transaction) throws(Failure) in
                try transaction.createBuiltInRuntimes()
                _ = try transaction.createApp(CreateAppRequest(name: "mine"))
            }
            let incoming = try receive(archive, in: side.transfers)
            let content = try incoming.verify(TestStore.surroundings(), key())
            let seen = try await Seen(test)
            let refusal = await failure { try await incoming.store(content, in: test.store, test.context()) }
            #expect(
                refusal.code == .internalError && refusal.message.contains("is full; nothing was stored"), "\(refusal)")
            #expect((try await Seen(test) == seen) == true)
            #expect(try await test.store.driver.callCount() == 0)
            // Reading and small changes go on.
            let app: App = try test.store.entity { (tables) throws(Failure) in try tables.named("mine", .app) }
            #expect(app.name.text == "mine")
            try remount(scratch)
            try await test.change { (transaction) throws(Failure) in
                try transaction.updateApp(UpdateAppRequest(app: "mine", labels: ["a": "b"]))
            }
            #expect(try await incoming.store(content, in: test.store, test.context()).calls == 60)
            let rows = try test.rows()
            try test.reopen()
            #expect((try test.rows() == rows) == true)
            #expect(try await test.store.driver.callCount() == 60)
            try test.store.close()
        }
    }

    /// What is there is read, run and downloaded; what would write says why it cannot.
    @Test func readOnlyPackagesAreStillRead() async throws {
        try await withSmallDisk(kibibytes: 8192) { scratch in
            let packages = try PackageStore(path: scratch.path + "/packages")
            let folder = try TransferFolder(path: scratch.path + "/transfers", maxImportBytes: 1 << 20)
            let test = try TestStore()
            let log = Lock<[String]>([])
            let sweeper = PackageSweeper(
                store: test.store, packages: packages, isUsed: { _ in false },
                log: { line in log.withLock { $0.append(line) } })
            test.store.observe { _ = sweeper.note($0) }
            func archive(_ number: UInt8) -> [UInt8] {
                var builder = TarBuilder()
                builder.add("lib/file", content: [UInt8](repeating: number, count: 3000))
                return builder.bytes
            }
            let made = try packages.add(archive(1))
            try await test.change { (transaction) throws(Failure) in _ = try transaction.addPackage(made) }
            packages.release(made.digest)
            let (upload, offset) = try packages.open(archive(2))
            _ = try packages.write(uploadID: upload, offset: offset, bytes: archive(2))

            try remount(scratch, readOnly: true)
            let tree = try #require(try packages.path(of: made.digest))
            #expect(FileManager.default.fileExists(atPath: tree + "/lib/file"))
            #expect(try packages.file(of: made.digest)?.read(at: 0, count: .max).isEmpty == false)
            #expect(try packages.add(archive(1)).digest == made.digest)
            packages.release(made.digest)
            for refusal in [
                await failure { try packages.open(archive(3)) },
                await failure { try packages.commit(uploadID: upload) },
                await failure { try Export(test.store, packages, origin(), in: folder) },
                await failure { try Import(in: folder) },
            ] {
                #expect(
                    refusal.code == .internalError && refusal.message.contains("Read-only file system"), "\(refusal)")
            }
            // What cannot be removed stays whole, and is tried again.
            try await test.change { (transaction) throws(Failure) in
                guard let row = transaction.tables.find(.package, in: nil, key: made.key) else { return }
                transaction.delete(row)
            }
            sweeper.sweep()
            #expect(sweeper.isPending && log.withLock { $0.count } == 1)
            #expect(log.withLock { $0.first?.contains("Read-only file system") } == true)
            #expect(try packages.path(of: made.digest) == tree)

            try remount(scratch)
            sweeper.sweep()
            #expect(try !sweeper.isPending && packages.path(of: made.digest) == nil)
            let second = try packages.commit(uploadID: upload)
            #expect(try packages.path(of: second.digest) != nil)
            packages.release(second.digest)
            #expect(try scratch.names("packages/temporary").isEmpty)
            let export = try Export(test.store, packages, origin(), in: folder)
            #expect(try export.next() != nil)
        }
    }
}
