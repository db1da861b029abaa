import FnrpcClient
import Foundation
import Glibc
import Model

/// What is sent, and what it seems to be: bytes that are here, and a source of those that are not.
struct CallBody: Sendable {
    /// Most bytes of a call in one message; what is longer is streamed.
    static let unaryBytes = (4 << 20) - (64 << 10)
    /// Most bytes of a reply that is shown inside JSON.
    static let jsonBytes = 64 << 20

    /// What was read.
    private(set) var bytes: [UInt8]
    /// Whether ``bytes`` are all.
    private(set) var isWhole: Bool
    private let reader: InputReader?

    /// The data, the file, or standard input; nothing is read yet.
    init(data: String?, file: String?) throws(Failure) {
        if let data {
            switch try InputSource(data) {
            case .bytes(let bytes): self.init(bytes)
            case .reader(let reader): self.init([], reader)
            }
        } else if let file, file != "-" {
            self.init([], try InputReader(file: file, option: "-f"))
        } else if file == "-" || !Terminal.isTerminal(STDIN_FILENO) {
            self.init([], try InputReader())
        } else {
            self.init([])
        }
    }

    init(_ bytes: [UInt8], _ reader: InputReader? = nil) {
        self.bytes = bytes
        self.reader = reader
        isWhole = reader == nil
    }

    /// Reads until there is more than a limit, or nothing left.
    mutating func fill(_ limit: Int) async throws(Failure) {
        while !isWhole, bytes.count <= limit {
            if let piece = try await reader?.next() { bytes += piece } else { isWhole = true }
        }
        // In one message it does not fit.
        if bytes.count > limit { isWhole = false }
    }

    /// Takes the next piece; `nil`: the end.
    mutating func next() async throws(Failure) -> [UInt8]? {
        if !bytes.isEmpty {
            defer { bytes = [] }
            return bytes
        }
        return try await reader?.next()
    }

    /// Ends a reading that waits.
    func stop() {
        reader?.stop()
    }

    /// The function's own code reads the type; JSON is told apart only where it cannot be mistaken, so never by its
    /// beginning.
    var contentType: String {
        guard isWhole else { return "application/octet-stream" }
        guard let first = bytes.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else {
            return bytes.isEmpty ? "" : "text/plain"
        }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
            (try? JSONSerialization.jsonObject(with: Data(bytes))) != nil
        {
            return "application/json"
        }
        return String(validating: bytes, as: UTF8.self) == nil ? "application/octet-stream" : "text/plain"
    }
}
