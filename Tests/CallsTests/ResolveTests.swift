import Contracts
import Model
import Testing
import Wire

@testable import Calls

/// What a caller's names lead to.
@Suite struct ResolveTests {
    private let bench: DispatcherBench

    init() throws { bench = try DispatcherBench() }

    /// What is called, and what it is told; or the error.
    private func resolve(_ target: InvokeTarget, scopes: [Scope] = [.invoke]) throws -> String {
        // Service "a", method "b".
        let frame: [UInt8] = [0x0A, 1, 0x61, 0x12, 1, 0x62]
        return try frame.withUnsafeBytes { try resolve(target, $0, scopes) }
    }

    private func resolve(
        _ target: InvokeTarget, _ envelope: UnsafeRawBufferPointer, _ scopes: [Scope]
    ) throws -> String {
        try InvokeBody().encoded(for: target).withUnsafeBytes { bytes in
            let scan = try InvokeScan(scanning: bytes)
            let request = bench.incoming(try RequestEnvelope(scanning: envelope), scopes)
            let origin = CallOrigin(request)
            var version: UInt32?
            do throws(Failure) {
                let callee = try bench.dispatcher.resolve(scan.target, for: origin, bench.session, &version)
                guard let path = callee.path else { return callee.runnable.name }
                let parameters = path.parameters.map { " \($0.name)=\($0.value)" }.joined()
                return "\(callee.runnable.name) \(path.method) \(path.url)\(parameters)"
            } catch {
                return "\(error.code.rawValue) \(error.message)"
            }
        }
    }

    /// What the record of a call will say that was asked for.
    private func requested(_ target: InvokeTarget) throws -> String {
        let frame: [UInt8] = [0x0A, 1, 0x61, 0x12, 1, 0x62]
        return try frame.withUnsafeBytes { envelope in
            try InvokeBody().encoded(for: target).withUnsafeBytes { bytes in
                let origin = CallOrigin(bench.incoming(try RequestEnvelope(scanning: envelope), [.invoke]))
                var version: UInt32?
                let callee = try bench.dispatcher.resolve(
                    try InvokeScan(scanning: bytes).target, for: origin, bench.session, &version)
                #expect(version == callee.runnable.version.number)
                return "\(callee.requestedVersion) \(callee.requestedAlias)"
            }
        }
    }

    @Test func anAliasIsKnownByItsNameHoweverItIsNamed() throws {
        defer { bench.stop() }
        let alias = bench.source.functions[0].aliases[0]
        let id = alias.meta.id.description
        #expect(try resolve(InvokeTarget(app: "demo", function: "f1", alias: id)) == "demo/f1@1")
        #expect(try requested(InvokeTarget(app: "demo", function: "f1", alias: id)) == "0 live")
        #expect(try requested(InvokeTarget(app: "demo", function: "f1", alias: "live")) == "0 live")
        #expect(try requested(InvokeTarget(app: "demo", function: "f1", version: 2)) == "2 ")
        let other = try resolve(InvokeTarget(function: "f2", alias: id))
        #expect(other == "NOT_FOUND alias \"\(id)\" of \"demo/f2\" not found")
        #expect(try requested(InvokeTarget(path: "/greet/A")) == "0 ")
        bench.source.change { _, triggers in triggers[0].aliasID = alias.meta.id }
        bench.dispatcher.catalog.changedPaths(app: bench.source.app.meta.id)
        #expect(try resolve(InvokeTarget(path: "/greet/A")) == "demo/f1@1 POST /greet/A name=A")
        #expect(try requested(InvokeTarget(path: "/greet/A")) == "0 live")
    }

    @Test func pathsLeadToFunctions() throws {
        defer { bench.stop() }
        #expect(
            try resolve(InvokeTarget(app: "demo", method: "GET", path: "/greet/A%20B", query: "x=1"))
                == "demo/f1@2 GET /greet/A%20B?x=1 name=A B")
        // The listener's app; the method of a call.
        #expect(try resolve(InvokeTarget(path: "/greet/A")) == "demo/f1@2 POST /greet/A name=A")
        #expect(try resolve(InvokeTarget(path: "/admin")) == "demo/f2@1 POST /admin")
        for (target, answer) in [
            (InvokeTarget(path: "/greet"), "NOT_FOUND path: no trigger of app \"demo\" answers \"/greet\""),
            (InvokeTarget(app: "no", path: "/greet/A"), "NOT_FOUND app \"no\" not found"),
            (InvokeTarget(app: "no", path: "/../A"), "INVALID path: "),
            (InvokeTarget(path: "greet/A"), "INVALID path: "),
            (InvokeTarget(path: "/greet/A", query: "#"), "INVALID query: "),
            (InvokeTarget(method: "A B", path: "/greet/A"), "INVALID method: "),
            (InvokeTarget(method: "GET"), "INVALID path: missing; method and query are those of a call by path"),
            (InvokeTarget(query: "a"), "INVALID path: missing; method and query are those of a call by path"),
            (InvokeTarget(function: "f1", path: "/greet/A"), "INVALID path: is given with function"),
            (InvokeTarget(version: 1, path: "/greet/A"), "INVALID path: is given with function"),
            (InvokeTarget(alias: "live", path: "/greet/A"), "INVALID path: is given with function"),
            (InvokeTarget(function: "f1", method: "GET"), "INVALID path: missing; method and query"),
            (InvokeTarget(app: "demo", function: "f1", query: "x"), "INVALID path: missing; method and query"),
            (InvokeTarget(app: "demo"), "INVALID function: missing; "), (InvokeTarget(), "INVALID function: missing; "),
            (InvokeTarget(app: "no"), "NOT_FOUND app \"no\" not found"),
        ] {
            let text = try resolve(target)
            #expect(text.hasPrefix(answer), "\(target): \(text)")
        }
    }

    /// The catalog hears of a change piece by piece, in any order.
    @Test(arguments: [false, true]) func aPathFollowsItsTriggerToAnotherVersion(hearsOfPathsFirst: Bool) throws {
        defer { bench.stop() }
        let target = InvokeTarget(path: "/greet/A")
        let (catalog, app) = (bench.dispatcher.catalog, bench.source.app.meta.id)
        let function = bench.source.functions[0].function.meta.id
        bench.source.change { _, triggers in triggers[0].version = 1 }
        #expect(try resolve(target) == "demo/f1@1 POST /greet/A name=A")
        // The trigger leads to version 2, and 1 is gone.
        bench.source.change { functions, triggers in
            functions[0].versions.removeAll { $0.number == 1 }
            triggers[0].version = 2
        }
        if hearsOfPathsFirst {
            catalog.changedPaths(app: app)
        } else {
            catalog.changed(function: function)
        }
        #expect(try resolve(target) == "demo/f1@2 POST /greet/A name=A")
        // Its target is gone, and it has no other.
        bench.source.change { functions, _ in functions[0].versions = [] }
        catalog.changed(function: function)
        #expect(try resolve(target) == "NOT_FOUND the target of trigger \"t1\" was not found")
        // It is gone itself.
        bench.source.change { _, triggers in triggers.removeFirst() }
        #expect(try resolve(target) == "NOT_FOUND path: no trigger of app \"demo\" answers \"/greet/A\"")
    }

    /// A version that was made with its trigger, of which the catalog has not heard.
    @Test func aPathFindsAVersionThatIsNew() throws {
        defer { bench.stop() }
        #expect(try resolve(InvokeTarget(app: "demo", function: "f1")) == "demo/f1@2")
        bench.source.change { functions, triggers in
            let last = functions[0].versions[1]
            functions[0].versions.append(
                Version(
                    meta: DispatcherBench.meta(5, 3), functionID: last.functionID, number: 3, description: "",
                    spec: last.spec,
                    package: last.package, packageBytes: 1))
            triggers[0].version = 3
        }
        #expect(try resolve(InvokeTarget(path: "/greet/A")) == "demo/f1@3 POST /greet/A name=A")
    }

    @Test func aPathGivesNoRights() throws {
        defer { bench.stop() }
        let scope = Scope.invokeFunction(
            app: try Name("demo", field: "app"), function: try Name("f1", field: "function"))
        #expect(try resolve(InvokeTarget(path: "/greet/A"), scopes: [scope]).hasPrefix("demo/f1@2"))
        // Whether another's trigger answers a path is nobody else's business, nor is what is wrong with the request then.
        for (path, method) in [("/admin/x", ""), ("/nothing", ""), ("/admin/x", "A B"), ("/nothing", "A B")] {
            #expect(
                try resolve(InvokeTarget(method: method, path: path), scopes: [scope])
                    == "NOT_PERMITTED nobody may not call path \"\(path)\" of app \"demo\"; it needs the scope invoke:demo"
            )
        }
        #expect(try resolve(InvokeTarget(path: "/greet/A"), scopes: []).hasPrefix("NOT_PERMITTED "))
        // Who may call all of an app is told what is missing in it.
        let app = Scope.invokeApp(try Name("demo", field: "app"))
        #expect(try resolve(InvokeTarget(path: "/nothing"), scopes: [app]).hasPrefix("NOT_FOUND "))
        #expect(try resolve(InvokeTarget(app: "no", path: "/nothing"), scopes: [app]).hasPrefix("NOT_PERMITTED "))
    }

    @Test func aliasesLeadToVersions() throws {
        defer { bench.stop() }
        #expect(try resolve(InvokeTarget(app: "demo", function: "f1")) == "demo/f1@2")
        #expect(try resolve(InvokeTarget(app: "demo", function: "f1", alias: "live")) == "demo/f1@1")
        #expect(try resolve(InvokeTarget(function: "f1", alias: "latest")) == "demo/f1@2")
        for (target, answer) in [
            (InvokeTarget(function: "f2", alias: "live"), "NOT_FOUND alias \"live\" of \"demo/f2\" not found"),
            (InvokeTarget(function: "f1", alias: "gone"), "NOT_FOUND alias \"gone\" of \"demo/f1\" not found"),
            (
                InvokeTarget(function: "f1", version: 1, alias: "live"),
                "INVALID alias: \"live\" and version 1 exclude each other"
            ),
            (InvokeTarget(function: "f3", alias: "live"), "NOT_FOUND function"),
        ] {
            let text = try resolve(target)
            #expect(text.hasPrefix(answer), "\(target): \(text)")
        }
        // Who may not call it learns nothing of its aliases.
        #expect(try resolve(InvokeTarget(function: "f1", alias: "x"), scopes: []).hasPrefix("NOT_PERMITTED "))
    }
}
