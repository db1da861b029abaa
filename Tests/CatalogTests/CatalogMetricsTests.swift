import Catalog
import Model
import Telemetry
import Testing

/// What is counted of a function stays for as long as the function is known.
@Suite struct CatalogMetricsTests {
    private let source = TestSource()
    private let id = Identifier(high: 2, low: 1)

    @Test func allVersionsCountTogether() throws {
        source.put(try contents(try source.add(app: "app"), "f", 1, versions: 1...2))
        source.put(try contents(try source.add(app: "app"), "g", 2))
        let catalog = Catalog(source: source)
        #expect(catalog.functions.isEmpty)
        let runnables = try [0, 1, 2].map { try #require(try catalog.runnable("app", "f", version: $0)) }
        for runnable in runnables { runnable.metrics.common.ended(.success, wait: 0, run: 1, total: 1) }
        #expect(catalog.functions.map(\.metrics.calls) == [3])
        let other = try #require(try catalog.runnable("app", "g"))
        #expect(other.metrics !== runnables[0].metrics && catalog.functions.count == 2)
    }

    @Test func changesKeepWhatWasCounted() throws {
        source.put(try contents(try source.add(app: "app"), "f", 1))
        let catalog = Catalog(source: source)
        let old = try #require(try catalog.runnable("app", "f"))
        old.metrics.common.ended(.success, wait: 0, run: 1, total: 1)
        catalog.changed(function: source.change(id) { $0.update { $0.memoryMiB = 200 } })
        let new = try #require(try catalog.runnable("app", "f"))
        #expect(new !== old && new.metrics === old.metrics)
        // Its last calls are calls of the same function.
        old.metrics.common.ended(.failed, wait: 0, run: 1, total: 1)
        #expect(catalog.functions.map(\.metrics.calls) == [2])
        #expect(catalog.functions.first?.function.spec.memoryMiB == 200)
    }

    @Test func itGoesWithTheFunction() throws {
        let app = try source.add(app: "app")
        source.put(try contents(app, "f", 1))
        let catalog = Catalog(source: source)
        let first = try #require(try catalog.runnable("app", "f"))
        first.metrics.common.ended(.success, wait: 0, run: 1, total: 1)
        #expect(catalog.forgetUnused(for: 0, now: Instant(nanoseconds: 1)) == 1 && catalog.functions.isEmpty)
        let second = try #require(try catalog.runnable("app", "f"))
        #expect(second.metrics !== first.metrics && catalog.functions.map(\.metrics.calls) == [0])
        source.remove(id)
        catalog.removed(function: id)
        #expect(catalog.functions.isEmpty)
        source.put(try contents(app, "f", 9))
        let third = try #require(try catalog.runnable("app", "f"))
        #expect(third.metrics !== second.metrics)
    }
}
