import Model
import Testing

@testable import fnrpc

/// Both directions, with protoc as the judge.
@Suite struct MessageCodecTests {
    /// JSON, the type, and the same message in protobuf's text format.
    @Test(
        arguments: [
            (
                """
                {"aDouble":1.5,"aFloat":-0.25,"aInt64":"-9223372036854775808","aUint64":"18446744073709551615",\
                "aInt32":-2147483648,"aFixed64":"1","aFixed32":4294967295,"aBool":true,"aString":"h\\"é\\n",\
                "aBytes":"AP8=","aUint32":4294967295,"aColor":"BLUE","aSfixed32":-1,"aSfixed64":"-2","aSint32":-3,\
                "aSint64":"-9223372036854775808"}
                """, "t.All",
                """
                a_double: 1.5 a_float: -0.25 a_int64: -9223372036854775808 a_uint64: 18446744073709551615
                a_int32: -2147483648 a_fixed64: 1 a_fixed32: 4294967295 a_bool: true a_string: "h\\"é\\n"
                a_bytes: "\\000\\377" a_uint32: 4294967295 a_color: BLUE a_sfixed32: -1 a_sfixed64: -2 a_sint32: -3
                a_sint64: -9223372036854775808
                """
            ),
            ("{}", "t.All", ""),
            (#"{"maybe":0}"#, "t.All", "maybe: 0"),
            (
                #"{"numbers":[1,-1,300],"plain":["-1","5"],"words":["","x"],"doubles":[0,1],"fixeds":[7],"colors":["RED",9]}"#,
                "t.All",
                """
                numbers: [1, -1, 300] plain: [-1, 5] words: ["", "x"] doubles: [0, 1] fixeds: 7 colors: [RED, 9]
                """
            ),
            (
                #"{"child":{"child":{"aInt32":1}},"children":[{},{"aBool":true}]}"#, "t.All",
                "child { child { a_int32: 1 } } children {} children { a_bool: true }"
            ),
            (
                #"{"counts":{"":3,"a":0,"b":-1},"byId":{"-7":{},"3":{"aInt32":1}},"flags":{"false":"","true":"y"}}"#,
                "t.All",
                """
                counts { key: "" value: 3 } counts { key: "a" value: 0 } counts { key: "b" value: -1 }
                by_id { key: -7 value {} } by_id { key: 3 value { a_int32: 1 } }
                flags { key: false value: "" } flags { key: true value: "y" }
                """
            ),
            (#"{"left":""}"#, "t.All", #"left: """#), (#"{"right":0}"#, "t.All", "right: 0"),
            (#"{"both":{"left":"x"}}"#, "t.All", #"both { left: "x" }"#),
            (#"{"Other":"o","nested":{"x":1}}"#, "t.All", #"custom: "o" nested { x: 1 }"#),
            (#"{"aDouble":"NaN","aFloat":"-Infinity"}"#, "t.All", "a_double: nan a_float: -inf"),
            (
                #"{"name":"","size":0,"level":"LOW","loose":[1,2],"tight":[1,2],"part":{"y":4},"next":{"name":"n"}}"#,
                "old.Old",
                #"name: "" size: 0 level: LOW loose: [1, 2] tight: [1, 2] Part { y: 4 } next { name: "n" }"#
            ),
            (
                """
                {"time":"2026-01-31T12:00:00.500Z","length":"-1.000000001s","number":"0","text":"","flag":true,\
                "data":"/w==","empty":{},"mask":"a,bC.dE"}
                """, "t.Known",
                """
                time { seconds: 1769860800 nanos: 500000000 } length { seconds: -1 nanos: -1 } number {} text {}
                flag { value: true } data { value: "\\377" } empty {} mask { paths: "a" paths: "b_c.d_e" }
                """
            ),
            (
                #"{"time":"0001-01-01T00:00:00Z","length":"0s"}"#, "t.Known", "time { seconds: -62135596800 } length {}"
            ),
            (
                #"{"time":"9999-12-31T23:59:59.999999999Z"}"#, "t.Known",
                "time { seconds: 253402300799 nanos: 999999999 }"
            ),
            (
                #"{"structure":{"a":null,"b":[1.5,"x",{"c":true}]},"value":null,"list":[]}"#, "t.Known",
                """
                structure {
                  fields { key: "a" value { null_value: NULL_VALUE } }
                  fields { key: "b" value { list_value {
                    values { number_value: 1.5 } values { string_value: "x" }
                    values { struct_value { fields { key: "c" value { bool_value: true } } } } } } }
                }
                value { null_value: NULL_VALUE } list {}
                """
            ),
            (
                #"{"any":{"@type":"type.googleapis.com/t.All","aInt32":5}}"#, "t.Known",
                "any { [type.googleapis.com/t.All] { a_int32: 5 } }"
            ),
            (
                #"{"any":{"@type":"type.googleapis.com/google.protobuf.Duration","value":"2s"}}"#, "t.Known",
                "any { [type.googleapis.com/google.protobuf.Duration] { seconds: 2 } }"
            ),
            (
                #"{"any":{"@type":"x/none.Such","value":"CAE="}}"#, "t.Known",
                #"any { type_url: "x/none.Such" value: "\010\001" }"#
            ),
        ])
    func isWhatProtocMakes(json: String, type: String, text: String) throws {
        let files = try Descriptions(Descriptions.everything)
        let expected = try files.encode(text, as: type)
        let bytes = try files.bytes(json, as: type)
        #expect(bytes == expected)
        #expect(try files.decode(bytes, as: type) == files.decode(expected, as: type))
        #expect(try files.json(expected, as: type) == json)
    }

    @Test(
        arguments: [
            // Both names, numbers as text and with exponents, both alphabets of base64.
            (
                #"{"a_int64":5,"aUint64":1e3,"aInt32":"-0","a_fixed32":1.0,"aBytes":"-_8","aColor":1}"#,
                #"{"aInt64":"5","aUint64":"1000","aFixed32":1,"aBytes":"+/8=","aColor":"GREEN"}"#
            ),
            // null is absent.
            (#"{"aInt64":null,"words":null,"child":null,"counts":null,"left":null,"right":1}"#, #"{"right":1}"#),
            // Zero is absent where the type has no presence.
            (#"{"aInt64":0,"aString":"","aBool":false,"aColor":"RED","aDouble":0.0,"numbers":[]}"#, "{}"),
            (#"{"aDouble":-0.0}"#, #"{"aDouble":-0}"#), (#"{"aDouble":"1e2"}"#, #"{"aDouble":100}"#),
            (#"{"aFloat":0.1,"aDouble":0.1}"#, #"{"aDouble":0.1,"aFloat":0.1}"#),
            (#"{"aBytes":""}"#, "{}"), (#"{"aBytes":"AA"}"#, #"{"aBytes":"AA=="}"#),
        ])
    func whatIsAccepted(json: String, becomes: String) throws {
        let files = try Descriptions(Descriptions.everything)
        #expect(try files.json(try files.bytes(json, as: "t.All"), as: "t.All") == becomes)
    }

    @Test(
        arguments: [
            (#"{"nope":1}"#, "the message: \"nope\" is not a field of t.All; it has aDouble, aFloat"),
            (#"{"child":{"nope":1}}"#, "child: \"nope\" is not a field"),
            (#"{"nested":{"nope":1}}"#, "nested: \"nope\" is not a field of t.All.Nested; it has x, deep"),
            (
                #"{"children":[{},{"aInt32":2147483648}]}"#,
                "children[1].aInt32: 2147483648 is out of range; -2147483648 to 2147483647"
            ),
            (#"{"aUint32":-1}"#, "aUint32: -1 is out of range; 0 to 4294967295"),
            (#"{"aInt64":"9223372036854775808"}"#, "out of range"),
            (#"{"aUint64":18446744073709551616}"#, "not a whole"),
            (#"{"aInt32":1.5}"#, "1.5 is not a whole number"), (#"{"aInt32":1e99}"#, "not a whole number"),
            (#"{"aInt32":"0x10"}"#, "not a whole number"), (#"{"aInt32":true}"#, "true is not a number"),
            (#"{"aDouble":1e999}"#, "out of range of a double"), (#"{"aFloat":1e39}"#, "a float holds"),
            (#"{"aDouble":"inf"}"#, "is not a number"), (#"{"aBool":1}"#, "neither true nor false"),
            (#"{"aString":5}"#, "5 is not a string"), (#"{"aBytes":"*"}"#, "not base64"),
            (#"{"aColor":"PINK"}"#, "\"PINK\" is not a value of t.Color; it has RED, GREEN, BLUE"),
            (#"{"words":"x"}"#, "is not an array"), (#"{"words":[null]}"#, "words[0]: null is not a string"),
            (#"{"counts":[]}"#, "an array is not an object"), (#"{"byId":{"x":{}}}"#, "byId[\"x\"]"),
            (#"{"flags":{"1":""}}"#, "neither true nor false"),
            (#"{"left":"a","right":1}"#, "right: given beside left; only one of choice may be set"),
            (#"{"aInt32":1,"a_int32":2}"#, "given twice"), ("[]", "an array is not an object"),
            ("5", "5 is not an object"),
        ])
    func whatIsRefused(json: String, with: String) throws {
        let files = try Descriptions(Descriptions.everything)
        let error = #expect(throws: Failure.self) { try files.bytes(json, as: "t.All") }
        #expect(error?.code == .invalid)
        #expect(error?.message.contains(with) == true, "\(error?.message ?? "")")
    }

    /// Somebody may have forgotten to encode a secret.
    @Test(arguments: [#""hunter2-top-secret!""#, "271828", "true", #"["hunter2"]"#, #"{"hunter2":271828}"#])
    func bytesAreNeverShown(value: String) throws {
        let files = try Descriptions(Descriptions.everything)
        let error = #expect(throws: Failure.self) { try files.bytes("{\"aBytes\":\(value)}", as: "t.All") }
        let any = #"{"any":{"@type":"x/none.Such","value":"# + value + "}}"
        let inner = #expect(throws: Failure.self) { try files.bytes(any, as: "t.Known") }
        for (error, place) in [(error, "aBytes: not "), (inner, "any.value: not ")] {
            #expect(error?.message.hasPrefix(place) == true, "\(error?.message ?? "")")
            for part in ["hunter2", "271828", "true"] { #expect(error?.message.contains(part) == false) }
        }
    }

    @Test(arguments: [
        ("old.Old", "{}", "name is missing, which old.Old requires"),
        ("old.Old", #"{"name":"","next":{}}"#, "next: name is missing"),
        ("old.Old", #"{"name":"","level":3}"#, "3 is not a value of old.Level"),
        ("t.Known", #"{"time":"2026-02-30T00:00:00Z"}"#, "is not a time"),
        ("t.Known", #"{"time":"2026-01-01 00:00:00Z"}"#, "is not a time"),
        ("t.Known", #"{"time":"0001-01-01T00:00:00+01:00"}"#, "is not a time"),
        ("t.Known", #"{"length":"315576000001s"}"#, "is not a duration"),
        ("t.Known", #"{"length":"1"}"#, "is not a duration"),
        ("t.Known", #"{"number":"x"}"#, "number: \"x\" is not a whole number"),
        ("t.Known", #"{"any":{"aInt32":5}}"#, "\"@type\" is missing"),
        ("t.Known", #"{"mask":"a_b"}"#, "lowerCamelCase"),
        ("t.Missing", "{}", "the descriptors lack t.Missing"),
    ])
    func whatIsRefusedElsewhere(type: String, json: String, with: String) throws {
        let files = try Descriptions(Descriptions.everything)
        let error = #expect(throws: Failure.self) { try files.bytes(json, as: type) }
        #expect(error?.message.contains(with) == true, "\(error?.message ?? "")")
    }

    @Test func depthIsLimitedBothWays() throws {
        let files = try Descriptions(Descriptions.everything)
        func nested(_ depth: Int) -> String {
            String(repeating: #"{"child":"#, count: depth) + "{}" + String(repeating: "}", count: depth)
        }
        let deepest = try files.bytes(nested(63), as: "t.All")
        #expect(try files.json(deepest, as: "t.All") == nested(63))
        #expect(throws: Failure.self) { try files.bytes(nested(64), as: "t.All") }
        #expect(throws: Failure.self) { try files.bytes(nested(100_000), as: "t.All") }
        var hostile: [UInt8] = []
        for _ in 0..<64 {
            var writer = ProtobufWriter()
            writer.field(18, hostile)
            hostile = writer.bytes
        }
        #expect(throws: Failure.self) { try files.json(hostile, as: "t.All") }
    }

    @Test func whatTheWireMayDoIsUnderstood() throws {
        let files = try Descriptions(Descriptions.everything)
        func json(_ bytes: [UInt8]) throws -> String { try files.json(bytes, as: "t.All") }
        // Unknown fields of every kind, a group too; another wire type is unknown as well.
        #expect(try json([0xF8, 0x3F, 1, 0xFB, 0x3F, 8, 1, 0xFC, 0x3F, 0x28, 9]) == #"{"aInt32":9}"#)
        #expect(try json([0x2A, 1, 0x31]) == "{}")
        // The last one counts; pieces of a message are merged; packed and single values mix; oneof members replace.
        #expect(try json([0x28, 1, 0x28, 2]) == #"{"aInt32":2}"#)
        #expect(try json([0x92, 1, 2, 0x28, 1, 0x92, 1, 2, 0x40, 1]) == #"{"child":{"aInt32":1,"aBool":true}}"#)
        #expect(try json([0x98, 1, 5, 0x9A, 1, 2, 6, 7]) == #"{"numbers":[5,6,7]}"#)
        #expect(try json([0xA2, 1, 1, 1, 0xA0, 1, 2]) == #"{"plain":["-1","1"]}"#)
        #expect(try json([0xEA, 1, 1, 0x61, 0xF0, 1, 3]) == #"{"right":3}"#)
        // A map's entry without key or value has the zero of each.
        #expect(try json([0xBA, 1, 0]) == #"{"counts":{"":0}}"#)
        #expect(try json([0xC2, 1, 0]) == #"{"byId":{"0":{}}}"#)
    }

    @Test(
        arguments: [
            [0x28], [0x28, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x02], [0x4A, 5, 0x61],
            [0x4A, 1, 0xFF], [0x00, 1],
            [0x09, 1, 2, 3], [0x0D, 1], [0x2F], [0x0C], [0xFB, 0x3F, 8, 1], [0x9A, 1, 1, 0x80], [0x92, 1, 1, 0x28],
        ] as [[UInt8]])
    func damagedAnswersAreReported(bytes: [UInt8]) throws {
        let files = try Descriptions(Descriptions.everything)
        let error = #expect(throws: Failure.self) { try files.json(bytes, as: "t.All") }
        #expect(error?.code == .internalError)
    }

    /// Every cut of a set either parses or is refused; none traps.
    @Test func damagedDescriptorsAreRefused() throws {
        let files = try Descriptions(Descriptions.everything)
        for length in stride(from: 0, to: files.bytes.count, by: 7) {
            _ = try? DescriptorSet(Array(files.bytes[..<length]), source: "set")
        }
        for position in stride(from: 0, to: files.bytes.count, by: 5) {
            var bytes = files.bytes
            bytes[position] ^= 0x55
            guard let set = try? DescriptorSet(bytes, source: "set") else { continue }
            for name in set.messages.keys { _ = ProtoText(set: set).describe(name) }
            _ = try? MessageEncoder(set: set).encode(.ordered([]), as: "old.Old")
        }
        let text = #expect(throws: Failure.self) { try DescriptorSet(Array("text".utf8), source: "set.pb") }
        #expect(text?.message.hasPrefix("set.pb: ") == true)
        #expect(throws: Failure.self) { try DescriptorSet([], source: "set") }
    }
}
