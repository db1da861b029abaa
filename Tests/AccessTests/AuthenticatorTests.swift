import Model
import Testing

@testable import Access

@Suite struct AuthenticatorTests {
    private static let invalid = "the token is not valid; make one with `fnrpc token create` and send it"

    @Test func aSecretHasOneForm() throws {
        let token = try MadeToken("ci")
        let other = try MadeToken("ci")
        #expect(token.text.utf8.count == 97 && TokenSecret.textBytes == 97 && token.text != other.text)
        #expect(token.text.hasPrefix("fnrpc_\(token.credential.id)_"))
        #expect(token.text.dropFirst(33).allSatisfy { $0.isHexDigit && !$0.isUppercase })
        #expect(token.credential.hash.count == 32)
    }

    @Test func theRightTokenIsKnown() throws {
        let token = try MadeToken("ci", scopes: [.read, .invoke])
        let authenticator = Authenticator([try MadeToken("other", 2).credential, token.credential])
        let principal = try authenticator.principal(token.text).get()
        #expect(principal.kind == .token(id: token.credential.id, name: "ci") && principal.description == "token ci")
        #expect(principal.grants == Grants([.read, .invoke]))
    }

    @Test func whateverIsWrongTheAnswerIsOne() throws {
        let token = try MadeToken("ci")
        let unknown = try MadeToken("gone", 2)
        let authenticator = Authenticator([token.credential])
        var wrongSecret = Array(token.text.utf8)
        wrongSecret[96] = wrongSecret[96] == UInt8(ascii: "0") ? UInt8(ascii: "1") : UInt8(ascii: "0")
        let upper = token.text.prefix(33) + token.text.dropFirst(33).uppercased()
        let bad: [String] = [
            "", "x", "fnrpc_", String(decoding: wrongSecret, as: UTF8.self), unknown.text, token.text + "0",
            String(token.text.dropLast()), "fnrpc-" + token.text.dropFirst(6), " " + token.text.dropLast(),
            token.text.replacing("_", with: "-"), String(repeating: "\0", count: 97), String(upper) + "",
            String(token.text.dropLast(64)) + String(repeating: "g", count: 64),
            "fnrpc_" + String(repeating: "U", count: 26) + token.text.dropFirst(32),
            String(repeating: "é", count: 48) + "a", String(repeating: "f", count: 1 << 20),
            token.text + String(repeating: "0", count: 1 << 20),
        ]
        for text in bad where text != token.text {
            let failure = failure(authenticator.principal(text))
            #expect(failure?.code == .unauthenticated && failure?.message == Self.invalid, "\(text.prefix(120))")
        }
        // Bytes that are no text, too.
        for byte: UInt8 in [0, 0x80, 0xFF] {
            let result = [UInt8](repeating: byte, count: 97).withUnsafeBytes {
                authenticator.principal(bearer: $0, now: Timestamp(nanoseconds: 1))
            }
            #expect(failure(result)?.message == Self.invalid)
        }
        let nothing = authenticator.principal(bearer: UnsafeRawBufferPointer(start: nil, count: 0), now: .now())
        #expect(failure(nothing)?.message == Self.invalid)
    }

    @Test func onlyTheBearerLearnsThatATokenHasExpired() throws {
        let end = Timestamp(nanoseconds: 1_700_000_000_000_000_000)
        let token = try MadeToken("ci", expiresAt: end)
        let authenticator = Authenticator([token.credential])
        let before = Timestamp(nanoseconds: end.nanoseconds - 1)
        let generation = authenticator.generation
        let principal = try authenticator.principal(token.text, now: before).get()
        #expect(authenticator.confirm(principal, generation: generation, now: before))
        #expect(!authenticator.confirm(principal, generation: generation, now: end))
        let expired = failure(authenticator.principal(token.text, now: end))
        #expect(expired?.code == .unauthenticated)
        #expect(expired?.message == "the token ci expired at 2023-11-14T22:13:20Z; make a new one")
        let guess = token.text.prefix(33) + String(repeating: "0", count: 64)
        #expect(failure(authenticator.principal(String(guess), now: end))?.message == Self.invalid)
    }

    @Test func aRemovedTokenIsRefusedAtOnce() async throws {
        let token = try MadeToken("ci")
        let other = try MadeToken("other", 2)
        let authenticator = Authenticator([token.credential, other.credential])
        let generation = authenticator.generation
        let principal = try authenticator.principal(token.text).get()
        authenticator.remove(token.credential.id)
        #expect(!authenticator.confirm(principal, generation: generation, now: Timestamp(nanoseconds: 1)))
        #expect(failure(authenticator.principal(token.text))?.message == Self.invalid)
        #expect(try authenticator.principal(other.text).get().description == "token other")
    }

    @Test func aReloadThatReadBeforeDoesNotBringARemovedTokenBack() async throws {
        let token = try MadeToken("ci")
        let authenticator = Authenticator([token.credential])
        try await authenticator.reload { () throws(Failure) in
            authenticator.remove(token.credential.id)
            return [token.credential]
        }
        #expect(failure(authenticator.principal(token.text)) != nil)
        // Later reloads decide for themselves.
        try await authenticator.reload { () throws(Failure) in [token.credential] }
        #expect(failure(authenticator.principal(token.text)) == nil)
    }

    @Test func theReloadThatBeganLastCounts() async throws {
        let token = try MadeToken("ci")
        let authenticator = Authenticator()
        let before = authenticator.generation
        try await authenticator.reload { () throws(Failure) in
            try await authenticator.reload { () throws(Failure) in [token.credential] }
            return []
        }
        #expect(failure(authenticator.principal(token.text)) == nil && authenticator.generation > before)
        await #expect(throws: Failure.self) {
            try await authenticator.reload { () throws(Failure) in throw Failure(.internalError, "no disk") }
        }
        #expect(failure(authenticator.principal(token.text)) == nil, "a failed reload changes nothing")
    }

    @Test func usesAreHandedOverOnce() async throws {
        let token = try MadeToken("ci")
        let authenticator = Authenticator([token.credential, try MadeToken("idle", 2).credential])
        #expect(authenticator.takeUses().isEmpty)
        let first = Timestamp(nanoseconds: 1_700_000_000_000_000_000)
        let principal = try authenticator.principal(token.text, now: first).get()
        #expect(authenticator.takeUses().map(\.id) == [token.credential.id] && authenticator.takeUses().isEmpty)
        let later = Timestamp(nanoseconds: first.nanoseconds + 5_000_000_000)
        #expect(authenticator.confirm(principal, generation: authenticator.generation, now: later))
        // The entry stays the same when tokens are read again.
        try await authenticator.reload { () throws(Failure) in [token.credential] }
        #expect(authenticator.takeUses().map(\.usedAt) == [later] && authenticator.takeUses().isEmpty)
        #expect(failure(authenticator.principal("x")) != nil && authenticator.takeUses().isEmpty)
    }

    @Test func comparingLooksAtTheWholeOfBoth() {
        func same(_ left: [UInt8], _ right: [UInt8]) -> Bool {
            left.withUnsafeBytes { left in right.withUnsafeBytes { TokenSecret.constantTimeEqual(left, $0) } }
        }
        let hash = [UInt8](repeating: 7, count: 32)
        #expect(same(hash, hash) && same([], []))
        for place in 0..<32 {
            var other = hash
            other[place] ^= 0x80
            #expect(!same(hash, other))
        }
        #expect(!same(hash, hash + [7]) && !same(hash, []))
    }

    @Test(
        arguments: [
            ("Bearer abc", "abc"), ("bearer abc", "abc"), ("BEARER  abc", " abc"), ("Bearer ", nil), ("Bearer", nil),
            ("", nil),
            ("Basic abc", nil), ("bearer\tabc", nil), ("Bearer\0abc", nil), ("abc", nil),
        ] as [(String, String?)])
    func theSchemeIsTakenOff(value: String, token: String?) {
        let found = Array(value.utf8).withUnsafeBytes { bytes in
            Authenticator.bearer(authorization: bytes).map { String(decoding: $0, as: UTF8.self) }
        }
        #expect(found == token)
    }

    @Test func manyThreadsAskWhileTokensChange() async throws {
        let stays = try MadeToken("stays")
        let comes = try MadeToken("comes", 2)
        let authenticator = Authenticator([stays.credential])
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    for _ in 0..<300 {
                        #expect(failure(authenticator.principal(stays.text)) == nil)
                        _ = authenticator.principal(comes.text)
                        _ = authenticator.takeUses()
                    }
                }
            }
            group.addTask {
                for _ in 0..<300 {
                    try? await authenticator.reload { () throws(Failure) in [stays.credential, comes.credential] }
                    authenticator.remove(comes.credential.id)
                }
            }
        }
        #expect(failure(authenticator.principal(comes.text)) != nil)
    }
}
