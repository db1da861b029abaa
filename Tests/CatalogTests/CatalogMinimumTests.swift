import Catalog
import Model
import Pool
import Testing

/// Whose containers are there without any call.
@Suite struct CatalogMinimumTests {
    private let source = TestSource()
    private let id = Identifier(high: 2, low: 1)
    private let kept = Lock<[Runnable]>([])

    private func catalog() -> Catalog {
        let catalog = Catalog(source: source)
        catalog.onKeep { [kept] runnable in kept.withLock { $0.append(runnable) } }
        return catalog
    }

    /// Names of what was to be kept since the last look.
    private func takeKept() -> [String] {
        kept.withLock { kept in
            defer { kept = [] }
            return Set(kept.map { $0.isWorkingCopy ? "working" : "\($0.version.number)" }).sorted()
        }
    }

    private func put(minContainers: UInt32 = 1, alias target: Alias.Target? = nil) throws {
        var spec = FunctionSpec(runtime: .python, entry: "a.b", format: .ttrpc)
        spec.minContainers = minContainers
        var made = try contents(try source.add(app: "app"), "f", 1, versions: 1...3, spec: spec)
        if let target { try made.setAlias("prod", target) }
        source.put(made)
    }

    private func keeps(_ catalog: Catalog, _ version: UInt32) throws -> Bool? {
        try catalog.runnable("app", "f", version: version)?.pool.event { $0.keepsMinimum }
    }

    private func target(_ version: UInt32, _ second: UInt32 = 0) -> Alias.Target {
        Alias.Target(
            version: version, secondVersion: second, secondWeight: second == 0 ? 0 : 10,
            setAt: Timestamp(nanoseconds: 0))
    }

    @Test func theWorkingCopyIsKeptBeforeAnyCall() throws {
        try put(minContainers: 2)
        let catalog = catalog()
        catalog.keepMinimum(of: id)
        #expect(takeKept() == ["working"])
        #expect(try keeps(catalog, 0) == true && keeps(catalog, 3) == false && keeps(catalog, 1) == false)
        // Its next generation is kept as soon as it is there.
        catalog.changed(function: source.change(id) { $0.update { $0.memoryMiB = 200 } })
        #expect(takeKept() == ["working"])
        #expect(try catalog.runnable("app", "f")?.version.spec.memoryMiB == 200)
    }

    @Test func whatAliasesNameIsKeptOnce() throws {
        try put()
        let catalog = catalog()
        catalog.keepMinimum(of: id)
        _ = takeKept()
        try put(alias: target(1, 2))
        catalog.changed(function: id)
        #expect(takeKept() == ["1", "2", "working"])
        // Version 3 is the working copy.
        try put(alias: target(3))
        catalog.changed(function: id)
        #expect(takeKept() == ["3"])
        #expect(try keeps(catalog, 3) == true && keeps(catalog, 0) == false && keeps(catalog, 1) == false)
    }

    @Test func whoWantsNoneTakesNoMemory() throws {
        try put(minContainers: 0)
        let catalog = catalog()
        catalog.keepMinimum(of: id)
        catalog.keepMinimum(of: Identifier(high: 2, low: 9))
        #expect(takeKept().isEmpty && catalog.size.functions == 0)
    }

    @Test func whatIsKeptIsNotForgotten() throws {
        try put()
        let catalog = catalog()
        catalog.keepMinimum(of: id)
        #expect(catalog.forgetUnused(for: 0, now: .now()) == 0)
        catalog.changed(function: source.change(id) { $0.update { $0.minContainers = 0 } })
        _ = try catalog.runnable("app", "f")
        #expect(catalog.forgetUnused(for: 0, now: .now()) == 1)
    }
}
