import Model
import Wire

@testable import Store

/// One of each operation that writes, in an order in which all of them succeed.
enum Operations {
    static let setUp: [Operation] = [
        Operation("runtime") { tx throws(Failure) in
            try tx.createRuntime(CreateRuntimeRequest(name: "r", command: ["/bin/x", "{entry}"]))
        },
        Operation("secret") { tx throws(Failure) in
            try tx.createSecret(CreateSecretRequest(app: "demo", name: "key", value: [1, 2, 3]))
        },
        Operation("first version") { tx throws(Failure) in try tx.deploy(try Sample.deployment("demo", "hello")) },
        Operation("second version") { tx throws(Failure) in
            try tx.deploy(try Sample.deployment("demo", "hello", package: 2))
        },
        Operation("another function") { tx throws(Failure) in try tx.deploy(try Sample.deployment("demo", "other")) },
    ]

    static let all: [Operation] = creations + updates + maintenance + deletions

    private static let creations: [Operation] = [
        Operation("createApp") { tx throws(Failure) in
            try tx.createApp(CreateAppRequest(name: "new", labels: ["a": "b"], config: ["A": "1"]))
        },
        Operation("deploy an app") { tx throws(Failure) in try tx.deploy(try Sample.deployment("fresh", "hello")) },
        Operation("deploy again") { tx throws(Failure) in
            var spec = Sample.spec()
            spec.services = ["pkg.A", "pkg.B"]
            spec.secrets = ["key"]
            return try tx.deploy(try Sample.deployment("demo", "hello", package: 3, spec: spec))
        },
        Operation("createFunction") { tx throws(Failure) in
            try tx.createFunction(
                CreateFunctionRequest(
                    app: "new", function: "f", spec: Sample.spec(),
                    packageDigest: try Sample.digest(1).description))
        },
        Operation("publishVersion") { tx throws(Failure) in
            try tx.publishVersion(PublishVersionRequest(app: "new", function: "f"))
        },
        Operation("createAlias") { tx throws(Failure) in
            try tx.createAlias(CreateAliasRequest(app: "demo", function: "hello", name: "live", version: 1))
        },
        Operation("createTrigger") { tx throws(Failure) in
            try tx.createTrigger(
                CreateTriggerRequest(app: "demo", name: "t", source: "/x/:id", function: "hello", alias: "live"))
        },
        Operation("createRoute") { tx throws(Failure) in
            try tx.createRoute(CreateRouteRequest(app: "routed", path: "/a/*", image: "img:1"))
        },
        Operation("createRuntime") { tx throws(Failure) in
            try tx.createRuntime(CreateRuntimeRequest(name: "s", command: ["/bin/y", "{entry}"]))
        },
        Operation("createSecret") { tx throws(Failure) in
            try tx.createSecret(CreateSecretRequest(app: "demo", name: "spare", value: [9]))
        },
        Operation("createToken") { tx throws(Failure) in
            try tx.createToken(name: try Sample.name("ci"), scopes: [.read], expiresAt: nil, hash: Sample.hash(1))
        },
        Operation("addPackage") { tx throws(Failure) in try tx.addPackage(try Sample.package(4)) },
    ]

    private static let updates: [Operation] = [
        Operation("updateApp") { tx throws(Failure) in
            try tx.updateApp(UpdateAppRequest(app: "new", config: ["A": "2"]))
        },
        Operation("updateFunction") { tx throws(Failure) in
            var patch = FunctionPatch()
            patch.memoryMiB = 256
            return try tx.updateFunction(UpdateFunctionRequest(app: "demo", function: "hello", spec: patch))
        },
        Operation("updateVersion") { tx throws(Failure) in
            try tx.updateVersion(UpdateVersionRequest(app: "new", function: "f", number: 1, description: "first"))
        },
        Operation("restoreVersion") { tx throws(Failure) in
            try tx.restoreVersion(RestoreVersionRequest(app: "demo", function: "hello", number: 1))
        },
        Operation("updateAlias") { tx throws(Failure) in
            try tx.updateAlias(UpdateAliasRequest(app: "demo", function: "hello", alias: "live", version: 2))
        },
        Operation("rollbackAlias") { tx throws(Failure) in
            try tx.rollbackAlias(RollbackAliasRequest(app: "demo", function: "hello", alias: "live"))
        },
        Operation("updateTrigger") { tx throws(Failure) in
            try tx.updateTrigger(UpdateTriggerRequest(app: "demo", trigger: "t", source: "/y", version: 2))
        },
        Operation("updateRoute") { tx throws(Failure) in
            try tx.updateRoute(UpdateRouteRequest(app: "routed", path: "/a/*", image: "img:2", labels: ["a": "b"]))
        },
        Operation("updateRuntime") { tx throws(Failure) in
            try tx.updateRuntime(UpdateRuntimeRequest(runtime: "r", command: ["/bin/z", "{entry}"]))
        },
        Operation("updateSecret") { tx throws(Failure) in
            try tx.updateSecret(UpdateSecretRequest(app: "demo", secret: "spare", value: [8]))
        },
        Operation("touchTokens") { tx throws(Failure) in
            try tx.touchTokens(tx.tables.children(.token, of: nil).map { ($0.id, Timestamp(nanoseconds: 9)) })
        },
    ]

    private static let maintenance: [Operation] = [
        Operation("migrate") { tx throws(Failure) in
            let ids = tx.tables.all.filter { row in
                let name = tx.tables.name(of: row)
                return name == "new" || name.hasPrefix("new/")
            }.map(\.id)
            _ = tx.convert(ids.sorted()[...], to: 2)
        },
        Operation("purge") { tx throws(Failure) in
            try tx.purge(PurgeByApiVersionRequest(apiVersion: 2, confirm: true))
        },
        Operation("import") { tx throws(Failure) in
            func imported(_ entity: some Entity, sealed: [UInt8] = []) throws(Failure) -> ImportedEntity {
                ImportedEntity(row: try tx.row(entity, references: [], sealed: sealed), entity: entity)
            }
            let app = App(meta: Sample.meta(901), name: try Sample.name("imported"))
            let secret = Secret(meta: Sample.meta(902), appID: app.meta.id, name: try Sample.name("key"), valueBytes: 1)
            var python = Runtime(meta: Sample.meta(903), name: try Sample.name("python"), poolSize: 3, isBuiltIn: true)
            python.meta.revision = 7
            _ = try tx.importEntities([imported(python), imported(app), imported(secret, sealed: [1])])
        },
    ]

    private static let deletions: [Operation] = [
        Operation("deleteTrigger") { tx throws(Failure) in
            try tx.deleteTrigger(DeleteTriggerRequest(app: "demo", trigger: "t"))
        },
        Operation("deleteAlias") { tx throws(Failure) in
            try tx.deleteAlias(DeleteAliasRequest(app: "demo", function: "hello", alias: "live"))
        },
        Operation("deleteVersion") { tx throws(Failure) in
            try tx.deleteVersion(DeleteVersionRequest(app: "demo", function: "hello", number: 3))
        },
        Operation("deleteRoute") { tx throws(Failure) in
            try tx.deleteRoute(DeleteRouteRequest(app: "routed", path: "/a/*"))
        },
        Operation("deleteFunction") { tx throws(Failure) in
            try tx.deleteFunction(DeleteFunctionRequest(app: "demo", function: "other"))
        },
        Operation("deleteRuntime") { tx throws(Failure) in
            try tx.deleteRuntime(DeleteRuntimeRequest(runtime: "r"))
        },
        Operation("deleteSecret") { tx throws(Failure) in
            try tx.deleteSecret(DeleteSecretRequest(app: "demo", secret: "spare"))
        },
        Operation("revokeToken") { tx throws(Failure) in try tx.revokeToken("ci") },
        Operation("dropUnusedPackages") { tx throws(Failure) in
            tx.dropUnusedPackages()
        },
        Operation("deleteApp") { tx throws(Failure) in
            try tx.deleteApp(DeleteAppRequest(app: "demo", force: true))
        },
    ]
}
