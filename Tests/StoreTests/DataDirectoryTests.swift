import Foundation
import Model
import Store
import Testing

@Suite struct DataDirectoryTests {
    @Test func onlyOneHoldsIt() async throws {
        let scratch = try Scratch()
        let path = scratch.path + "/a/b"
        var first: DataDirectory? = try DataDirectory.lock(path)
        #expect(first?.databasePath == path + "/fnrpc.db" && first?.packagesPath == path + "/packages")
        let refusal = await failure { try DataDirectory.lock(path) }
        #expect(refusal.code == .precondition)
        #expect(refusal.message.contains("is in use by another fnrpcd (pid \(getpid()))"))
        first = nil
        _ = try DataDirectory.lock(path)
        let mode = try FileManager.default.attributesOfItem(atPath: path)[.posixPermissions] as? Int
        #expect(mode == 0o711)
    }

    @Test func aProgramThatIsStartedDoesNotInheritIt() async throws {
        let scratch = try Scratch()
        let directory = try DataDirectory.lock(scratch.path)
        let files = FileManager.default
        let numbers = try files.contentsOfDirectory(atPath: "/proc/self/fd").filter {
            (try? files.destinationOfSymbolicLink(atPath: "/proc/self/fd/" + $0)) == directory.path + "/lock"
        }
        let number = try #require(numbers.first.flatMap { Int32($0) })
        #expect(numbers.count == 1 && fcntl(number, F_GETFD) & FD_CLOEXEC != 0)
    }

    @Test func aFileIsNoDirectory() async throws {
        let scratch = try Scratch()
        try Data().write(to: URL(fileURLWithPath: scratch.path + "/file"))
        let refusal = await failure { try DataDirectory.lock(scratch.path + "/file") }
        #expect(refusal.code == .invalid && refusal.message.contains("is not a folder"))
        #expect(await failure { try DataDirectory.lock(scratch.path + "/file/x") }.code == .invalid)
    }
}
