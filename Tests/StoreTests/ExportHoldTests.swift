import Foundation
import Model
import Testing
import Wire

@testable import Store

/// Packages that lose their last user while an export that has them runs.
@Suite struct ExportHoldTests {
    private func sweeper(_ side: ArchiveSide) -> PackageSweeper {
        let sweeper = PackageSweeper(
            store: side.test.store, packages: side.packages, isUsed: { _ in false },
            log: { _ in })
        side.test.store.observe { _ = sweeper.note($0) }
        return sweeper
    }

    private func upload(_ side: ArchiveSide, _ text: String) async throws -> StoredPackage {
        var builder = TarBuilder()
        builder.add("func.py", content: Array(text.utf8))
        let package = try side.packages.add(builder.bytes)
        defer { side.packages.release(package.digest) }
        return try await side.test.change { (transaction) throws(Failure) in try transaction.addPackage(package) }
    }

    private func drop(_ package: StoredPackage, _ side: ArchiveSide) async throws {
        try await side.test.change { (transaction) throws(Failure) in
            guard let row = transaction.tables.find(.package, in: nil, key: package.key) else { return }
            transaction.delete(row)
        }
    }

    private func hasTar(_ package: StoredPackage, _ side: ArchiveSide) throws -> Bool {
        try side.scratch.names("packages").contains(package.digest.hex + ".tar")
    }

    private func begin(_ side: ArchiveSide) throws -> Export {
        let origin = Export.Origin(daemon: "1.2.3", keyID: side.keyID, now: Timestamp(nanoseconds: 0))
        return try Export(side.test.store, side.packages, origin, in: side.transfers)
    }

    /// Before the first piece, and between two.
    @Test(arguments: [(Backing.memory, 0), (.memory, 1), (.sqlite, 0), (.sqlite, 1)])
    func aSweepInTheMiddleTakesNothing(_ backing: Backing, _ pieces: Int) async throws {
        let side = try ArchiveSide(backing)
        let sweeper = sweeper(side)
        let (first, second) = (try await upload(side, "first"), try await upload(side, "second"))
        var export: Export? = try begin(side)
        var bytes: [UInt8] = []
        for _ in 0..<pieces { bytes += try export?.next() ?? [] }
        for package in [first, second] { try await drop(package, side) }
        sweeper.sweep()
        #expect(try sweeper.isPending && hasTar(first, side) && hasTar(second, side))
        while let piece = try export?.next() { bytes += piece }
        sweeper.sweep()
        #expect(try hasTar(first, side) && hasTar(second, side))
        let target = try ArchiveSide()
        #expect(try await target.take(bytes).packages == 2)
        // When it is over they go.
        export = nil
        sweeper.sweep()
        #expect(try !sweeper.isPending && !hasTar(first, side) && !hasTar(second, side))
    }

    /// An export that does not come about holds nothing.
    @Test func aRefusedExportHoldsNothing() async throws {
        let side = try ArchiveSide()
        let sweeper = sweeper(side)
        let (kept, lost) = (try await upload(side, "kept"), try await upload(side, "lost"))
        try FileManager.default.removeItem(atPath: side.scratch.path + "/packages/\(lost.digest.hex).tar")
        for _ in 0..<TransferFolder.maxAtOnce + 1 {
            let refusal = await failure { try begin(side) }
            #expect(refusal.code == .internalError && refusal.message.contains("\(lost.digest) is not in the data"))
        }
        try await drop(kept, side)
        try await drop(lost, side)
        sweeper.sweep()
        #expect(try !sweeper.isPending && !hasTar(kept, side))
    }

    /// Whatever goes between the look at the rows and the hold, the export is whole.
    @Test func exportsAndSweepsMeet() async throws {
        let side = try ArchiveSide()
        let sweeper = sweeper(side)
        let isOver = Lock(false)
        let sweeps = Thread { while !isOver.withLock({ $0 }) { sweeper.sweep() } }
        sweeps.start()
        defer { isOver.withLock { $0 = true } }
        for round in 0..<100 {
            let package = try await upload(side, "round \(round % 3)")
            let dropped = Task { try await drop(package, side) }
            let export = try begin(side)
            var count = 0
            while let piece = try export.next() { count += piece.count }
            #expect(count > 0)
            try await dropped.value
        }
    }
}
