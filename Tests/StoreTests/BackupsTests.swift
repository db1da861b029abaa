import Foundation
import Model
import Store
import Synchronization
import Testing

@Suite struct BackupsTests {
    @Test func aRunningStoreIsCopiedWhole() async throws {
        let scratch = try Scratch()
        let directory = try DataDirectory.lock(scratch.path + "/data")
        let test = try TestStore(.sqlite, path: directory.databasePath)
        try await test.furnish()
        try await test.deploy()
        let driver = test.store.driver
        try await driver.append((1...500).map { Sample.call($0, log: "log \($0)") })
        let rows = try test.rows()
        let backup = try Backups(of: directory).backup()
        // What comes later is not in it.
        try await driver.append([Sample.call(501)])
        try await test.deploy()

        let path = directory.backupsPath + "/" + backup.name
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect(attributes[.posixPermissions] as? Int == 0o600 && attributes[.size] as? UInt64 == backup.bytes)
        let folder = try FileManager.default.attributesOfItem(atPath: directory.backupsPath)
        #expect(folder[.posixPermissions] as? Int == 0o700)
        let script = "import hashlib, sys; print(hashlib.sha256(open(sys.argv[1], 'rb').read()).hexdigest(), end='')"
        #expect(try Python.run(script, [path]) == backup.sha256.hex)
        #expect(try scratch.names("data/backups") == [backup.name])

        let restored = try Scratch()
        try FileManager.default.copyItem(atPath: path, toPath: restored.path + "/fnrpc.db")
        let second = try TestStore(.sqlite, path: restored.path + "/fnrpc.db")
        #expect((try second.rows() == rows) == true)
        let copy = second.store.driver
        #expect(try await copy.callCount() == 500)
        #expect(copy.instanceID == driver.instanceID)
        #expect(try await copy.callContents(Sample.id(77))?.log == Array("log 77".utf8))
    }

    /// While calls are written all the time, every copy is a state that was.
    @Test func aCopyIsOneMoment() async throws {
        let scratch = try Scratch()
        let directory = try DataDirectory.lock(scratch.path)
        let driver = try SQLiteDriver(path: directory.databasePath)
        let isDone = Atomic(false)
        let writer = Task {
            var number: UInt64 = 0
            while !isDone.load(ordering: .relaxed) {
                // Tens at a time: no copy has a part of them.
                try await driver.append((1...10).map { Sample.call(number + $0, log: "x") })
                number += 10
            }
        }
        defer { isDone.store(true, ordering: .relaxed) }
        for _ in 0..<5 {
            let path = directory.backupsPath + "/" + (try Backups(of: directory).backup().name)
            let sums = try Python.sql(path, "SELECT count(*) % 10, ifnull(max(created_at) % 10, 0) FROM calls")
            #expect(sums == "0|0")
            #expect(try Python.sql(path, "PRAGMA integrity_check") == "ok")
            #expect(try Python.sql(path, "PRAGMA foreign_key_check") == "")
        }
        isDone.store(true, ordering: .relaxed)
        try await writer.value
        try driver.close()
    }

    @Test func theNewestStay() throws {
        let scratch = try Scratch()
        let directory = try DataDirectory.lock(scratch.path)
        try SQLiteDriver(path: directory.databasePath).close()
        let backups = Backups(of: directory, now: ManualClock().now)
        var names = [try backups.backup().name]
        #expect(names == ["fnrpc-20231114T221320.001Z.db"])
        try Data().write(to: URL(fileURLWithPath: directory.backupsPath + "/fnrpc-before-the-move.db"))
        for _ in 0..<Backups.kept + 1 { names.append(try backups.backup().name) }
        #expect(Backups.kept == 10)
        #expect(try scratch.names("backups") == names.suffix(10) + ["fnrpc-before-the-move.db"])
    }

    @Test func oneAtATime() throws {
        let scratch = try Scratch()
        let directory = try DataDirectory.lock(scratch.path)
        try SQLiteDriver(path: directory.databasePath).close()
        // The clock is read while a backup is made.
        let inner = Mutex<(backups: Backups?, refusal: Failure?)>((nil, nil))
        let backups = Backups(of: directory) {
            let backups = inner.withLock { $0.backups }
            do throws(Failure) { _ = try backups?.backup() } catch { inner.withLock { $0.refusal = error } }
            return .now()
        }
        inner.withLock { $0.backups = backups }
        _ = try backups.backup()
        #expect(inner.withLock { $0.refusal }?.code == .busy)
        inner.withLock { $0 = (nil, nil) }
        _ = try backups.backup()
        #expect(try scratch.names("backups").count == 2)
    }

    @Test func withoutADatabaseNothingIsMade() throws {
        let scratch = try Scratch()
        let directory = try DataDirectory.lock(scratch.path)
        let refusal = #expect(throws: Failure.self) { try Backups(of: directory).backup() }
        #expect(refusal?.message.contains("the database cannot be opened") == true)
        #expect(try scratch.names("backups").isEmpty && !scratch.names("").contains("fnrpc.db"))
    }

    @Test(.enabled(if: geteuid() == 0, "a file system can only be mounted by root"))
    func aFullDiskLeavesTheOlderOnes() async throws {
        try await withSmallDisk(kibibytes: 1400) { scratch in
            let directory = try DataDirectory.lock(scratch.path + "/data")
            let driver = try SQLiteDriver(path: directory.databasePath)
            let backups = Backups(of: directory)
            let first = try backups.backup()
            let log = String(repeating: "x", count: 100_000)
            try await driver.append((1...4).map { Sample.call($0, log: log) })
            let refusal = #expect(throws: Failure.self) {
                for _ in 0..<3 { _ = try backups.backup() }
            }
            #expect(refusal?.message.hasPrefix("the database cannot be backed up: ") == true)
            #expect(refusal?.message.contains("disk") == true && refusal?.message.contains("full") == true)
            let left = try scratch.names("data/backups")
            #expect(left.first == first.name && left.allSatisfy { !$0.contains("partial") })
            for name in left {
                #expect(try Python.sql(directory.backupsPath + "/" + name, "PRAGMA integrity_check") == "ok")
            }
            try remount(scratch)
            _ = try backups.backup()
            #expect(try await driver.callCount() == 4)
            try driver.close()
        }
    }
}
