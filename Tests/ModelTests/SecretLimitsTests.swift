import Model
import Testing

@Suite struct SecretLimitsTests {
    @Test func wipedBytesAreOverwritten() {
        var bytes: [UInt8] = [1, 2, 3]
        bytes.wipe()
        #expect(bytes.isEmpty)
        // The storage that held them is still the array's own.
        #expect(bytes.capacity >= 3)
        bytes.withUnsafeBufferPointer { storage in
            for index in 0..<3 { #expect(storage.baseAddress?[index] == 0) }
        }
        bytes.wipe()
        #expect(bytes.isEmpty)
    }
}
