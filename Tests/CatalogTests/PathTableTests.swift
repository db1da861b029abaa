import Model
import Testing

@testable import Catalog

@Suite struct PathTableTests {
    private func table(_ sources: [String]) throws -> PathTable {
        PathTable(
            try sources.enumerated().map { index, text in
                (try TriggerSource(text, field: "source"), Identifier(high: 0, low: UInt64(index)))
            })
    }

    /// The source that matched, and what its parameters stood for.
    private func match(_ table: PathTable, _ path: String) throws -> String {
        let match = try Array(path.utf8).withUnsafeBytes { try table.match(path: $0) }
        guard let match else { return "none" }
        return ([match.source.text] + match.parameters.map { "\($0.name)=\($0.value)" }).joined(separator: " ")
    }

    @Test(arguments: [
        ("/", "/"), ("/users", "/users"), ("/users/", "/users/"), ("/users/42", "/users/:id id=42"),
        ("/users/me", "/users/me"), ("/users/%6De", "/users/me"), ("/users/a%2Fb", "/users/:id id=a/b"),
        ("/users/a%2520", "/users/:id id=a%20"), ("/users/42/", "none"), ("/users/42/x", "none"),
        ("/USERS", "none"), ("/files", "/files/*"), ("/files/", "/files/*"),
        ("/files/b/a/", "/files/*"), ("/files/a/b/", "/files/a/*"),
        ("/files/a/x/y", "/files/a/*"), ("/files/a", "/files/a/*"), ("/files/b/c/d", "/files/:d/c/* d=b"),
        ("/files/a/c", "/files/a/c/*"), ("/filesystem", "none"), ("/x/y", "none"),
    ])
    func pathsFindTheirSource(path: String, expected: String) throws {
        let table = try table([
            "/", "/users", "/users/", "/users/:id", "/users/me", "/files/*", "/files/a/*", "/files/:d/c/*",
            "/files/a/c/*",
        ])
        #expect(try match(table, path) == expected)
    }

    @Test func theBestSourceWinsInAnyOrder() throws {
        let sources = ["/*", "/:a/*", "/a/*", "/:x/:y/:z", "/:x/b/:z", "/a/:y/:z", "/:x/b/c", "/a/:y/c", "/a/b/:z"]
        for sources in [sources, sources.reversed()] {
            let table = try table(sources)
            // Two literals: the one whose literals come first.
            #expect(try match(table, "/a/b/c") == "/a/b/:z z=c")
            #expect(try match(table, "/a/1/c") == "/a/:y/c y=1")
            #expect(try match(table, "/1/b/c") == "/:x/b/c x=1")
            #expect(try match(table, "/a/1/2") == "/a/:y/:z y=1 z=2")
            #expect(try match(table, "/1/2/3") == "/:x/:y/:z x=1 y=2 z=3")
            // What ends beats what goes on, whatever it has of literals.
            #expect(try match(table, "/a/b/c/d") == "/a/*" && match(table, "/1/2/3/4") == "/:a/* a=1")
            #expect(try match(table, "/") == "/*" && match(table, "/a") == "/a/*")
        }
        // The greedy way is a dead end.
        let narrow = try self.table(["/a/b/c", "/:x/b/d"])
        #expect(try match(narrow, "/a/b/d") == "/:x/b/d x=a")
    }

    @Test func ofTheSamePathsTheOlderTriggerCounts() throws {
        let (first, second) = (Identifier(high: 1, low: 1), Identifier(high: 1, low: 2))
        let (x, y) = (try TriggerSource("/a/:x", field: "source"), try TriggerSource("/a/:y", field: "source"))
        for sources in [[(x, first), (y, second)], [(y, second), (x, first)]] {
            let table = PathTable(sources.map { (source: $0.0, target: $0.1) })
            #expect(try match(table, "/a/1") == "/a/:x x=1")
        }
        #expect(try match(PathTable([]), "/a") == "none" && PathTable([]).isEmpty)
    }

    @Test func whatIsNoPathIsRefused() throws {
        let table = try table(["/*"])
        for path in [
            "", "a", "/a//b", "/../a", "/a/%2E%2E", "/%0A", "/\u{e9}", "/" + String(repeating: "a", count: 8192),
        ] {
            let error = #expect(throws: Failure.self) { try match(table, path) }
            #expect(error?.code == .invalid && error?.message.hasPrefix("path: ") == true)
        }
    }

    /// Every mixture of a literal and a parameter: each segment of the path doubles the ways, but no place is looked at
    /// twice.
    @Test func hostileSourcesCostNoMoreThanTheyAre() throws {
        let depth = 12
        var sources: [String] = []
        for mixture in 0..<(1 << depth) {
            sources.append((0..<depth).map { mixture >> $0 & 1 == 0 ? "/a" : "/:p\($0)" }.joined())
        }
        let all = try table(sources)
        #expect(all.size == (1 << (depth + 1)) - 1)
        var looks = 0
        let path = String(repeating: "/a", count: depth)
        #expect(all.match(try PathSegments(path, field: "path"), looks: &looks)?.source.text == path)
        #expect(looks <= all.size)

        // As deep as sources go, with a dead end at each: few sources, few looks, however long the path.
        sources = (0..<63).map { place in
            (0..<64).map { $0 == place ? "/:p" : $0 == 63 ? "/end" : "/a" }.joined()
        }
        let deep = try table(sources)
        for path in [String(repeating: "/a", count: 64), String(repeating: "/a", count: 256)] {
            looks = 0
            #expect(deep.match(try PathSegments(path, field: "path"), looks: &looks) == nil)
            #expect(looks <= deep.size && looks <= 64 * sources.count)
        }
    }
}
