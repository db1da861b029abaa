/// Why a connection was closed from this side. The description is for the log: "closed a connection: …".
package enum CloseReason: Sendable, Equatable, CustomStringConvertible {
    /// The peer took nothing of `waiting` bytes for so many nanoseconds.
    case slowReader(waiting: Int, nanos: UInt64)
    /// `waiting` bytes waited, and one more message would have gone past the limit.
    case outputLimit(waiting: Int, limit: Int)
    /// The daemon-wide budget for buffered bytes has no room for its output.
    case outputBudget(waiting: Int)
    /// The peer announced a message of `bytes` bytes.
    case inputLimit(bytes: Int)
    /// A message began and was not complete in time.
    case frameTimeout(nanos: UInt64)
    /// No TLS handshake, or no first message, in time.
    case firstTimeout(nanos: UInt64)
    /// TLS failed; the text is OpenSSL's, or says what came instead.
    case tls(String)
    /// The machine has no memory for what came.
    case noMemory

    package var description: String {
        switch self {
        case .slowReader(let waiting, let nanos):
            "it read nothing for \(Self.seconds(nanos)) while \(waiting) bytes waited for it"
        case .outputLimit(let waiting, let limit):
            "it does not read fast enough: \(waiting) bytes wait for it; at most \(limit) may"
        case .outputBudget(let waiting):
            "\(waiting) bytes wait for it, and the budget for buffered bytes of all connections is used up"
        case .inputLimit(let bytes): "it announced a message of \(bytes) bytes; at most \(Connection.maxInput) may come"
        case .frameTimeout(let nanos): "a message that it began was not complete after \(Self.seconds(nanos))"
        case .firstTimeout(let nanos): "its first message was not there after \(Self.seconds(nanos))"
        case .tls(let text): "TLS: \(text)"
        case .noMemory: "there is no memory for its input"
        }
    }

    private static func seconds(_ nanos: UInt64) -> String {
        let tenths = nanos / 100_000_000
        return tenths % 10 == 0 ? "\(tenths / 10) s" : "\(tenths / 10).\(tenths % 10) s"
    }
}
