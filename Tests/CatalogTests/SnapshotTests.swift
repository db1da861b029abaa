import Catalog
import Model
import Testing

@Suite struct SnapshotTests {
    private func runnable(_ app: String, _ function: String, id: UInt64, version: UInt32) throws -> Runnable {
        let meta = Meta(id: Identifier(high: 1, low: id), createdAt: Timestamp(nanoseconds: 0))
        let spec = FunctionSpec(runtime: .python, entry: "a.b", format: .ttrpc)
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
}
