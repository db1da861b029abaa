import Testing
import Wire

@Suite struct FrameTests {
    private func step(_ bytes: [UInt8]) -> FrameStep { bytes.withUnsafeBytes { FrameStep($0) } }

    @Test func headerIsTenBytesBigEndian() {
        var bytes = [UInt8](repeating: 0xFF, count: 10)
        let header = FrameHeader(length: 0x0001_0203, streamID: 0x0405_0607, type: 1, flags: 2)
        bytes.withUnsafeMutableBytes { buffer in
            if let base = buffer.baseAddress { header.write(to: base) }
        }
        #expect(bytes == [0, 1, 2, 3, 4, 5, 6, 7, 1, 2])
        bytes.withUnsafeBytes { buffer in
            if let base = buffer.baseAddress { #expect(FrameHeader(reading: base) == header) }
        }
    }

    @Test func everyPrefixIsIncompleteUntilTheFrameIsWhole() {
        let frame: [UInt8] = [0, 0, 0, 3, 0, 0, 0, 1, 1, 0, 7, 8, 9]
        for count in 0..<frame.count {
            guard case .incomplete = step(Array(frame[..<count])) else {
                Issue.record("\(count) bytes are not a frame")
                return
            }
        }
        guard case .frame(let header) = step(frame) else {
            Issue.record("13 bytes are the frame")
            return
        }
        #expect(header == FrameHeader(length: 3, streamID: 1, type: 1))
    }

    @Test(arguments: [(UInt32(4 << 20), false), (UInt32(4 << 20) + 1, true), (UInt32(0x00FF_FFFF), true)])
    func theLimitIsInclusive(length: UInt32, isTooLong: Bool) {
        var header: [UInt8] = [0, 0, 0, 0, 0, 0, 0, 1, 1, 0]
        header.withUnsafeMutableBytes { $0.storeBytes(of: length.bigEndian, as: UInt32.self) }
        switch step(header) {
        case .tooLong: #expect(isTooLong)
        case .incomplete(let needed): #expect(!isTooLong && needed == Int(length) + 10)
        default: Issue.record("neither")
        }
    }

    @Test(arguments: [
        (Array("GET / HTTP/1.1\r\n".utf8), FrameStep.Foreign.http), ([0x16, 3, 1, 2, 0], .tls),
        ([0xFF, 0xFF, 0xFF, 0xFF], .garbage), (Array("PRI * HTTP/2.0".utf8), .http),
    ])
    func otherProtocolsAreNamed(bytes: [UInt8], kind: FrameStep.Foreign) {
        guard case .foreign(let found) = step(bytes) else {
            Issue.record("not ttrpc")
            return
        }
        #expect(found == kind)
    }
}
