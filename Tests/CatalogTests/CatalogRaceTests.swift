import Catalog
import Glibc
import Model
import Synchronization
import Testing

@Suite struct CatalogRaceTests {
    private let id = Identifier(high: 2, low: 1)

    @Test func aChangeDuringTheFirstLookUpIsSeen() throws {
        let source = TestSource()
        source.put(try contents(try source.add(app: "app"), "f", 1))
        let catalog = Catalog(source: source)
        // The old state has been read, and is not in the table yet.
        source.afterNextRead { [id] in catalog.changed(function: source.change(id) { $0.publish() }) }
        #expect(try catalog.name("app", "f") == "app/f@2")
        #expect(try catalog.name("app", "f") == "app/f@2" && catalog.all.count == 1)
    }

    @Test func aDeletionDuringTheFirstLookUpIsSeen() throws {
        let source = TestSource()
        source.put(try contents(try source.add(app: "app"), "f", 1))
        let catalog = Catalog(source: source)
        source.afterNextRead { [id] in
            source.remove(id)
            catalog.removed(function: id)
        }
        #expect(try catalog.name("app", "f") == "no function")
        #expect(catalog.size == (0, 0))
    }

    @Test func aChangeDuringAReloadIsSeen() throws {
        let source = TestSource()
        source.put(try contents(try source.add(app: "app"), "f", 1))
        let catalog = Catalog(source: source)
        #expect(try catalog.name("app", "f") == "app/f@1")
        source.change(id) { $0.publish() }
        source.afterNextRead { [id] in catalog.changed(function: source.change(id) { $0.publish() }) }
        catalog.changed(function: id)
        #expect(try catalog.name("app", "f") == "app/f@3")
    }

    @Test func theFirstLookUpOfATakenServiceIsSeen() throws {
        let source = TestSource()
        source.put(try contents(try source.add(app: "a"), "f", 1, services: ["s.S"]))
        let second = try contents(try source.add(app: "b"), "f", 2, services: ["s.S"])
        let catalog = Catalog(source: source)
        source.afterNextRead {
            source.put(second)
            catalog.changed(function: second.function.meta.id)
        }
        #expect(catalog.route("s.S") == "one of a/f b/f")
    }

    @Test func aChangeDuringALookUpOfWhatIsKnownIsSeen() throws {
        let source = TestSource()
        let app = try source.add(app: "app", config: ["A": "old"])
        var made = try contents(app, "f", 1, versions: 1...2)
        let target = Alias.Target(version: 1, secondVersion: 2, secondWeight: 1, setAt: Timestamp(nanoseconds: 0))
        try made.setAlias("canary", target)
        source.put(made)
        let catalog = Catalog(source: source)
        var looks = 0
        // Between the look into the table and the making of what is called.
        let found = try catalog.find("app", "f", alias: "canary") { _ in
            looks += 1
            if looks == 1 {
                _ = try? source.add(app: "app", config: ["A": "new"])
                catalog.changed(app: app.meta.id)
            }
            return 1
        }
        guard case .runnable(let runnable) = found else {
            Issue.record("not found")
            return
        }
        #expect(looks == 2 && runnable.appConfig == ["A": "new"])
        #expect(try catalog.runnable("app", "f", version: 1) === runnable && catalog.all.count == 1)
    }

    /// Runs bodies on threads of their own, all at once.
    private func onThreads(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
        final class Start: Sendable {
            let body: @Sendable () -> Void
            init(_ body: @escaping @Sendable () -> Void) { self.body = body }
        }
        var threads: [pthread_t] = []
        for number in 0..<count {
            var thread = pthread_t()
            // SAFETY: the thread takes the only reference.
            let start = Unmanaged.passRetained(Start { body(number) }).toOpaque()
            let code = pthread_create(
                &thread, nil,
                { pointer in
                    // SAFETY: as above.
                    if let pointer { Unmanaged<Start>.fromOpaque(pointer).takeRetainedValue().body() }
                    return nil
                }, start)
            precondition(code == 0)
            threads.append(thread)
        }
        for thread in threads { pthread_join(thread, nil) }
    }

    @Test func nobodyFindsWhatWasReplacedBefore() throws {
        let source = TestSource()
        let app = try source.add(app: "app")
        let functions = 300 as UInt64
        for number in 0..<functions { source.put(try contents(app, "f\(number)", number)) }
        let catalog = Catalog(source: source)
        // Held, so that no two have one address.
        let retired = Lock<[ObjectIdentifier: Runnable]>([:])
        catalog.onRetire { runnable in retired.withLock { $0[ObjectIdentifier(runnable)] = runnable } }
        // The memory that every function's newest answered change has.
        let answered = Lock([UInt32](repeating: 0, count: Int(functions)))
        let stale = Atomic<Int>(0)
        let isOver = Atomic<Bool>(false)
        let looks = Atomic<Int>(0)
        onThreads(5) { thread in
            if thread == 0 {
                // The writer: each function is changed while others load it for the first time, and again later.
                for round in 1...8 as ClosedRange<UInt32> {
                    for number in 0..<functions {
                        let id = Identifier(high: 2, low: number)
                        source.change(id) { $0.update { $0.memoryMiB = 128 + round } }
                        catalog.changed(function: id)
                        answered.withLock { $0[Int(number)] = 128 + round }
                    }
                    // The others look meanwhile, however few cores there are.
                    while looks.load(ordering: .relaxed) < 500 * Int(round) { sched_yield() }
                }
                isOver.store(true, ordering: .releasing)
                return
            }
            var number = UInt64(thread) * 37
            while !isOver.load(ordering: .acquiring) {
                number = (number + 1) % functions
                let least = answered.withLock { $0[Int(number)] }
                guard let found = try? catalog.runnable("app", "f\(number)") else {
                    stale.add(1, ordering: .relaxed)
                    continue
                }
                if found.version.spec.memoryMiB < least { stale.add(1, ordering: .relaxed) }
                looks.add(1, ordering: .relaxed)
            }
        }
        #expect(stale.load(ordering: .relaxed) == 0)
        #expect(looks.load(ordering: .relaxed) > 0 && !retired.withLock { $0.isEmpty })
        // Each function has one runnable, of its last change, and nothing that is found was retired.
        for number in 0..<functions {
            let found = try #require(try catalog.runnable("app", "f\(number)"))
            #expect(found.version.spec.memoryMiB == 136)
            #expect(retired.withLock { $0[ObjectIdentifier(found)] } == nil)
        }
        // Some version 1 may have been found before the first change; it is still published.
        #expect(catalog.all.count { $0.version.number == 0 } == Int(functions))
        #expect(catalog.size == (Int(functions), Int(functions)))
    }

    @Test func everyRunnableIsKnownOrRetired() throws {
        let source = TestSource()
        source.put(try contents(try source.add(app: "app"), "f", 1))
        let catalog = Catalog(source: source)
        // Held, so that no two have one address.
        let seen = Lock<[ObjectIdentifier: Runnable]>([:])
        let retired = Lock<[Runnable]>([])
        catalog.onRetire { runnable in retired.withLock { $0.append(runnable) } }
        let isOver = Atomic<Bool>(false)
        onThreads(5) { [id] thread in
            if thread == 0 {
                for round in 1...2000 as ClosedRange<UInt32> {
                    source.change(id) { $0.update { $0.memoryMiB = 128 + round } }
                    catalog.changed(function: id)
                    if round % 100 == 0 { catalog.removed(function: id) }
                }
                isOver.store(true, ordering: .releasing)
                return
            }
            while !isOver.load(ordering: .acquiring) {
                guard let found = try? catalog.runnable("app", "f") else { continue }
                seen.withLock { $0[ObjectIdentifier(found)] = found }
            }
        }
        let last = try #require(try catalog.runnable("app", "f"))
        seen.withLock { $0[ObjectIdentifier(last)] = last }
        let ends = retired.withLock { $0 }.map { ObjectIdentifier($0) }
        #expect(Set(ends).count == ends.count)
        let (found, ended) = (Set(seen.withLock { $0.keys }), Set(ends))
        #expect((found.subtracting(ended) == [ObjectIdentifier(last)]) == true)
    }

    @Test func callersOnManyThreadsShareOneRunnable() throws {
        let source = TestSource()
        let app = try source.add(app: "app")
        for number in 0..<100 as Range<UInt64> { source.put(try contents(app, "f\(number)", number)) }
        let catalog = Catalog(source: source)
        let found = Lock([Set<ObjectIdentifier>](repeating: [], count: 100))
        onThreads(8) { _ in
            for number in 0..<100 {
                guard let runnable = try? catalog.runnable("app", "f\(number)") else { continue }
                found.withLock { _ = $0[number].insert(ObjectIdentifier(runnable)) }
            }
        }
        #expect(found.withLock { $0 }.allSatisfy { $0.count == 1 })
        #expect(catalog.all.count == 100)
    }
}
