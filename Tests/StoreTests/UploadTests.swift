import Archive
import Foundation
import Model
import Store
import Testing

@Suite struct UploadTests {
    private let scratch: Scratch
    private let root: String
    private let archive: [UInt8]

    init() throws {
        scratch = try Scratch()
        root = scratch.path + "/packages"
        var builder = TarBuilder()
        builder.add("file", content: [UInt8](repeating: 7, count: 3000))
        archive = builder.bytes
    }

    private func piece(_ range: Range<Int>) -> [UInt8] { Array(archive[range]) }

    @Test func anUploadGoesOnAfterARestart() async throws {
        let first = try PackageStore(path: root)
        let (id, offset) = try first.open(archive)
        #expect(offset == 0)
        #expect(try first.write(uploadID: id, offset: 0, bytes: piece(0..<1000)) == 1000)
        #expect(try first.open(archive) == (id, 1000))

        let second = try PackageStore(path: root)
        #expect(try second.open(archive) == (id, 1000))
        let early = await failure { try second.commit(uploadID: id) }
        #expect(
            early.code == .precondition && early.message == "the upload has 1000 of 4608 bytes; send the rest first")
        #expect(try second.write(uploadID: id, offset: 1000, bytes: piece(1000..<4608)) == 4608)
        let package = try second.commit(uploadID: id)
        // A lost answer: the same commit again.
        #expect(try second.commit(uploadID: id).digest == package.digest)
    }

    @Test func chunksMayComeTwiceButLeaveNoGap() async throws {
        let store = try PackageStore(path: root)
        let (id, _) = try store.open(archive)
        #expect(try store.write(uploadID: id, offset: 0, bytes: piece(0..<1000)) == 1000)
        #expect(try store.write(uploadID: id, offset: 0, bytes: piece(0..<1000)) == 1000)
        #expect(try store.write(uploadID: id, offset: 200, bytes: piece(200..<700)) == 1000)
        #expect(try store.write(uploadID: id, offset: 500, bytes: piece(500..<1500)) == 1500)
        #expect(try store.write(uploadID: id, offset: 1500, bytes: []) == 1500)
        let gap = await failure { try store.write(uploadID: id, offset: 1501, bytes: [0]) }
        #expect(gap.code == .precondition && gap.message == "offset: 1501 leaves a gap; 1500 was expected")
        let beyond = await failure { try store.write(uploadID: id, offset: 1500, bytes: piece(0..<3109)) }
        #expect(beyond.code == .invalid && beyond.message.contains("beyond the 4608 bytes"))
        let overflow = await failure { try store.write(uploadID: id, offset: .max, bytes: [0]) }
        #expect(overflow.code == .invalid)
        let large = await failure {
            try store.write(uploadID: id, offset: 1500, bytes: [UInt8](repeating: 0, count: 262_145))
        }
        #expect(large.code == .tooLarge && large.message.contains("262145 bytes are over the limit of 262144"))
        #expect(try store.write(uploadID: id, offset: 1500, bytes: piece(1500..<4608)) == 4608)
        #expect(try store.commit(uploadID: id).entries == 1)
    }

    @Test func unknownUploadsAreRefused() async throws {
        let store = try PackageStore(path: root)
        let ids = ["", "x", "../../etc/passwd", "\(try Sample.digest(1).hex)-5", "\(try Sample.digest(1).hex)-05"]
        for id in ids {
            #expect(await failure { try store.write(uploadID: id, offset: 0, bytes: [1]) }.code == .notFound)
            #expect(await failure { try store.commit(uploadID: id) }.code == .notFound)
        }
    }

    @Test func announcedSizesAreBounded() async throws {
        let store = try PackageStore(path: root)
        let zero = await failure { try store.begin(archiveDigest: Sample.digest(1), archiveBytes: 0) }
        #expect(zero.code == .invalid)
        let limit = PackageStore.Limits().uploadBytes
        let large = await failure { try store.begin(archiveDigest: Sample.digest(1), archiveBytes: limit + 1) }
        #expect(large.code == .tooLarge && large.message.contains("over the limit of \(limit) bytes"))
        #expect(try scratch.names("packages/uploads").isEmpty)
    }

    @Test func aWrongDigestIsNoticed() async throws {
        let store = try PackageStore(path: root)
        let begin = try store.begin(archiveDigest: Sample.digest(1), archiveBytes: UInt64(archive.count))
        guard case .open(let id, _) = begin else {
            Issue.record("not open")
            return
        }
        _ = try store.write(uploadID: id, offset: 0, bytes: archive)
        let refusal = await failure { try store.commit(uploadID: id) }
        #expect(refusal.code == .invalid && refusal.message.contains("as announced; send it again"))
        #expect(try scratch.names("packages/uploads").isEmpty)
        #expect(await failure { try store.commit(uploadID: id) }.code == .notFound)
        // And it can be begun anew.
        #expect(try store.begin(archiveDigest: Sample.digest(1), archiveBytes: 5) != begin)
    }

    @Test func oldUploadsMakeRoom() async throws {
        let clock = ManualClock(nanoseconds: Timestamp.now().nanoseconds)
        var limits = PackageStore.Limits()
        limits.uploads = 2
        let store = try PackageStore(path: root, limits: limits, now: clock.now)
        for number in 1...2 { _ = try store.begin(archiveDigest: Sample.digest(number), archiveBytes: 5) }
        let full = await failure { try store.begin(archiveDigest: Sample.digest(3), archiveBytes: 5) }
        #expect(full.code == .busy && full.message.contains("2 uploads already"))
        // One that is known is no new one.
        _ = try store.begin(archiveDigest: Sample.digest(1), archiveBytes: 5)
        clock.advance(seconds: 86_500)
        _ = try store.begin(archiveDigest: Sample.digest(3), archiveBytes: 5)
        #expect(try scratch.names("packages/uploads") == ["\(try Sample.digest(3).hex)-5"])
    }

    @Test func oldUploadsAreRemovedAtStart() async throws {
        let clock = ManualClock(nanoseconds: Timestamp.now().nanoseconds)
        _ = try PackageStore(path: root, now: clock.now).begin(archiveDigest: Sample.digest(1), archiveBytes: 5)
        _ = try PackageStore(path: root, now: clock.now)
        #expect(try scratch.names("packages/uploads").count == 1)
        clock.advance(seconds: 86_500)
        _ = try PackageStore(path: root, now: clock.now)
        #expect(try scratch.names("packages/uploads").isEmpty)
    }
}
