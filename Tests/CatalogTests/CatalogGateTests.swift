import Catalog
import Model
import Pool
import Testing

/// Deletions close what can be called, and open it again.
@Suite struct CatalogGateTests {
    private let source = TestSource()
    private let catalog: Catalog
    private let app: App
    private let id = Identifier(high: 2, low: 1)

    init() throws {
        app = try source.add(app: "app")
        source.put(try contents(app, "f", 1, versions: 1...3))
        source.put(try contents(app, "g", 2))
        source.put(try contents(try source.add(app: "else"), "f", 3))
        catalog = Catalog(source: source)
    }

    /// Whether a call is refused; one that is taken is over at once.
    private func refuses(_ app: String = "app", _ function: String = "f", version: UInt32 = 0) throws -> Bool {
        let runnable = try #require(try catalog.runnable(app, function, version: version))
        let waiter = Waiter()
        let lease = runnable.pool.event { $0.lease(waiter, of: waiter, now: Instant(nanoseconds: 1)) }
        if case .closed(let reason) = lease {
            #expect(reason == .deleting)
            return true
        }
        #expect(runnable.pool.event { $0.cancel(waiter) })
        return false
    }

    /// A call that waits until it is cancelled.
    private func call(_ function: String = "f", version: UInt32 = 0) throws -> (waiter: Waiter, in: Runnable) {
        let runnable = try #require(try catalog.runnable("app", function, version: version))
        let waiter = Waiter()
        _ = runnable.pool.event { $0.lease(waiter, of: waiter, now: Instant(nanoseconds: 1)) }
        return (waiter, runnable)
    }

    @Test func whatIsFirstCalledMeanwhileIsClosedToo() throws {
        #expect(try !refuses(version: 1))
        let reads = source.reads
        #expect(catalog.closeIfIdle(.function(id)) == 0)
        #expect(source.reads == reads && catalog.all.count == 1, "nothing is made for it")
        for version in 0...3 as ClosedRange<UInt32> { #expect(try refuses(version: version)) }
        #expect(try !refuses("app", "g") && !refuses("else"))
        // What takes its place meanwhile is closed, and opens with the rest.
        catalog.changed(function: source.change(id) { $0.update { $0.memoryMiB = 200 } })
        #expect(try refuses())
        catalog.reopen(.function(id))
        for version in 0...3 as ClosedRange<UInt32> { #expect(try !refuses(version: version)) }
    }

    @Test func anAppClosesWithAllItsFunctions() throws {
        #expect(try !refuses())
        #expect(catalog.closeIfIdle(.app(app.meta.id)) == 0)
        #expect(try refuses() && refuses("app", "g") && refuses(version: 2) && !refuses("else"))
        catalog.reopen(.app(app.meta.id))
        #expect(try !refuses() && !refuses("app", "g") && !refuses(version: 2))
    }

    @Test func aVersionIsNotTheWorkingCopyThatEqualsIt() throws {
        let working = try call()
        #expect(catalog.closeIfIdle(.version(3, of: id)) == 0, "calls of the working copy are not its calls")
        #expect(try refuses(version: 3) && !refuses() && !refuses(version: 2))
        catalog.reopen(.version(3, of: id))
        let own = try call(version: 3)
        #expect(catalog.closeIfIdle(.version(3, of: id)) == 1)
        #expect(try !refuses(version: 3) && !refuses())
        for (waiter, runnable) in [working, own] { _ = runnable.pool.event { $0.cancel(waiter) } }
    }

    @Test func aGateOpensWhenTheLastDeletionIsOver() throws {
        #expect(try !refuses(version: 1) && !refuses())
        // One waits for calls, one is about to be written, one is refused.
        let running = try call("g")
        catalog.close(.version(1, of: id))
        #expect(catalog.closeIfIdle(.function(id)) == 0)
        #expect(catalog.closeIfIdle(.app(app.meta.id)) == 1)
        #expect(try refuses(version: 1) && refuses(), "a refused deletion opens no other one's gate")
        #expect(catalog.closeIfIdle(.function(id)) == 0)
        catalog.reopen(.function(id))
        #expect(try refuses(version: 1) && refuses() && refuses(version: 2))
        catalog.reopen(.function(id))
        #expect(try refuses(version: 1) && !refuses() && !refuses(version: 2))
        catalog.reopen(.version(1, of: id))
        #expect(try !refuses(version: 1))
        // Who has closed nothing opens nothing.
        catalog.close(.app(app.meta.id))
        catalog.reopen(.function(id))
        #expect(try refuses() && refuses("app", "g"))
        catalog.reopen(.app(app.meta.id))
        #expect(try !refuses())
        _ = running.in.pool.event { $0.cancel(running.waiter) }
    }

    @Test func whatIsGoneStaysClosedToLateCalls() throws {
        let late = try #require(try catalog.runnable("app", "f"))
        #expect(catalog.closeIfIdle(.function(id)) == 0)
        let contents = try #require(source.function(id: id).contents)
        source.remove(id)
        catalog.removed(function: id)
        catalog.reopen(.function(id))
        guard
            case .closed(.deleting) = late.pool.event({
                $0.lease(Waiter(), of: catalog, now: Instant(nanoseconds: 1))
            })
        else {
            Issue.record("it was deleted")
            return
        }
        // An import may bring the same id back.
        source.put(contents)
        catalog.changed(function: id)
        #expect(try !refuses())
    }
}
