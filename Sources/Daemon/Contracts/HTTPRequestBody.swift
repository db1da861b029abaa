internal import Model
internal import Wire

/// The body of a streamed HTTP/1.1 request as it is written: counted if its caller has said how long it is, else in chunks.
struct HTTPRequestBody {
    /// Writes so many bytes, which the closure gives.
    typealias Write = (_ count: Int, _ fill: (UnsafeMutableRawBufferPointer) -> Void) -> Void

    /// Longer bodies go in chunks, bytes: Fn's Python FDK refuses a Content-Length above this.
    private static let maxLength = 100_000_000

    /// Bytes; `nil`: it goes in chunks.
    let length: Int?
    private var sent = 0

    /// - Parameter headers: the caller's.
    init(_ headers: [CallHeader]) {
        length = headers.first { $0.name.lowercased() == "content-length" }
            .flatMap { HTTPHeader.decimal($0.value, max: Self.maxLength) }
    }

    /// What is wrong with a further part; `nil`: nothing.
    func refusal(of payload: UnsafeRawBufferPointer) -> Failure? {
        guard let length, payload.count > length - sent else { return nil }
        return Failure(.invalid, "payload: the body is longer than its content-length of \(length) bytes")
    }

    /// Writes a part, which is not empty and not refused.
    mutating func write(_ payload: UnsafeRawBufferPointer, _ write: Write) {
        sent += payload.count
        guard length == nil else { return write(payload.count) { $0.copyMemory(from: payload) } }
        var size = String(payload.count, radix: 16) + "\r\n"
        size.withUTF8 { size in
            write(size.count + payload.count + 2) { buffer in
                buffer.copyBytes(from: size)
                UnsafeMutableRawBufferPointer(rebasing: buffer[size.count...]).copyBytes(from: payload)
                buffer[buffer.count - 2] = 13
                buffer[buffer.count - 1] = 10
            }
        }
    }

    /// Writes what ends the body.
    ///
    /// - Returns: what is wrong with it; `nil`: nothing.
    func end(_ write: Write) -> Failure? {
        guard let length else {
            let last = "0\r\n\r\n".utf8
            write(last.count) { $0.copyBytes(from: last) }
            return nil
        }
        guard sent < length else { return nil }
        return Failure(.invalid, "payload: the body has \(sent) bytes; its content-length says \(length)")
    }
}
