import Foundation
import Model
import Testing

@Suite struct FilterTests {
    private static let fields = FilterFields([.init("state", .text, "its state"), .init("size", .number, "bytes")])

    private func filter(_ text: String) throws -> Filter { try Filter(text, fields: Self.fields) }

    /// One entity: what is not in `own` is in its meta.
    private func matches(_ text: String) throws -> Bool {
        let meta = Meta(
            apiVersion: 2, id: Identifier(high: 1, low: 2), revision: 7,
            createdAt: Timestamp(nanoseconds: 1_793_491_200_000_000_000),
            labels: ["team": "core", "example.com/tier": "a b", "empty": ""], extra: ["note": "{\"a\":1}"])
        let own: [FilterField: FilterValue] = [
            .named("name"): .text("hello-world"), .named("state"): .text("active"), .named("size"): .number(-5),
        ]
        return try filter(text).matches { own[$0] ?? meta.value(of: $0) }
    }

    @Test(arguments: [
        "", "  \t\n", "api_version = 2", "api_version=2", "revision < 8", "revision <= 7", "revision > 6",
        "revision >= 7", "revision != 8", "revision in (1, 7)", "size = -5", "size<0",
        "created_at = \"2026-11-01T00:00:00Z\"", "created_at > \"2026-10-31T23:59:59.999999999Z\"",
        "updated_at >= \"2026-11-01T01:00:00+01:00\"", "created_at in (\"2026-11-01T00:00:00Z\")",
        "id = 0000000000000G000000000002", "name = hello-world", "name:lo-w", "name : \"hello-world\"", "name:\"\"",
        "name > hello", "name < hello-worle", "NAME = x OR name:*".replacing("NAME", with: "name"),
        "labels.team = core", "labels.team:*", "labels.example.com/tier = \"a b\"", "labels.\"example.com/tier\":\" \"",
        "labels.empty:*", "labels.empty = \"\"", "labels.none != x", "NOT labels.none = x", "NOT labels.none:*",
        "extra.note = \"{\\\"a\\\":1}\"", "extra.note:a", "state = active", "not state = gone", "NoT not state:act",
        "state = active and (size = 1 or size = -5)", "size = 1 AND size = 1 OR size = -5",
        "size = -5 OR size = 1 AND size = 1", "NOT size = 1 AND state = active", "name IN (a, hello-world)",
    ])
    func matching(text: String) throws {
        #expect(try matches(text))
    }

    @Test(arguments: [
        "api_version = 1", "revision < 7", "revision <= 6", "revision > 7", "revision >= 8", "revision != 7",
        "revision in (1)", "created_at < \"2026-11-01T00:00:00Z\"", "name = Hello-World", "name:World",
        "name:hello-worlds",
        "name:ab", "labels.none = x", "labels.none < x", "labels.none >= \"\"", "labels.none:x", "labels.none in (x)",
        "labels.none:*", "NOT labels.none != x", "name:\"*\"", "(size = 1 OR size = -5) AND state = gone",
        "state = gone AND size = 1 OR size = 1", "NOT (state = active OR size = 1)", "NOT state = active OR size = 1",
    ])
    func notMatching(text: String) throws {
        #expect(try !matches(text))
    }

    @Test func keysMayBeginWithAJoiningMark() throws {
        let filter = try filter("labels.\"\u{301}a\" = b")
        #expect(filter.description == "labels.\u{301}a = \"b\"")
        #expect(try self.filter(filter.description) == filter)
    }

    @Test func partsAreFoundWhereTheyBeginAgain() throws {
        func contains(_ text: String, _ part: String) throws -> Bool {
            try filter("name:\"\(part)\"").matches { _ in .text(text) }
        }
        for text in ["", "a", "aab", "abaabaaabab", "aaaaab", "abcabcabd", "ababab"] {
            for part in ["", "a", "b", "ab", "aab", "abab", "aaab", "abcabd", "ababab", "bababa"] {
                #expect(try contains(text, part) == (part.isEmpty || text.contains(part)), "\(text) \(part)")
            }
        }
        // Bytes, not characters: é in one piece and in two.
        #expect(try !contains("caf\u{E9}", "e\u{301}") && !filter("name = \u{E9}").matches { _ in .text("e\u{301}") })
    }

    @Test(
        arguments: [
            ("nme = x", 1, "unknown field \"nme\"; known are api_version, id, name, revision,"),
            ("name = x AND\n size: 3", 19, "size is a number"), ("size = 1.5", 8, "\"1.5\" is not a whole number"),
            ("size = 9223372036854775808", 8, "is not a whole number"),
            ("created_at > 2026", 14, "\"2026\" is not a time; write \"2026-11-01T00:00:00Z\""),
            ("created_at > 2026-11-01T00:00:00Z", 14, "is not a time"), ("name", 5, "expected one of = != <"),
            ("name ~ x", 6, "expected one of = != <"), ("name =", 7, "expected a word or a \"text\", found the end"),
            ("name == x", 7, "expected a word or a \"text\", found \"=\""), ("name = 'x'", 8, "found \"'\""),
            ("name = and", 8, "write \"and\" if the word is meant"), ("name = x y", 10, "expected AND, OR or the end"),
            ("(name = x", 10, "expected AND, OR or )"), ("name = x)", 9, "expected AND, OR or the end"),
            ("AND", 1, "expected a field, NOT or (, found \"AND\""), ("NOT", 4, "expected a field"),
            ("()", 2, "expected a field"), ("name in x", 9, "expected ( and the values"),
            ("name in ()", 10, "expected a word"), ("name in (a b)", 12, "expected , or )"),
            ("name = \"x", 8, "the quotes are not closed"), ("name = \"\\n\"", 10, "expected \" or \\ behind \\"),
            ("labels. = x", 8, "expected a key behind labels."), ("labels.\"\" = x", 10, "expected a key behind"),
            ("labels = x", 1, "unknown field"), ("labels.KEY = x or KEY = x", 19, "unknown field"),
            ("labels.é = x ä", 14, "expected AND"), ("\u{0} = x", 1, "expected a field"),
            ("ın (x)", 1, "unknown field"),
        ] as [(String, Int, String)])
    func mistakesAreNamedWithTheirColumn(text: String, column: Int, problem: String) throws {
        let failure = #expect(throws: Failure.self) { try filter(text) }
        #expect(failure?.code == .invalid && failure?.message.contains(problem) == true)
        #expect(failure?.message.hasPrefix("filter: at column \(column): ") == true, "\(failure?.message ?? "")")
    }

    @Test func limitsAreInclusive() throws {
        func refused(_ text: String, _ problem: String) {
            let failure = #expect(throws: Failure.self) { try filter(text) }
            #expect(failure?.code == .invalid && failure?.message.contains(problem) == true)
        }
        func spaces(_ count: Int) -> String { "name = x" + String(repeating: " ", count: count - 8) }
        #expect(try filter(spaces(4096)).requiredEquals.count == 1)
        refused(spaces(4097), "filter: 4097 bytes are over the limit of 4096")
        func comparisons(_ count: Int) -> String { Array(repeating: "size=1", count: count).joined(separator: " or ") }
        _ = try filter(comparisons(64))
        refused(comparisons(65), "filter: at column 641: more than 64 comparisons")
        for open in ["(", "NOT "] {
            func nested(_ count: Int) -> String {
                String(repeating: open, count: count) + "size=1"
                    + String(repeating: open == "(" ? ")" : "", count: count)
            }
            _ = try filter(nested(16))
            refused(nested(17), "nested deeper than 16")
        }
        _ = try filter("\(String(repeating: "(size=1) and ", count: 17))size=1")
        func values(_ count: Int) -> String { "size in (\((0..<count).map(String.init).joined(separator: ",")))" }
        _ = try filter(values(256))
        refused(values(257), "more than 256 values")
    }

    @Test(
        arguments: [
            ("  name=x  ", "name = \"x\""), ("labels.\"a b\":*", "labels.\"a b\":*"),
            ("labels.\"ab\" :x", "labels.ab:\"x\""),
            ("not(not(size=1))", "NOT NOT size = 1"),
            ("(size=1)and(size=2 or size=3)", "size = 1 AND (size = 2 OR size = 3)"),
            ("(size=1 and size=2)or not(size=3 and size=4)", "size = 1 AND size = 2 OR NOT (size = 3 AND size = 4)"),
            ("name in (\"a\\\\\\\"\",b)", "name in (\"a\\\\\\\"\", \"b\")"),
            ("created_at<\"2026-11-01T01:00:00+01:00\"", "created_at < \"2026-11-01T00:00:00.000000000Z\""), (" ", ""),
        ] as [(String, String)])
    func theStandardFormReadsBackTheSame(text: String, printed: String) throws {
        let filter = try filter(text)
        #expect(filter.description == printed)
        #expect(try self.filter(printed) == filter && filter.isEmpty == printed.isEmpty)
    }

    @Test func whatMustBeEqualIsTold() throws {
        func required(_ text: String) throws -> [String] {
            try filter(text).requiredEquals.map { "\($0.field) \($0.value)" }
        }
        #expect(
            try required("size = 1 and (labels.a = b and size != 2) and name:x") == [
                "size number(1)", "labels.a text(\"b\")",
            ])
        #expect(try required("size = 1 or size = 2") == [] && required("not size = 1") == [] && required("") == [])
    }

    /// The page is what people read; the table is what the daemon does.
    @Test func theDocumentationNamesEveryCommonField() throws {
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/filters.md")
        let text = try String(contentsOf: page.standardized, encoding: .utf8)
        for entry in FilterFields.common {
            #expect(text.contains("| `\(entry.name)` | \(entry.type.rawValue) | \(entry.note) |"))
        }
        for limit in ["4096 bytes", "64 comparisons", "16 deep", "256 values"] { #expect(text.contains(limit)) }
    }
}
