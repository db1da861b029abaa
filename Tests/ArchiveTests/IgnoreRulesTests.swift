import Archive
import Testing

@Suite struct IgnoreRulesTests {
    @Test(arguments: [
        // What gitignore(5) says, case by case.
        ("*.log", "a.log", false, true),
        ("*.log", "x/y/a.log", false, true),
        ("*.log", "a.logs", false, false),
        ("/a.txt", "a.txt", false, true),
        ("/a.txt", "x/a.txt", false, false),
        ("x/a.txt", "x/a.txt", false, true),
        ("x/a.txt", "y/x/a.txt", false, false),
        ("build/", "build", true, true),
        ("build/", "build", false, false),
        ("build/", "x/build", true, true),
        ("/build/", "x/build", true, false),
        ("a?c", "abc", false, true),
        ("a?c", "ac", false, false),
        ("a?c", "aéc", false, true),
        ("a?c", "a/c", false, false),
        ("a*c", "a/c", false, false),
        ("a*b*c", "aXbYbZc", false, true),
        ("a*b*c", "aXbYbZ", false, false),
        ("**/x", "x", false, true),
        ("**/x", "a/b/x", false, true),
        ("a/**/x", "a/x", false, true),
        ("a/**/x", "a/b/c/x", false, true),
        ("a/**/x", "b/x", false, false),
        ("a/**", "a/b", false, true),
        ("a/**", "a", true, false),
        ("# a", "# a", false, false),
        ("\\#a", "#a", false, true),
        ("\\!a", "!a", false, true),
        ("a   ", "a", false, true),
        ("a\\ ", "a ", false, true),
        ("a\r", "a", false, true),
        ("", "a", false, false),
        ("/", "a", true, false),
        ("[ab]", "a", false, false),
        ("*\n!keep", "keep", false, false),
        ("!keep\n*", "keep", false, true),
        // The defaults, and taking one back.
        ("", ".git", true, true),
        ("", "x/.venv", true, true),
        ("", "x/__pycache__", true, true),
        ("", "__pycache__x", true, false),
        ("!.venv", ".venv", true, false),
        ("", ".fnrpcignore", false, true),
        ("!.fnrpcignore", ".fnrpcignore", false, true),
        ("", "x/.fnrpcignore", false, false),
    ])
    func decides(text: String, path: String, isFolder: Bool, expected: Bool) throws {
        #expect(try IgnoreRules(text).ignores(path, isFolder: isFolder) == expected)
    }

    @Test func noneIgnoresNothing() {
        #expect(!IgnoreRules.none.ignores(".git", isFolder: true))
        #expect(!IgnoreRules.none.ignores(".fnrpcignore", isFolder: false))
    }

    @Test func aPatternOfStarsTakesNoTime() throws {
        let rules = try IgnoreRules(
            String(repeating: "*a", count: 200) + "\n" + String(repeating: "**/", count: 200) + "b")
        #expect(!rules.ignores(String(repeating: "a", count: 199), isFolder: false))
        #expect(!rules.ignores(String(repeating: "a/", count: 199) + "c", isFolder: false))
    }

    @Test func tooManyPatternsAreRefused() {
        let text = String(repeating: "a\n", count: IgnoreRules.maxPatterns + 1)
        #expect(message { _ = try IgnoreRules(text) }.contains("over the limit of 1000"))
    }

    @Test func theFileIsReadAndRefusedIfBad() throws {
        let folder = try Folder()
        #expect(try IgnoreRules.load(folder: folder.path) == IgnoreRules())
        try folder.write(".fnrpcignore", "*.tmp\n")
        #expect(try IgnoreRules.load(folder: folder.path).ignores("a.tmp", isFolder: false))
        try folder.write(".fnrpcignore", String(repeating: "#", count: IgnoreRules.maxBytes + 1))
        #expect(message { _ = try IgnoreRules.load(folder: folder.path) }.contains("over the limit of 65536 bytes"))
        #expect(message { _ = try IgnoreRules.load(folder: folder.path + "/absent") }.contains("does not exist"))
    }

    @Test func aFileThatIsALinkIsRefused() throws {
        let folder = try Folder()
        try folder.link(".fnrpcignore", to: "/etc/passwd")
        #expect(message { _ = try IgnoreRules.load(folder: folder.path) }.contains(".fnrpcignore"))
    }
}
