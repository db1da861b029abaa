import Access
import Foundation
import Model
import Testing

@Suite struct PeerRulesTests {
    private func rules(_ texts: [String], insecureTCP: Bool = false, ownUser: UInt32 = 77) throws -> PeerRules {
        try PeerRules(texts.map { try PeerRule($0) }, insecureTCP: insecureTCP, ownUser: ownUser)
    }

    private func scopes(_ rules: PeerRules, uid: UInt32, gid: UInt32 = 500, groups: [UInt32] = []) -> [String]? {
        rules.principal(for: .unix(uid: uid, gid: gid, groups: groups))?.grants.scopes.map(\.description)
    }

    @Test func withoutRulesOnlyRootAndTheDaemonItselfMay() throws {
        let rules = try rules([])
        #expect(scopes(rules, uid: 0) == ["admin"] && scopes(rules, uid: 77) == ["admin"])
        #expect(scopes(rules, uid: 1000) == nil && scopes(rules, uid: 1000, gid: 0, groups: [0]) == nil)
        #expect(rules.principal(for: .tcp) == nil && rules.principal(for: .certificate(name: "root")) == nil)
    }

    @Test func allRulesThatFitAddUp() throws {
        let rules = try rules([
            "uid:1000=read", "uid:1000=invoke:shop", "gid:33=invoke:blog/post+read", "gid:34=admin", "user:root=read",
            "group:root=invoke", "cert:build=admin", "cert:CN=odd name=read",
        ])
        #expect(scopes(rules, uid: 1000) == ["invoke:shop", "read"])
        #expect(scopes(rules, uid: 1000, gid: 33) == ["invoke:blog/post", "invoke:shop", "read"])
        #expect(scopes(rules, uid: 1001, groups: [7, 34, 33]) == ["admin", "invoke:blog/post", "read"])
        #expect(scopes(rules, uid: 1001, gid: 0, groups: [0]) == ["invoke"])
        #expect(scopes(rules, uid: 0, gid: 9) == ["admin", "read"])
        #expect(scopes(rules, uid: 1001) == nil)
        let build = try #require(rules.principal(for: .certificate(name: "build")))
        #expect(build.grants.allowsAdmin && build.description == "certificate build")
        #expect(rules.principal(for: .certificate(name: "CN=odd name"))?.grants == Grants([.read]))
        #expect(rules.principal(for: .certificate(name: "buil")) == nil)
        let user = try #require(rules.principal(for: .unix(uid: 1000, gid: 5, groups: [])))
        #expect(user.kind == .user(uid: 1000, gid: 5))
    }

    @Test func insecureTCPLetsEverybodyDoEverything() throws {
        let rules = try rules(["cert:build=read"], insecureTCP: true)
        let principal = try #require(rules.principal(for: .tcp))
        #expect(principal.grants == .all && principal.kind == .nobody)
        #expect(rules.principal(for: .certificate(name: "other")) == nil, "TLS is not what is insecure")
        #expect(rules.principal(for: .certificate(name: "build"))?.grants == Grants([.read]))
        #expect(rules.principal(for: .unix(uid: 1000, gid: 1000, groups: [])) == nil)
    }

    @Test(arguments: [
        "uid:1000=admin", "user:alice=invoke", "gid:33=invoke:shop+read", "group:deploy=admin", "cert:a=b=read+admin",
    ])
    func rulesReadBackTheSame(text: String) throws {
        #expect(try PeerRule(text).description == text)
    }

    @Test(arguments: [
        ("", "is no entry"), ("uid:1000", "is no entry"), ("admin", "is no entry"), ("=admin", "is no entry"),
        ("x=uid:1", "is no entry"), ("uid:=admin", "needs 1 to 255 printable bytes"), ("uid:x=admin", "needs a number"),
        ("uid:4294967295=admin", "needs a number"), ("gid:-1=admin", "needs a number"),
        ("pid:1=admin", "begins with none of"), ("uid:1=root", "\"root\" is no scope"),
        ("uid:1=admin+", "\"\" is no scope"), ("uid:1=invoke:a/b/c", "only A–Z"), ("cert:a\nb=admin", "printable"),
        ("uid:1=" + Array(repeating: "read", count: 65).joined(separator: "+"), "has 65 scopes; at most 64"),
    ])
    func badRulesAreRefused(text: String, message: String) {
        let failure = #expect(throws: Failure.self) { try PeerRule(text) }
        #expect(failure?.code == .invalid && failure?.message.hasPrefix("peer-scopes: ") == true)
        #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
    }

    @Test func namesThatTheMachineDoesNotHaveAreNamed() {
        let user = #expect(throws: Failure.self) { try rules(["uid:1=read", "user:no-such-user=read"]) }
        #expect(user?.message == "peer-scopes: the user \"no-such-user\" does not exist here")
        let group = #expect(throws: Failure.self) { try rules(["group:no-such-group=read"]) }
        #expect(group?.message == "peer-scopes: the group \"no-such-group\" does not exist here")
        let number = #expect(throws: Failure.self) { try Accounts.groupNumber("no-such-group", field: "unix-group") }
        #expect(number?.message == "unix-group: the group \"no-such-group\" does not exist here")
    }

    @Test func groupsMayBeNumbers() throws {
        #expect(try Accounts.groupNumber("1234", field: "unix-group") == 1234)
        #expect(try Accounts.groupNumber("root", field: "unix-group") == 0)
        #expect(try Accounts.user("root", field: "x") == 0)
    }
}
