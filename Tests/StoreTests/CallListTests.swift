import Model
import Store
import Testing
import Wire

/// Which calls a list has.
@Suite struct CallListTests {
    private static let second: Int64 = 1_000_000_000

    /// Calls of a function of app `demo`, one each second, in turn with every status; every third by the path.
    private func calls(_ function: Function, _ count: Int) -> [CallRecord] {
        (1...count).map { number in
            let time = Timestamp(nanoseconds: Int64(number) * Self.second)
            let status = CallStatus.completed[number % 5]
            return CallRecord(
                meta: Meta(
                    id: Identifier(high: UInt64(number) * 1000 << 16, low: UInt64(number)), createdAt: time),
                appID: function.appID, appName: "demo", functionID: function.meta.id, functionName: "hello",
                path: number % 3 == 0 ? "/users/:id" : "", trigger: number % 3 == 0 ? "users" : "", version: 1,
                status: status, error: "", startedAt: nil, completedAt: time, waitNanos: 0, coldStartNanos: nil,
                runNanos: 0, container: "", log: [], logTruncated: false)
        }
    }

    private func numbers(_ store: Store, _ request: ListCallsRequest) async throws -> [Int] {
        try await store.calls(request).items.map { Int($0.meta.id.low) }
    }

    private func made(_ test: TestStore) async throws -> Function {
        try await test.furnish()
        return try await test.deploy().function
    }

    @Test(arguments: Backing.allCases)
    func listsAreFiltered(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        defer { withExtendedLifetime(test) {} }
        let store = test.store
        let function = try await made(test)
        // None yet: an empty list, not an error.
        #expect(try await numbers(store, ListCallsRequest(app: "demo", function: "hello")) == [])
        _ = try await test.change { (tx) throws(Failure) in
            try tx.createTrigger(
                CreateTriggerRequest(app: "demo", name: "users", type: "http", source: "/users/:id", function: "hello"))
        }
        #expect(try await numbers(store, ListCallsRequest(app: "demo", path: "/users/:id")) == [])
        try await store.driver.append(calls(function, 20))
        let all = Array((1...20).reversed())
        #expect(try await numbers(store, ListCallsRequest()) == all)
        #expect(try await numbers(store, ListCallsRequest(app: "demo", function: "hello")) == all)
        #expect(
            try await numbers(store, ListCallsRequest(app: "demo", path: "/users/:id")) == all.filter { $0 % 3 == 0 })
        for status in CallStatus.completed {
            let index = CallStatus.completed.firstIndex(of: status)
            #expect(
                try await numbers(store, ListCallsRequest(app: "demo", status: status.rawValue))
                    == all.filter { $0 % 5 == index })
        }
        // From 5 s on, before 8 s, to the nanosecond.
        #expect(
            try await numbers(store, ListCallsRequest(since: 5 * Self.second, until: 8 * Self.second)) == [7, 6, 5])
        #expect(
            try await numbers(store, ListCallsRequest(since: 5 * Self.second + 1, until: 8 * Self.second + 1))
                == [8, 7, 6])
        #expect(try await numbers(store, ListCallsRequest(since: .max, until: .max)) == [])
        #expect(try await numbers(store, ListCallsRequest(until: 1)) == [])
        #expect(
            try await numbers(
                store, ListCallsRequest(filter: "path:* AND reason = client_request AND trigger = users")) == [9])
        // Pages of everything at once.
        var page = Page(size: 2)
        var seen: [Int] = []
        repeat {
            let answer = try await store.calls(
                ListCallsRequest(
                    app: "demo", page: page, path: "/users/:id", since: 4 * Self.second, until: 17 * Self.second))
            seen += answer.items.map { Int($0.meta.id.low) }
            page.cursor = answer.nextCursor
        } while !page.cursor.isEmpty
        #expect(seen == [15, 12, 9, 6])
    }

    @Test(arguments: Backing.allCases)
    func whatIsMissingIsNotFound(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        defer { withExtendedLifetime(test) {} }
        let store = test.store
        let function = try await made(test)
        try await store.driver.append(calls(function, 3))
        func refusal(_ request: ListCallsRequest) async -> Failure { await failure { try await store.calls(request) } }
        #expect(await refusal(ListCallsRequest(app: "none")).code == .notFound)
        #expect(await refusal(ListCallsRequest(app: "none", path: "/users")).code == .notFound)
        #expect(await refusal(ListCallsRequest(app: "demo", function: "none")).code == .notFound)
        let route = await refusal(ListCallsRequest(app: "demo", path: "/users"))
        #expect(route.message == "path: no trigger of app \"demo\" has \"/users\"" && route.code == .notFound)
        #expect(await refusal(ListCallsRequest(app: "demo", path: "users")).code == .invalid)
        #expect(await refusal(ListCallsRequest(path: "/users")).code == .invalid)
        #expect(await refusal(ListCallsRequest(function: "hello")).code == .invalid)
        #expect(await refusal(ListCallsRequest(app: "demo", function: "hello", path: "/users")).code == .invalid)
        #expect(await refusal(ListCallsRequest(status: "happy")).code == .invalid)
        #expect(await refusal(ListCallsRequest(since: -1)).code == .invalid)
        #expect(await refusal(ListCallsRequest(until: .min)).code == .invalid)
        #expect(await failure { try await store.call("x") }.code == .invalid)
        #expect(await failure { try await store.callInput(Sample.id(1).description) }.code == .notFound)
    }

    @Test(arguments: Backing.allCases)
    func callsOutliveTheirApp(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        defer { withExtendedLifetime(test) {} }
        let store = test.store
        let function = try await made(test)
        try await store.driver.append(calls(function, 3))
        let id = calls(function, 1)[0].meta.id.description
        _ = try await test.change { (tx) throws(Failure) in
            try tx.deleteApp(DeleteAppRequest(app: "demo", force: true))
        }
        #expect(try await store.call(id).appName == "demo")
        #expect(try await numbers(store, ListCallsRequest()) == [3, 2, 1])
        // The name is free for another app; the id is not.
        #expect(await failure { try await store.calls(ListCallsRequest(app: "demo")) }.code == .notFound)
        let app = function.appID.description
        #expect(try await numbers(store, ListCallsRequest(app: app)) == [3, 2, 1])
        #expect(
            try await numbers(store, ListCallsRequest(app: app, function: function.meta.id.description)) == [3, 2, 1])
        #expect(
            await failure { try await store.calls(ListCallsRequest(app: Sample.id(77).description)) }.code == .notFound)
    }
}
