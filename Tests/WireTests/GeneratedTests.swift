import Model
import Testing

@testable import Wire

/// What the generator's rules mean on the wire, by messages that use them.
@Suite struct GeneratedTests {
    @Test func zeroAndEmptyAreWritten() {
        #expect(GetVersionRequest().encoded() == [0x0a, 0, 0x12, 0, 0x18, 0])
        #expect(
            GetVersionRequest(app: "a", function: "f", number: 3).encoded() == [0x0a, 1, 0x61, 0x12, 1, 0x66, 0x18, 3])
    }

    @Test func whereAbsentMeansTheSameZeroAndEmptyAreNot() {
        #expect(Page().encoded().isEmpty)
        #expect(Page(cursor: "c", size: 7).encoded() == [0x0a, 1, 0x63, 0x10, 7])
    }

    @Test func absentIsZero() throws {
        let request = try CreateTokenRequest(decoding: [], strict: true)
        #expect(request.name.isEmpty && request.scopes.isEmpty && request.lifetimeNanos == 0)
        #expect(try ConnectionInfo(decoding: [], strict: true).openedAt == Timestamp(nanoseconds: 0))
        #expect(try ListAppsRequest(decoding: [], strict: true).page.size == 0)
    }

    @Test func everyKindOfFieldComesBack() throws {
        let info = SystemInfoResponse(
            version: "1", wireProtocol: "ttrpc 1.2", apiVersions: [0, .max], userNamespaces: true, uptimeNanos: .max,
            listeners: ["a", ""])
        let copy = try SystemInfoResponse(decoding: info.encoded(), strict: true)
        #expect(copy.version == "1" && copy.wireProtocol == "ttrpc 1.2" && copy.apiVersions == [0, .max])
        #expect(copy.userNamespaces && copy.uptimeNanos == .max && copy.listeners == ["a", ""])
        let chunk = try UploadChunkRequest(
            decoding: UploadChunkRequest(uploadID: "u", data: [0, 255]).encoded(), strict: true)
        #expect(chunk.uploadID == "u" && chunk.data == [0, 255])
        let app = try CreateAppRequest(decoding: CreateAppRequest(labels: ["a": "1", "b": ""]).encoded(), strict: true)
        #expect(app.labels == ["a": "1", "b": ""])
        let list = ListConnectionsResponse(connections: [ConnectionInfo(id: 1), ConnectionInfo(id: 2)], total: 3)
        let read = try ListConnectionsResponse(decoding: list.encoded(), strict: true)
        #expect(read.connections.map(\.id) == [1, 2] && read.total == 3)
    }

    @Test func anEntityThatIsMissingIsNamed() {
        let failure = #expect(throws: Failure.self) { try DeployResponse(decoding: [], strict: true) }
        #expect(failure?.message == "function: missing")
    }

    @Test func aLabelGivenTwiceIsRefused() {
        let label: [UInt8] = [0x12, 3, 0x0a, 1, 0x61]
        let failure = #expect(throws: Failure.self) { try CreateAppRequest(decoding: label + label, strict: true) }
        #expect(failure?.message.hasPrefix("labels: ") == true)
    }
}
