import Testing

@testable import Wire

@Suite struct StreamTableTests {
    /// The table and a dictionary go through the same; ids as callers make them, with some that stay for long.
    @Test(arguments: [1, 2, 3] as [UInt64])
    func isADictionary(seed: UInt64) {
        var random = seed &* 0x9E37_79B9_7F4A_7C15
        func next(_ below: Int) -> Int {
            random = random &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(random >> 33) % below
        }
        var table = StreamTable<Int>()
        var model: [UInt32: Int] = [:]
        // As they came.
        var ids: [UInt32] = []
        var nextID: UInt32 = seed == 2 ? 1 : .max - 2000
        for step in 0..<3000 {
            if ids.isEmpty || next(2) == 0 {
                table.insert(step, nextID)
                model[nextID] = step
                ids.append(nextID)
                nextID &+= UInt32(2 + 2 * next(next(50) == 0 ? 40 : 1))
            } else {
                // The oldest or anyone.
                let id = ids.remove(at: next(3) == 0 ? next(ids.count) : 0)
                guard table.remove(id) == model.removeValue(forKey: id), table[id] == nil, table.remove(id) == nil
                else {
                    Issue.record("step \(step): \(id) was not what was put in")
                    return
                }
            }
            guard table.count == model.count, ids.first.map({ table[$0] == model[$0] }) ?? true else {
                Issue.record("step \(step): the table is not the dictionary")
                return
            }
        }
        #expect((Dictionary(uniqueKeysWithValues: table.all.map { ($0.id, $0.value) }) == model) == true)
        if let id = ids.first {
            table.insert(-1, id)
            #expect(table[id] == -1 && table.count == model.count, "one that is there is replaced")
        }
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
