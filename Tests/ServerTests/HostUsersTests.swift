import Model
import Testing

@testable import Server

@Suite struct HostUsersTests {
    @Test func everyDaemonHasNumbersOfItsOwn() throws {
        var held: [HostUsers] = []
        for part in 0..<HostUsers.parts {
            let users = try HostUsers(base: 3_000_000_000, count: 64)
            #expect(users.first == 3_000_000_000 + part * 4 && users.count == 4)
            held.append(users)
        }
        let failure = #expect(throws: Failure.self) { try HostUsers(base: 3_000_000_000, count: 64) }
        #expect(failure?.message.contains("choose another uid-base") == true)
        held.removeFirst()
        #expect(
            try HostUsers(base: 3_000_000_000, count: 64).first == 3_000_000_000,
            "a part comes back with its owner's end")
    }

    @Test func aSmallRangeStaysWhole() throws {
        let users = try HostUsers(base: 3_100_000_000, count: 2)
        #expect(users.first == 3_100_000_000 && users.count == 2)
    }
}
