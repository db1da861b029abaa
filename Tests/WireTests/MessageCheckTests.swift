import Model
import Testing

@testable import Wire

/// What is checked before protobuf-c reads a message.
@Suite struct MessageCheckTests {
    /// A message of one number; fields below 16.
    private func number(_ field: UInt8, _ value: UInt64) -> [UInt8] {
        var (bytes, rest) = ([field << 3], value)
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    private func refusal<M: WireMessage>(_ type: M.Type, _ bytes: [UInt8], strict: Bool = true) -> Failure? {
        do throws(Failure) { _ = try M(decoding: bytes, strict: strict) } catch { return error }
        return nil
    }

    @Test func numbersOf32BitsAreNotCut() throws {
        let most = UInt64(UInt32.max)
        #expect(try GetVersionRequest(decoding: number(3, most), strict: true).number == .max)
        for value in [most + 1, most + 2, 1 << 63, .max] {
            for strict in [true, false] {
                let error = refusal(GetVersionRequest.self, number(3, value), strict: strict)
                #expect(error?.code == .invalid && error?.field == "number")
                #expect(error?.message == "number: \(value) is out of range; 0 to 4294967295")
            }
        }
    }

    @Test func truthIsZeroOrOne() throws {
        #expect(try PurgeByApiVersionRequest(decoding: number(3, 1), strict: true).confirm)
        #expect(try !PurgeByApiVersionRequest(decoding: number(3, 0), strict: true).confirm)
        for value: UInt64 in [2, 256, 1 << 32, .max] {
            #expect(refusal(PurgeByApiVersionRequest.self, number(3, value))?.field == "confirm")
        }
    }

    @Test func enumerationsHave32Bits() throws {
        #expect(try HealthCheckResponse(decoding: number(1, 1), strict: true).status == .serving)
        for value: UInt64 in [1 << 31, 1 << 32 + 1, UInt64(bitPattern: Int64(Int32.min) - 1)] {
            #expect(refusal(HealthCheckResponse.self, number(1, value))?.field == "status")
        }
    }

    /// As the checks of their values do.
    @Test func fieldsOfASpecAreCalledAsInItsFile() {
        for (field, name) in [(5, "memory"), (8, "concurrency"), (12, "tmp_size")] as [(UInt8, String)] {
            let spec = number(field, 1 << 33)
            let error = refusal(DeployRequest.self, [0x1A, UInt8(spec.count)] + spec)
            #expect(error?.message == "\(name): 8589934592 is out of range; 0 to 4294967295")
        }
        #expect(refusal(DeployRequest.self, [0x1A, 3, 0x0A, 1, 0xFF])?.field == "runtime")
    }

    @Test func numbersOf64BitsAreTakenWhole() throws {
        #expect(try FollowEventsRequest(decoding: number(1, .max), strict: true).after == .max)
    }

    @Test func unknownFieldsAreNamedByTheirPath() throws {
        #expect(refusal(GetAppRequest.self, number(14, 1))?.field == "14")
        let spec: [UInt8] = [0x1A, 3, 0x98, 0x06, 0x01]
        let error = refusal(DeployRequest.self, spec)
        #expect(error?.field == "spec.99")
        #expect(error?.message == "spec.99: a field that this version does not know")
        #expect(refusal(DeployRequest.self, spec, strict: false)?.message.contains("99") != true)
        number(7, 1).withUnsafeBytes { bytes in
            let error = #expect(throws: Failure.self) { try EchoScan(scanning: bytes) }
            #expect(error?.field == "7")
        }
    }
}
