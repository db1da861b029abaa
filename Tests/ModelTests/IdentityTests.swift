import Model
import Testing

/// Texts that Unicode takes for the same, and functions do not.
@Suite struct IdentityTests {
    /// One character, and a letter with an accent.
    private static let composed = "caf\u{E9}"
    private static let decomposed = "cafe\u{301}"

    private static let texts: [String: @Sendable (inout FunctionSpec, String) -> Void] = [
        "entry": { $0.entry = $1 }, "entrypoint": { $0.entrypoint = ["a", $1] }, "config": { $0.config = ["K": $1] },
        "annotations": { $0.annotations = ["k": $1] }, "descriptorSet": { $0.descriptorSet = $1 },
        "headers": { $0.headers = ["X-A": ["a", $1]] },
    ]
    /// ASCII by their rules.
    private static let names: Set<String> = ["image", "services", "secrets", "onSuccess", "onFailure"]

    @Test(arguments: texts.keys.sorted()) func specsAreComparedByBytes(field: String) throws {
        let set = try #require(Self.texts[field])
        var (spec, same, other) = (spec(), spec(), spec())
        set(&spec, Self.composed)
        set(&same, Self.composed)
        set(&other, Self.decomposed)
        #expect(spec == other, "Swift takes them for equal")
        #expect(spec.isIdentical(to: same) && !spec.isIdentical(to: other) && !other.isIdentical(to: spec))
    }

    @Test func noTextOfASpecIsForgotten() {
        let kept = Mirror(reflecting: spec()).children.filter {
            $0.value is String || $0.value is [String] || $0.value is [String: String] || $0.value is [String: [String]]
        }
        #expect(Set(kept.compactMap(\.label)) == Self.names.union(Self.texts.keys))
    }

    @Test func otherDifferencesCount() {
        var other = spec()
        other.memoryMiB += 1
        #expect(!spec().isIdentical(to: other))
        other = spec()
        other.config["B"] = "2"
        #expect(!spec().isIdentical(to: other) && !other.isIdentical(to: spec()))
        other = spec()
        other.headers["X-B"] = ["2"]
        #expect(!spec().isIdentical(to: other) && !other.isIdentical(to: spec()))
    }

    @Test func runtimesAreComparedByBytes() {
        let (one, other) = (Self.composed, Self.decomposed)
        for (left, right) in [
            (FrozenRuntime(interpreter: one), FrozenRuntime(interpreter: other)),
            (FrozenRuntime(command: ["x", one]), FrozenRuntime(command: ["x", other])),
            (FrozenRuntime(root: "folder:/\(one)"), FrozenRuntime(root: "folder:/\(other)")),
        ] {
            #expect(left == right && left.isIdentical(to: left) && !left.isIdentical(to: right))
        }
    }

    @Test(arguments: ["caf\u{E9}", "cafe\u{301}", "a b", "a=b", "a\0", "a\n", ""]) func configKeysAreASCII(key: String)
    {
        let failure = #expect(throws: Failure.self) { try FunctionSpec.checkConfig([key: "x"]) }
        #expect(failure?.code == .invalid && failure?.message.hasPrefix("config: the key ") == true)
    }

    @Test func headersOfOneNameInAnotherCaseAreTheSame() {
        let stored = ["X-A": ["1"], "X-B": ["2"]]
        #expect(stored.merged(["x-a": ["3", "4"]]) == ["x-a": ["3", "4"], "X-B": ["2"]])
        #expect(stored.merged(["x-a": [], "x-c": []]) == ["X-B": ["2"]])
        #expect(stored.merged([:]) == stored)
    }

    private func spec() -> FunctionSpec {
        var spec = FunctionSpec(runtime: .python, entry: "a.b", format: .ttrpc)
        (spec.config, spec.headers) = (["A": "1"], ["X-A": ["1"]])
        return spec
    }
}
