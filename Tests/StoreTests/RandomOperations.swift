import Model
import Wire

@testable import Store

/// One operation, to be run on several stores.
struct Operation: Sendable {
    /// For failures of tests.
    let name: String
    /// Gives the answer's bytes.
    let run: @Sendable (Transaction) throws(Failure) -> [UInt8]

    init<M: WireMessage>(_ name: String, _ run: @escaping @Sendable (Transaction) throws(Failure) -> M) {
        self.name = name
        self.run = { transaction throws(Failure) in try run(transaction).encoded() }
    }

    init(_ name: String, _ run: @escaping @Sendable (Transaction) throws(Failure) -> Void) {
        self.name = name
        self.run = { transaction throws(Failure) in
            try run(transaction)
            return []
        }
    }
}

/// Operations on all nouns, good ones and bad ones, the same for the same seed. Names are few, so that they meet.
struct RandomOperations {
    private var random: SeededRandom
    /// Of the store, to refer to some by their ids.
    var rows: [Row] = []

    init(seed: UInt64) {
        random = SeededRandom(state: seed)
    }

    mutating func next() -> Operation {
        switch Int.random(in: 0..<100, using: &random) {
        case ..<8: app()
        case ..<36: function()
        case ..<48: version()
        case ..<62: alias()
        case ..<74: trigger()
        case ..<82: route()
        case ..<88: runtime()
        case ..<94: secret()
        case ..<98: token()
        default: package()
        }
    }

    // MARK: - Values

    mutating func one<T>(of values: [T]) -> T { values[Int.random(in: 0..<values.count, using: &random)] }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &random) < percent }

    mutating func maybe<T>(_ value: T, percent: Int = 40) -> T? { chance(percent) ? value : nil }

    /// A name out of a few; sometimes an id of anything, or none at all.
    mutating func name(_ names: [String], of kind: EntityKind) -> String {
        if chance(3), let row = rows.randomElement(using: &random) { return row.id.description }
        if chance(20), let row = rows.filter({ $0.kind == kind }).randomElement(using: &random) {
            return row.id.description
        }
        return chance(2) ? one(of: ["", "a/b", String(repeating: "x", count: 256), "é"]) : one(of: names)
    }

    mutating func newName(_ names: [String]) -> String {
        chance(3) ? one(of: ["", "a b", "latest", "7", String(repeating: "x", count: 256)]) : one(of: names)
    }

    mutating func appName() -> String { name(["a", "a", "b"], of: .app) }
    mutating func functionName() -> String { name(["f", "f", "g"], of: .function) }

    mutating func labels() -> [String: String] {
        chance(2) ? ["": "empty"] : one(of: [[:], [:], ["team": "x"], ["team": "y", "tier": "1"], ["team": ""]])
    }

    mutating func extra() -> [String: String] {
        chance(2)
            ? one(of: [["k": "no json"], ["fnrpc.io/x": "1"]])
            : one(of: [[:], [:], ["k": "1"], ["k": "{\"a\":[]}", "l": "\"\""]])
    }

    mutating func revision() -> UInt64 { one(of: [0, 0, 0, 0, 0, 0, 1, 2]) }
    mutating func number() -> UInt32 { UInt32(one(of: [1, 1, 1, 2, 2, 3, 4, 5, 0])) }
    mutating func text() -> String { chance(3) ? String(repeating: "d", count: 256) : one(of: ["", "one", "two"]) }

    mutating func digest() -> String {
        if chance(2) { return one(of: ["", "sha256:0"]) }
        return (try? Sample.digest(one(of: [1, 2, 2, 3, 3, 4])).description) ?? ""
    }

    /// An image by its digest, as versions need it.
    private static func pinned(_ image: String) -> String { image + "@sha256:" + String(repeating: "0", count: 64) }

    mutating func spec() -> FunctionSpec {
        var spec = FunctionSpec(runtime: .python, entry: one(of: ["func.main", "other.main"]), format: .ttrpc)
        if chance(20) { spec.runtime = FunctionSpec.Runtime(rawValue: one(of: ["r", "s", "shell"])) ?? .shell }
        if chance(10) {
            spec = FunctionSpec(runtime: .none, entry: "", format: .default)
            spec.image = one(of: ["img:1", "a", "b:2", Self.pinned("img:1"), Self.pinned("b")])
        } else if chance(30) {
            spec.services = one(of: [["pkg.A"], ["pkg.B"], ["pkg.A", "pkg.C"]])
        }
        if chance(15) { spec.secrets = one(of: [["s1"], ["s2"], ["s1", "s2"], ["absent"]]) }
        if chance(20) { spec.config = ["A": one(of: ["1", "2"])] }
        if chance(2) { spec.memoryMiB = 1 }
        return spec
    }

    mutating func path() -> String {
        chance(3)
            ? one(of: ["", "x", "/*/x", "/:"])
            : one(of: ["/", "/x", "/y/:id", "/y/:name", "/z/*", "/z", "/x/"])
    }
}
