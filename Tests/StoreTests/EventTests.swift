import Foundation
import Model
import Testing
import Wire

@testable import Store

@Suite struct EventTests {
    private func createApp(_ test: TestStore, _ name: String) async throws(Failure) {
        try await test.change { tx throws(Failure) in _ = try tx.createApp(CreateAppRequest(name: name)) }
    }

    @Test(arguments: Backing.allCases)
    func everyChangeIsToldOnce(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        try await test.furnish()
        let start = test.store.lastSequence
        // Runtimes and the app; packages are nobody's business.
        #expect(start == 4)
        let made = try await test.deploy()
        _ = try await test.change(apiVersion: 2) { tx throws(Failure) in
            try tx.updateApp(UpdateAppRequest(app: "demo", labels: ["a": "b"]))
        }
        // Nothing to do is no change.
        _ = try await test.change { tx throws(Failure) in
            try tx.updateApp(UpdateAppRequest(app: "demo", labels: ["a": "b"]))
        }
        _ = await failure { try await createApp(test, "demo") }
        _ = try await test.store.preview(test.context()) { tx throws(Failure) in
            try tx.deleteApp(DeleteAppRequest(app: "demo", force: true))
        }
        _ = try await test.change { tx throws(Failure) in
            try tx.deleteVersion(DeleteVersionRequest(app: "demo", function: "hello", number: 1))
        }
        let events = try await test.store.driver.events(after: start, limit: 100)
        let texts = events.map {
            "\($0.sequence - start) \($0.action) \($0.kind) \($0.name) \($0.revision) \($0.apiVersion)"
        }
        #expect(
            texts == [
                "1 create function demo/hello 1 1", "2 create version demo/hello@1 1 1",
                "3 update function demo/hello 2 1", "4 update app demo 2 2", "5 delete version demo/hello@1 1 1",
                "6 update function demo/hello 3 1",
            ])
        #expect(events[0].id == made.function.meta.id && events[1].id == made.version.meta.id)
        #expect(
            events.allSatisfy { $0.at >= made.version.meta.createdAt } && events[0].at == made.version.meta.createdAt)
    }

    @Test(arguments: Backing.allCases)
    func theSequenceGoesOn(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        for number in 1...10 { try await createApp(test, "app\(number)") }
        #expect(try await test.store.nextEvents(after: 3, limit: 4).map(\.sequence) == [4, 5, 6, 7])
        try await test.store.driver.pruneEvents(keep: 3)
        #expect(try await test.store.driver.events(after: 0, limit: 100).map(\.sequence) == [8, 9, 10])
        try await test.store.driver.pruneEvents(keep: 0)
        #expect(try await test.store.driver.events(after: 0, limit: 100).isEmpty)
        try test.reopen()
        #expect(test.store.lastSequence == 10)
        try await createApp(test, "later")
        let events = try await test.store.nextEvents(after: 10, limit: 100)
        #expect(events.map(\.sequence) == [11] && events.map(\.name) == ["later"])
        // Nobody who is far behind is told a wrong number.
        #expect(try await test.store.nextEvents(after: 0, limit: 100).map(\.sequence) == [11])
    }

    /// A daemon that is started again leaves numbers out, and nobody who follows misses anything.
    @Test(arguments: Backing.allCases)
    func numbersMayBeLeftOut(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        for number in 1...3 { try await createApp(test, "a\(number)") }
        try test.reopen(firstSequence: 1000)
        #expect(test.store.lastSequence == 3)
        for number in 4...5 { try await createApp(test, "a\(number)") }
        try test.reopen(firstSequence: 2000)
        try await createApp(test, "a6")
        let all: [UInt64] = [1, 2, 3, 1000, 1001, 2000]
        for (index, sequence) in ([0] + all).dropLast().enumerated() {
            let events = try await test.store.nextEvents(after: sequence, limit: 100)
            #expect(events.map(\.sequence) == Array(all[index...]), "after \(sequence)")
        }
        // The newest stay, however their numbers are.
        try await test.store.driver.pruneEvents(keep: 4)
        #expect(try await test.store.driver.events(after: 0, limit: 100).map(\.sequence) == [3, 1000, 1001, 2000])
        #expect(try await test.store.nextEvents(after: 2, limit: 1).map(\.sequence) == [3])
        let lost = await failure { try await test.store.nextEvents(after: 1, limit: 1) }
        #expect(lost.code == .precondition && lost.message.contains("follow from 2000"), "\(lost)")
    }

    /// What was seen of a database that gave way to a copy is not gone on from, and its numbers come never again.
    @Test func aCopyThatIsPutBackUsesNoNumberAgain() async throws {
        let scratch = try Scratch()
        let copy = scratch.path + "/copy.db"
        let test = try TestStore(.sqlite, path: scratch.path + "/fnrpc.db")
        for number in 1...3 { try await createApp(test, "a\(number)") }
        try test.store.close()
        for suffix in ["", "-wal"] where FileManager.default.fileExists(atPath: test.path + suffix) {
            try FileManager.default.copyItem(atPath: test.path + suffix, toPath: copy + suffix)
        }
        try test.reopen(firstSequence: 1000)
        for name in ["lost", "lost-too"] { try await createApp(test, name) }
        #expect(test.store.lastSequence == 1001)
        let restored = try TestStore(.sqlite, path: copy)
        try restored.reopen(firstSequence: 2000)
        try await createApp(restored, "later")
        for seen in [1000, 1001] as [UInt64] {
            let lost = await failure { try await restored.store.nextEvents(after: seen, limit: 9) }
            #expect(lost.code == .precondition, "\(lost)")
        }
        #expect(try await restored.store.nextEvents(after: 3, limit: 9).map(\.sequence) == [2000])
    }

    /// Events that a migration of the schema took, and none since.
    @Test func eventsThatAreGoneAreMissed() async throws {
        let test = try TestStore(.sqlite)
        for number in 1...5 { try await createApp(test, "a\(number)") }
        try await test.store.driver.pruneEvents(keep: 0)
        try test.reopen(firstSequence: 1000)
        #expect(try await !test.store.hasEvents())
        let lost = await failure { try await test.store.nextEvents(after: 3, limit: 9) }
        #expect(lost.code == .precondition && lost.message.contains("follow from 5"), "\(lost)")
        try await createApp(test, "later")
        #expect(try await test.store.nextEvents(after: 5, limit: 9).map(\.sequence) == [1000])
        let again = await failure { try await test.store.nextEvents(after: 4, limit: 9) }
        #expect(again.code == .precondition)
    }

    @Test(arguments: Backing.allCases)
    func followersWaitAndAreWoken(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        let store = test.store
        let followers = (0..<10).map { _ in Task { try await store.nextEvents(after: 0, limit: 10) } }
        let later = Task { try await store.nextEvents(after: 1, limit: 10) }
        let cancelled = Task { try await store.nextEvents(after: 0, limit: 10) }
        cancelled.cancel()
        #expect(try await cancelled.value.isEmpty)
        try await createApp(test, "a")
        for follower in followers { #expect(try await follower.value.map(\.name) == ["a"]) }
        try await createApp(test, "b")
        #expect(try await later.value.map(\.name) == ["b"])
        let last = Task { try await store.nextEvents(after: 2, limit: 10) }
        try store.close()
        #expect(try await last.value.isEmpty)
    }

    @Test(arguments: Backing.allCases)
    func aClosedStoreHasNoEvents(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        try await createApp(test, "a")
        try test.store.close()
        #expect(try await test.store.nextEvents(after: 0, limit: 10).isEmpty)
        #expect(try await test.store.nextEvents(after: 1, limit: 10).isEmpty)
    }

    /// Somebody who always goes on where it was sees everything once, whoever changes and prunes meanwhile.
    @Test func aFollowerMissesNothing() async throws {
        let test = try TestStore(.sqlite)
        let store = test.store
        let follower = Task {
            var (seen, names): ([UInt64], Set<String>) = ([], [])
            while seen.count < 200 {
                let events = try await store.nextEvents(after: seen.last ?? 0, limit: 7)
                seen += events.map(\.sequence)
                names.formUnion(events.map(\.name))
            }
            return (seen, names)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for caller in 0..<4 {
                group.addTask { for number in 0..<50 { try await createApp(test, "c\(caller)-\(number)") } }
            }
            try await group.waitForAll()
        }
        let (seen, names) = try await follower.value
        #expect((seen == Array(1...200)) == true && names.count == 200)
    }
}
