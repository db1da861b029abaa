import Model
import Testing
import Wire

@testable import Store

/// Pages end at ``PageRequest/maxBytes``, so that an answer fits in a frame.
@Suite struct PageBytesTests {
    /// Three of these, with tag and length, are a page to the byte.
    private static let third = PageRequest.maxBytes / 3 - 4

    /// Walks a list to its end with pages as large as can be, and checks each of them.
    ///
    /// - Returns: how many items each page has.
    private func walk<Item: Sendable>(
        _ bytes: (Item) -> Int, _ fetch: (PageRequest) async throws -> ListPage<Item>
    ) async throws -> (items: [Item], pages: [Int]) {
        var items: [Item] = []
        var pages: [[Int]] = []
        var request = PageRequest(size: PageRequest.maxSize)
        repeat {
            let page = try await fetch(request)
            items += page.items
            pages.append(page.items.map { FieldSize.field(1, length: bytes($0)) })
            request.cursor = page.nextCursor
        } while !request.cursor.isEmpty
        for (page, next) in zip(pages, pages.dropFirst()) {
            let size = page.reduce(0, +)
            #expect(page.count == 1 || size <= PageRequest.maxBytes)
            let isFull = page.count == Int(PageRequest.maxSize) || size + (next.first ?? 0) > PageRequest.maxBytes
            #expect(isFull, "a page ends where the next item fits")
        }
        return (items, pages.map(\.count))
    }

    /// A row whose message has so many bytes.
    private func row(_ kind: EntityKind, _ number: Int, in parent: Identifier?, app: String, bytes: Int) throws -> Row {
        let key =
            switch kind {
            case .version: VersionKey.text(UInt32(number))
            case .package: try Sample.digest(number).description
            default: "n\(number)"
            }
        // Field app_name is added to a function's.
        let more = kind == .function ? FieldSize.field(3, length: app.utf8.count) : 0
        return Row(
            kind: kind, id: Sample.id(UInt64(number)), parent: parent, key: key, apiVersion: 1, revision: 1,
            createdAt: Timestamp(nanoseconds: 1), updatedAt: Timestamp(nanoseconds: 1),
            body: [UInt8](repeating: UInt8(number), count: bytes - more))
    }

    @Test(arguments: EntityKind.allCases)
    func everyListOfEntitiesEndsAtTheByte(_ kind: EntityKind) async throws {
        for (extra, pages) in [(0, [3, 1]), (1, [2, 2])] {
            let test = try TestStore()
            try await test.change { tx throws(Failure) in
                _ = try tx.createApp(CreateAppRequest(name: "demo"))
                _ = try tx.createRoute(CreateRouteRequest(app: "demo", path: "/f", image: "img:1"))
            }
            let parent = try test.store.read { (tables) throws(Failure) -> Row? in
                let app = try tables.named("demo", .app)
                return kind.parent == .app ? app : kind.parent == nil ? nil : tables.children(.function, of: app.id)[0]
            }
            // What is there already goes.
            for row in try test.rows() where row.kind == kind {
                try await test.change { tx throws(Failure) in tx.delete(row) }
            }
            let sizes = [Self.third, Self.third + extra, Self.third, Self.third]
            let rows = try sizes.enumerated().map { number, size in
                try row(kind, number + 1, in: parent?.id, app: parent?.key ?? "", bytes: size)
            }
            try await test.change { tx throws(Failure) in for row in rows { tx.put(row) } }
            let found = try await walk(\.count) { request in
                try test.store.list(kind, ListRequest(page: request), of: { _ throws(Failure) in parent })
            }
            let order = kind == .version ? rows.reversed() : rows
            #expect((found.items == order.map { $0.message(app: parent?.key ?? "") }) == true)
            // Versions come from the other end.
            #expect(found.pages == (kind == .version ? [extra == 0 ? 3 : 2, extra == 0 ? 1 : 2] : pages), "\(extra)")
        }
    }

    /// An item that is larger than a page is one.
    @Test func onePageHasOneItemAtLeast() async throws {
        let test = try TestStore()
        let rows = try (1...3).map { try row(.app, $0, in: nil, app: "", bytes: PageRequest.maxBytes + $0) }
        try await test.change { tx throws(Failure) in for row in rows { tx.put(row) } }
        let found = try await walk(\.count) { try test.store.list(.app, ListRequest(page: $0)) }
        #expect(found.pages == [1, 1, 1])
    }

    @Test func routesEndAtTheirBytes() async throws {
        let test = try TestStore()
        let config = ["A": String(repeating: "x", count: 65_000)]
        try await test.change { tx throws(Failure) in
            for number in 100..<200 {
                let request = CreateRouteRequest(app: "demo", path: "/\(number)", image: "img:1", config: config)
                _ = try tx.createRoute(request)
            }
        }
        let found = try await walk(\.count) { request in
            try test.store.routes(
                ListRoutesRequest(app: "demo", page: .init(cursor: request.cursor, size: request.size)))
        }
        let paths = try found.items.map { try Route(decoding: $0, strict: true).path }
        #expect(paths == (100..<200).map { "/\($0)" } && found.pages.count == 3)
    }

    @Test(arguments: Backing.allCases)
    func callsEndAtTheirBytes(_ backing: Backing) async throws {
        let test = try TestStore(backing)
        try await test.store.driver.append(
            (1...1000 as ClosedRange<UInt64>).map { number in
                var call = Sample.call(number)
                call.error = String(repeating: "e", count: CallRecord.maxErrorBytes)
                call.path = "/" + String(repeating: "p", count: TriggerSource.Limits.bytes - 1)
                call.trigger = String(repeating: "n", count: Name.maxBytes)
                return call
            })
        let found = try await walk(\.encodedSize) { request in
            try await test.store.calls(app: "", function: "", ListRequest(page: request))
        }
        #expect(found.items.map(\.meta.id) == (1...1000).reversed().map { Sample.id($0) })
        #expect(found.pages.count == 4)
        // Who asked can read it.
        let page = ListCallsResponse(calls: Array(found.items.prefix(found.pages[0])))
        let read = try ListCallsResponse(decoding: page.encoded(), strict: false, quota: MemoryQuota.answer)
        #expect((read.calls == page.calls) == true)
        #expect(found.items.allSatisfy { $0.encodedSize <= CallRecord.maxBytes })
    }

    @Test(arguments: [1, 2, 3, 7, 1000] as [UInt32])
    func servicesHavePages(_ size: UInt32) async throws {
        let test = try TestStore()
        try await test.furnish()
        var expected = ["a.A  ", "b.B  "]
        for (app, function, services) in [
            ("b", "f", ["x.Z", "x.A"]), ("b", "g", []), ("b", "h", ["y.Y"]), ("c", "f", ["x.A"]),
            ("hidden", "f", ["q.Q"]),
        ] {
            var spec = Sample.spec()
            spec.services = services
            try await test.deploy(app, function, spec: spec)
            if app != "hidden" { expected += services.sorted().map { "\($0) \(app) \(function)" } }
        }
        var found: [String] = []
        var request = PageRequest(size: size)
        repeat {
            let page = try test.store.services(own: ["b.B", "a.A"], request) { app, _ in app != "hidden" }
            #expect(page.items.count <= Int(size))
            found += page.items.map { "\($0.service) \($0.app) \($0.function)" }
            request.cursor = page.nextCursor
            // What the cursor names may go.
            if let last = page.items.last, last.service == "y.Y" {
                try await test.change { tx throws(Failure) in
                    _ = try tx.deleteFunction(DeleteFunctionRequest(app: "b", function: "h"))
                }
            }
        } while !request.cursor.isEmpty
        #expect(found == expected)
        for cursor in ["x", try test.store.list(.app, ListRequest(page: PageRequest(size: 1))).nextCursor] {
            let refusal = await failure {
                try test.store.services(own: [], PageRequest(cursor: cursor)) { _, _ in true }
            }
            #expect(refusal.code == .invalid && refusal.message.hasPrefix("page.cursor: "))
        }
    }

    /// The longest page of services, and the longest answers that have no pages, fit in a frame.
    @Test func whatHasNoBytesToCountFits() throws {
        let name = String(repeating: "n", count: Name.maxBytes)
        let service = ServiceInfo(
            service: String(repeating: "s", count: FunctionSpec.Limits.serviceBytes), app: name, function: name,
            described: true)
        let services = ListServicesResponse(
            services: .init(repeating: service, count: Int(PageRequest.maxSize)),
            nextCursor: String(repeating: "c", count: 1100))
        #expect(services.encodedSize <= PageRequest.maxBytes)
        let worker = Worker(
            container: name, version: .max, state: "starting", calls: .max, startedAt: Timestamp(nanoseconds: .max),
            lastUsedAt: Timestamp(nanoseconds: .max), memoryMiB: .max)
        // As many as a function may have, those of before a detach, and those that leave.
        let most = 4 * Int(FunctionSpec.Limits.maxContainers.upperBound)
        let workers = ListWorkersResponse(workers: .init(repeating: worker, count: most), waitingCalls: .max)
        #expect(workers.encodedSize <= PageRequest.maxBytes)
        let log = GetCallLogsResponse(
            log: [UInt8](repeating: 0, count: CallRecord.maxLogBytes), truncated: true, removed: true)
        let input = GetCallInputResponse(
            input: [UInt8](repeating: 0, count: CallRecord.maxInputBytes), truncated: true, removed: true)
        #expect(max(log.encodedSize, input.encodedSize) <= FrameHeader.maxLength - 4096)
        let event = Event(
            sequence: .max, at: .max, action: "create", kind: "function", id: Sample.id(1).description,
            name: "\(name)/\(name)@\(name)", revision: .max, apiVersion: .max)
        #expect(event.encodedSize <= 1024)
        let deleted = EntityName(kind: "function", id: Sample.id(1).description, name: "\(name)/\(name)@\(name)")
        let deletion = Deletion(
            entities: .init(repeating: deleted, count: Transaction.maxDeletedShown), done: true, count: .max)
        #expect(deletion.encodedSize <= PageRequest.maxBytes)
    }
}
