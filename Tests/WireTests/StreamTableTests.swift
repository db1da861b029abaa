import Testing

@testable import Wire

@Suite struct StreamTableTests {
    /// The table and a dictionary go through the same; ids as callers make them, with some that stay for long.
    @Test(arguments: [1, 2, 3, 4, 5] as [UInt64])
    func isADictionary(seed: UInt64) {
        var random = seed &* 0x9E37_79B9_7F4A_7C15
        func next(_ below: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % below
        }
        var table = StreamTable<Int>()
        var model: [UInt32: Int] = [:]
        var nextID: UInt32 = seed.isMultiple(of: 2) ? 1 : .max - 20_000
        for step in 0..<20_000 {
            switch next(5) {
            case 0, 1:
                table.insert(step, nextID)
                model[nextID] = step
                nextID &+= UInt32(2 + 2 * next(next(50) == 0 ? 40 : 1))
            case 2, 3:
                // The oldest, the newest or anyone; sometimes nobody.
                let ids = model.keys.sorted()
                let id = next(20) == 0 ? nextID : ids.isEmpty ? 7 : ids[next(3) == 0 ? next(ids.count) : 0]
                #expect(table.remove(id) == model.removeValue(forKey: id))
            default:
                guard let id = model.keys.min() else { continue }
                table.insert(-step, id)
                model[id] = -step
            }
            #expect(table.count == model.count)
        }
        #expect((Dictionary(uniqueKeysWithValues: table.all.map { ($0.id, $0.value) }) == model) == true)
        for (id, value) in model {
            #expect(table[id] == value)
            #expect(table.remove(id) == value)
            #expect(table[id] == nil)
        }
        #expect(table.count == 0)
    }

    @Test func idsThatShareAPlaceAreAllFound() {
        var table = StreamTable<UInt32>()
        // Sixteen places: these two dozen ids begin at three of them, one at the end, so that they go round.
        var ids: [UInt32] = []
        for round in 0..<8 as Range<UInt32> {
            for place in [0, 1, 15] as [UInt32] { ids.append(1 + 2 * (place + 1024 * round)) }
        }
        for id in ids { table.insert(id, id) }
        for (index, id) in ids.enumerated() {
            #expect(table.remove(id) == id)
            for other in ids[(index + 1)...] { #expect(table[other] == other) }
        }
    }

    @Test func aBurstsMemoryIsGivenBack() {
        var table = StreamTable<Int>()
        for id in 0..<1000 { table.insert(id, UInt32(2 * id + 1)) }
        #expect(table.places.count == 2048)
        for id in 0..<1000 { table.remove(UInt32(2 * id + 1)) }
        #expect(table.places.isEmpty)
        table.insert(1, 1)
        table.remove(1)
        #expect(table.places.count == 16, "what a connection always needs stays")
        table.insert(1, 1)
        table.removeAll()
        #expect(table[1] == nil && table.count == 0)
    }
}
