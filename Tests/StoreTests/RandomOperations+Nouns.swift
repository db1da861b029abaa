import Model
import Wire

@testable import Store

extension RandomOperations {
    mutating func app() -> Operation {
        switch one(of: [0, 0, 0, 1, 1, 2]) {
        case 0:
            let request = CreateAppRequest(
                name: newName(["a", "b", "c"]), labels: labels(), config: one(of: [[:], ["A": "1"]]),
                syslogURL: one(of: ["", "udp://h:1", "http://x"]), extra: extra())
            return Operation("createApp \(request.name)") { tx throws(Failure) in try tx.createApp(request) }
        case 1:
            let request = UpdateAppRequest(
                app: appName(), revision: maybe(revision()), name: maybe("a", percent: 10), labels: labels(),
                config: one(of: [[:], ["A": ""], ["B": "2"]]), syslogURL: maybe(one(of: ["", "tcp://h:2"])),
                extra: extra())
            return Operation("updateApp \(request)") { tx throws(Failure) in try tx.updateApp(request) }
        default:
            let request = DeleteAppRequest(app: appName(), revision: revision(), force: chance(10))
            return Operation("deleteApp \(request)") { tx throws(Failure) in try tx.deleteApp(request) }
        }
    }

    mutating func function() -> Operation {
        switch one(of: [0, 0, 1, 1, 1, 1, 2, 2, 3]) {
        case 0:
            let spec = spec()
            let request = CreateFunctionRequest(
                app: appName(), function: newName(["f", "g", "h"]), spec: spec,
                packageDigest: spec.image.isEmpty || chance(5) ? digest() : "", labels: labels(), extra: extra())
            return Operation("createFunction \(request)") { tx throws(Failure) in try tx.createFunction(request) }
        case 1:
            let spec = spec()
            let request = DeployRequest(
                app: appName(), function: functionName(), spec: spec,
                packageDigest: spec.image.isEmpty || chance(5) ? digest() : "", description: text(), labels: labels(),
                extra: extra())
            return Operation("deploy \(request)") { tx throws(Failure) in try tx.deploy(request) }
        case 2:
            var patch = FunctionPatch()
            patch.entry = maybe(one(of: ["func.main", "other.main"]))
            patch.memoryMiB = maybe(one(of: [1, 128, 128, 256]))
            patch.secrets = one(of: [[], [], [], ["s1"], ["absent"]])
            patch.config = one(of: [[:], ["A": "1"], ["A": ""]])
            let request = UpdateFunctionRequest(
                app: maybe(appName(), percent: 95), function: maybe(functionName(), percent: 95),
                revision: maybe(revision()), name: maybe("f", percent: 5), spec: patch,
                clear: one(of: [[], [], [], ["secrets"], ["services"], ["nonsense"]]),
                packageDigest: maybe(digest(), percent: 10), labels: labels(), extra: extra())
            return Operation("updateFunction \(request)") { tx throws(Failure) in try tx.updateFunction(request) }
        default:
            let request = DeleteFunctionRequest(app: appName(), function: functionName(), revision: revision())
            return Operation("deleteFunction \(request)") { tx throws(Failure) in try tx.deleteFunction(request) }
        }
    }

    mutating func version() -> Operation {
        switch one(of: [0, 0, 1, 2, 3]) {
        case 0:
            let request = PublishVersionRequest(
                app: appName(), function: functionName(), description: text(), requireChange: chance(30),
                labels: labels(), extra: extra())
            return Operation("publishVersion \(request)") { tx throws(Failure) in try tx.publishVersion(request) }
        case 1:
            let request = UpdateVersionRequest(
                app: appName(), function: functionName(), number: number(), revision: maybe(revision()),
                description: maybe(text()))
            return Operation("updateVersion \(request)") { tx throws(Failure) in try tx.updateVersion(request) }
        case 2:
            let request = DeleteVersionRequest(
                app: appName(), function: functionName(), number: number(), revision: revision())
            return Operation("deleteVersion \(request)") { tx throws(Failure) in try tx.deleteVersion(request) }
        default:
            let request = RestoreVersionRequest(app: appName(), function: functionName(), number: number())
            return Operation("restoreVersion \(request)") { tx throws(Failure) in try tx.restoreVersion(request) }
        }
    }

    mutating func alias() -> Operation {
        let names = ["live", "next"]
        switch one(of: [0, 0, 1, 1, 2, 3]) {
        case 0:
            let request = CreateAliasRequest(
                app: appName(), function: functionName(), name: newName(names), version: number(),
                secondVersion: one(of: [0, 0, 0, 0, 2]), secondWeight: one(of: [0, 0, 0, 0, 5000, 10_001]),
                stickyKey: one(of: ["", "", "user", "user", "a b"]), description: text(), labels: labels(),
                extra: extra())
            return Operation("createAlias \(request)") { tx throws(Failure) in try tx.createAlias(request) }
        case 1:
            let request = UpdateAliasRequest(
                app: appName(), function: functionName(), alias: name(names, of: .alias), revision: maybe(revision()),
                version: maybe(number()), secondVersion: maybe(number(), percent: 20),
                secondWeight: maybe(100, percent: 20), description: maybe(text()), labels: labels(), extra: extra())
            return Operation("updateAlias \(request)") { tx throws(Failure) in try tx.updateAlias(request) }
        case 2:
            let request = RollbackAliasRequest(
                app: appName(), function: functionName(), alias: name(names, of: .alias), revision: revision())
            return Operation("rollbackAlias \(request)") { tx throws(Failure) in try tx.rollbackAlias(request) }
        default:
            let request = DeleteAliasRequest(
                app: appName(), function: functionName(), alias: name(names, of: .alias), revision: revision())
            return Operation("deleteAlias \(request)") { tx throws(Failure) in try tx.deleteAlias(request) }
        }
    }

    mutating func trigger() -> Operation {
        let names = ["t", "u", "v"]
        switch one(of: [0, 0, 1, 1, 2]) {
        case 0:
            let request = CreateTriggerRequest(
                app: appName(), name: newName(names), type: one(of: ["", "", "", "http", "tcp"]), source: path(),
                function: functionName(), version: one(of: [0, 0, 0, 1]), alias: one(of: ["", "", "", "live"]),
                labels: labels(), extra: extra())
            return Operation("createTrigger \(request)") { tx throws(Failure) in try tx.createTrigger(request) }
        case 1:
            let request = UpdateTriggerRequest(
                app: appName(), trigger: name(names, of: .trigger), revision: maybe(revision()),
                source: maybe(path()), function: maybe(functionName(), percent: 20), version: maybe(number()),
                alias: maybe(one(of: ["", "live"])), labels: labels(), extra: extra())
            return Operation("updateTrigger \(request)") { tx throws(Failure) in try tx.updateTrigger(request) }
        default:
            let request = DeleteTriggerRequest(
                app: appName(), trigger: name(names, of: .trigger), revision: revision())
            return Operation("deleteTrigger \(request)") { tx throws(Failure) in try tx.deleteTrigger(request) }
        }
    }

    mutating func route() -> Operation {
        switch one(of: [0, 0, 1, 1, 2]) {
        case 0:
            let request = CreateRouteRequest(
                app: appName(), path: path(), image: one(of: ["img:1", "img:1", ""]),
                memoryMiB: maybe(one(of: [1, 64, 65, 66])), type: one(of: ["", "", "", "sync", "no"]),
                format: one(of: ["", "default"]),
                headers: [HeaderValues(name: "X-A", values: ["1"])], labels: labels(), extra: extra())
            return Operation("createRoute \(request)") { tx throws(Failure) in try tx.createRoute(request) }
        case 1:
            let request = UpdateRouteRequest(
                app: appName(), path: path(), revision: maybe(revision()), newPath: maybe(path(), percent: 5),
                image: maybe(one(of: ["img:1", "img:2", "a"])), memoryMiB: maybe(one(of: [1, 64, 65, 66])),
                config: one(of: [[:], ["A": "1"]]), labels: labels(), extra: extra())
            return Operation("updateRoute \(request)") { tx throws(Failure) in try tx.updateRoute(request) }
        default:
            let request = DeleteRouteRequest(app: appName(), path: path(), revision: revision())
            return Operation("deleteRoute \(request)") { tx throws(Failure) in try tx.deleteRoute(request) }
        }
    }

    mutating func runtime() -> Operation {
        let names = ["r", "s", "python"]
        switch one(of: [0, 0, 1, 1, 2]) {
        case 0:
            let request = CreateRuntimeRequest(
                name: newName(names), description: text(), root: one(of: ["", "host", "folder:/srv/r", "no"]),
                command: one(of: [["/bin/x", "{entry}"], ["/bin/y", "{entry}"], []]), zygote: chance(30),
                poolSize: one(of: [0, 1, 1025]), labels: labels(), extra: extra())
            return Operation("createRuntime \(request)") { tx throws(Failure) in try tx.createRuntime(request) }
        case 1:
            let request = UpdateRuntimeRequest(
                runtime: name(names, of: .runtime), revision: maybe(revision()), description: maybe(text()),
                root: maybe(one(of: ["host", "folder:/srv/q"]), percent: 20),
                command: one(of: [[], ["/bin/z", "{entry}"]]), zygote: maybe(true), poolSize: maybe(2),
                labels: labels(), extra: extra())
            return Operation("updateRuntime \(request)") { tx throws(Failure) in try tx.updateRuntime(request) }
        default:
            let request = DeleteRuntimeRequest(runtime: name(names, of: .runtime), revision: revision())
            return Operation("deleteRuntime \(request)") { tx throws(Failure) in try tx.deleteRuntime(request) }
        }
    }

    mutating func secret() -> Operation {
        let names = ["s1", "s2"]
        switch one(of: [0, 0, 0, 1, 2]) {
        case 0:
            let request = CreateSecretRequest(
                app: appName(), name: newName(names), value: one(of: [[1, 2], [0], []]), description: text(),
                labels: labels(), extra: extra())
            return Operation("createSecret \(request)") { tx throws(Failure) in try tx.createSecret(request) }
        case 1:
            let request = UpdateSecretRequest(
                app: appName(), secret: name(names, of: .secret), revision: maybe(revision()),
                value: maybe(one(of: [[3], []])), description: maybe(text()), labels: labels(), extra: extra())
            return Operation("updateSecret \(request)") { tx throws(Failure) in try tx.updateSecret(request) }
        default:
            let request = DeleteSecretRequest(
                app: appName(), secret: name(names, of: .secret), revision: revision())
            return Operation("deleteSecret \(request)") { tx throws(Failure) in try tx.deleteSecret(request) }
        }
    }

    mutating func token() -> Operation {
        let names = ["k", "l"]
        switch one(of: [0, 0, 1, 2]) {
        case 0:
            let (text, labels, extra) = (newName(names), labels(), extra())
            let hash = UInt8(one(of: [1, 2]))
            return Operation("createToken \(text)") { tx throws(Failure) in
                try tx.createToken(
                    name: try Name(text, field: "name"), scopes: [.read, .invoke],
                    expiresAt: Timestamp(nanoseconds: 7), hash: Sample.hash(hash), labels: labels, extra: extra)
            }
        case 1:
            let text = name(names, of: .token)
            return Operation("revokeToken \(text)") { tx throws(Failure) in try tx.revokeToken(text) }
        default:
            let (ids, time) = (rows.filter { chance(50) && $0.kind != .alias }.map(\.id), one(of: [5, 6, 9]))
            return Operation("touchTokens at \(time)") { tx throws(Failure) in
                try tx.touchTokens(ids.map { ($0, Timestamp(nanoseconds: Int64(time))) })
            }
        }
    }

    mutating func package() -> Operation {
        if chance(20) {
            return Operation("dropUnusedPackages") { tx throws(Failure) in
                tx.dropUnusedPackages()
            }
        }
        let number = one(of: [1, 2, 3])
        return Operation("addPackage \(number)") { tx throws(Failure) in
            var package = try Sample.package(number)
            // A package that was dropped comes back as another row.
            package.meta.id = tx.newMeta(labels: [:], extra: [:]).id
            return try tx.addPackage(package)
        }
    }
}
