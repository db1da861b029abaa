import Model
import Store
import Testing

@Suite struct ServiceClaimTests {
    private func deployment(_ app: String, _ function: String, _ services: [String]) throws -> Deployment {
        var deployment = try Sample.deployment(app, function)
        deployment.spec.services = services
        deployment.spec.descriptorSet = services.isEmpty ? "" : "greeter.pb"
        return deployment
    }

    @Test(arguments: Implementation.allCases)
    func aServiceHasOneFunctionOfAnApp(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            _ = try await store.addPackage(Sample.package(1))
            let first = try await store.deploy(deployment("shop", "hello", ["pkg.Greeter", "pkg.Other"]))
            #expect(try await store.version(app: "shop", function: "hello", number: 1) == first.version)
            #expect(first.version.spec.services == ["pkg.Greeter", "pkg.Other"])
            // The same function again, and another app: both may.
            _ = try await store.deploy(deployment("shop", "hello", ["pkg.Greeter"]))
            _ = try await store.deploy(deployment("other", "hello", ["pkg.Greeter"]))
            let before = try await store.counts()
            let taken = await failure { try await store.deploy(deployment("shop", "second", ["a.B", "pkg.Greeter"])) }
            #expect(taken.code == .exists)
            #expect(
                taken.message
                    == "services: \"pkg.Greeter\" is served by function \"shop/hello\" already; a service name is unique "
                    + "in an app")
            // Nothing of it has happened.
            #expect(try await store.counts() == before)
            #expect(await failure { try await store.function(app: "shop", function: "second") }.code == .notFound)
            // What the latest version no longer serves is free.
            _ = try await store.deploy(deployment("shop", "second", ["a.B", "pkg.Other"]))
            _ = try await store.deploy(deployment("shop", "hello", []))
            _ = try await store.deploy(deployment("shop", "third", ["pkg.Greeter"]))
            let back = await failure { try await store.deploy(deployment("shop", "hello", ["pkg.Greeter"])) }
            #expect(back.message.contains("is served by function \"shop/third\" already"))
            #expect(try await store.function(app: "shop", function: "hello").latestVersion == 3)
        }
    }

    @Test(arguments: Implementation.allCases)
    func ofParallelClaimsOneWins(_ implementation: Implementation) async throws {
        try await implementation.with { store in
            _ = try await store.addPackage(Sample.package(1))
            let results = await withTaskGroup(of: Failure?.self) { group in
                for number in 0..<20 {
                    group.addTask {
                        do {
                            _ = try await store.deploy(
                                deployment("shop", "f\(number)", ["x\(number).Y", "pkg.Greeter"]))
                            return nil
                        } catch { return error as? Failure ?? Failure(.internalError, "\(error)") }
                    }
                }
                return await group.reduce(into: []) { $0.append($1) }
            }
            #expect(results.count { $0 == nil } == 1 && results.count { $0?.code == .exists } == 19)
            #expect(try await store.catalog().functions.count == 1)
        }
    }

    @Test func claimsSurviveReopening() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/fnrpc.db"
        let first = try SQLiteStore(path: path)
        _ = try await first.addPackage(Sample.package(1))
        _ = try await first.deploy(deployment("shop", "hello", ["pkg.Greeter"]))
        try first.close()
        let second = try SQLiteStore(path: path)
        let taken = await failure { try await second.deploy(deployment("shop", "second", ["pkg.Greeter"])) }
        #expect(taken.code == .exists)
        #expect(try await second.catalog().versions.first?.spec.descriptorSet == "greeter.pb")
        try second.close()
    }
}
