import Model
import Testing

@testable import Catalog

@Suite struct NameTableTests {
    private final class Value: Sendable {}

    @Test func itIsADictionary() {
        var table = NameTable<Value>()
        var model: [Int: Value] = [:]
        var numbers = SystemRandomNumberGenerator()
        for step in 0..<20_000 {
            let name = Int.random(in: 0..<400, using: &numbers)
            let key = NameKey(.function, "app\(name % 7)", "f\(name)")
            if Bool.random(using: &numbers) {
                let value = Value()
                table.set(key, value)
                model[name] = value
            } else {
                table.remove(key)
                model[name] = nil
            }
            #expect(table.count == model.count)
            if step % 500 == 0 || model.isEmpty {
                for name in 0..<400 {
                    #expect(table.find(NameKey(.function, "app\(name % 7)", "f\(name)")) === model[name])
                    #expect(table.find(NameKey(.service, "app\(name % 7)", "f\(name)")) == nil)
                }
            }
        }
    }

    @Test func namesThatCollideAreKeptApart() throws {
        // Home is a matter of 17 bits of the hash: among many names, many share it.
        let table = SharedNameTable<Value>()
        let values = (0..<5000).map { _ in Value() }
        for (number, value) in values.enumerated() { table.set(NameKey(.function, "a", "\(number)"), value) }
        for number in stride(from: 0, to: 5000, by: 2) { table.remove(NameKey(.function, "a", "\(number)")) }
        #expect(table.count == 2500)
        for (number, value) in values.enumerated() {
            let found = Array("a".utf8).withUnsafeBytes { app in
                Array("\(number)".utf8).withUnsafeBytes { table.find(.function, app, $0) }
            }
            #expect(found === (number % 2 == 0 ? nil : value))
        }
    }

    @Test func theTextsOfAKeyDoNotRun() {
        #expect(NameKey(.service, "", "a") != NameKey(.service, "a", ""))
        #expect(NameKey(.function, "ab", "c") != NameKey(.function, "a", "bc"))
        #expect(NameKey(.function, "a", "b") != NameKey(.service, "a", "b"))
    }

    /// The published numbers.
    @Test func theHashIsFNV1a() {
        #expect(FNV1a.hash("") == 0xcbf2_9ce4_8422_2325)
        #expect(FNV1a.hash("a") == 0xaf63_dc4c_8601_ec8c)
        #expect(FNV1a.hash("foobar") == 0x8594_4171_f739_67e8)
    }
}
