import Glibc
import Model
import Testing

@testable import Access

@Suite struct SecretBoxTests {
    private let box = SecretBox(key: (0..<32).map { UInt8($0) })
    private let id = Identifier(high: 7, low: 9)

    @Test(arguments: [1, 2, 15, 16, 17, 4096, 65_535, 65_536])
    func opensWhatItSealed(count: Int) throws {
        let value = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        let sealed = try box.seal(value, for: id)
        #expect(sealed.count == count + SecretBox.overhead)
        #expect((try box.open(sealed, for: id) == value) == true)
        #expect((try box.seal(value, for: id) == sealed) == false, "a nonce was used twice")
        if count >= 16 {
            let body = sealed.dropFirst(SecretBox.overhead - 16).prefix(count)
            #expect(body.elementsEqual(value) == false)
        }
    }

    @Test func valuesHaveALimit() throws {
        var failure = try #require(throws: Failure.self) { try box.seal([], for: id) }
        #expect(failure.code == .invalid)
        failure = try #require(throws: Failure.self) {
            try box.seal([UInt8](repeating: 65, count: 65_537), for: id)
        }
        #expect(failure.code == .tooLarge && failure.message.contains("has 65537 bytes; at most 65536 are allowed"))
    }

    /// Sealed by Python's `cryptography`, with this key and id: the bytes are those that are documented.
    @Test func theFormatIsAsDocumented() throws {
        let hex = """
            01f30252258f6307686465666768696a6b6c6d6e6f2b74ac141c8a22be56\
            0d2d9bbf926296c494d28713ccce88f4eb178c2e
            """
        var digits = Substring(hex)
        var sealed: [UInt8] = []
        while !digits.isEmpty {
            sealed.append(try #require(UInt8(digits.prefix(2), radix: 16)))
            digits = digits.dropFirst(2)
        }
        #expect(Array(sealed[1..<9]) == box.keyID)
        #expect(try box.open(sealed, for: id) == Array("correct horse".utf8))
    }

    @Test func everyBitCounts() throws {
        let value = Array("correct horse".utf8)
        let sealed = try box.seal(value, for: id)
        for index in sealed.indices {
            for bit in 0..<8 {
                var changed = sealed
                changed[index] ^= 1 << bit
                let failure = try #require(throws: Failure.self, "byte \(index)") { try box.open(changed, for: id) }
                #expect(!failure.message.contains("horse"))
                #expect(failure.code == ((1...8).contains(index) ? .precondition : .internalError))
            }
        }
        for count in 0..<sealed.count {
            #expect(throws: Failure.self) { try box.open(Array(sealed.prefix(count)), for: id) }
        }
        #expect(throws: Failure.self) { try box.open(sealed + [0], for: id) }
        #expect(throws: Failure.self) { try box.open([UInt8](repeating: 1, count: 70_000), for: id) }
    }

    @Test func belongsToItsSecret() throws {
        let sealed = try box.seal([1, 2, 3], for: id)
        for other in [Identifier(high: 9, low: 7), Identifier(high: 7, low: 8), Identifier(high: 7, low: 9 << 8)] {
            let failure = try #require(throws: Failure.self) { try box.open(sealed, for: other) }
            #expect(failure.code == .internalError && failure.message.contains("is that of another secret"))
        }
    }

    @Test func anotherKeySaysSo() throws {
        let other = SecretBox(key: (0..<32).map { UInt8($0) ^ ($0 == 31 ? 1 : 0) })
        let failure = try #require(throws: Failure.self) {
            try other.open(try box.seal([1, 2, 3], for: id), for: id)
        }
        #expect(failure.code == .precondition && failure.message.contains("the key file does not fit the data"))
        #expect(other.keyID != box.keyID)
    }
}

@Suite struct SecretKeyFileTests {
    private func mode(_ path: String) -> mode_t {
        var status = stat()
        return stat(path, &status) == 0 ? status.st_mode & 0o7777 : 0
    }

    private func write(_ path: String, bytes: Int, mode: mode_t) throws {
        let file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
        try #require(file >= 0)
        defer { close(file) }
        #expect(Glibc.write(file, [UInt8](repeating: 5, count: max(bytes, 1)), bytes) == bytes)
        #expect(fchmod(file, mode) == 0)
    }

    @Test func isMadeOnceAndKept() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/secret.key"
        // A crash before the name was given leaves this.
        try write(path + ".new", bytes: 3, mode: 0o644)
        let first = try SecretBox(dataDirectory: scratch.path, keyFile: "")
        #expect(mode(path) == 0o600)
        var status = stat()
        #expect(stat(path, &status) == 0 && status.st_size == 32)
        #expect(mode(path + ".new") == 0, "the temporary file is left")
        let id = Identifier(high: 1, low: 1)
        let sealed = try first.seal([1, 2, 3], for: id)
        #expect(try SecretBox(dataDirectory: scratch.path, keyFile: "").open(sealed, for: id) == [1, 2, 3])
        #expect(try SecretBox(dataDirectory: "/nowhere", keyFile: path).open(sealed, for: id) == [1, 2, 3])
        let other = try Scratch()
        #expect(try SecretBox(dataDirectory: other.path, keyFile: "").keyID != first.keyID)
    }

    @Test(
        arguments: [
            (32, 0o640, "has mode 0640: others can get at it"), (32, 0o604, "has mode 0604"),
            (32, 0o620, "has mode 0620"),
            (31, 0o600, "has 31 bytes; a key has 32"), (33, 0o600, "has 33 bytes"), (0, 0o400, "has 0 bytes"),
        ] as [(Int, mode_t, String)])
    func isChecked(bytes: Int, mode: mode_t, message: String) throws {
        let scratch = try Scratch()
        try write(scratch.path + "/secret.key", bytes: bytes, mode: mode)
        for keyFile in ["", scratch.path + "/secret.key"] {
            let failure = try #require(throws: Failure.self) {
                try SecretBox(dataDirectory: scratch.path, keyFile: keyFile)
            }
            #expect(failure.code == .precondition && failure.message.contains(message), "\(failure)")
        }
        #expect(self.mode(scratch.path + "/secret.key") == mode, "it was replaced")
    }

    @Test func whatIsNoFileIsRefused() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/secret.key"
        func message(_ keyFile: String = "") throws -> String {
            try #require(throws: Failure.self) {
                try SecretBox(dataDirectory: scratch.path, keyFile: keyFile)
            }.message
        }
        #expect(try message(path).contains("is not there; make it with"))
        #expect(mode(path) == 0, "a key that was named was made")
        #expect(mkfifo(path, 0o600) == 0)
        #expect(try message().contains("is not a file"))
        unlink(path)
        try write(scratch.path + "/real", bytes: 32, mode: 0o400)
        #expect(symlink("real", path) == 0)
        #expect(try message().contains("cannot be read"), "a link of the data directory was followed")
        _ = try SecretBox(dataDirectory: scratch.path, keyFile: path)
        unlink(path)
        #expect(symlink("nowhere", path) == 0)
        #expect(try message().contains("cannot be read"), "a key was written through a link")
    }

    @Test(.enabled(if: geteuid() == 0)) func somebodyElsesKeyIsRefused() throws {
        let scratch = try Scratch()
        let path = scratch.path + "/secret.key"
        try write(path, bytes: 32, mode: 0o600)
        #expect(chown(path, 12_345, 0) == 0)
        let failure = try #require(throws: Failure.self) { try SecretBox(dataDirectory: scratch.path, keyFile: "") }
        #expect(failure.code == .precondition && failure.message.contains("belongs to user 12345"))
    }
}
