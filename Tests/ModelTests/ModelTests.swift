import Model
import Testing

@Suite struct ModelTests {
    @Test func identifiersRoundTripAndSortByTime() throws {
        var random = SystemRandomNumberGenerator()
        let early = Identifier(now: Timestamp(nanoseconds: 1_000_000_000), using: &random)
        let late = Identifier(now: Timestamp(nanoseconds: 2_000_000_000), using: &random)
        #expect(try #require(Identifier(early.description)) == early)
        #expect(early < late)
        #expect(early.description < late.description)
        #expect(early.description.utf8.count == 26)
    }

    @Test(arguments: ["", "01ARZ3NDEKTSV4RRFFQ69G5FA", "01ARZ3NDEKTSV4RRFFQ69G5FAIX", "81ARZ3NDEKTSV4RRFFQ69G5FAV"])
    func otherTextIsNoIdentifier(text: String) {
        #expect(Identifier(text) == nil)
    }

    @Test func namesAreCheckedAtTheirEdges() throws {
        #expect(try Name(String(repeating: "a", count: 255), field: "app").text.count == 255)
        for bad in ["", String(repeating: "a", count: 256), "a b", "a/b", "ä", "a\0", "01ARZ3NDEKTSV4RRFFQ69G5FAV"] {
            #expect(throws: Failure.self) { try Name(bad, field: "app") }
        }
    }

    @Test func referencesNameAppFunctionAndVersion() throws {
        let plain = try FunctionReference("demo/hello")
        #expect(plain.app.text == "demo" && plain.function.text == "hello" && plain.version == 0)
        #expect(try FunctionReference("demo/hello@12").version == 12)
        for bad in ["demo", "demo/", "/x", "demo/hello@", "demo/hello@0", "demo/hello@x", "demo/hello@4294967296"] {
            #expect(throws: Failure.self) { try FunctionReference(bad) }
        }
    }

    @Test(arguments: [
        (0, "1970-01-01T00:00:00.000000000Z"), (951_782_399_999_999_999, "2000-02-28T23:59:59.999999999Z"),
        (951_782_400_000_000_000, "2000-02-29T00:00:00.000000000Z"), (-1, "1969-12-31T23:59:59.999999999Z"),
        (4_107_542_400_000_000_000, "2100-03-01T00:00:00.000000000Z"),
    ])
    func timesAreRFC3339(nanoseconds: Int, text: String) {
        #expect(Timestamp(nanoseconds: Int64(nanoseconds)).description == text)
    }

    @Test func specLimitsAreInclusive() throws {
        var spec = FunctionSpec(runtime: .python, entry: "func.handler", format: .ttrpc)
        spec.memoryMiB = FunctionSpec.Limits.memoryMiB.lowerBound
        _ = try spec.validated()
        spec.memoryMiB -= 1
        let failure = #expect(throws: Failure.self) { try spec.validated() }
        #expect(failure?.message == "memory: 3 is out of range; 4 to 65536 MiB")
        spec.memoryMiB = 128
        spec.format = .httpStream
        spec.concurrency = 2
        _ = try spec.validated()
        spec.format = .http
        #expect(throws: Failure.self) { try spec.validated() }
        spec.concurrency = 1
        spec.timeoutNanos = 3_600_000_000_000
        _ = try spec.validated()
        spec.timeoutNanos += 1_000_000_000
        #expect(throws: Failure.self) { try spec.validated() }
        spec.timeoutNanos = 1_000_000
        spec.config = ["A=B": "1"]
        #expect(throws: Failure.self) { try spec.validated() }
        spec.config = ["A": "x\0y"]
        #expect(throws: Failure.self) { try spec.validated() }
    }

    @Test func containersAreBoundedFromBothSides() throws {
        var spec = FunctionSpec(runtime: .python, entry: "func.handler", format: .ttrpc)
        for (most, least) in [(0, 0), (0, 1024), (1024, 1024), (1, 1)] as [(UInt32, UInt32)] {
            spec.maxContainers = most
            spec.minContainers = least
            _ = try spec.validated()
        }
        spec.minContainers = 2
        let over = #expect(throws: Failure.self) { try spec.validated() }
        #expect(over?.message == "min_containers: 2 is more than max_containers allows, which is 1")
        spec.maxContainers = 0
        spec.minContainers = 1025
        let far = #expect(throws: Failure.self) { try spec.validated() }
        #expect(far?.message == "min_containers: 1025 is out of range; 0 to 1024 containers")
        spec.minContainers = 0
        spec.maxContainers = 1025
        #expect(throws: Failure.self) { try spec.validated() }
    }
}
