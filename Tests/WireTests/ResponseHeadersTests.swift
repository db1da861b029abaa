import Model
import Testing

@testable import Wire

@Suite struct ResponseHeadersTests {
    private func added(_ spec: [String: [String]], _ reply: InvokeBody) throws -> InvokeBody {
        let headers = try #require(ResponseHeaders(spec))
        let bytes = reply.encoded().withUnsafeBytes { headers.added(to: $0) }
        return try bytes.withUnsafeBytes { try InvokeBody(decoding: $0) }
    }

    @Test func whatTheReplyHasWins() throws {
        let spec = ["X-A": ["1", "2"], "Cache-Control": ["no-store"], "Content-Type": ["text/html"]]
        let bare = try added(spec, InvokeBody(payload: [1, 2]))
        #expect(bare.payload == [1, 2] && bare.contentType == "text/html")
        #expect(
            bare.headers == [
                CallHeader(name: "Cache-Control", value: "no-store"), CallHeader(name: "X-A", value: "1"),
                CallHeader(name: "X-A", value: "2"),
            ])
        let own = [CallHeader(name: "x-a", value: "own"), CallHeader(name: "Y", value: "")]
        let full = try added(spec, InvokeBody(contentType: "a/b", headers: own))
        #expect(full.contentType == "a/b")
        #expect(full.headers == own + [CallHeader(name: "Cache-Control", value: "no-store")])
        // The function may have said its type as a header.
        let typed = try added(spec, InvokeBody(headers: [CallHeader(name: "CONTENT-TYPE", value: "c/d")]))
        #expect(typed.contentType == "" && typed.headers.count == 4)
        #expect(try added(spec, InvokeBody()).headers.count == 3)
        #expect(ResponseHeaders([:]) == nil)
    }

    @Test func clientsCanReadWhatTheyGet() throws {
        let spec = Dictionary(uniqueKeysWithValues: (0..<64).map { ("X-\($0)", ["v"]) })
        for own in [64, 65, 128] {
            let reply = InvokeBody(headers: (0..<own).map { CallHeader(name: "Own-\($0)", value: "") })
            let headers = try #require(ResponseHeaders(spec))
            let bytes = reply.encoded().withUnsafeBytes { headers.added(to: $0) }
            let scan = try bytes.withUnsafeBytes { try InvokeChunk(decoding: $0) }
            #expect(scan.headers.count == 128)
        }
    }

    @Test(arguments: [[0x0A], [0x1A, 0x05, 0x0A], [0x07]] as [[UInt8]])
    func damageStaysAsItIs(bytes: [UInt8]) throws {
        let headers = try #require(ResponseHeaders(["X": ["y"]]))
        #expect(bytes.withUnsafeBytes { headers.added(to: $0) } == bytes)
    }

    @Test func specsCarryThem() throws {
        var spec = FunctionSpec(runtime: .shell, entry: "a.sh", format: .default)
        #expect(try FunctionSpec(decoding: spec.encoded(), strict: true) == spec)
        spec.headers = ["X-A": ["1", ""], "B": ["ä"]]
        #expect(try FunctionSpec(decoding: spec.encoded(), strict: true) == spec)
        // The same name twice is a mistake, not a longer list.
        let twice: [UInt8] = [0x9A, 0x01, 3, 0x0A, 1, 0x58]
        spec.headers = [:]
        #expect(throws: Failure.self) {
            try FunctionSpec(decoding: spec.encoded() + twice + twice, strict: true)
        }
    }
}
