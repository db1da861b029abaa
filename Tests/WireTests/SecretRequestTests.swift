import Testing

@testable import Wire

/// Values of secrets in requests.
@Suite struct SecretRequestTests {
    @Test func theValueIsOverwrittenWhereverItIs() throws {
        let value: [UInt8] = Array("swordfish".utf8)
        let payload = CreateSecretRequest(app: "demo", name: "key", value: value).encoded()
        let request = try CreateSecretRequest(decoding: payload, strict: true)
        // As an operation of the store has it.
        let copy = request
        #expect(copy.value == value)
        CreateSecretRequest.wipe(request, payload)
        #expect(copy.value == [UInt8](repeating: 0, count: value.count))
        #expect(payload.allSatisfy { $0 == 0 })
        #expect(copy.app == "demo" && copy.name == "key")
    }

    @Test func updatesMayHaveNone() throws {
        let payload = UpdateSecretRequest(app: "demo", secret: "key", description: "x").encoded()
        let request = try UpdateSecretRequest(decoding: payload, strict: true)
        UpdateSecretRequest.wipe(request, payload)
        #expect(request.value == nil && payload.allSatisfy { $0 == 0 })
        let valued = UpdateSecretRequest(app: "demo", secret: "key", value: Array("xyz".utf8)).encoded()
        let other = try UpdateSecretRequest(decoding: valued, strict: true)
        UpdateSecretRequest.wipe(other, valued)
        #expect(other.value == [0, 0, 0])
    }

    @Test func otherRequestsStayAsTheyAre() throws {
        let payload = GetSecretRequest(app: "demo", secret: "key").encoded()
        GetSecretRequest.wipe(try GetSecretRequest(decoding: payload, strict: true), payload)
        #expect(payload == GetSecretRequest(app: "demo", secret: "key").encoded())
        // Nothing to overwrite.
        CreateSecretRequest.wipe(nil, [])
    }
}
