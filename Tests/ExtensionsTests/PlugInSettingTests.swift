import Model
import Testing

@testable import Extensions

@Suite struct PlugInSettingTests {
    @Test func anEntryIsReadWithItsDefaults() throws {
        let setting = try PlugInSetting("audit=unix:/run/audit.sock")
        #expect(setting.name.text == "audit")
        #expect(setting.path == "/run/audit.sock")
        #expect(setting.timeoutMilliseconds == 500)
        #expect(setting.fail == .closed)
        #expect(setting.description == "audit=unix:/run/audit.sock,timeout=500ms,fail=closed")
        #expect(try PlugInSetting(setting.description) == setting)
    }

    @Test(arguments: [("1ms", 1), ("60s", 60_000), ("60000ms", 60_000), ("2s", 2000)])
    func timesAreReadInBothUnits(text: String, milliseconds: UInt64) throws {
        #expect(try PlugInSetting("a=unix:/s,fail=open,timeout=\(text)").timeoutMilliseconds == milliseconds)
        #expect(try PlugInSetting("a=unix:/s,fail=open,timeout=\(text)").fail == .open)
    }

    @Test(arguments: [
        "", "a", "a=/s", "a=unix:s", "=unix:/s", "A b=unix:/s", "a=unix:/s,", "a=unix:/s,timeout=0ms",
        "a=unix:/s,timeout=60001ms", "a=unix:/s,timeout=61s", "a=unix:/s,timeout=1", "a=unix:/s,timeout=s",
        "a=unix:/s,timeout=18446744073709551615s", "a=unix:/s,fail=maybe", "a=unix:/s,fail=open,fail=open",
        "a=unix:/s,timeout=1s,timeout=1s", "a=unix:/s,other=1", "a=unix:/s\u{1}",
    ])
    func badEntriesAreRefused(text: String) {
        let failure = #expect(throws: Failure.self) { try PlugInSetting(text) }
        #expect(failure?.code == .invalid)
        #expect(failure?.message.hasPrefix("extension") == true)
    }

    @Test func aPathMayBeLongButNotEndless() throws {
        let longest = "/" + String(repeating: "p", count: 4094)
        #expect(try PlugInSetting("a=unix:" + longest).path == longest)
        #expect(throws: Failure.self) { try PlugInSetting("a=unix:" + longest + "p") }
    }

    @Test func whatWasSplitAtCommasIsPutTogether() throws {
        let settings = try PlugInSetting.list([
            "a=unix:/a", "timeout=1s", "fail=open", "b=unix:/b", "c=unix:/c,fail=open",
        ])
        #expect(settings.map(\.name.text) == ["a", "b", "c"])
        #expect(settings.map(\.timeoutMilliseconds) == [1000, 500, 500])
        #expect(settings.map(\.fail) == [.open, .closed, .open])
    }

    @Test func thereAreAtMostSixteenOfDifferentNames() throws {
        let all = (1...16).map { "p\($0)=unix:/s" }
        #expect(try PlugInSetting.list(all).count == 16)
        let tooMany = #expect(throws: Failure.self) { try PlugInSetting.list(all + ["q=unix:/s"]) }
        #expect(tooMany?.message.contains("17 entries are over the limit of 16") == true)
        let twice = #expect(throws: Failure.self) { try PlugInSetting.list(["a=unix:/s", "a=unix:/t"]) }
        #expect(twice?.message.contains("\"a\" is the name of two entries") == true)
    }
}
