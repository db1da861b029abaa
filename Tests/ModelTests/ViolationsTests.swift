import Model
import Testing

@Suite struct ViolationsTests {
    @Test func nothingWrongIsNoFailure() throws {
        var found = Violations()
        #expect(found.check { () throws(Failure) in 7 } == 7)
        found.require(true, "never shown")
        #expect(found.isEmpty)
        try found.finish()
    }

    @Test func theFirstDecidesAndTheOthersFollow() throws {
        var found = Violations()
        let nothing: Int? = found.check { () throws(Failure) in
            throw Failure(.tooLarge, "a: 1", retryNanos: 5, quota: "q", further: ["b: 2"])
        }
        found.require(false, "c: 3")
        found.check { () throws(Failure) in throw Failure(.invalid, "d: 4", further: ["e: 5"]) }
        #expect(nothing == nil && !found.isEmpty)
        let failure = try #require(throws: Failure.self) { try found.finish() }
        #expect(failure.code == .tooLarge && failure.message == "a: 1")
        #expect(failure.retryNanos == 5 && failure.quota == "q")
        #expect(failure.further == ["b: 2", "c: 3", "d: 4", "e: 5"])
    }

    @Test func thirtyTwoFollowAtMost() throws {
        for count in [32, 33, 34, 100] {
            var found = Violations()
            for number in 0..<count { found.require(false, "\(number): wrong") }
            let failure = try #require(throws: Failure.self) { try found.finish() }
            #expect(failure.message == "0: wrong")
            #expect(failure.further == (1...min(count - 1, 32)).map { "\($0): wrong" })
        }
        #expect(Failure(.invalid, "x", further: Array(repeating: "y", count: 33)).further.count == 32)
    }

    @Test func aSpecNamesEverythingThatIsWrong() throws {
        var spec = FunctionSpec(runtime: .none, entry: "", format: .default)
        spec.memoryMiB = 3
        spec.timeoutNanos = 0
        spec.idleTimeoutNanos = 0
        spec.concurrency = 2000
        spec.maxContainers = 1025
        spec.maxQueue = 65_537
        spec.pids = 15
        spec.tmpMiB = 0
        spec.entrypoint = ["a\0", String(repeating: "w", count: 4097)]
        spec.config = ["": "x", "A=": "y\0", "B": String(repeating: "v", count: 65_536)]
        spec.annotations = ["a b": "x", "c": String(repeating: "v", count: 513)]
        spec.services = ["fnrpc.X", "a.B", "a.B", "-"]
        spec.descriptorSet = "../x"
        spec.cpuMilli = .max
        spec.onSuccess = "a"
        spec.headers = ["": ["x"]]
        spec.minContainers = 1026
        spec.maxWaitNanos = .max
        spec.rateLimit = .max
        spec.maxCalls = .max
        spec.maxAgeNanos = .max
        let failure = try #require(throws: Failure.self) { try spec.validated() }
        let fields = ([failure.message] + failure.further).map { String($0.prefix { $0 != ":" }) }
        #expect(
            fields == [
                "runtime", "entrypoint", "entrypoint", "memory", "timeout", "idle_timeout", "concurrency",
                "concurrency",
                "max_containers", "max_queue", "pids", "tmp_size", "config", "config", "config", "config",
                "annotations",
                "annotations", "services", "services", "services", "services", "descriptor_set", "cpu", "on_success",
                "headers", "min_containers", "min_containers", "max_wait", "rate_limit", "max_calls", "max_age",
            ])
        #expect(failure.further[2] == "memory: 3 is out of range; 4 to 65536 MiB")
        spec = FunctionSpec(runtime: .python, entry: "", format: .ttrpc)
        #expect(throws: Failure.self) { try spec.validated() }
        spec.entry = "f.h"
        #expect(try spec.validated() == spec)
    }

    /// What it names inside the package, in the words of its runtime.
    @Test func entriesFollowTheirRuntimes() throws {
        func refusal(_ runtime: String, _ entry: String) throws -> String? {
            let runtime = try #require(FunctionSpec.Runtime(rawValue: runtime))
            let spec = FunctionSpec(runtime: runtime, entry: entry, format: .default)
            do throws(Failure) { _ = try spec.validated() } catch { return error.message }
            return nil
        }
        for (runtime, entry) in [
            ("python", "func.handler"), ("python", "a._b.c9"), ("shell", "func.sh"), ("binary", "bin/é x"),
            ("shell", "..a/.b"), ("mine", "/any thing:..'"),
        ] { #expect(try refusal(runtime, entry) == nil) }
        for entry in ["func", "func.", ".handler", "../func.handler", "a/b.c", "9a.b", "é.x", "a..b"] {
            #expect(try refusal("python", entry)?.contains("is not module.function") == true, "\(entry)")
        }
        for runtime in ["shell", "binary"] {
            for entry in ["/etc/passwd", "..", "../a", "a/../b", "a/..", "./a", "a//b", "a/"] {
                let text = try refusal(runtime, entry)
                #expect(text?.hasPrefix("entry: \"\(entry)\" is not a file inside the package;") == true, "\(entry)")
            }
        }
        for runtime in ["python", "shell", "binary", "mine"] {
            for entry in ["a\nb.c", "a\u{1}.c", "a\u{7F}.c", "a\0.c"] {
                #expect(try refusal(runtime, entry)?.contains("has a control character") == true)
            }
        }
        let long = String(repeating: "a", count: 4097)
        #expect(try refusal("shell", long) == "entry: 4097 bytes are over the limit of 4096")
        #expect(try refusal("shell", String(long.dropLast())) == nil)
    }

    /// The last value that is taken, and the first that is not.
    @Test func limitsOfNumbersAndTextsAreInclusive() throws {
        func refusal(_ change: (inout FunctionSpec) -> Void) -> String? {
            var spec = FunctionSpec(runtime: .python, entry: "f.h", format: .ttrpc)
            change(&spec)
            do throws(Failure) { _ = try spec.validated() } catch { return error.message }
            return nil
        }
        for nanos: UInt64 in [0, 1, 3_600_000_000_000] { #expect(refusal { $0.maxWaitNanos = nanos } == nil) }
        for nanos: UInt64 in [3_600_000_000_001, .max] {
            let text = refusal { $0.maxWaitNanos = nanos }
            #expect(text?.hasPrefix("max_wait: ") == true && text?.hasSuffix("0.0 to 3600.0 seconds") == true)
        }
        for rate: UInt32 in [0, 1, 1_000_000] { #expect(refusal { $0.rateLimit = rate } == nil) }
        for rate: UInt32 in [1_000_001, .max] {
            #expect(
                refusal { $0.rateLimit = rate }
                    == "rate_limit: \(rate) is out of range; 0 to 1000000 calls a second")
        }
        func image(_ text: String) -> String? {
            refusal { ($0.runtime, $0.entry, $0.format, $0.image) = (.none, "", .default, text) }
        }
        for count in [1, 512] { #expect(image(String(repeating: "x", count: count)) == nil) }
        #expect(image(String(repeating: "x", count: 513)) == "image: 513 bytes are over the limit of 512")
        #expect(image("a b")?.hasPrefix("image: \"a b\" is not a reference") == true)
    }

    @Test func limitsOfListsAreInclusive() throws {
        func fields(_ change: (inout FunctionSpec) -> Void) -> [String] {
            var spec = FunctionSpec(runtime: .python, entry: "f.h", format: .ttrpc)
            change(&spec)
            do throws(Failure) { _ = try spec.validated() } catch {
                return ([error.message] + error.further).map { String($0.prefix { $0 != ":" }) }
            }
            return []
        }
        func map(_ count: Int) -> [String: String] {
            Dictionary(uniqueKeysWithValues: (0..<count).map { ("k\($0)", "v") })
        }
        #expect(fields { $0.config = map(100) } == [] && fields { $0.config = map(101) } == ["config"])
        #expect(fields { $0.annotations = map(100) } == [] && fields { $0.annotations = map(101) } == ["annotations"])
        #expect(fields { $0.entrypoint = Array(repeating: "w", count: 64) } == [])
        #expect(fields { $0.entrypoint = Array(repeating: "w", count: 65) } == ["entrypoint"])
        #expect(fields { $0.services = (0..<32).map { "a.B\($0)" } } == [])
        #expect(fields { $0.services = (0..<33).map { "a.B\($0)" } } == ["services"])
        #expect(fields { $0.config = ["A": String(repeating: "v", count: 65_535)] } == [])
        #expect(fields { $0.config = ["A": String(repeating: "v", count: 65_536)] } == ["config"])
    }
}
