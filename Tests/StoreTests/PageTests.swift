import Model
import Testing
import Wire

@testable import Store

@Suite struct PageTests {
    /// Walks a list to its end.
    private func walk<Item: Sendable>(
        size: UInt32, _ fetch: (ListRequest) async throws -> ListPage<Item>
    ) async throws -> [Item] {
        var items: [Item] = []
        var request = ListRequest(page: PageRequest(size: size))
        repeat {
            let page = try await fetch(request)
            #expect(page.items.count <= Int(size))
            #expect(page.nextCursor.isEmpty || !page.items.isEmpty)
            items += page.items
            request.page.cursor = page.nextCursor
        } while !request.page.cursor.isEmpty
        return items
    }

    private func createApps(_ test: TestStore, _ names: [String]) async throws {
        try await test.change { tx throws(Failure) in
            for name in names { _ = try tx.createApp(CreateAppRequest(name: name)) }
        }
    }

    private func apps(_ test: TestStore, _ request: ListRequest) throws -> ListPage<String> {
        let page = try test.store.list(.app, request)
        return ListPage(
            items: try page.items.map { try App(decoding: $0, strict: true).name.text }, nextCursor: page.nextCursor)
    }

    @Test(arguments: [1, 2, 5, 10, 11, 1000] as [UInt32])
    func pagesMakeTheWholeList(_ size: UInt32) async throws {
        let test = try TestStore()
        try await test.furnish()
        let names = (0..<7).map { "f\($0)" } + ["F-1", "_a", "0"]
        for name in names { try await test.deploy("demo", name) }
        for _ in 0..<10 { try await test.deploy("demo", "f0") }
        try await createApps(test, (0..<5).map { "app\($0)" })
        try await test.change { tx throws(Failure) in
            for number in 0..<5 {
                let path = "/\(number)"
                _ = try tx.createRoute(CreateRouteRequest(app: "app0", path: path, image: "img:\(number % 2)"))
            }
        }
        let function = try test.store.read { (tables) throws(Failure) in try tables.function("demo", "f0") }
        try await test.store.driver.append((1...10).map { Sample.call($0) })

        let all = try await walk(size: size) { try apps(test, $0) }
        #expect(all == (0..<5).map { "app\($0)" } + ["demo"])
        let functions = try await walk(size: size) { request in
            try test.store.list(.function, request, of: { tables throws(Failure) in try tables.named("demo", .app) })
        }
        #expect(try functions.map { try Function(decoding: $0, strict: true).name.text } == names.sorted())
        #expect(try functions.allSatisfy { try Function(decoding: $0, strict: true).appName.text == "demo" })
        let versions = try await walk(size: size) { request in
            try test.store.list(.version, request, of: { _ throws(Failure) in function })
        }
        #expect(try versions.map { try Version(decoding: $0, strict: true).number } == (1...11).reversed())
        let calls = try await walk(size: size) { try await test.store.calls(app: "", function: "", $0) }
        #expect(calls.map(\.meta.id) == (1...10).reversed().map { Sample.id($0) })
        for (image, count) in [("", 5), ("img:0", 3), ("img:1", 2), ("img:9", 0)] {
            let routes = try await walk(size: size) { request in
                try test.store.routes(
                    ListRoutesRequest(
                        app: "app0", image: image, page: .init(cursor: request.page.cursor, size: size)))
            }
            let paths = try routes.map { try Route(decoding: $0, strict: true).path }
            #expect(paths == (0..<5).filter { image.isEmpty || "img:\($0 % 2)" == image }.map { "/\($0)" })
            #expect(routes.count == count)
        }
    }

    @Test func aCursorSurvivesWhatComesAndGoes() async throws {
        let test = try TestStore()
        try await createApps(test, ["b", "d", "f", "h"])
        let first = try apps(test, ListRequest(page: PageRequest(size: 2)))
        #expect(first.items == ["b", "d"])
        try await createApps(test, ["a", "c", "e"])
        // The one that the cursor names goes, and so does the next one.
        try await test.change { tx throws(Failure) in
            for name in ["d", "f"] { _ = try tx.deleteApp(DeleteAppRequest(app: name)) }
        }
        let next = try apps(test, ListRequest(page: PageRequest(cursor: first.nextCursor, size: 2)))
        #expect(next.items == ["e", "h"] && next.nextCursor == "")
        // Versions go the other way.
        try await test.furnish()
        for _ in 0..<6 { try await test.deploy() }
        let function = try test.store.read { (tables) throws(Failure) in try tables.function("demo", "hello") }
        func versions(_ request: PageRequest) throws -> ListPage<[UInt8]> {
            try test.store.list(.version, ListRequest(page: request), of: { _ throws(Failure) in function })
        }
        let newest = try versions(PageRequest(size: 2))
        try await test.change { tx throws(Failure) in
            for number: UInt32 in [5, 4] {
                _ = try tx.deleteVersion(DeleteVersionRequest(app: "demo", function: "hello", number: number))
            }
        }
        try await test.deploy()
        let older = try versions(PageRequest(cursor: newest.nextCursor))
        #expect(try older.items.map { try Version(decoding: $0, strict: true).number } == [3, 2, 1])
        // Calls that are removed between pages.
        try await test.store.driver.append((1...10).map { Sample.call($0) })
        let calls = try await test.store.calls(app: "", function: "", ListRequest(page: PageRequest(size: 3)))
        try await test.store.driver.pruneCalls(CallRetention(calls: 4), now: .now())
        let rest = try await test.store.calls(
            app: "", function: "", ListRequest(page: PageRequest(cursor: calls.nextCursor)))
        #expect(calls.items.map(\.meta.id) == [10, 9, 8].map { Sample.id($0) })
        #expect(rest.items.map(\.meta.id) == [Sample.id(7)] && rest.nextCursor.isEmpty)
    }

    @Test func cursorsOfOtherListsAreRefused() async throws {
        let test = try TestStore()
        try await test.furnish()
        for name in ["f", "g"] { for _ in 0..<3 { try await test.deploy("demo", name) } }
        try await createApps(test, ["other"])
        let (f, g) = try test.store.read { (tables) throws(Failure) in
            (try tables.function("demo", "f"), try tables.function("demo", "g"))
        }
        func versions(_ function: Row, _ cursor: String = "") throws -> String {
            let request = ListRequest(page: PageRequest(cursor: cursor, size: 1))
            return try test.store.list(.version, request, of: { _ throws(Failure) in function }).nextCursor
        }
        let cursor = try versions(f)
        let next = try apps(test, ListRequest(page: PageRequest(size: 1))).nextCursor
        #expect(!cursor.isEmpty && !next.isEmpty)
        #expect(try !versions(f, cursor).isEmpty)
        #expect(await failure { try versions(g, cursor) }.code == .invalid)
        let long = String(repeating: "A", count: 9999)
        for cursor in ["x", "!!", "YQ==", "Zm9v", next + "A", cursor, long, String(next.dropLast())] {
            let request = ListRequest(page: PageRequest(cursor: cursor))
            let refusal = await failure { try apps(test, request) }
            #expect(refusal.code == .invalid && refusal.message.hasPrefix("page.cursor: "), "\(cursor)")
            #expect(await failure { try test.store.list(.token, request) }.code == .invalid)
            #expect(await failure { try await test.store.calls(app: "", function: "", request) }.code == .invalid)
            let routes = ListRoutesRequest(app: "demo", page: .init(cursor: cursor))
            #expect(await failure { try test.store.routes(routes) }.code == .invalid)
        }
        try await test.store.driver.append([Sample.call(1), Sample.call(2)])
        let call = try await test.store.calls(app: "", function: "", ListRequest(page: PageRequest(size: 1))).nextCursor
        let ofApp = ListRequest(page: PageRequest(cursor: call))
        #expect(try await test.store.calls(app: "", function: "", ofApp).items.count == 1)
        #expect(await failure { try await test.store.calls(app: "demo", function: "", ofApp) }.code == .invalid)
    }

    @Test func sizesHaveAnEdge() async throws {
        let test = try TestStore()
        try await createApps(test, (0..<1001).map { "a\($0)" })
        #expect(try apps(test, ListRequest()).items.count == 100)
        let most = try apps(test, ListRequest(page: PageRequest(size: 1000)))
        #expect(most.items.count == 1000 && !most.nextCursor.isEmpty)
        #expect(try apps(test, ListRequest(page: PageRequest(cursor: most.nextCursor, size: 1000))).items.count == 1)
        for size in [1001, UInt32.max] {
            let refusal = await failure { try apps(test, ListRequest(page: PageRequest(size: size))) }
            #expect(
                refusal.code == .invalid
                    && refusal.message == "page.size: \(size) is out of range; 1 to 1000 items")
        }
        let refusal = await failure { try apps(test, ListRequest(page: PageRequest(size: 1001))) }
        #expect(refusal.field == "page.size", "a field of BadRequest")
    }

    /// Lists and changes at once: a list is a moment, and never fails for what is deleted meanwhile.
    @Test func listsAreReadWhileRowsGo() async throws {
        let test = try TestStore()
        try await createApps(test, ["demo"])
        let isDone = Lock(false)
        let reader = Task {
            var count = 0
            while !isDone.withLock({ $0 }) || count < 10 {
                for route in try test.store.routes(ListRoutesRequest(app: "demo")).items {
                    #expect(try Route(decoding: route, strict: true).image == "img:1")
                }
                count += 1
                await Task.yield()
            }
        }
        for _ in 0..<300 {
            try await test.change { tx throws(Failure) in
                for path in ["/a", "/b", "/c"] {
                    _ = try tx.createRoute(CreateRouteRequest(app: "demo", path: path, image: "img:1"))
                }
            }
            try await test.change { tx throws(Failure) in
                for path in ["/c", "/b", "/a"] { _ = try tx.deleteRoute(DeleteRouteRequest(app: "demo", path: path)) }
            }
        }
        isDone.withLock { $0 = true }
        try await reader.value
    }
}
