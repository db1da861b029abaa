import Model
import Testing

@Suite struct TriggerSourceTests {
    private func message(_ body: () throws(Failure) -> Void) -> String {
        do {
            try body()
            return "no error"
        } catch {
            #expect(error.code == .invalid)
            return error.message
        }
    }

    @Test func sourcesAreReadInOneSpelling() throws {
        let source = try TriggerSource("/a%7eb/:id/%3ax%c3%A9/*", field: "source")
        #expect(source.text == "/a~b/:id/%3Ax%C3%A9/*" && source.isPrefix)
        #expect(
            source.segments == [
                .literal(Array("a~b".utf8)), .parameter("id"), .literal(Array("%3Ax%C3%A9".utf8)),
            ])
        #expect(source.conflictKey == "/a~b/:/%3Ax%C3%A9/*")
        #expect(try TriggerSource("/", field: "source").segments == [.literal([])])
        #expect(try TriggerSource("/a/", field: "source").segments.count == 2)
        #expect(try TriggerSource("/*", field: "source").segments == [])
    }

    @Test func theSamePathsAreTheSameKey() throws {
        func key(_ text: String) throws -> String { try TriggerSource(text, field: "source").conflictKey }
        #expect(try key("/a/:x") == key("/%61/:other"))
        let different = ["/", "/a", "/a/", "/a/:x", "/a/:x/", "/:x/a", "/a/*", "/*", "/:x/*", "/a%2Fb", "/a/b"]
        #expect(Set(try different.map(key)).count == different.count)
    }

    @Test(arguments: [
        ("", "slash"), ("a", "slash"), ("/a//b", "empty segment"), ("//", "empty segment"), ("/.", "segment ."),
        ("/a/../b", "segment ."), ("/%2e%2E", "segment ."), ("/a b", "percent-encoded"), ("/é", "percent-encoded"),
        ("/{id}", "percent-encoded"), ("/a?b", "percent-encoded"), ("/a#b", "percent-encoded"), ("/%2", "%25"),
        ("/%zz", "%25"), ("/%00", "control"), ("/%FF", "UTF-8"), ("/a/*/b", "%2A"), ("/a*", "%2A"), ("/**", "%2A"),
        ("/:", "parameter"), ("/:1a", "parameter"), ("/:a-b", "parameter"), ("/:a/:A", "twice"),
    ])
    func badSourcesAreRefused(text: String, words: String) {
        let text = message { () throws(Failure) in _ = try TriggerSource(text, field: "source") }
        #expect(text.hasPrefix("source: ") && text.contains(words), "\(text)")
    }

    @Test func limitsHoldAtTheirEdges() {
        func sources(_ text: String) -> String {
            message { () throws(Failure) in _ = try TriggerSource(text, field: "source") }
        }
        func parameters(_ count: Int) -> String { (0..<count).map { "/:p\($0)" }.joined() }
        #expect(sources("/" + String(repeating: "a", count: 1023)) == "no error")
        #expect(sources("/" + String(repeating: "a", count: 1024)).contains("1024"))
        #expect(sources(String(repeating: "/a", count: 64)) == "no error")
        #expect(sources(String(repeating: "/a", count: 65)).contains("64"))
        #expect(sources(parameters(16)) == "no error")
        #expect(sources(parameters(17)).contains("16"))
        #expect(sources("/:" + String(repeating: "a", count: 64)) == "no error")
        #expect(sources("/:" + String(repeating: "a", count: 65)).contains("64"))
        func paths(_ text: String) -> String {
            message { () throws(Failure) in _ = try PathSegments(text, field: "path") }
        }
        #expect(paths("/" + String(repeating: "a", count: 8191)) == "no error")
        #expect(paths("/" + String(repeating: "a", count: 8192)).contains("8192"))
        #expect(paths(String(repeating: "/a", count: 256)) == "no error")
        #expect(paths(String(repeating: "/a", count: 257)).contains("256"))
    }

    @Test func pathsHaveOneSpelling() throws {
        #expect(try PathSegments("/%41%2f%7c|[x]:*", field: "path").text == "/A%2F%7C%7C%5Bx%5D:*")
        let path = try PathSegments("/a%2Fb/%20c%C3%A4/", field: "path")
        #expect(path.count == 3 && path.decoded(0) == "a/b" && path.decoded(1) == " cä" && path.decoded(2) == "")
        for bad in [
            "", "a", "/a//b", "/./a", "/a/%2e%2e/b", "/a\nb", "/a b", "/ä", "/a?b", "/a#", "/%", "/%0", "/%0d%0a",
        ] {
            let text = message { () throws(Failure) in _ = try PathSegments(bad, field: "path") }
            #expect(text.hasPrefix("path: "), "\(bad): \(text)")
        }
    }
}

@Suite struct SpecHeaderTests {
    private func check(_ headers: [String: [String]]) -> String {
        var spec = FunctionSpec(runtime: .shell, entry: "a.sh", format: .default)
        spec.headers = headers
        do throws(Failure) {
            _ = try spec.validated()
            return "ok"
        } catch { return error.message }
    }

    @Test func limitsHoldAtTheirEdges() {
        func many(_ names: Int, values: Int = 1) -> [String: [String]] {
            Dictionary(
                uniqueKeysWithValues: (0..<names).map { ("X-\($0)", [String](repeating: "v", count: values)) })
        }
        func long(_ count: Int) -> String { String(repeating: "v", count: count) }
        #expect(check(many(64)) == "ok" && check(many(4, values: 16)) == "ok")
        #expect(check(many(65)).contains("65 names"))
        #expect(check(many(1, values: 17)).contains("17 values") && check(["X": []]).contains("0 values"))
        #expect(check(many(13, values: 5)).contains("65 values"))
        #expect(check([long(128): ["a"]]) == "ok" && check([long(129): ["a"]]).contains("128"))
        #expect(check(["X": [long(4096)]]) == "ok" && check(["X": [long(4097)]]).contains("4096"))
        // The name counts with each value.
        #expect(check(["X": [long(4095), long(4095), long(4095), long(4095)]]) == "ok")
        #expect(check(["X": [long(4095), long(4095), long(4095), long(4096)]]).contains("16385 bytes"))
        #expect(check(["Content-Type": [long(1024)]]) == "ok")
        #expect(check(["Content-Type": [long(1025)]]).contains("1024"))
    }

    @Test(
        arguments: [
            (["": ["a"]], "name"), (["a b": ["c"]], "name"), (["ä": ["c"]], "name"), (["a": ["x\r\ny"]], "control"),
            (["a": ["\0"]], "control"), (["A": ["1"], "a": ["2"]], "twice"),
            (["Transfer-Encoding": ["x"]], "connection"),
            (["content-length": ["1"]], "connection"), (["content-type": ["a", "b"]], "one value"),
            (["content-type": [""]], "one value"),
        ] as [([String: [String]], String)])
    func badHeadersAreRefused(headers: [String: [String]], words: String) {
        let text = check(headers)
        #expect(text.hasPrefix("headers: ") && text.contains(words), "\(text)")
    }
}
