import Model
import Testing

@testable import fnrpc

@Suite struct JSONParserTests {
    private func parse(_ text: String) throws -> JSON { try JSONParser.parse(Array(text.utf8)) }

    @Test func valuesKeepNumbersAndOrder() throws {
        #expect(try parse(" [1.50, -0, 18446744073709551616, 1E+2] ").text() == "[1.50,-0,18446744073709551616,1E+2]")
        #expect(try parse(#"{"b":1,"a":{"z":[],"y":{}},"":null}"#).text() == #"{"b":1,"a":{"z":[],"y":{}},"":null}"#)
        #expect(try parse(#""a\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00""#) == .string("a\"\\/\u{8}\u{C}\n\r\té😀"))
        // What could drive a terminal is escaped on the way out.
        #expect(try parse(#""\u001b\u009b""#).text() == #""\u001b\u009b""#)
    }

    @Test(arguments: [
        ("", "line 1, column 1: the text ends"), ("{", "a name in double quotes"), ("{\"a\"}", "a colon"),
        ("{\"a\":1,}", "a name in double quotes"), ("[1,]", "a value is missing"), ("[1 2]", "a comma or ]"),
        ("01", "there is more"), ("+1", "a value is missing"), (".5", "a value is missing"),
        ("1.", "digits are missing"),
        ("1e", "digits are missing"), ("-", "digits are missing"), ("NaN", "a value is missing"), ("nul", "a value"),
        ("\"a", "a string has no end"), ("\"\\x\"", "no escape"), ("\"\\u12\"", "four hexadecimal"),
        ("\"\\ud800\"", "surrogate"), ("\"\\udc00\"", "surrogate"), ("\"\\ud800\\u0041\"", "surrogate"),
        ("\"\n\"", "control character"), ("{\"a\":1,\n \"a\":2}", "line 2, column 5: \"a\" is given twice"),
        ("1 1", "there is more"), ("// x\n1", "a value is missing"),
    ])
    func whatIsRefused(text: String, with: String) {
        let error = #expect(throws: Failure.self) { try parse(text) }
        #expect(error?.message.contains(with) == true, "\(error?.message ?? "")")
    }

    @Test func depthAndEncodingAreChecked() {
        #expect(throws: Failure.self) { try parse(String(repeating: "[", count: 1_000_000)) }
        #expect(throws: Failure.self) { try JSONParser.parse([0x22, 0xFF, 0x22]) }
        #expect(throws: Never.self) {
            try parse(String(repeating: "[", count: 160) + String(repeating: "]", count: 160))
        }
    }

    /// However the bytes are cut, the same values come out.
    @Test(arguments: 1...9)
    func documentsComeOutOfPieces(size: Int) throws {
        let text = "{\"a\":\"}{\\\"\"}{}\n[1,[2]] \"x y\"\"\\\\\" true\n12 \n{\"b\":[{}]}7"
        var documents = JSONDocuments()
        var found: [String] = []
        let bytes = Array(text.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            documents.append(bytes[start..<min(start + size, bytes.count)])
            while let value = try documents.next(atEnd: false) { found.append(value.text()) }
        }
        while let value = try documents.next(atEnd: true) { found.append(value.text()) }
        #expect(
            found == [
                #"{"a":"}{\""}"#, "{}", "[1,[2]]", "\"x y\"", #""\\""#, "true", "12", #"{"b":[{}]}"#, "7",
            ])
    }

    @Test func aValueWithoutEndIsNotKeptForEver() throws {
        var documents = JSONDocuments()
        documents.append([UInt8](repeating: UInt8(ascii: "["), count: JSONDocuments.maxBytes + 1))
        let error = #expect(throws: Failure.self) { try documents.next(atEnd: false) }
        #expect(error?.code == .tooLarge)
        var cut = JSONDocuments()
        cut.append(Array("{\"a\":".utf8))
        #expect(try cut.next(atEnd: false) == nil)
        #expect(throws: Failure.self) { try cut.next(atEnd: true) }
        var stray = JSONDocuments()
        stray.append(Array("}".utf8))
        #expect(throws: Failure.self) { try stray.next(atEnd: false) }
    }

    @Test(
        arguments: [
            ("0", 0, 0), ("-0", 0, 0), ("12", 12, 12), ("-1", -1, nil), ("1.0", 1, 1), ("1e3", 1000, 1000),
            ("1.50e1", 15, 15), ("100e-2", 1, 1), ("9223372036854775807", .max, 9_223_372_036_854_775_807),
            ("-9223372036854775808", .min, nil), ("18446744073709551615", nil, .max), ("0e9999", 0, 0),
        ] as [(String, Int64?, UInt64?)])
    func wholeNumbersAreExact(text: String, signed: Int64?, unsigned: UInt64?) throws {
        let number = try #require(ExactInteger(text))
        #expect(number.signed == signed)
        #expect(number.unsigned == unsigned)
    }

    @Test(arguments: [
        "", "1.5", "1e-1", "18446744073709551616", "1e99999999999", "0x1", "1_0", " 1", "inf", "--1", "1e20",
    ])
    func otherTextIsNoWholeNumber(text: String) {
        #expect(ExactInteger(text) == nil)
    }
}

@Suite struct ProtoTextTests {
    /// What is described compiles again, to the same descriptors.
    @Test func describedMessagesCompileAgain() throws {
        let files = try Descriptions(Descriptions.everything)
        let text = ProtoText(set: files.set)
        let parts = try ["t.Color", "t.All", "t.Known", "t.Greeter"].map { name in
            try #require(text.describe(name)).replacing("t.", with: "")
        }
        let again = try Descriptions([
            "again.proto": """
            syntax = "proto3";
            package t;
            \(["any", "duration", "empty", "field_mask", "struct", "timestamp", "wrappers"].map {
                "import \"google/protobuf/\($0).proto\";"
            }.joined(separator: "\n"))
            \(parts.joined().replacing("All.", with: ""))
            """
        ])
        for name in ["t.All", "t.All.Nested", "t.Known", "t.Color", "t.Greeter"] {
            #expect(ProtoText(set: again.set).describe(name) == text.describe(name))
        }
        #expect(text.describe("t.Greeter.Talk") == "rpc Talk(stream t.All) returns (stream t.All);\n")
        let old = try #require(text.describe("old.Old"))
        #expect(old.contains("required string name = 1;"))
        #expect(old.contains("optional int32 size = 2 [default = 7];"))
        #expect(old.contains("deprecated = true"))
        #expect(text.describe("t.Nope") == nil && text.describe("") == nil)
    }
}
