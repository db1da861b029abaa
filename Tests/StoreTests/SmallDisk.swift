import Foundation
import Glibc
import Testing

/// Runs a body on a tmpfs of its own; only as root.
func withSmallDisk(kibibytes: Int, _ body: (Scratch) async throws -> Void) async throws {
    let scratch = try Scratch()
    try #require(mount("tmpfs", scratch.path, "tmpfs", 0, "size=\(kibibytes)k") == 0)
    do {
        try await body(scratch)
    } catch {
        umount2(scratch.path, Int32(MNT_DETACH))
        throw error
    }
    // Detached: a process that another test starts right now holds our descriptors until its exec.
    #expect(umount2(scratch.path, Int32(MNT_DETACH)) == 0)
}

/// Gives a small disk another size, or takes away the right to write.
func remount(_ scratch: Scratch, kibibytes: Int = 8192, readOnly: Bool = false) throws {
    let flags = UInt(MS_REMOUNT) | (readOnly ? UInt(MS_RDONLY) : 0)
    try #require(mount("tmpfs", scratch.path, "tmpfs", flags, "size=\(kibibytes)k") == 0)
}
