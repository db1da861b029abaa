import Catalog
import Model
import Pool
import Testing

@Suite struct CatalogChangeTests {
    private let source = TestSource()
    private let id = Identifier(high: 2, low: 1)
    private let retired = Lock<[Runnable]>([])

    private func catalog() -> Catalog {
        let catalog = Catalog(source: source)
        catalog.onRetire { [retired] runnable in retired.withLock { $0.append(runnable) } }
        return catalog
    }

    /// What was retired since the last look.
    private func takeRetired() -> [Runnable] {
        retired.withLock { retired in
            defer { retired = [] }
            return retired
        }
    }

    @Test func publishingKeepsWhatRuns() throws {
        let app = try source.add(app: "app")
        source.put(try contents(app, "f", 1))
        source.put(try contents(app, "g", 2))
        let catalog = catalog()
        let (first, other) = (try catalog.runnable("app", "f", version: 1), try catalog.runnable("app", "g"))
        let working = try #require(try catalog.runnable("app", "f"))
        catalog.changed(function: source.change(id) { $0.publish() })
        #expect(takeRetired().map { $0 === working } == [true], "its containers have the number 1")
        #expect(try catalog.name("app", "f") == "app/f@2")
        #expect(try catalog.runnable("app", "f", version: 1) === first && catalog.runnable("app", "g") === other)
        catalog.changed(function: id)
        #expect(try catalog.runnable("app", "f", version: 1) === first && takeRetired().isEmpty)
        #expect(catalog.all.count == 3)
    }

    @Test func aNewWorkingCopyTakesTheOldOnesPlace() throws {
        source.put(try contents(try source.add(app: "app"), "f", 1))
        let catalog = catalog()
        let published = try #require(try catalog.runnable("app", "f", version: 1))
        catalog.changed(function: source.change(id) { $0.update { $0.memoryMiB = 200 } })
        let working = try #require(try catalog.runnable("app", "f"))
        #expect(working.version.number == 0 && takeRetired().isEmpty)
        // Labels and the like are nobody's environment.
        catalog.changed(function: source.change(id) { $0.function.meta.revision += 1 })
        #expect(try catalog.runnable("app", "f") === working && takeRetired().isEmpty)
        catalog.changed(function: source.change(id) { $0.update { $0.memoryMiB = 300 } })
        #expect(takeRetired().map { $0 === working } == [true])
        let next = try #require(try catalog.runnable("app", "f"))
        #expect(next !== working && next.version.spec.memoryMiB == 300)
        catalog.changed(
            function: source.change(id) { $0.function.package = Digest(bytes: [UInt8](repeating: 2, count: 32)) })
        #expect(takeRetired().map { $0 === next } == [true])
        let moved = try catalog.runnable("app", "f")
        catalog.changed(function: source.change(id) { $0.function.runtime.command = ["new"] })
        #expect(takeRetired().map { $0 === moved } == [true])
        // Published, it is version 2: its containers have that number.
        let unpublished = try catalog.runnable("app", "f")
        catalog.changed(function: source.change(id) { $0.publish() })
        #expect(takeRetired().map { $0 === unpublished } == [true])
        #expect(try catalog.name("app", "f") == "app/f@2")
        #expect(try catalog.runnable("app", "f", version: 1) === published)
    }

    /// Texts that Unicode takes for the same are not the same to a function.
    @Test func anotherSpellingOfATextIsAChange() throws {
        let (composed, decomposed) = ("caf\u{E9}", "cafe\u{301}")
        source.put(try contents(try source.add(app: "app", config: ["A": composed]), "f", 1))
        let catalog = catalog()
        catalog.changed(function: source.change(id) { $0.update { $0.config = ["B": composed] } })
        let first = try #require(try catalog.runnable("app", "f"))
        catalog.changed(function: source.change(id) { $0.update { $0.config = ["B": decomposed] } })
        #expect(takeRetired().map { $0 === first } == [true])
        let second = try #require(try catalog.runnable("app", "f"))
        #expect(second.version.spec.config["B"]?.utf8.count == 6)
        let app = try source.add(app: "app", config: ["A": decomposed])
        catalog.changed(app: app.meta.id)
        #expect(takeRetired().map { $0 === second } == [true])
        #expect(try catalog.runnable("app", "f")?.appConfig["A"]?.utf8.count == 6)
    }

    @Test func aDeletedVersionLeaves() throws {
        source.put(try contents(try source.add(app: "app"), "f", 1, versions: 1...3))
        let catalog = catalog()
        let second = try #require(try catalog.runnable("app", "f", version: 2))
        let third = try #require(try catalog.runnable("app", "f"))
        catalog.changed(function: source.change(id) { $0.versions.removeAll { $0.number == 2 } })
        #expect(takeRetired().map { $0 === second } == [true])
        #expect(try catalog.name("app", "f", version: 2) == "no version 2")
        #expect(try catalog.runnable("app", "f") === third)
    }

    @Test func theWorkingCopyOutlivesTheVersionThatItEquals() throws {
        source.put(try contents(try source.add(app: "app"), "f", 1, versions: 1...3))
        let catalog = catalog()
        let third = try #require(try catalog.runnable("app", "f", version: 3))
        let working = try #require(try catalog.runnable("app", "f"))
        for equal in [2, 0] as [UInt32] {
            let deleted = try #require(try catalog.runnable("app", "f")).version.number
            catalog.changed(
                function: source.change(id) { contents in
                    contents.versions.removeAll { $0.number == deleted }
                    contents.function.workingVersion = equal
                })
            // The same containers under another name.
            let now = try #require(try catalog.runnable("app", "f"))
            #expect(now.version.number == equal && now.pool === working.pool && now.isWorkingCopy)
            #expect(takeRetired().allSatisfy { $0 === third && deleted == 3 })
        }
        #expect(try catalog.runnable("app", "f", version: 1)?.pool !== working.pool && catalog.all.count == 2)
        // Published again, it is a version with new containers.
        catalog.changed(function: source.change(id) { $0.publish() })
        #expect(takeRetired().map { $0.pool === working.pool } == [true])
    }

    @Test func aDeletedFunctionLeavesWithAllItsNames() throws {
        let app = try source.add(app: "app")
        source.put(try contents(app, "f", 1, versions: 1...2, services: ["a.A"]))
        source.put(try contents(app, "g", 2))
        let catalog = catalog()
        _ = try (catalog.name("app", "f"), catalog.name("app", "f", version: 1), catalog.name("app", "g"))
        _ = try catalog.name(app.meta.id.description, id.description)
        _ = catalog.find(function: id, split: { _ in 0 })
        source.remove(id)
        catalog.removed(function: id)
        #expect(takeRetired().map(\.version.number).sorted() == [1, 2])
        #expect(try catalog.name("app", "f") == "no function")
        #expect(catalog.size == (1, 1) && catalog.loaded(.function(id)).isEmpty)
        // Another function of the same name is another function.
        source.put(try contents(app, "f", 3))
        #expect(try catalog.runnable("app", "f")?.function.meta.id == Identifier(high: 2, low: 3))
        // A change of what is gone, as it may come late.
        catalog.changed(function: id)
        catalog.removed(function: id)
        #expect(takeRetired().isEmpty)
    }

    @Test func aMissingFunctionIsFoundOnceItIsThere() throws {
        let catalog = catalog()
        #expect(try catalog.name("app", "f") == "no app")
        let app = try source.add(app: "app")
        catalog.changed(app: app.meta.id)
        #expect(try catalog.name("app", "f") == "no function")
        source.put(try contents(app, "f", 1))
        catalog.changed(function: id)
        #expect(try catalog.name("app", "f") == "app/f@1")
    }

    @Test func theConfigOfAnAppIsPartOfEveryEnvironment() throws {
        let (app, other) = (try source.add(app: "app", config: ["A": "1"]), try source.add(app: "other"))
        for number in 1...3 as ClosedRange<UInt64> { source.put(try contents(app, "f\(number)", number)) }
        source.put(try contents(other, "f", 9))
        let catalog = catalog()
        let kept = try catalog.runnable("other", "f")
        for number in 1...2 { #expect(try catalog.runnable("app", "f\(number)")?.appConfig == ["A": "1"]) }
        // Nothing of it changes for functions.
        catalog.changed(app: app.meta.id)
        #expect(takeRetired().isEmpty)
        try source.add(app: "app", config: ["A": "2"])
        catalog.changed(app: app.meta.id)
        #expect(takeRetired().count == 2)
        for number in 1...3 { #expect(try catalog.runnable("app", "f\(number)")?.appConfig == ["A": "2"]) }
        #expect(try catalog.runnable("other", "f") === kept)
    }

    @Test func aDeletedAppLeavesWithItsFunctions() throws {
        let (app, other) = (try source.add(app: "app"), try source.add(app: "other"))
        for number in 1...3 as ClosedRange<UInt64> { source.put(try contents(app, "f\(number)", number)) }
        source.put(try contents(other, "f", 9))
        let catalog = catalog()
        for number in 1...3 { _ = try catalog.name("app", "f\(number)") }
        let kept = try catalog.runnable("other", "f")
        for number in 1...3 as ClosedRange<UInt64> { source.remove(Identifier(high: 2, low: number)) }
        catalog.removed(app: app.meta.id)
        #expect(takeRetired().count == 3 && catalog.size == (1, 1))
        #expect(try catalog.runnable("other", "f") === kept)
        #expect(try catalog.name("app", "f1") == "no function")
    }

    @Test func newSecretsNeedNewContainersOfWhoHasThem() throws {
        let app = try source.add(app: "app")
        var spec = FunctionSpec(runtime: .python, entry: "a.b", format: .ttrpc)
        spec.secrets = ["key"]
        source.put(try contents(app, "f", 1, spec: spec))
        source.change(id) { $0.secretRevisions = ["key": 1, "unused": 1] }
        let catalog = catalog()
        let first = try #require(try catalog.runnable("app", "f"))
        #expect(first.secretRevisions == ["key": 1])
        catalog.changed(function: source.change(id) { $0.secretRevisions = ["key": 1, "unused": 2] })
        #expect(try catalog.runnable("app", "f") === first && takeRetired().isEmpty)
        catalog.changed(function: source.change(id) { $0.secretRevisions["key"] = 2 })
        #expect(takeRetired().map { $0 === first } == [true])
        #expect(try catalog.runnable("app", "f")?.secretRevisions == ["key": 2])
    }
}
