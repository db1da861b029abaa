import Model
import Store
import Testing

@Suite struct PageTests {
    /// Walks a list to its end.
    private func walk<Item: Sendable>(
        size: UInt32, _ fetch: (PageRequest) async throws -> Page<Item>
    ) async throws -> [Item] {
        var items: [Item] = []
        var request = PageRequest(size: size)
        repeat {
            let page = try await fetch(request)
            #expect(page.items.count <= Int(size))
            items += page.items
            request.cursor = page.nextCursor
        } while !request.cursor.isEmpty
        return items
    }

    @Test(arguments: Implementation.allCases)
    func pagesMakeTheWholeList(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            _ = try await store.addPackage(Sample.package(1))
            let names = (0..<7).map { "f\($0)" } + ["F-1", "_a", "0"]
            for name in names { _ = try await store.deploy(Sample.deployment("demo", name)) }
            for number in 0..<5 { _ = try await store.createApp(name: Sample.name("app\(number)"), labels: [:]) }
            for _ in 0..<10 { _ = try await store.deploy(Sample.deployment("demo", "f0")) }
            let function = try await store.function(app: "demo", function: "f0")
            try await store.append((1...10).map { Sample.call($0, of: function) })
            for size: UInt32 in [1, 2, 5, 10, 11, 1000] {
                let apps = try await walk(size: size) { try await store.apps(page: $0) }
                #expect(apps.map(\.name.text) == (0..<5).map { "app\($0)" } + ["demo"])
                let functions = try await walk(size: size) { try await store.functions(app: "demo", page: $0) }
                #expect(functions.map(\.name.text) == names.sorted())
                let versions = try await walk(size: size) {
                    try await store.versions(app: "demo", function: "f0", page: $0)
                }
                #expect(versions.map(\.number) == (1...11).reversed())
                let calls = try await walk(size: size) { try await store.calls(app: "demo", function: "f0", page: $0) }
                #expect(calls.map(\.meta.id) == (1...10).reversed().map { Sample.id($0) })
            }
        }
    }

    @Test(arguments: Implementation.allCases)
    func aCursorSurvivesWhatIsAdded(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            for name in ["b", "d", "f"] { _ = try await store.createApp(name: Sample.name(name), labels: [:]) }
            let first = try await store.apps(page: PageRequest(size: 2))
            #expect(first.items.map(\.name.text) == ["b", "d"])
            for name in ["a", "c", "e"] { _ = try await store.createApp(name: Sample.name(name), labels: [:]) }
            let next = try await store.apps(page: PageRequest(cursor: first.nextCursor, size: 2))
            #expect(next.items.map(\.name.text) == ["e", "f"] && next.nextCursor == "")
        }
    }

    @Test(arguments: Implementation.allCases)
    func foreignCursorsAndSizesAreRefused(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            _ = try await store.addPackage(Sample.package(1))
            for name in ["f", "g"] { for _ in 0..<3 { _ = try await store.deploy(Sample.deployment("demo", name)) } }
            _ = try await store.createApp(name: Sample.name("other"), labels: [:])
            let apps = try await store.apps(page: PageRequest(size: 1)).nextCursor
            let versions = try await store.versions(app: "demo", function: "f", page: PageRequest(size: 1)).nextCursor
            #expect(!apps.isEmpty && !versions.isEmpty)
            let long = String(repeating: "A", count: 9999)
            for cursor in ["x", "!!", "YQ==", "Zm9v", apps + "A", versions, long] {
                let refusal = await failure { try await store.apps(page: PageRequest(cursor: cursor)) }
                #expect(refusal.code == .invalid && refusal.message.hasPrefix("cursor: "), "\(cursor)")
            }
            let page = PageRequest(cursor: versions)
            #expect(await failure { try await store.versions(app: "demo", function: "g", page: page) }.code == .invalid)
            #expect(await failure { try await store.calls(app: "demo", function: "f", page: page) }.code == .invalid)
            #expect(await failure { try await store.functions(app: "demo", page: page) }.code == .invalid)
            let size = await failure { try await store.apps(page: PageRequest(size: 1001)) }
            #expect(size.code == .invalid && size.message == "page size: 1001 is out of range; 1 to 1000 items")
        }
    }

    @Test(arguments: Implementation.allCases)
    func noSizeIsAHundred(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            for number in 0..<101 { _ = try await store.createApp(name: Sample.name("a\(number)"), labels: [:]) }
            #expect(try await store.apps(page: PageRequest()).items.count == 100)
        }
    }
}
