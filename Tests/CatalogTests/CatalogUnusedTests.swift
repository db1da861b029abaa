import Catalog
import Model
import Pool
import Testing

@Suite struct CatalogUnusedTests {
    private let source = TestSource()
    private let retired = Lock<[Runnable]>([])

    private func catalog() throws -> Catalog {
        let app = try source.add(app: "app")
        for number in 1...3 as ClosedRange<UInt64> { source.put(try contents(app, "f\(number)", number)) }
        let catalog = Catalog(source: source)
        catalog.onRetire { [retired] runnable in retired.withLock { $0.append(runnable) } }
        return catalog
    }

    private func at(_ nanoseconds: UInt64) -> Instant { Instant(nanoseconds: nanoseconds) }

    /// A call that came at a time and is over, with the container that it had.
    private func call(_ runnable: Runnable, at time: UInt64) -> (slot: Slot, waiter: Waiter) {
        let (slot, waiter) = (Slot(owner: self.retired), Waiter())
        runnable.pool.event { machine in
            guard case .wait = machine.lease(waiter, of: waiter, now: at(time)) else { return }
            _ = machine.started(slot, coldNanos: 1, now: at(time))
            _ = machine.release(slot, serviceNanos: 1, now: at(time))
        }
        return (slot, waiter)
    }

    @Test func whatNobodyCallsTakesNoMemory() throws {
        let catalog = try catalog()
        let runnables = try (1...3).map { try #require(try catalog.runnable("app", "f\($0)")) }
        let slots = runnables.map { call($0, at: 100).slot }
        #expect(catalog.forgetUnused(for: 10, now: at(1000)) == 0, "they have containers")
        for (runnable, slot) in zip(runnables, slots) { _ = runnable.pool.event { $0.retire(slot, now: at(200)) } }
        #expect(catalog.forgetUnused(for: 1000, now: at(1000)) == 0, "they were called just now")
        _ = call(runnables[1], at: 900)
        #expect(catalog.forgetUnused(for: 500, now: at(1000)) == 2)
        #expect(catalog.size == (functions: 1, names: 1))
        let gone = retired.withLock { $0 }
        #expect(Set(gone.map(ObjectIdentifier.init)) == Set([runnables[0], runnables[2]].map(ObjectIdentifier.init)))
        // The next call reads it again, and has a pool of its own.
        let reads = source.reads
        let again = try #require(try catalog.runnable("app", "f1"))
        #expect(again !== runnables[0] && again.pool !== runnables[0].pool && source.reads == reads + 1)
        #expect(try catalog.runnable("app", "f2") === runnables[1])
    }

    @Test func nothingIsForgottenWhileADeletionIsUnderWay() throws {
        let catalog = try catalog()
        let runnable = try #require(try catalog.runnable("app", "f1"))
        let target = GateTarget.function(runnable.function.meta.id)
        catalog.close(target)
        #expect(catalog.forgetUnused(for: 0, now: at(1000)) == 0)
        catalog.reopen(target)
        #expect(catalog.forgetUnused(for: 0, now: at(1000)) == 1)
    }
}
