internal import Model
internal import Wire

/// The head of a request to a function of format `http-stream`.
struct HTTPRequestHead {
    /// The call's id as text.
    let id: String
    let deadline: Timestamp
    let contentType: String
    let headers: [CallHeader]
    /// Of the call; only `traceparent` and `tracestate` are passed on.
    let metadata: [CallHeader]
    /// Of a call by path.
    let path: PathRequest?
    /// Bytes of the body; `nil`: in chunks.
    let length: Int?

    /// Headers that are between two neighbours, or ours to set.
    private static let reserved = HTTPHeader.hopByHop.union(["content-type", "host", "fn-call-id", "fn-deadline"])
    /// Of the headers of an HTTP request that the call stands for, those that are not passed on with Fn's prefix.
    private static let reservedByPath = HTTPHeader.hopByHop.subtracting(["content-length"])
        .union(["content-type", "host"])
    /// Metadata of the wire that HTTP has headers for.
    private static let traced: Set<String> = ["traceparent", "tracestate"]

    /// The bytes up to and with the empty line.
    var encoded: [UInt8] {
        var head = "POST /call HTTP/1.1\r\nHost: localhost\r\nFn-Call-Id: \(id)\r\n"
        head += "Fn-Deadline: \(deadline.rfc3339(fractionDigits: 3))\r\n"
        if !contentType.isEmpty && HTTPHeader.isValue(contentType) { head += "Content-Type: \(contentType)\r\n" }
        var taken = path == nil ? Self.reserved : Self.reservedByPath
        for entry in metadata {
            let name = entry.name.lowercased()
            guard Self.traced.contains(name), HTTPHeader.isValue(entry.value) else { continue }
            head += "\(name): \(entry.value)\r\n"
            if path == nil { taken.insert(name) }
        }
        for header in path?.headers ?? [] { head += "\(header.name): \(header.value)\r\n" }
        let prefix = path == nil ? "" : "Fn-Http-H-"
        for header in headers {
            // A name or value that could end the line would let a caller write headers of its own.
            guard HTTPHeader.isName(header.name), HTTPHeader.isValue(header.value),
                !taken.contains(header.name.lowercased())
            else { continue }
            head += "\(prefix)\(header.name): \(header.value)\r\n"
        }
        head += length.map { "Content-Length: \($0)\r\n\r\n" } ?? "Transfer-Encoding: chunked\r\n\r\n"
        return Array(head.utf8)
    }
}
