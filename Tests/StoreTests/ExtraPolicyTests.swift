import Model
import Testing
import Wire

@testable import Store

/// Which keys of `extra` callers may set: `extra-policy`.
@Suite struct ExtraPolicyTests {
    private func store(_ policy: ExtraPolicy, _ backing: Backing = .memory) throws -> TestStore {
        var surroundings = TestStore.surroundings()
        surroundings.extraPolicy = policy
        return try TestStore(backing, surroundings: surroundings)
    }

    private func create(_ test: TestStore, _ name: String, _ key: String, apiVersion: UInt32? = nil) async throws {
        try await test.change(apiVersion: apiVersion) { tx throws(Failure) in
            try tx.createApp(CreateAppRequest(name: name, extra: [key: "1"]))
        }
    }

    @Test(arguments: [
        ("example.com/owner", true), ("a.b/c", true), ("a-b.c.d/e/f", true), ("1.2/x", true), ("owner", false),
        ("example/owner", false), ("example.com/", false), ("/owner", false), (".com/x", false), ("a./x", false),
        ("a..b/x", false), ("a_b.c/x", false), ("a.b", false),
    ])
    func aNamespaceIsADomainAndASlash(key: String, isGood: Bool) async throws {
        let test = try store(.namespaced)
        if isGood {
            try await create(test, "a", key)
        } else {
            let refusal = await failure { try await create(test, "a", key) }
            #expect(refusal.code == .invalid && refusal.message.hasPrefix("extra: the key \"\(key)\" needs a domain"))
            #expect(refusal.message.contains("extra-policy is namespaced"))
        }
        try await create(try store(.open), "a", key)
        let empty = await failure { try await create(try store(.empty), "a", key) }
        #expect(empty.code == .invalid && empty.message.contains("extra-policy is empty"))
    }

    /// Test versions are where new data is tried, whatever the policy says.
    @Test(arguments: ExtraPolicy.allCases) func testVersionsTakeEveryKey(policy: ExtraPolicy) async throws {
        let test = try store(policy)
        for version in [0, 2] as [UInt32] { try await create(test, "a\(version)", "owner", apiVersion: version) }
        // The version of the entity counts where the request names none.
        try await test.change { tx throws(Failure) in
            try tx.updateApp(UpdateAppRequest(app: "a2", extra: ["more": "1"]))
        }
        if policy != .open {
            #expect(await failure { try await create(test, "b", "owner", apiVersion: 1) }.code == .invalid)
        }
    }

    /// What was stored before the policy stays, may be sent back and may go; it cannot be changed.
    @Test(arguments: Backing.allCases) func whatIsStoredStays(_ backing: Backing) async throws {
        let test = try store(.empty, backing)
        let stored = App(
            meta: Meta(id: Sample.id(7), createdAt: Timestamp(nanoseconds: 5), extra: ["owner": "1", "x": "2"]),
            name: try Sample.name("old"))
        try await test.change { tx throws(Failure) in try tx.create(stored) }
        func update(_ extra: [String: String]) async throws -> App {
            try await test.change { tx throws(Failure) in
                try tx.updateApp(UpdateAppRequest(app: "old", labels: ["n": "\(extra.count)"], extra: extra))
            }
        }
        #expect(try await update([:]).meta.extra == ["owner": "1", "x": "2"])
        #expect(try await update(["owner": "1"]).meta.extra == ["owner": "1", "x": "2"])
        #expect(await failure { try await update(["owner": "3"]) }.code == .invalid)
        #expect(await failure { try await update(["fresh": "3"]) }.code == .invalid)
        #expect(try await update(["x": ""]).meta.extra == ["owner": "1"])
    }
}
