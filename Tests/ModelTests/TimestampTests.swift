import Model
import Testing

@Suite struct TimestampTests {
    @Test(arguments: [
        Int64.min, -62_135_596_801, -1_000_000_001, -1_000_000_000, -999_999_999, -1, 0, 1, 951_782_399_999_999_999,
        951_782_400_000_000_000, 4_107_542_400_000_000_000, Int64.max,
    ])
    func whatIsPrintedReadsBackTheSame(nanoseconds: Int64) {
        let time = Timestamp(nanoseconds: nanoseconds)
        #expect(Timestamp(rfc3339: time.description) == time)
    }

    @Test func everyDayOfFourCenturiesReadsBackTheSame() {
        for day in stride(from: Int64(-100_000), through: 100_000, by: 1) {
            let time = Timestamp(nanoseconds: day * 86_400_000_000_000)
            guard Timestamp(rfc3339: time.rfc3339(fractionDigits: 0)) == time else {
                Issue.record("\(time) reads back as another")
                return
            }
        }
    }

    @Test(
        arguments: [
            ("1970-01-01T00:00:01Z", 1_000_000_000), ("1970-01-01t00:00:01z", 1_000_000_000),
            ("1970-01-01T02:00:00+02:00", 0), ("1969-12-31T23:30:00-00:30", 0), ("1970-01-01T23:59:00+23:59", 0),
            ("1970-01-01T00:00:00.5Z", 500_000_000), ("1970-01-01T00:00:00.000000001Z", 1),
            ("1969-12-31T23:59:59.25Z", -750_000_000), ("2000-02-29T00:00:00Z", 951_782_400_000_000_000),
            ("2262-04-11T23:47:16.854775807Z", Int64.max), ("1677-09-21T00:12:43.145224192Z", Int64.min),
        ] as [(String, Int64)])
    func offsetsAndFractionsAreRead(text: String, nanoseconds: Int64) {
        #expect(Timestamp(rfc3339: text)?.nanoseconds == nanoseconds)
    }

    @Test(arguments: [
        "", "1970-01-01", "1970-01-01T00:00:00", "1970-01-01 00:00:00Z", "1970-01-01T00:00:00Zx", "1970-01-01T00:00Z",
        "1970-00-01T00:00:00Z", "1970-13-01T00:00:00Z", "1970-01-00T00:00:00Z", "1970-01-32T00:00:00Z",
        "1970-02-29T00:00:00Z", "2100-02-29T00:00:00Z", "1970-01-01T24:00:00Z", "1970-01-01T00:60:00Z",
        "1970-01-01T00:00:60Z", "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00.1234567890Z",
        "1970-01-01T00:00:00+24:00", "1970-01-01T00:00:00+00:60", "1970-01-01T00:00:00+0000", "1970-01-01T00:00:00",
        "٣970-01-01T00:00:00Z", "+970-01-01T00:00:00Z", "2262-04-11T23:47:16.854775808Z",
        "1677-09-21T00:12:43.145224191Z", "0000-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
    ])
    func otherTextIsNoTime(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test func secondsReachFurtherThanNanoseconds() throws {
        let last = try #require(Timestamp.seconds(rfc3339: "9999-12-31T23:59:59.9Z"))
        #expect(last == (253_402_300_799, 900_000_000))
        #expect(try #require(Timestamp.seconds(rfc3339: "0001-01-01T00:00:00Z")) == (-62_135_596_800, 0))
        #expect(Timestamp.seconds(rfc3339: "0001-01-01T00:00:00+00:01") == nil)
        #expect(Timestamp.seconds(rfc3339: "9999-12-31T23:59:59-00:01") == nil)
    }
}
