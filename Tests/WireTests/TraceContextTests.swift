import Testing
import Wire

private let trace = "4bf92f3577b34da6a3ce929d0e0e4736"
private let parent = "00f067aa0ba902b7"

@Suite struct TraceContextTests {
    private func read(_ text: String) -> TraceContext? {
        Array(text.utf8).withUnsafeBytes { TraceContext($0) }
    }

    @Test func whatIsValidIsGivenBackUnchanged() throws {
        for flags in ["00", "01", "ff", "a9"] {
            let text = "00-\(trace)-\(parent)-\(flags)"
            let context = try #require(read(text))
            #expect(context.description == text && context.traceID == trace)
        }
        let small = "00-00000000000000000000000000000001-0000000000000001-00"
        #expect(read(small)?.description == small)
        let large = "00-\(String(repeating: "f", count: 32))-\(String(repeating: "f", count: 16))-ff"
        #expect(read(large)?.description == large)
        #expect(read(large) == read(large) && read(large) != read(small))
    }

    /// Of a later version what is known is taken, whatever follows behind another dash.
    @Test(arguments: ["01", "cc", "fe"])
    func laterVersionsAreReadAsThisOne(version: String) {
        let rest = "-\(trace)-\(parent)-01"
        #expect(read(version + rest)?.description == "00" + rest)
        #expect(read(version + rest + "-what-the-future-will-be-like")?.description == "00" + rest)
        #expect(read(version + rest + "-") != nil)
        #expect(read(version + rest + ".what") == nil)
        #expect(read(version + rest + "0") == nil)
    }

    @Test(arguments: [
        "", "00", "00-\(trace)-\(parent)", "00-\(trace)-\(parent)-", "00-\(trace)-\(parent)-0",
        // Version 00 ends with its flags, and version ff does not exist.
        "00-\(trace)-\(parent)-01-", "00-\(trace)-\(parent)-01-x", "00-\(trace)-\(parent)-011",
        "ff-\(trace)-\(parent)-01", "ff-\(trace)-\(parent)-01-x",
        // Nothing but lower-case hexadecimal digits.
        "00-4BF92F3577B34DA6A3CE929D0E0E4736-\(parent)-01", "00-\(trace)-00F067AA0BA902B7-01",
        "00-\(trace)-\(parent)-0A", "0A-\(trace)-\(parent)-01", "0x-\(trace)-\(parent)-01",
        "00-4bf92f3577b34da6a3ce929d0e0e473g-\(parent)-01", "00-\(trace)-00f067aa0ba902b -01",
        "00-\(trace)-\(parent)-+1", "00-\(trace)-\(parent)-1 ",
        // All zero means: none.
        "00-00000000000000000000000000000000-\(parent)-01", "00-\(trace)-0000000000000000-01",
        // Separators elsewhere, blanks around.
        "00_\(trace)-\(parent)-01", "00-\(trace)_\(parent)-01", "00-\(trace)-\(parent)_01",
        "00-\(trace)0-0f067aa0ba902b7-01", " 00-\(trace)-\(parent)-01", "00-\(trace)-\(parent)-01 ",
        "00-\(trace)-\(parent)-0\u{0}", "00-4bf92f3577b34da6a3ce929d0e0e47é-\(parent)-01",
    ])
    func whatIsNotValidIsNone(text: String) {
        #expect(read(text) == nil)
    }

    @Test func anyChangedByteIsReadBackOrRefused() {
        let bytes = Array("00-\(trace)-\(parent)-01".utf8)
        for position in bytes.indices {
            for value in UInt8.min...UInt8.max {
                var changed = bytes
                changed[position] = value
                guard let context = changed.withUnsafeBytes({ TraceContext($0) }) else { continue }
                #expect(Array(context.description.utf8.dropFirst(2)) == Array(changed.dropFirst(2)))
                #expect(context.traceID.utf8.count == 32)
            }
        }
    }
}

@Suite struct TimeoutTextTests {
    private func read(_ text: String) -> Int64? {
        Array(text.utf8).withUnsafeBytes { TimeoutText.nanoseconds($0) }
    }

    @Test(
        arguments: [
            ("0ns", 0), ("1ns", 1), ("007us", 7_000), ("500ms", 500_000_000), ("10s", 10_000_000_000),
            ("2m", 120_000_000_000), ("1h", 3_600_000_000_000), ("-1s", -1_000_000_000), ("-0ms", 0),
            ("9223372036854775807ns", .max), ("9223372036s", 9_223_372_036_000_000_000),
        ] as [(String, Int64)])
    func numbersHaveAUnit(text: String, nanos: Int64) {
        #expect(read(text) == nanos)
    }

    @Test(arguments: [
        "9223372036854775808ns", "9223372037s", "2562048h", "99999999999999999999999999999999ns",
        "9223372036854775807h", "18446744073709551617s",
    ])
    func whatIsTooLongIsTheLongest(text: String) {
        #expect(read(text) == .max)
        #expect(read("-" + text) == -.max)
    }

    @Test(arguments: [
        "", "-", "s", "-s", "1", "10", "1 s", " 1s", "1s ", "+1s", "--1s", "1.5s", "1,5s", "1e3s", "0x1s", "1S", "1MS",
        "1sec", "1d", "1ss", "1s1ms", "1m30s", "1n", "1nss", "1µs", "١s", "1\u{0}s", "1s\u{0}", "infs",
    ])
    func everythingElseIsNoTime(text: String) {
        #expect(read(text) == nil)
    }
}
