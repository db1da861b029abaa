import Glibc
import Model

/// A secret as a sandbox gets it: the file `/run/secrets/NAME`. The value is wiped with the last reference. Thread-safe.
package final class SandboxSecret: Sendable {
    /// The file's name.
    package let name: Name
    // SAFETY: written once by init, never changed before deinit.
    private nonisolated(unsafe) let value: UnsafeMutableRawBufferPointer

    /// - Parameter value: ``SecretLimits/valueBytes``; copied, to be wiped by the caller.
    /// - Throws: `invalid` for a value out of its range.
    package init(name: Name, value: [UInt8]) throws(Failure) {
        let range = SecretLimits.valueBytes
        guard range.contains(value.count) else {
            throw Failure(
                .invalid,
                "secret \(name): a value of \(value.count) bytes is out of range; \(range.lowerBound) to "
                    + "\(range.upperBound)")
        }
        self.name = name
        self.value = UnsafeMutableRawBufferPointer.allocate(byteCount: value.count, alignment: 1)
        self.value.copyBytes(from: value)
    }

    deinit {
        if let start = value.baseAddress { explicit_bzero(start, value.count) }
        value.deallocate()
    }

    /// The value, for as long as this object lives.
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(value) }

    /// Checks what one sandbox is to have.
    ///
    /// - Throws: `invalid` for too many, or for two of one name.
    static func check(_ secrets: [SandboxSecret]) throws(Failure) {
        guard secrets.count <= SecretLimits.perFunction else {
            throw Failure(
                .invalid, "secrets: \(secrets.count) are over the limit of \(SecretLimits.perFunction) for a function")
        }
        var names: Set<Name> = []
        for secret in secrets where !names.insert(secret.name).inserted {
            throw Failure(.invalid, "secrets: \(quoted(secret.name.text)) is there twice")
        }
    }
}
