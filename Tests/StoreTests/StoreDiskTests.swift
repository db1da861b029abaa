import Foundation
import Glibc
import Model
import Testing
import Wire

@testable import Store

/// On real file systems, so only as root.
@Suite(.enabled(if: geteuid() == 0, "a file system can only be mounted by root"))
struct StoreDiskTests {
    private func add(_ number: Int, to test: TestStore) async throws(Failure) {
        let value = [UInt8](repeating: UInt8(number % 256), count: 20_000)
        try await test.change { tx throws(Failure) in
            _ = try tx.createSecret(CreateSecretRequest(app: "demo", name: "s\(number)", value: value))
        }
    }

    @Test func aFullDiskRefusesChangesAndNothingElse() async throws {
        try await withSmallDisk(kibibytes: 700) { scratch in
            let test = try TestStore(.sqlite, path: scratch.path + "/fnrpc.db")
            try await test.furnish()
            var refusal: Failure?
            var stored = 0
            while refusal == nil && stored < 1000 {
                do throws(Failure) {
                    try await add(stored, to: test)
                    stored += 1
                } catch {
                    refusal = error
                }
            }
            #expect(
                refusal?.code == .internalError && refusal?.message.contains("is full; nothing was stored") == true,
                "\(String(describing: refusal))")
            #expect(stored > 0 && stored < 100)
            let (before, sequence) = (try test.rows(), test.store.lastSequence)
            #expect(before.count { $0.kind == .secret } == stored)
            for number in 1000..<1010 {
                #expect(await failure { try await add(number, to: test) }.code == .internalError)
            }
            // Reading goes on, also from the disk.
            #expect((try test.rows() == before) == true && test.store.lastSequence == sequence)
            #expect(try await test.store.driver.events(after: 0, limit: 1000).last?.sequence == sequence)
            #expect(try await test.store.driver.callCount() == 0)
            try remount(scratch)
            try await add(stored, to: test)
            #expect(test.store.lastSequence == sequence + 1)
            let after = try test.rows()
            try test.reopen()
            #expect((try test.rows() == after) == true && after.count == before.count + 1)
            #expect(try Python.sql(test.path, "PRAGMA integrity_check") == "ok")
        }
    }

    @Test func recordsOfCallsThatDoNotFitAreRefusedTogether() async throws {
        try await withSmallDisk(kibibytes: 700) { scratch in
            let driver = try SQLiteDriver(path: scratch.path + "/fnrpc.db")
            let log = String(repeating: "x", count: 20_000)
            var stored = 0
            var refusal: Failure?
            while refusal == nil && stored < 1000 {
                let start = UInt64(stored) + 1
                do throws(Failure) {
                    try await driver.append((start..<start + 4).map { Sample.call($0, log: log) })
                    stored += 4
                } catch {
                    refusal = error
                }
            }
            #expect(refusal?.code == .internalError && refusal?.message.contains("is full") == true)
            #expect(stored > 0 && stored < 100)
            #expect(try await driver.callCount() == stored)
            try remount(scratch)
            try await driver.append([Sample.call(5000, log: log)])
            #expect(try await driver.callCount() == stored + 1)
            try driver.close()
        }
    }

    /// A file system that may not be written: said so, and as it was before when it may be again.
    @Test func aReadOnlyFileSystemIsNamed() async throws {
        try await withSmallDisk(kibibytes: 4000) { scratch in
            let path = scratch.path + "/fnrpc.db"
            let first = try TestStore(.sqlite, path: path)
            try await first.furnish()
            let rows = try first.rows()
            try first.store.close()
            try remount(scratch, readOnly: true)
            let refusal = #expect(throws: Failure.self) { _ = try TestStore(.sqlite, path: path) }
            #expect(
                refusal?.code == .internalError && refusal?.message.contains("read-only") == true,
                "\(String(describing: refusal))")
            try remount(scratch)
            let second = try TestStore(.sqlite, path: path)
            #expect((try second.rows() == rows) == true)
            try await second.deploy()
            try second.store.close()
        }
    }

    /// A damaged file system stops under a store that runs: SQLite calls that an I/O error.
    @Test(.enabled(if: access("/usr/sbin/mkfs.ext4", X_OK) == 0, "ext4 cannot be made here"))
    func aFileSystemThatStopsIsNamed() async throws {
        let scratch = try Scratch()
        let script = """
            import subprocess, sys
            image, folder = sys.argv[1:]
            open(image, "wb").truncate(8 << 20)
            subprocess.run(["/usr/sbin/mkfs.ext4", "-q", image], check=True)
            subprocess.run(["mkdir", folder], check=True)
            subprocess.run(["mount", "-o", "loop", image, folder], check=True)
            """
        let folder = scratch.path + "/disk"
        _ = try Python.run(script, [scratch.path + "/image", folder])
        defer { umount2(folder, Int32(MNT_DETACH)) }
        let test = try TestStore(.sqlite, path: folder + "/fnrpc.db")
        try await test.furnish()
        let (rows, sequence) = (try test.rows(), test.store.lastSequence)
        let stop = "import subprocess, sys; subprocess.run(['mount', '-o', 'remount,abort', sys.argv[1]], check=True)"
        _ = try Python.run(stop, [folder])
        let refusal = await failure { try await add(1, to: test) }
        #expect(
            refusal.code == .internalError && refusal.message.contains("has become read-only; nothing was stored"),
            "\(refusal)")
        // Reading goes on.
        #expect((try test.rows() == rows) == true && test.store.lastSequence == sequence)
        let call = await failure { try await test.store.driver.append([Sample.call(1, log: "")]) }
        #expect(call.message.contains("has become read-only"), "\(call)")
        try? test.store.close()
    }
}
