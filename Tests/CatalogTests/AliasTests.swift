import Catalog
import Model
import Testing

@Suite struct AliasTests {
    private let source = TestSource()
    private let id = Identifier(high: 2, low: 1)

    private func target(_ version: UInt32, _ second: UInt32 = 0, weight: UInt32 = 0) -> Alias.Target {
        Alias.Target(
            version: version, secondVersion: second, secondWeight: weight, setAt: Timestamp(nanoseconds: 0))
    }

    private func put(_ aliases: [(String, Alias.Target)], stickyKey: String = "") throws {
        var made = try contents(try source.add(app: "app"), "f", 1, versions: 1...3)
        for (name, target) in aliases { try made.setAlias(name, target, stickyKey: stickyKey) }
        source.put(made)
    }

    @Test func aliasesLeadToVersions() throws {
        try put([("prod", target(1)), ("test", target(2)), ("gone", target(9))])
        let catalog = Catalog(source: source)
        #expect(try catalog.name("app", "f", alias: "prod") == "app/f@1")
        #expect(try catalog.name("app", "f", alias: "test") == "app/f@2")
        #expect(try catalog.name("app", "f", alias: "gone") == "no version 9")
        #expect(
            try catalog.name("app", "f", alias: "pro") == "no alias"
                && catalog.name("app", "f", alias: "Prod") == "no alias")
        #expect(try catalog.runnable("app", "f", version: 1)?.version.number == 1 && catalog.all.count == 2)
        for (number, name) in [(0 as UInt64, "app/f@1"), (1, "app/f@2"), (7, "no alias")] {
            let alias = Identifier(high: 9, low: number)
            #expect(catalog.describe(catalog.find(function: id, .aliasID(alias), split: { _ in 0 })) == name)
            #expect(try catalog.name("app", "f", alias: alias.description) == name)
        }
        #expect(catalog.alias(Identifier(high: 9, low: 1), of: id) == "test")
        #expect(catalog.alias(Identifier(high: 9, low: 7), of: id) == nil)
        #expect(catalog.alias(Identifier(high: 9, low: 1), of: Identifier(high: 2, low: 9)) == nil)
        // It is moved.
        let prod = try #require(try catalog.runnable("app", "f", version: 1))
        var changed = try contents(try source.add(app: "app"), "f", 1, versions: 1...3)
        try changed.setAlias("prod", target(3))
        source.put(changed)
        catalog.changed(function: id)
        #expect(try catalog.name("app", "f", alias: "prod") == "app/f@3")
        #expect(try catalog.name("app", "f", alias: "test") == "no alias")
        #expect(try catalog.runnable("app", "f", version: 1) === prod)
    }

    @Test func onlyTwoVersionsNeedAHash() throws {
        try put([("one", target(1)), ("two", target(1, 2, weight: 5000))], stickyKey: "user")
        let catalog = Catalog(source: source)
        var asked: [String] = []
        func split(_ key: String) -> UInt64 {
            asked.append(key)
            return 4999
        }
        for alias in ["", "one", "latest"] { _ = try catalog.name("app", "f", alias: alias, split: split) }
        _ = try catalog.name("app", "f", version: 2, split: split)
        #expect(asked.isEmpty)
        #expect(try catalog.name("app", "f", alias: "two", split: split) == "app/f@2")
        #expect(asked == ["user"])
        #expect(try catalog.name("app", "f", alias: "two") { _ in 5000 } == "app/f@1")
        #expect(try catalog.name("app", "f", alias: "two") { _ in 10_000 } == "app/f@2")
    }

    /// splitmix64: the same ids in every run.
    private struct Numbers: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            state &+= 0x9e37_79b9_7f4a_7c15
            var value = (state ^ (state >> 30)) &* 0xbf58_476d_1ce4_e5b9
            value = (value ^ (value >> 27)) &* 0x94d0_49bb_1331_11eb
            return value ^ (value >> 31)
        }
    }

    @Test(arguments: [0, 1, 100, 1000, 2500, 5000, 9000, 9999, 10_000] as [UInt32])
    func callsAreSharedByWeight(weight: UInt32) throws {
        try put([("canary", target(1, 2, weight: weight))])
        let catalog = Catalog(source: source)
        var numbers = Numbers(state: 7)
        var second = 0
        for call in 0..<10_000 as Range<Int64> {
            // As they come: 2000 a second.
            let time = Timestamp(nanoseconds: 1_700_000_000_000_000_000 + call * 500_000)
            let hash = FNV1a.hash(Identifier(now: time, using: &numbers).description)
            let name = try catalog.name("app", "f", alias: "canary") { _ in hash }
            // The same id goes the same way.
            #expect(try catalog.name("app", "f", alias: "canary") { _ in hash } == name)
            if name == "app/f@2" { second += 1 }
        }
        #expect(abs(second - Int(weight)) <= 100, "\(second) calls")
        if weight == 0 { #expect(second == 0) }
        if weight == 10_000 { #expect(second == 10_000) }
    }

    @Test func evenNumberedUsersAreShared() throws {
        let target = target(1, 2, weight: 3000)
        let second = (0..<10_000).count { target.version(for: FNV1a.hash("user-\($0)")) == 2 }
        #expect(abs(second - 3000) <= 100, "\(second) users")
    }
}
