import Glibc
import Model

/// A descriptor that is closed with its owner. Not thread-safe.
package struct Descriptor: ~Copyable, Sendable {
    /// The number that the kernel knows it by.
    package let raw: Int32

    /// Takes over an open descriptor.
    package init(owning raw: Int32) {
        self.raw = raw
    }

    deinit { close(raw) }
}

/// Reading and writing of whole buffers, with errors that name what was being read or written. All of it blocks.
package enum FileIO {
    /// The failure for the present `errno`.
    ///
    /// - Parameter action: what could not be done: "main.py cannot be read".
    package static func failure(_ action: String, errno code: Int32 = errno) -> Failure {
        if code == ENOSPC || code == EDQUOT {
            return Failure(.internalError, "\(action): the disk is full; free some space and try again")
        }
        let kind: Failure.Code =
            code == ENOENT ? .notFound : code == EACCES || code == EPERM ? .notPermitted : .internalError
        return Failure(kind, "\(action): \(text(of: code))")
    }

    /// The system's words for an error number.
    package static func text(of code: Int32) -> String {
        var buffer = [CChar](repeating: 0, count: 128)
        _ = strerror_r(code, &buffer, buffer.count)
        return String(decoding: buffer.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Reads once, up to the whole buffer; 0 at the end.
    package static func read(
        _ descriptor: Int32, into buffer: inout [UInt8], naming name: String
    ) throws(Failure) -> Int {
        while true {
            let count = buffer.withUnsafeMutableBytes { Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count >= 0 { return count }
            if errno != EINTR { throw failure("\(name) cannot be read") }
        }
    }

    /// Writes everything.
    package static func write(
        _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, naming name: String
    ) throws(Failure) {
        var rest = bytes
        while let start = rest.baseAddress, !rest.isEmpty {
            let count = Glibc.write(descriptor, start, rest.count)
            if count < 0 {
                if errno == EINTR { continue }
                throw failure("\(name) cannot be written")
            }
            rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(count))
        }
    }

    /// A small file's bytes; `nil` if it does not exist.
    ///
    /// - Parameter limit: bytes; a longer file is refused.
    package static func contents(
        of name: String, in folder: Int32, limit: Int
    ) throws(Failure) -> [UInt8]? {
        let raw = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK)
        if raw < 0 {
            if errno == ENOENT { return nil }
            throw failure("\(quoted(name)) cannot be opened")
        }
        let descriptor = Descriptor(owning: raw)
        var info = stat()
        guard fstat(raw, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.invalid, "\(quoted(name)) is not a file")
        }
        var bytes: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 16_384)
        while true {
            let count = try read(descriptor.raw, into: &buffer, naming: quoted(name))
            if count == 0 { return bytes }
            bytes += buffer.prefix(count)
            if bytes.count > limit {
                throw Failure(.tooLarge, "\(quoted(name)) is over the limit of \(limit) bytes")
            }
        }
    }
}
