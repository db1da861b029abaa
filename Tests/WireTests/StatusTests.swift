import CWire
import Model
import Testing

@testable import Wire

@Suite struct StatusTests {
    /// A Status as protobuf-c reads it.
    private struct Read {
        var code: Int32 = 0
        var message = ""
        var details: [(type: String, value: [UInt8])] = []

        init(_ bytes: [UInt8]) throws {
            let status = try #require(ttrpc__status__unpack(nil, bytes.count, bytes))
            defer { ttrpc__status__free_unpacked(status, nil) }
            code = status.pointee.code
            message = String(cString: status.pointee.message)
            for index in 0..<status.pointee.n_details {
                let detail = try #require(status.pointee.details[index]).pointee
                let value = UnsafeBufferPointer(start: detail.value.data, count: detail.value.len)
                details.append((String(cString: detail.type_url), Array(value)))
            }
        }

        /// A detail's fields, by number; those of sub-messages follow with the outer number in front.
        func fields(_ type: String) throws -> [String: String] {
            let found = details.filter { $0.type == "type.googleapis.com/google.rpc.\(type)" }
            try #require(found.count == 1)
            return try found[0].value.withUnsafeBytes { try Self.fields($0, nested: type != "ErrorInfo") }
        }

        private static func fields(_ bytes: UnsafeRawBufferPointer, nested: Bool) throws -> [String: String] {
            var result: [String: String] = [:]
            var scanner = FieldScanner(bytes)
            while let field = try scanner.next() {
                guard let bytes = field.bytes else {
                    result["\(field.number)"] = "\(field.value)"
                    continue
                }
                if nested {
                    for (key, value) in try fields(bytes, nested: false) { result["\(field.number).\(key)"] = value }
                } else {
                    result["\(field.number)"] = String(decoding: bytes, as: UTF8.self)
                }
            }
            return result
        }
    }

    @Test(arguments: Failure.Code.allCases)
    func everyFailureSaysWhatItIs(code: Failure.Code) throws {
        let read = try Read(Failure(code, "why").encodedStatus())
        #expect(read.code == code.status && (1...16).contains(read.code) && read.message == "why")
        #expect(read.details.count == 1)
        #expect(try read.fields("ErrorInfo") == ["1": code.rawValue, "2": "fnrpc"])
    }

    @Test(
        arguments: [
            (1, ["1.2": "1"]), (999_999_999, ["1.2": "999999999"]), (1_000_000_000, ["1.1": "1"]),
            (90_500_000_000, ["1.1": "90", "1.2": "500000000"]), (0, [:]),
        ] as [(UInt64, [String: String])])
    func whenToTryAgainIsADuration(nanos: UInt64, fields: [String: String]) throws {
        let read = try Read(Failure(.busy, "full", retryNanos: nanos).encodedStatus())
        #expect(read.details.count == 2)
        #expect(try read.fields("RetryInfo") == fields)
    }

    @Test func theLimitThatWasHitIsNamed() throws {
        let read = try Read(Failure(.tooLarge, "over it", retryNanos: 5, quota: "max-output-mib").encodedStatus())
        #expect(read.details.count == 3)
        #expect(try read.fields("QuotaFailure") == ["1.1": "max-output-mib", "1.2": "over it"])
        #expect(try read.fields("RetryInfo") == ["1.2": "5"])
    }

    @Test func theFieldThatIsWrongIsNamed() throws {
        let read = try Read(Failure(.invalid, "spec.memory_mib: 0 is out of range").encodedStatus())
        #expect(
            try read.fields("BadRequest") == ["1.1": "spec.memory_mib", "1.2": "spec.memory_mib: 0 is out of range"])
        // Only where it is the request that is wrong.
        #expect(try Read(Failure(.busy, "demo: full").encodedStatus()).details.count == 1)
    }

    @Test func everythingThatIsWrongIsNamed() throws {
        let texts = ["memory: 0 is out of range", "pids: é" + String(repeating: "x", count: 2000), "no field"]
        let read = try Read(Failure(.invalid, texts[0], further: Array(texts[1...])).encodedStatus())
        #expect(read.message == texts[0] && read.details.count == 2)
        let detail = try #require(read.details.last)
        #expect(detail.type == "type.googleapis.com/google.rpc.BadRequest")
        var violations: [[String]] = []
        try detail.value.withUnsafeBytes { bytes in
            var scanner = FieldScanner(bytes)
            while let field = try scanner.next() {
                let violation = try #require(field.bytes.flatMap(pair))
                violations.append([violation.key, violation.value].map { String(decoding: $0, as: UTF8.self) })
            }
        }
        #expect(violations == [["memory", texts[0]], ["pids", String(texts[1].prefix(1023))], ["", "no field"]])
        // Whatever the first one's code is.
        let busy = try Read(Failure(.busy, "full", further: ["a: b"]).encodedStatus())
        #expect(busy.details.map(\.type).contains("type.googleapis.com/google.rpc.BadRequest"))
    }

    @Test(
        arguments: [
            ("a: b", "a"), ("a.b-c_9: d", "a.b-c_9"), ("no colon", nil), (": b", nil), ("Two words: b", nil), ("", nil),
            (String(repeating: "x", count: 64) + ":", String(repeating: "x", count: 64)),
            (String(repeating: "x", count: 65) + ":", nil), ("é: b", nil),
        ] as [(String, String?)])
    func whatStandsBeforeTheColonIsAField(message: String, field: String?) {
        #expect(Failure(.invalid, message).field == field)
    }

    @Test func longTextsAreCutBetweenCharacters() throws {
        let text = "a" + String(repeating: "é", count: 20_000)
        let read = try Read(Failure(.invalid, "x: " + text, quota: "q").encodedStatus())
        #expect(read.message.utf8.count <= Failure.maxMessageBytes + 2)
        #expect(read.message.hasPrefix("x: aéé") && String(validating: read.message.utf8, as: UTF8.self) != nil)
        for type in ["BadRequest", "QuotaFailure"] {
            let shown = try #require(try read.fields(type)["1.2"])
            #expect(shown.utf8.count <= 1026 && shown.hasPrefix("x: aéé"))
        }
    }

    /// A function's own Status and what is added behind it are one message with the details of both.
    @Test func aFunctionsStatusKeepsItsDetails() throws {
        let own = Failure(.busy, "its own words", retryNanos: 7).encodedStatus()
        let read = try Read(own + Failure.statusSuffix(reason: "FUNCTION_FAILED"))
        #expect(read.code == 8 && read.message == "its own words")
        #expect(try read.fields("RetryInfo") == ["1.2": "7"])
        let last = try #require(read.details.last)
        #expect(read.details.count == 3 && last.type == "type.googleapis.com/google.rpc.ErrorInfo")
        let given = try Read(Failure.encodedStatus(code: 15, reason: "R", message: "m"))
        #expect(given.code == 15 && given.message == "m")
        #expect(try given.fields("ErrorInfo") == ["1": "R", "2": "fnrpc"])
    }
}
