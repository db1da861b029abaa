import Catalog
import Model
import Testing

@Suite struct SnapshotTests {
    private func runnable(
        _ app: String, _ function: String, id: UInt64, version: UInt32, services: [String] = [],
        entrypoint: [String] = []
    ) throws -> Runnable {
        let meta = Meta(id: Identifier(high: 1, low: id), createdAt: Timestamp(nanoseconds: 0))
        var spec = FunctionSpec(runtime: .python, entry: "a.b", format: .ttrpc)
        spec.services = services
        spec.entrypoint = entrypoint
        let digest = Digest(bytes: [UInt8](repeating: 1, count: 32))
        return Runnable(
            function: Function(
                meta: meta, appID: Identifier(high: 2, low: 2), appName: try Name(app, field: "app"),
                name: try Name(function, field: "function"), spec: spec, package: digest, latestVersion: version),
            version: Version(
                meta: meta, functionID: meta.id, number: version, description: "", spec: spec, package: digest,
                packageBytes: 1, interpreter: ""))
    }

    private func find(_ catalog: Catalog, _ app: String, _ function: String, _ version: UInt32 = 0) -> String {
        Array(app.utf8).withUnsafeBytes { app in
            Array(function.utf8).withUnsafeBytes { function in
                switch catalog.snapshot.find(app: app, function: function, version: version) {
                case .runnable(let found): found.name
                case .noApp: "no app"
                case .noFunction: "no function"
                case .noVersion: "no version"
                }
            }
        }
    }

    @Test func namesLeadToVersions() throws {
        let catalog = Catalog()
        for id in 0..<200 {
            catalog.add([try runnable("app", "f\(id)", id: UInt64(id), version: 1)])
        }
        catalog.add([try runnable("app", "f7", id: 7, version: 2)])
        #expect(find(catalog, "app", "f7") == "app/f7@2")
        #expect(find(catalog, "app", "f7", 1) == "app/f7@1")
        #expect(find(catalog, "app", "f7", 3) == "no version")
        #expect(find(catalog, "app", "f200") == "no function")
        #expect(find(catalog, "", "f1") == "no app")
        for id in 0..<200 where id != 7 { #expect(find(catalog, "app", "f\(id)") == "app/f\(id)@1") }
    }

    @Test func aVersionKeepsItsPoolWhenOthersArePublished() throws {
        let catalog = Catalog()
        let first = try runnable("app", "f", id: 1, version: 1)
        catalog.add([first])
        catalog.add([try runnable("app", "f", id: 1, version: 2), try runnable("app", "f", id: 1, version: 1)])
        #expect(catalog.snapshot.all.contains { $0 === first })
        #expect(catalog.snapshot.all.count == 2)
    }

    @Test func ownKeysWinOverConfig() throws {
        let runnable = try runnable("app", "f", id: 1, version: 4)
        let plan = LaunchPlan(runnable)
        #expect(plan.arguments == ["/usr/bin/python3", "/.fnrpc/python/bootstrap.py", "a.b"])
        #expect(plan.environment.contains("FNRPC_LISTENER=unix:/tmp/iofs/lsnr.sock"))
        #expect(plan.environment.contains("FNRPC_VERSION=4"))
    }

    @Test func aTemplateIsTheCommandLine() throws {
        let template = try RuntimeTemplate([
            "/opt/deno/deno", "run", "--root={package}", "{package}/{entry}.ts", "{{}}",
        ])
        let plan = LaunchPlan(try runnable("app", "f", id: 1, version: 1), template: template)
        #expect(plan.arguments == ["/opt/deno/deno", "run", "--root=/function", "/function/a.b.ts", "{}"])
        #expect(!plan.environment.contains { $0.hasPrefix("PYTHON") })
        #expect(plan.environment.contains("FNRPC_LISTENER=unix:/tmp/iofs/lsnr.sock"))
        let own = LaunchPlan(
            try runnable("app", "f", id: 1, version: 1, entrypoint: ["/bin/own", "{entry}"]), template: template)
        #expect(own.arguments == ["/bin/own", "{entry}"], "a function's words are no template")
    }

    private func route(_ catalog: Catalog, _ service: String, _ app: String? = nil, _ version: UInt32 = 0) -> String {
        Array(service.utf8).withUnsafeBytes { service in
            Array((app ?? "").utf8).withUnsafeBytes { name in
                switch catalog.snapshot.route(service: service, app: app == nil ? nil : name, version: version) {
                case .runnable(let found): found.name
                case .noService: "no service"
                case .noApp: "no app"
                case .ambiguous(let apps): "one of \(apps)"
                case .noVersion: "no version"
                case .notServed: "not served"
                }
            }
        }
    }

    @Test func servicesLeadToFunctions() throws {
        let catalog = Catalog()
        #expect(route(catalog, "pkg.Greeter") == "no service")
        catalog.add([
            try runnable("shop", "hello", id: 1, version: 1, services: ["pkg.Old", "pkg.Greeter"]),
            try runnable("shop", "hello", id: 1, version: 2, services: ["pkg.Greeter", "pkg.New"]),
            try runnable("shop", "plain", id: 2, version: 1),
        ])
        #expect(route(catalog, "pkg.Greeter") == "shop/hello@2")
        #expect(route(catalog, "pkg.Greeter", "shop") == "shop/hello@2")
        #expect(route(catalog, "pkg.Greeter", nil, 1) == "shop/hello@1")
        #expect(route(catalog, "pkg.New", "shop", 1) == "not served")
        #expect(route(catalog, "pkg.New", nil, 3) == "no version")
        // Only the latest version claims names.
        #expect(route(catalog, "pkg.Old", nil, 1) == "no service")
        #expect(route(catalog, "pkg.Greete") == "no service" && route(catalog, "pkg.Greeterr") == "no service")
        #expect(route(catalog, "") == "no service")
        #expect(route(catalog, "pkg.Greeter", "nope") == "no app" && route(catalog, "no.Such", "nope") == "no app")
    }

    @Test func severalAppsNeedAChoice() throws {
        let catalog = Catalog()
        for (id, app) in ["zoo", "bar", "api"].enumerated() {
            catalog.add([try runnable(app, "f", id: UInt64(id), version: 1, services: ["pkg.Greeter"])])
        }
        catalog.add([try runnable("none", "f", id: 9, version: 1)])
        #expect(route(catalog, "pkg.Greeter") == #"one of ["api", "bar", "zoo"]"#)
        #expect(route(catalog, "pkg.Greeter", "bar") == "bar/f@1" && route(catalog, "pkg.Greeter", "zoo") == "zoo/f@1")
        #expect(route(catalog, "pkg.Greeter", "none") == "no service")
        catalog.add([
            try runnable("api", "f", id: 2, version: 2), try runnable("zoo", "f", id: 0, version: 2, services: ["a.A"]),
        ])
        #expect(route(catalog, "pkg.Greeter") == "bar/f@1")
        let all = catalog.snapshot.allServices
        #expect(all.map(\.name) == ["a.A", "pkg.Greeter"] && all.map(\.app) == ["zoo", "bar"])
        #expect(all.map(\.function) == ["f", "f"] && all.map(\.latest.version.number) == [2, 1])
    }

    @Test func manyServicesAreFound() throws {
        let catalog = Catalog()
        catalog.add(
            try (0..<300).map { id in
                try runnable("app\(id % 3)", "f\(id)", id: UInt64(id), version: 1, services: ["s\(id).A", "s\(id).B"])
            })
        for id in 0..<300 {
            #expect(route(catalog, "s\(id).A") == "app\(id % 3)/f\(id)@1")
            #expect(route(catalog, "s\(id).B", "app\(id % 3)") == "app\(id % 3)/f\(id)@1")
            #expect(route(catalog, "s\(id).B", "app\((id + 1) % 3)") == "no service")
        }
        #expect(catalog.snapshot.allServices.count == 600)
    }

    @Test func aClaimThatMovesIsNeverAmbiguous() throws {
        let catalog = Catalog()
        // The new holder's version arrives before the one by which the old holder gives the name up.
        catalog.add([try runnable("shop", "old", id: 1, version: 1, services: ["pkg.Greeter"])])
        catalog.add([try runnable("shop", "new", id: 2, version: 1, services: ["pkg.Greeter"])])
        #expect(route(catalog, "pkg.Greeter") == "shop/new@1" && route(catalog, "pkg.Greeter", "shop") == "shop/new@1")
        catalog.add([try runnable("shop", "old", id: 1, version: 2)])
        #expect(route(catalog, "pkg.Greeter") == "shop/new@1")
    }
}
