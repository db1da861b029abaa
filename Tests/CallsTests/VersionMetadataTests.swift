import Model
import Testing
import Wire

@testable import Calls

@Suite struct VersionMetadataTests {
    /// What a Response carries, as a client reads it.
    private func sent(_ version: APIVersion) throws -> [String] {
        var result: [String] = []
        try VersionMetadata(version).withEntries { entries in
            let frame = ResponseFrame(metadata: entries)
            let bytes = [UInt8](unsafeUninitializedCapacity: FrameHeader.size + frame.length) { buffer, count in
                frame.write(streamID: 1, to: UnsafeMutableRawBufferPointer(buffer))
                count = FrameHeader.size + frame.length
            }
            try bytes.dropFirst(FrameHeader.size).withUnsafeBytes {
                result = try ResponseEnvelope(scanning: $0).metadata.map { "\($0.key): \($0.value)" }
            }
        }
        return result
    }

    @Test func everyAnswerNamesItsVersion() throws {
        #expect(try sent(APIVersion(3, .current)) == ["fnrpc-api-version: 3"])
        #expect(try sent(APIVersion(0, .test)) == ["fnrpc-api-version: 0"])
    }

    @Test func aDeprecatedOneWarns() throws {
        let sunset = try #require(Timestamp(rfc3339: "2027-06-01T00:00:00Z"))
        #expect(
            try sent(APIVersion(1, .deprecated(sunset: sunset))) == [
                "fnrpc-api-version: 1", "fnrpc-warning: api_version 1 is deprecated; sunset 2027-06-01",
            ])
    }
}
