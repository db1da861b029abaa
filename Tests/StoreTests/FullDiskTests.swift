import Foundation
import Glibc
import Model
import Store
import Testing

/// On a real, small file system, so only as root.
@Suite(.enabled(if: geteuid() == 0, "a file system can only be mounted by root"))
struct FullDiskTests {
    private func archive(_ seed: UInt64) -> [UInt8] {
        var random = SeededRandom(state: seed)
        var builder = TarBuilder()
        builder.add("noise", content: (0..<600_000).map { _ in UInt8.random(in: 0...255, using: &random) })
        return builder.bytes
    }

    @Test func anUploadKeepsItsWholeChunks() async throws {
        try await withSmallDisk(kibibytes: 400) { scratch in
            let store = try PackageStore(path: scratch.path + "/packages")
            let refusal = await failure { try store.add(archive(1)) }
            #expect(refusal.code == .internalError && refusal.message.contains("the disk is full; free some space"))
            let (_, offset) = try store.open(archive(1))
            #expect(offset == 262_144)
            // After a restart the same: no half chunk was kept.
            #expect(try PackageStore(path: scratch.path + "/packages").open(archive(1)).offset == 262_144)
        }
    }

    @Test func aCommitLeavesNothingHalfDone() async throws {
        // Room for the upload and the tree, not for the tar.
        try await withSmallDisk(kibibytes: 1500) { scratch in
            let root = scratch.path + "/packages"
            let store = try PackageStore(path: root)
            let refusal = await failure { try store.add(archive(2)) }
            #expect(refusal.code == .internalError && refusal.message.contains("the disk is full"))
            #expect(try scratch.names("packages/temporary").isEmpty && scratch.names("packages/archives").isEmpty)
            #expect(try scratch.names("packages").count { $0.hasSuffix(".tar") } == 0)
            // With room, the same upload goes through without being sent again.
            try remount(scratch)
            let (id, offset) = try store.open(archive(2))
            #expect(offset == UInt64(archive(2).count))
            #expect(try store.commit(uploadID: id).entries == 1)
        }
    }
}
