import Testing

@testable import Wire

@Suite struct InvokeStreamScanTests {
    @Test func everyFieldIsRead() throws {
        let body = InvokeBody(
            payload: [1, 2, 3], contentType: "a/b",
            headers: [CallHeader(name: "x", value: "y"), .init(name: "x", value: "")])
        let bytes = body.encoded(for: InvokeTarget(app: "app", function: "f", version: 7)) + [0x38, 0x80, 0x01]
        try bytes.withUnsafeBytes { bytes in
            let scan = try InvokeStreamScan(scanning: bytes)
            #expect(Array(scan.payload) == [1, 2, 3] && equal(scan.contentType, "a/b"))
            #expect(scan.headers == body.headers && scan.headerCount == 2)
            #expect(equal(scan.target.app, "app") && equal(scan.target.function, "f") && scan.target.version == 7)
            #expect(scan.credit == 128 && scan.namesFunction && !scan.isOnlyControl && scan.lastField == 7)
        }
    }

    @Test func pathsAreNotTheFunctions() throws {
        let target = InvokeTarget(app: "app", method: "PUT", path: "/a", query: "q")
        try InvokeBody().encoded(for: target).withUnsafeBytes { bytes in
            let scan = try InvokeStreamScan(scanning: bytes)
            #expect(equal(scan.target.app, "app") && equal(scan.target.method, "PUT"))
            #expect(equal(scan.target.path, "/a") && equal(scan.target.query, "q") && scan.target.alias.isEmpty)
            #expect(scan.target.isByPath && !scan.target.isByName && scan.namesFunction && !scan.isOnlyControl)
        }
        try InvokeBody().encoded(for: InvokeTarget(function: "f", alias: "live")).withUnsafeBytes { bytes in
            let scan = try InvokeScan(scanning: bytes)
            #expect(equal(scan.target.alias, "live") && scan.target.isByName && !scan.target.isByPath)
        }
    }

    @Test func creditAloneIsNothingForTheFunction() throws {
        #expect(try isOnlyControl([0x38, 0x05]))
        #expect(try !isOnlyControl([0x0A, 0x00, 0x38, 0x05]))
        #expect(try !isOnlyControl([0x38, 0x05, 0x22, 0x01, 0x61]))
        #expect(try !isOnlyControl([]))
    }

    private func isOnlyControl(_ bytes: [UInt8]) throws -> Bool {
        try bytes.withUnsafeBytes { bytes in
            let scan = try InvokeStreamScan(scanning: bytes)
            return scan.isOnlyControl
        }
    }

    @Test(
        arguments: [
            [0x0A], [0x0A, 0x02, 0x01], [0x08, 0x01], [0x12, 0x01, 0xFF], [0x22, 0x01, 0x00],
            [0x1A, 0x02, 0x0A, 0x05], [0x30, 0x80, 0x80, 0x80, 0x80, 0x10], [0x3A, 0x00], [0x48, 0x01], [0x07],
            [0x68, 0x01], [0x5A, 0x01, 0xFF], [0x62, 0x02, 0x61],
        ] as [[UInt8]])
    func damageIsRefused(bytes: [UInt8]) {
        bytes.withUnsafeBytes { bytes in
            _ = #expect(throws: EnvelopeError.self) { try InvokeStreamScan(scanning: bytes) }
        }
    }

    @Test(
        arguments: [
            ([0x22, 1, 0xFF], "app: is not UTF-8, or contains a NUL character"),
            ([0x2A, 1, 0x00], "function: is not UTF-8, or contains a NUL character"),
            ([0x12, 1, 0xFF], "content_type: is not UTF-8, or contains a NUL character"),
            ([0x62, 1, 0xFF], "query: is not UTF-8, or contains a NUL character"),
            ([0x20, 1], "app: has the wrong wire type; it is length-delimited"),
            ([0x32, 0], "version: has the wrong wire type; it is a varint"),
            ([0x30, 0x80, 0x80, 0x80, 0x80, 0x10], "version: 4294967296 is out of range; 0 to 4294967295"),
            ([0x40, 2], "end: 2 is neither false nor true"), ([0x40, 7], "end: 7 is neither false nor true"),
            ([0x40, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F], "end: 4294967295 is neither false nor true"),
            ([0x40, 0], nil), ([0x40, 1], nil),
        ] as [([UInt8], String?)])
    func whatIsWrongIsNamed(bytes: [UInt8], text: String?) throws {
        bytes.withUnsafeBytes { bytes in
            do throws(EnvelopeError) {
                let scan = try InvokeStreamScan(scanning: bytes)
                #expect(text == nil && scan.isEnd == (bytes.last == 1))
            } catch {
                #expect(error.message == text)
            }
            do throws(EnvelopeError) { _ = try InvokeChunk(decoding: bytes, strict: true) } catch {
                #expect(error.message == text)
            }
        }
    }

    @Test(arguments: [0, 1, 127, 128, 16_383, 16_384, 262_144, 2_097_152])
    func payloadsAreWrappedInPlace(count: Int) throws {
        let content = (0..<count).map { UInt8(truncatingIfNeeded: $0) }
        var buffer = [UInt8](repeating: 0, count: InvokeStreamPayload.headroom) + content
        try buffer.withUnsafeMutableBytes { buffer in
            let message = InvokeStreamPayload.message(in: buffer)
            #expect(Array(message) == InvokeBody(payload: content).encoded())
            let scan = try InvokeStreamScan(scanning: message)
            #expect(Array(scan.payload) == content)
        }
    }
}
