import CProtobufC
import CWire
import Model
import Testing

@testable import Wire

@Suite struct EnvelopeTests {
    private func frame(
        service: String = "a.B", method: String = "C", payload: [UInt8] = [1, 2, 3], timeout: Int64 = 0
    ) -> [UInt8] {
        Array(service.utf8).withUnsafeBytes { service in
            Array(method.utf8).withUnsafeBytes { method in
                payload.withUnsafeBytes { payload in
                    let metadata = [MetadataEntry(key: "k", value: payload)]
                    return metadata.withUnsafeBufferPointer { metadata in
                        let frame = RequestFrame(
                            service: service, method: method, payload: payload, timeoutNanos: timeout,
                            metadata: metadata)
                        return [UInt8](unsafeUninitializedCapacity: 10 + frame.length) { buffer, count in
                            frame.write(
                                streamID: 7,
                                to: UnsafeMutableRawBufferPointer(
                                    rebasing: UnsafeMutableRawBufferPointer(buffer)[..<(10 + frame.length)]))
                            count = 10 + frame.length
                        }
                    }
                }
            }
        }
    }

    /// What is written by hand is what protobuf-c reads.
    @Test func writtenRequestsAreReadByProtobufC() throws {
        let bytes = Array(frame(timeout: 5_000_000_000)[10...])
        let message = try #require(ttrpc__request__unpack(nil, bytes.count, bytes))
        defer { ttrpc__request__free_unpacked(message, nil) }
        #expect(String(cString: message.pointee.service) == "a.B")
        #expect(String(cString: message.pointee.method) == "C")
        #expect(message.pointee.timeout_nano == 5_000_000_000)
        #expect(message.pointee.payload.len == 3)
        #expect(message.pointee.n_metadata == 1)
    }

    @Test func scannedRequestsHaveEveryField() throws {
        try Array(frame(payload: Array("v".utf8), timeout: -1)[10...]).withUnsafeBytes { bytes in
            let envelope = try RequestEnvelope(scanning: bytes)
            #expect(equal(envelope.service, "a.B"))
            #expect(equal(envelope.method, "C"))
            #expect(envelope.timeoutNanos == -1)
            #expect(envelope.metadata("k").map { equal($0, "v") } == true)
            #expect(envelope.metadata("K") == nil)
        }
    }

    @Test(
        arguments: [
            [0x0A, 0x05, 0x61],  // cut short
            [0x0A, 0x01, 0x00, 0x12, 0x01, 0x61],  // NUL in the service
            [0x0A, 0x01, 0xFF, 0x12, 0x01, 0x61],  // bad UTF-8
            [0x08, 0x01],  // service as a number
            [0x0B, 0x0C],  // a group
            [0x02, 0x00],  // field number 0
            [0x12, 0x01, 0x61],  // no service
            [0x20, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x01],  // varint of 11 bytes
        ] as [[UInt8]])
    func badRequestsAreRefused(bytes: [UInt8]) {
        #expect(throws: EnvelopeError.self) {
            try bytes.withUnsafeBytes { bytes throws -> Void in _ = try RequestEnvelope(scanning: bytes) }
        }
    }

    @Test func metadataIsBounded() {
        var bytes: [UInt8] = [0x0A, 1, 0x61, 0x12, 1, 0x62]
        for _ in 0..<128 { bytes += [0x2A, 0] }
        #expect(throws: Never.self) {
            try bytes.withUnsafeBytes { bytes throws -> Void in _ = try RequestEnvelope(scanning: bytes) }
        }
        bytes += [0x2A, 0]
        #expect(throws: EnvelopeError.self) {
            try bytes.withUnsafeBytes { bytes throws -> Void in _ = try RequestEnvelope(scanning: bytes) }
        }
    }

    @Test func failuresCarryTheirReason() throws {
        let status = Failure(.notFound, "app \"x\" not found").encodedStatus()
        let data = status.withUnsafeBytes { status -> [UInt8] in
            let frame = ResponseFrame(status: status)
            return [UInt8](unsafeUninitializedCapacity: 10 + frame.length) { buffer, count in
                frame.write(
                    streamID: 1,
                    to: UnsafeMutableRawBufferPointer(
                        rebasing: UnsafeMutableRawBufferPointer(buffer)[..<(10 + frame.length)]))
                count = 10 + frame.length
            }
        }
        try Array(data[10...]).withUnsafeBytes { bytes in
            let response = try ResponseEnvelope(scanning: bytes)
            #expect(response.code == 5)
            #expect(equal(response.reason, "NOT_FOUND"))
            #expect(String(decoding: response.message, as: UTF8.self) == "app \"x\" not found")
        }
    }

    @Test func everyFailureHasAStatusOfGRPC() {
        for code in Failure.Code.allCases {
            #expect((1...16).contains(code.status))
            #expect((1...9).contains(code.exitCode))
        }
    }
}

@Suite struct MessageTests {
    @Test func specsSurviveTheWire() throws {
        var spec = FunctionSpec(runtime: .binary, entry: "echo", format: .ttrpc)
        spec.concurrency = 64
        spec.maxQueue = 0
        spec.maxContainers = 0
        spec.minContainers = 3
        spec.maxCalls = 5
        spec.reservedContainers = 2
        spec.queueAhead = true
        spec.maxAgeNanos = 1 << 40
        spec.config = ["B": "2", "A": "1"]
        spec.entrypoint = ["/bin/true", "x y"]
        let request = DeployRequest(
            app: "demo", function: "echo", spec: spec, packageDigest: "sha256:00", description: "d", labels: ["l": "1"])
        let copy = try DeployRequest(decoding: request.encoded(), strict: true)
        #expect(copy.spec == spec)
        #expect(copy.labels == ["l": "1"])
        #expect(copy.app == "demo")
    }

    @Test func strictMessagesRefuseUnknownFieldsAndBadText() throws {
        let good = GetAppRequest(app: "demo").encoded()
        #expect(try GetAppRequest(decoding: good, strict: true).app == "demo")
        #expect(throws: Failure.self) { try GetAppRequest(decoding: good + [0x7A, 0], strict: true) }
        #expect(throws: Never.self) { try GetAppRequest(decoding: good + [0x7A, 0], strict: false) }
        #expect(throws: Failure.self) { try GetAppRequest(decoding: [0x0A, 1, 0], strict: true) }
        #expect(throws: Failure.self) { try GetAppRequest(decoding: [0x0A, 1, 0xC0], strict: true) }
    }

    @Test func hostileMessagesEndAtTheQuota() {
        // 2 MiB of empty list entries would take over 100 MiB without the arena's quota.
        let bytes = [UInt8]((0..<1_000_000).flatMap { _ in [0x32, 0] as [UInt8] })
        #expect(throws: Failure.self) { try DeployRequest(decoding: bytes, strict: true) }
    }

    @Test func invokeBodiesRoundTrip() throws {
        let body = InvokeBody(
            payload: Array("hello".utf8), contentType: "text/plain", headers: [CallHeader(name: "X", value: "y")])
        try body.encoded(for: InvokeTarget(app: "demo", function: "f", version: 3)).withUnsafeBytes { bytes in
            let scan = try InvokeScan(scanning: bytes)
            #expect(equal(scan.target.app, "demo") && equal(scan.target.function, "f") && scan.target.version == 3)
            #expect(equal(scan.payload, "hello") && equal(scan.contentType, "text/plain"))
            var headers: [String] = []
            scan.forEachHeader {
                headers.append(String(decoding: $0, as: UTF8.self) + String(decoding: $1, as: UTF8.self))
            }
            #expect(headers == ["Xy"])
        }
    }
}
