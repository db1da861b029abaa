import Testing
import Wire

@Suite struct InvokeChunkTests {
    private func decode(_ bytes: [UInt8], strict: Bool = false) throws -> InvokeChunk {
        try bytes.withUnsafeBytes { try InvokeChunk(decoding: $0, strict: strict) }
    }

    @Test(arguments: [
        InvokeChunk(),
        InvokeChunk(credit: 0),
        InvokeChunk(payload: [0, 1], credit: .max),
        InvokeChunk(isEnd: true),
        InvokeChunk(
            payload: [UInt8](repeating: 7, count: 300), contentType: "text/plain",
            headers: [CallHeader(name: "a", value: ""), CallHeader(name: "ä", value: "b")],
            target: InvokeTarget(app: "demo", function: "hello", version: 300, alias: "live"), credit: 1 << 20,
            isEnd: true),
        InvokeChunk(target: InvokeTarget(app: "demo", method: "GET", path: "/a/b", query: "c=d")),
    ])
    func whatIsWrittenIsRead(chunk: InvokeChunk) throws {
        #expect(try decode(chunk.encoded(), strict: true) == chunk)
    }

    @Test func theFirstMessageOfARequestIsLikeAnInvokeRequest() throws {
        let chunk = InvokeChunk(
            payload: [1], contentType: "x", headers: [CallHeader(name: "a", value: "b")],
            target: InvokeTarget(app: "d", function: "f", version: 2))
        let body = InvokeBody(payload: [1], contentType: "x", headers: chunk.headers)
        #expect(try decode(body.encoded(for: chunk.target), strict: true) == chunk)
        #expect(chunk.isHead && !InvokeChunk(payload: [1], credit: 1, isEnd: true).isHead)
    }

    @Test(
        arguments: [
            ([0x0A], "does not parse"), ([0x08, 1], "payload: has the wrong wire type"), ([0x12, 1, 0], "NUL"),
            ([0x22, 1, 0xFF], "UTF-8"),
            ([0x1A, 2, 0x08, 1], "headers"), ([0x38, 0x80, 0x80, 0x80, 0x80, 0x10], "out of range"),
            ([0x3A, 0], "credit: has the wrong wire type"), ([0x4A, 1, 0], "NUL"),
            ([0x58, 1], "path: has the wrong wire type"),
            ([0x30, 0x80, 0x80, 0x80, 0x80, 0x10], "out of range"),
            ([0x12, 0x81, 0x08] + [UInt8](repeating: 0x61, count: 1025), "1024"),
            ([[UInt8]](repeating: [0x1A, 0], count: 129).flatMap { $0 }, "128"),
        ] as [([UInt8], String)])
    func refuses(bytes: [UInt8], words: String) throws {
        let error = #expect(throws: EnvelopeError.self) { try decode(bytes) }
        #expect(error.map { "\($0.message)".contains(words) } == true, "\(error as Any)")
    }

    @Test func unknownFieldsAreRefusedOnlyWhereThatIsAsked() throws {
        let bytes: [UInt8] = [0x6A, 1, 0, 0x0A, 1, 9]
        #expect(try decode(bytes) == InvokeChunk(payload: [9]))
        let error = #expect(throws: EnvelopeError.self) { try decode(bytes, strict: true) }
        #expect(error.map { "\($0.message)".contains("does not know") } == true)
        let header: [UInt8] = [0x1A, 5, 0x0A, 1, 0x61, 0x38, 1]
        #expect(try decode(header).headers == [CallHeader(name: "a", value: "")])
        let inner = #expect(throws: EnvelopeError.self) { try decode(header, strict: true) }
        #expect(inner?.message == "headers.7: a field that this version does not know")
        // What callers send is always read strictly.
        for bytes in [bytes, header] {
            bytes.withUnsafeBytes { bytes in
                _ = #expect(throws: EnvelopeError.self) { try InvokeScan(scanning: bytes) }
                _ = #expect(throws: EnvelopeError.self) { try InvokeStreamScan(scanning: bytes) }
            }
        }
    }
}
