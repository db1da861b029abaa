import Foundation
import Testing
import WireProperties

/// The properties of the fuzzer, for a bounded time: the whole corpus, and damaged copies of it. `make fuzz` goes on from here.
@Suite struct PropertyTests {
    private static let corpus = URL(filePath: #filePath).deletingLastPathComponent()
        .appending(path: "../Fixtures/corpus").standardized
    private static let damagedCopies = 20_000
    /// A debug build under load makes fewer.
    private static let atMost = Duration.seconds(3)

    private func inputs(_ surface: Surface) throws -> [[UInt8]] {
        let folder = Self.corpus.appending(path: surface.rawValue)
        let files = try FileManager.default.contentsOfDirectory(at: folder, includingPropertiesForKeys: nil)
        return try files.sorted { $0.path < $1.path }.map { Array(try Data(contentsOf: $0)) }
    }

    private func check(_ surface: Surface, _ bytes: [UInt8]) {
        do {
            try bytes.withUnsafeBytes { bytes throws -> Void in try surface.check(bytes) }
        } catch {
            Issue.record("\(surface): \(error); input: \(Data(bytes).base64EncodedString())")
        }
    }

    @Test(arguments: Surface.allCases) func theCorpusHolds(surface: Surface) throws {
        let inputs = try inputs(surface)
        #expect(!inputs.isEmpty)
        for bytes in inputs { check(surface, bytes) }
    }

    @Test(arguments: Surface.allCases) func damagedCopiesHold(surface: Surface) throws {
        let inputs = try inputs(surface)
        var random = SeededRandom(seed: 1)
        let begin = ContinuousClock.now
        for number in 0..<Self.damagedCopies {
            if number % 256 == 0, ContinuousClock.now - begin > Self.atMost { break }
            guard let original = inputs.randomElement(using: &random) else { return }
            check(surface, damaged(original, inputs, &random))
        }
    }

    /// Changed, cut, doubled, joined with another.
    private func damaged(_ original: [UInt8], _ inputs: [[UInt8]], _ random: inout SeededRandom) -> [UInt8] {
        var bytes = original
        for _ in 0..<Int.random(in: 1...4, using: &random) {
            let position = Int.random(in: 0...bytes.count, using: &random)
            switch Int.random(in: 0..<6, using: &random) {
            case 0 where position < bytes.count: bytes[position] = UInt8.random(in: 0...255, using: &random)
            case 1 where position < bytes.count: bytes[position] ^= 1 << UInt8.random(in: 0..<8, using: &random)
            case 2 where position < bytes.count: bytes.removeSubrange(position..<min(bytes.count, position + 3))
            case 3: bytes.insert(UInt8.random(in: 0...255, using: &random), at: position)
            case 4: bytes.insert(contentsOf: bytes[position..<min(bytes.count, position + 16)], at: position)
            default:
                let other = inputs.randomElement(using: &random) ?? []
                bytes = Array(bytes[..<position]) + other.suffix(Int.random(in: 0...other.count, using: &random))
            }
        }
        return bytes
    }
}
