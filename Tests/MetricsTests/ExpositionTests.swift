import Testing

@testable import Metrics

@Suite struct ExpositionTests {
    @Test func familiesAndSamplesAreLines() throws {
        var out = Exposition()
        out.single("a_total", .counter, "Back\\slash and\nline feed, \"quoted\".", 18_446_744_073_709_551_615)
        out.family("b", .gauge, "B.")
        out.sample("b", ["x": "1", "y": "quote \" back \\ line\nend"], 0)
        out.single("c_seconds", .gauge, "C.", nanoseconds: 1_500_000_000)
        #expect(
            String(decoding: out.text, as: UTF8.self) == #"""
                # HELP a_total Back\\slash and\nline feed, "quoted".
                # TYPE a_total counter
                a_total 18446744073709551615
                # HELP b B.
                # TYPE b gauge
                b{x="1",y="quote \" back \\ line\nend"} 0
                # HELP c_seconds C.
                # TYPE c_seconds gauge
                c_seconds 1.5

                """#)
        _ = try ExpositionReader(out.text)
    }

    @Test func histogramsAddUp() throws {
        var out = Exposition()
        out.family("h", .histogram, "H.")
        out.histogram("h", ["m": "a"], counts: [2, 0, 3], bounds: [1000, 2_000_000_000], sum: 7)
        out.histogram("h", [:], counts: [0, 1], bounds: [1], sum: 0)
        #expect(
            String(decoding: out.text, as: UTF8.self) == """
                # HELP h H.
                # TYPE h histogram
                h_bucket{m="a",le="0.000001"} 2
                h_bucket{m="a",le="2"} 2
                h_bucket{m="a",le="+Inf"} 5
                h_sum{m="a"} 0.000000007
                h_count{m="a"} 5
                h_bucket{le="0.000000001"} 0
                h_bucket{le="+Inf"} 1
                h_sum 0
                h_count 1

                """)
        _ = try ExpositionReader(out.text)
    }

    @Test(
        arguments: [
            (0, "0"), (1, "0.000000001"), (1000, "0.000001"), (33_554_432_000, "33.554432"), (1_000_000_000, "1"),
            (1_100_000_000, "1.1"), (1_000_000_010, "1.00000001"), (.max, "18446744073.709551615"),
        ] as [(UInt64, String)])
    func secondsAreExact(nanos: UInt64, text: String) {
        #expect(Exposition.seconds(nanos) == text)
    }

    @Test func theReaderRefusesWhatTheFormatForbids() {
        let head = "# HELP a_total A.\n# TYPE a_total counter\n"
        for text in [
            "a_total 1\n", head + "a_total 1", head + "a_total 1\na_total 2\n", head + "b_total 1\n",
            head + "a_total{x=\"\n\"} 1\n", head + "a_total{x=\"\\t\"} 1\n", head + head, head + "a_total x\n",
            "# HELP h H.\n# TYPE h histogram\nh_bucket{le=\"1\"} 2\nh_bucket{le=\"+Inf\"} 1\nh_sum 0\nh_count 1\n",
        ] {
            #expect(throws: (any Error).self, "\(text)") { try ExpositionReader(Array(text.utf8)) }
        }
    }
}
