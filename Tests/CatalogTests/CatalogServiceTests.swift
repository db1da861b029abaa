import Catalog
import Model
import Testing

extension Catalog {
    /// Where a call of a service goes, as text.
    func route(_ service: String, _ app: String? = nil, version: UInt32 = 0, alias: String? = nil) -> String {
        Array(service.utf8).withUnsafeBytes { service in
            Array((app ?? "").utf8).withUnsafeBytes { name in
                Array((alias ?? "").utf8).withUnsafeBytes { alias in
                    let choice: VersionChoice =
                        !alias.isEmpty ? .alias(alias) : version > 0 ? .version(version) : .working
                    return describe(
                        route(service: service, app: app == nil ? nil : name, choice, split: { _ in 0 }))
                }
            }
        }
    }

    private func describe(_ route: Route) -> String {
        switch route {
        case .runnable(let found): found.name
        case .noService: "no service"
        case .noApp: "no app"
        case .ambiguous(let functions): "one of " + functions.map { "\($0.app)/\($0.function)" }.joined(separator: " ")
        case .noVersion(let number): "no version \(number)"
        case .noAlias: "no alias"
        case .unreadable(let failure): failure.message
        case .notServed(let found): "not served by \(found.name)"
        }
    }
}

@Suite struct CatalogServiceTests {
    private let source = TestSource()
    private let id = Identifier(high: 2, low: 1)

    @Test func servicesLeadToFunctions() throws {
        let app = try source.add(app: "shop")
        var hello = try contents(app, "hello", 1, services: ["pkg.Old", "pkg.Greeter"])
        hello.function.spec.services = ["pkg.Greeter", "pkg.New"]
        hello.publish()
        try hello.setAlias("old", Alias.Target(version: 1, setAt: Timestamp(nanoseconds: 0)))
        source.put(hello)
        source.put(try contents(app, "plain", 2))
        let catalog = Catalog(source: source)
        for _ in 0..<2 {
            #expect(catalog.route("pkg.Greeter") == "shop/hello@2")
            #expect(catalog.route("pkg.Greeter", "shop") == "shop/hello@2")
            #expect(catalog.route("pkg.Greeter", version: 1) == "shop/hello@1")
            #expect(catalog.route("pkg.Greeter", "shop", alias: "old") == "shop/hello@1")
            #expect(catalog.route("pkg.Greeter", alias: "latest") == "shop/hello@2")
            #expect(catalog.route("pkg.Greeter", alias: "nope") == "no alias")
            #expect(catalog.route("pkg.New", "shop", version: 1) == "not served by shop/hello@1")
            #expect(catalog.route("pkg.New", version: 3) == "no version 3")
            // Only the working copy claims names.
            #expect(catalog.route("pkg.Old", version: 1) == "no service")
            #expect(catalog.route("pkg.Greete") == "no service" && catalog.route("pkg.Greeterr") == "no service")
            #expect(catalog.route("") == "no service" && catalog.route("pkg.Greeter", "") == "no app")
            #expect(catalog.route("pkg.Greeter", "nope") == "no app" && catalog.route("no.Such", "nope") == "no app")
            #expect(catalog.route("no.Such", "shop") == "no service")
        }
        #expect(catalog.size.functions == 1)
    }

    @Test func anAppIsNamedByItsIdToo() throws {
        let apps = try ["one", "two"].map { try source.add(app: $0) }
        for (number, app) in apps.enumerated() {
            source.put(try contents(app, "f", UInt64(number + 1), services: ["pkg.Greeter"]))
        }
        let catalog = Catalog(source: source)
        for _ in 0..<2 {
            for app in apps { #expect(catalog.route("pkg.Greeter", app.meta.id.description) == "\(app.name)/f@1") }
        }
        #expect(catalog.route("no.Such", apps[0].meta.id.description) == "no service")
        #expect(catalog.route("pkg.Greeter", Identifier(high: 1, low: 7).description) == "no app")
        catalog.removed(function: id)
        source.remove(id)
        #expect(catalog.route("pkg.Greeter", apps[0].meta.id.description) == "no service")
    }

    @Test func severalAppsNeedAChoice() throws {
        for (number, app) in ["zoo", "bar", "api"].enumerated() {
            source.put(try contents(try source.add(app: app), "f", UInt64(number + 1), services: ["pkg.Greeter"]))
        }
        source.put(try contents(try source.add(app: "none"), "f", 9))
        let catalog = Catalog(source: source)
        #expect(catalog.route("pkg.Greeter") == "one of api/f bar/f zoo/f")
        #expect(catalog.size == (0, 0))
        #expect(catalog.route("pkg.Greeter", "bar") == "bar/f@1" && catalog.route("pkg.Greeter", "zoo") == "zoo/f@1")
        #expect(catalog.route("pkg.Greeter", "none") == "no service")
        for low in [1, 3] as [UInt64] {
            let id = source.change(Identifier(high: 2, low: low)) {
                $0.function.spec.services = ["a.A"]; $0.publish()
            }
            catalog.changed(function: id)
        }
        #expect(catalog.route("pkg.Greeter") == "bar/f@1" && catalog.route("pkg.Greeter", "zoo") == "no service")
        #expect(catalog.route("a.A", "zoo") == "zoo/f@2")
    }

    @Test func aNewClaimIsSeenByWhoKnewTheOldOne() throws {
        let (a, b) = (try source.add(app: "a"), try source.add(app: "b"))
        source.put(try contents(a, "f", 1, services: ["s.S"]))
        let catalog = Catalog(source: source)
        #expect(catalog.route("s.S") == "a/f@1")
        // By a function that was never called.
        source.put(try contents(b, "f", 2, services: ["s.S"]))
        catalog.changed(function: Identifier(high: 2, low: 2))
        #expect(catalog.route("s.S") == "one of a/f b/f")
        #expect(catalog.route("s.S", "a") == "a/f@1")
        source.remove(id)
        catalog.removed(function: id)
        #expect(catalog.route("s.S") == "b/f@1" && catalog.route("s.S", "a") == "no service")
        #expect(catalog.size == (1, 1))
    }

    @Test func aClaimMovesFromOneFunctionToAnother() throws {
        let app = try source.add(app: "shop")
        source.put(try contents(app, "old", 1, services: ["pkg.Greeter"]))
        source.put(try contents(app, "new", 2))
        let catalog = Catalog(source: source)
        #expect(catalog.route("pkg.Greeter") == "shop/old@1" && catalog.route("pkg.Greeter", "shop") == "shop/old@1")
        catalog.changed(
            function: source.change(id) {
                $0.function.spec.services = []; $0.publish()
            })
        #expect(catalog.route("pkg.Greeter") == "no service" && catalog.route("pkg.Greeter", "shop") == "no service")
        catalog.changed(
            function: source.change(Identifier(high: 2, low: 2)) {
                $0.function.spec.services = ["pkg.Greeter"]
                $0.publish()
            })
        #expect(catalog.route("pkg.Greeter") == "shop/new@2" && catalog.route("pkg.Greeter", "shop") == "shop/new@2")
    }

    @Test func manyServicesAreFound() throws {
        let apps = try (0..<3).map { try source.add(app: "app\($0)") }
        for number in 0..<300 {
            source.put(
                try contents(
                    apps[number % 3], "f\(number)", UInt64(number), services: ["s\(number).A", "s\(number).B"]))
        }
        let catalog = Catalog(source: source)
        for number in 0..<300 {
            let name = "app\(number % 3)/f\(number)@1"
            #expect(catalog.route("s\(number).A") == name)
            #expect(catalog.route("s\(number).B", "app\(number % 3)") == name)
            #expect(catalog.route("s\(number).B", "app\((number + 1) % 3)") == "no service")
        }
        #expect(catalog.size == (300, 600))
    }
}
