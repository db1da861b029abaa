import Model
import Testing

@Suite struct RuntimeTemplateTests {
    @Test(arguments: [
        (["/bin/x"], ["/bin/x"]),
        (["x", "{entry}", "{package}"], ["x", "a b", "/function"]),
        (["x", "--in={package}/{entry}!", "{entry}{entry}"], ["x", "--in=/function/a b!", "a ba b"]),
        (["x", "{{entry}}", "{{", "}}", "}}{{", "{{{entry}}}"], ["x", "{entry}", "{", "}", "}{", "{a b}"]),
        (["{package}/bin", ""], ["/function/bin", ""]),
        (["x", "é{entry}\u{301}"], ["x", "éa b\u{301}"]),
    ])
    func fillsIn(words: [String], command: [String]) throws {
        let template = try RuntimeTemplate(words)
        #expect(template.command(entry: "a b", package: "/function") == command)
        #expect(template.words == words)
    }

    @Test func whatIsFilledInIsNoTemplate() throws {
        let template = try RuntimeTemplate(["run", "{entry}"])
        #expect(template.command(entry: "{package} {{}} {", package: "/p") == ["run", "{package} {{}} {"])
    }

    @Test(arguments: [
        (["x", "{Entry}"], "\"{Entry}\" is no placeholder; there are {entry} and {package}"),
        (["x", "{}"], "\"{}\" is no placeholder"), (["x", "{ entry}"], "\"{ entry}\" is no placeholder"),
        (["x", "{entry\u{301}}"], "is no placeholder"),
        (["x", "{{{entry}"], ""), (["x", "a{"], "\"a{\" has a single \"{\""), (["x", "{entry"], "has a single \"{\""),
        (["x", "entry}"], "\"entry}\" has a single \"}\""), (["x", "{entry}}"], "has a single \"}\""),
        (["x", "{a{entry}"], "\"{a{entry}\" is no placeholder"),
        ([], "command: 0 words are out of range; 1 to 64"), (["", "x"], "the first word is empty"),
        (["x", "a\0b"], "contains a NUL character"),
    ])
    func refuses(words: [String], message: String) throws {
        guard !message.isEmpty else {
            #expect(try RuntimeTemplate(words).command(entry: "e", package: "p") == ["x", "{e"])
            return
        }
        let failure = try #require(throws: Failure.self) { try RuntimeTemplate(words) }
        #expect(failure.code == .invalid && failure.message.contains(message), "\(failure)")
    }

    @Test func limits() throws {
        let word = String(repeating: "x", count: 4096)
        #expect(try RuntimeTemplate(Array(repeating: word, count: 64)).words.count == 64)
        for (words, message) in [
            (Array(repeating: "x", count: 65), "65 words are out of range; 1 to 64"),
            ([word + "x"], "a word of 4097 bytes is over the limit of 4096"),
            (["x", String(repeating: "{entry}", count: 65)], "65 placeholders are over the limit of 64"),
        ] {
            let failure = try #require(throws: Failure.self) { try RuntimeTemplate(words, field: "runtime") }
            #expect(failure.message.hasPrefix("runtime: ") && failure.message.contains(message), "\(failure)")
        }
        _ = try RuntimeTemplate(["x", String(repeating: "{entry}", count: 64)])
    }
}
