import Model
import Testing

@Suite struct ExtraTests {
    private func problems(_ extra: [String: String], stored: [String: String] = [:]) -> [String] {
        do throws(Failure) { _ = try Extra.validated(extra, stored: stored) } catch {
            return [error.message] + error.further
        }
        return []
    }

    @Test(arguments: [
        "null", "true", " false ", "0", "-0", "1.5e+10", "2E-1", "\"\"", "\"\\u00e9\\n\\\"\\/\"", "[]", "{}",
        " [ 1 , [ ] ,\n{\"a\":\t{\"b\" : [null]}} ] ", "\"é\u{7F}\"", "1e5",
    ])
    func valuesAreJSON(value: String) throws {
        #expect(try Extra.validated(["k": value]) == ["k": value])
    }

    @Test(arguments: [
        "", " ", "x", "nul", "nulll", "True", "01", "-", "+1", ".5", "1.", "1e", "1e+", "\"", "\"\\x\"", "\"\\u12g4\"",
        "\"\\u12\"", "\"a\nb\"", "[1,]", "[,1]", "[1 2]", "[", "]", "{\"a\"}", "{\"a\":}", "{a:1}", "{\"a\":1,}", "{",
        "1 1",
        "'a'", "NaN", "[1]]", "\u{FEFF}1", "{\"a\":1 \"b\":2}", "\"\\", "\u{A0}1", "/**/1",
    ])
    func otherTextIsRefused(value: String) {
        let problems = problems(["k": value])
        #expect(problems.count == 1 && problems[0].hasPrefix("extra: the value of \"k\" is not JSON: at byte "))
    }

    @Test func theByteIsNamed() {
        #expect(
            problems(["k": "[1, 2,, 3]"]) == ["extra: the value of \"k\" is not JSON: at byte 7: a value is missing"])
    }

    @Test func limitsAreInclusive() {
        func nested(_ depth: Int) -> String {
            String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
        }
        #expect(problems(["k": nested(32)]) == [])
        #expect(problems(["k": nested(33)]).first?.contains("nested deeper than 32 levels") == true)
        #expect(problems(["k": String(repeating: "[", count: 16_000)]).first?.contains("nested deeper") == true)
        func keys(_ count: Int) -> [String: String] {
            Dictionary(uniqueKeysWithValues: (0..<count).map { ("k\($0)", "1") })
        }
        #expect(problems(keys(64)) == [] && problems(keys(65)) == ["extra: 65 keys are over the limit of 64"])
        func size(_ count: Int) -> [String: String] { ["k": "\"" + String(repeating: "x", count: count - 3) + "\""] }
        #expect(problems(size(16_384)) == [])
        #expect(problems(size(16_385)) == ["extra: 16385 bytes are over the limit of 16384"])
        #expect(problems([String(repeating: "k", count: 63): "1"]) == [])
        for key in ["", String(repeating: "k", count: 64), "a b", "é", "a\n"] {
            #expect(problems([key: "1"]).count == 1)
        }
    }

    @Test func theDaemonsKeysAreItsOwn() {
        #expect(problems(["example.com/fnrpc.io/x": "1", "fnrpc.io": "1"]) == [])
        #expect(problems(["fnrpc.io/x": "1"]).first?.contains("is the daemon's") == true)
        // What was read may be written back.
        #expect(problems(["fnrpc.io/x": "1"], stored: ["fnrpc.io/x": "1"]) == [])
        #expect(problems(["fnrpc.io/x": "2"], stored: ["fnrpc.io/x": "1"]).count == 1)
    }

    @Test func everythingThatIsWrongIsNamed() {
        #expect(problems(["a": "x", "b": "1", "fnrpc.io/c": "y"]).count == 3)
    }
}
