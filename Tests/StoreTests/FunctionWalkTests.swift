import Model
import Testing
import Wire

@testable import Store

/// Who counts or lists all functions looks at few rows while others wait.
@Suite struct FunctionWalkTests {
    /// More than a step of functions in the middle one of three apps, and a fourth without any.
    private func furnished() async throws -> (test: TestStore, names: [String]) {
        let test = try TestStore()
        try await test.furnish()
        let apps = [("a", 3), ("b", FunctionWalk.step * 2 + 1), ("d", 2)]
        try await test.change { tx throws(Failure) in
            _ = try tx.createApp(CreateAppRequest(name: "c"))
            for (app, count) in apps {
                for number in 0..<count {
                    for _ in 0...number % 2 { _ = try tx.deploy(try Sample.deployment(app, "f\(number)")) }
                }
            }
        }
        return (test, apps.flatMap { app, count in (0..<count).map { "\(app)/f\($0)" }.sorted() })
    }

    private func names(_ walk: FunctionWalk) throws -> [String] {
        var walk = walk
        var names: [String] = []
        while let (app, function) = try walk.next() { names.append("\(app.key)/\(function.key)") }
        #expect(try walk.next() == nil)
        return names
    }

    @Test func itSeesEveryFunctionOnceAndInOrder() async throws {
        let (test, all) = try await furnished()
        #expect((try names(FunctionWalk(test.store)) == all) == true)
        for (app, function) in [
            ("a", "f2"), ("b", ""), ("b", "f300"), ("b", "f5!"), ("b", "g"), ("c", "x"), ("d", "f1"),
        ] {
            let rest = all.filter { $0.split(separator: "/")[0] > app || $0 >= "\(app)/\(function)" }
            let found = try names(FunctionWalk(test.store, app: app, function: function))
            #expect((found == rest) == true, "\(app)/\(function)")
        }
        #expect(try names(FunctionWalk(try TestStore().store)).isEmpty)
    }

    @Test func itGoesOnWhereRowsGo() async throws {
        let (test, all) = try await furnished()
        var walk = FunctionWalk(test.store)
        var found: [String] = []
        while let (app, function) = try walk.next() {
            found.append("\(app.key)/\(function.key)")
            // An app that has been walked, and one that has not.
            guard found.count == 10 else { continue }
            for name in ["a", "d"] {
                try await test.change { tx throws(Failure) in
                    _ = try tx.deleteApp(DeleteAppRequest(app: name, force: true))
                }
            }
        }
        #expect((found.filter { !$0.hasPrefix("d") } == all.filter { !$0.hasPrefix("d") }) == true)
    }

    @Test func versionsOfAnAppAreCounted() async throws {
        let (test, _) = try await furnished()
        let rows = try test.rows()
        for app in rows where app.kind == .app {
            let functions = Set(rows.filter { $0.kind == .function && $0.parent == app.id }.map(\.id))
            let count = rows.count { row in row.kind == .version && row.parent.map(functions.contains) ?? false }
            #expect(try test.store.versionCount(ofApp: app.id) == count)
        }
    }

    /// The one way in which both look at rows.
    @Test func aStepHasAnEnd() async throws {
        let (test, all) = try await furnished()
        let (step, rest, none) = try test.store.read { (tables) throws(Failure) in
            let app = try tables.named("b", .app).id
            return (
                tables.children(.function, of: app, from: "", limit: FunctionWalk.step),
                tables.children(.function, of: app, from: "f98", limit: FunctionWalk.step),
                tables.children(.function, of: app, from: "f99\u{0}", limit: FunctionWalk.step)
            )
        }
        #expect((step.map { "b/" + $0.key } == Array(all[3..<3 + FunctionWalk.step])) == true)
        #expect(rest.map(\.key) == ["f98", "f99"] && none.isEmpty)
    }
}
