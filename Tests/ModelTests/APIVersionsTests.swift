import Model
import Testing

@Suite struct APIVersionsTests {
    private func find(_ text: String, _ versions: APIVersions) throws -> APIVersion {
        try Array(text.utf8).withUnsafeBytes { bytes throws(Failure) in try versions.version(named: bytes) }
    }

    private func failure(_ text: String, _ versions: APIVersions) throws -> Failure {
        try #require(throws: Failure.self) { try find(text, versions) }
    }

    @Test func shippedVersionsAreFound() throws {
        let versions = APIVersions(allowsTest: true)
        #expect(versions.current == APIVersion(1, .current))
        for number: UInt32 in [0, 1, 2] { #expect(try find("\(number)", versions).number == number) }
        let unknown = try failure("3", versions)
        #expect(unknown.code == .invalid)
        #expect(
            unknown.message == "fnrpc-api-version: \"3\" is not a version of this daemon; it accepts 0, 1, 2")
    }

    @Test(arguments: [
        "", "01", "00", "+1", "-1", " 1", "1 ", "1.0", "v1", "x", "4294967296", "99999999999999999999", "١",
    ])
    func otherTextIsRefused(text: String) throws {
        #expect(try failure(text, APIVersions(allowsTest: true)).code == .invalid)
    }

    @Test func testVersionsNeedTheSetting() throws {
        let versions = APIVersions(allowsTest: false)
        #expect(try find("1", versions).number == 1)
        for number in [0, 2] {
            let refused = try failure("\(number)", versions)
            #expect(refused.code == .precondition && refused.message.contains("the setting allow-test-versions"))
        }
        #expect(try failure("4", versions).message.hasSuffix("it accepts 1"))
    }

    @Test func anotherTable() throws {
        let sunset = try #require(Timestamp(rfc3339: "2027-06-01T00:00:00Z"))
        let versions = APIVersions(
            [APIVersion(5, .current), APIVersion(3, .supported), APIVersion(1, .deprecated(sunset: sunset))],
            allowsTest: false)
        #expect(versions.all.map(\.number) == [1, 3, 5] && versions.current.number == 5)
        #expect(versions.all.map(\.status.name) == ["deprecated", "supported", "current"])
        #expect(try find("1", versions).warning == "api_version 1 is deprecated; sunset 2027-06-01")
        #expect(try find("3", versions).warning == nil)
        #expect(try failure("2", versions).message.hasSuffix("it accepts 1, 3, 5"))
    }
}
