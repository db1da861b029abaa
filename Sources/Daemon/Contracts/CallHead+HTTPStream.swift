internal import Model
internal import Wire

extension CallHead {
    /// A request to a function of format `http-stream`.
    ///
    /// - Parameters:
    ///   - length: bytes of the body; `nil`: it comes in chunks.
    ///   - body: what of it is there; the rest follows.
    func httpStream(length: Int?, body: UnsafeRawBufferPointer = .init(start: nil, count: 0)) -> [UInt8] {
        var head: [UInt8] = []
        head.reserveCapacity(Self.usualBytes + body.count)
        head += "POST /call HTTP/1.1\r\nHost: localhost\r\nFn-Call-Id: ".utf8
        head += id.utf8
        head += "\r\nFn-Deadline: ".utf8
        head += deadlineText.utf8
        head += "\r\n".utf8
        if let contentTypeHeader { head.add(contentTypeHeader) }
        for header in trace { head.add(header) }
        if let path {
            for header in path.headers(url: url) { head.add(header) }
            for header in framedHeaders { head.add(CallHeader(name: "Fn-Http-H-" + header.name, value: header.value)) }
        } else {
            for header in passedHeaders { head.add(header) }
        }
        head += Self.bodyHeader(length).utf8
        head += body
        return head
    }

    /// Of a head with few headers, bytes.
    private static let usualBytes = 512

    /// Says how long the body is, and ends the head.
    static func bodyHeader(_ length: Int?) -> String {
        length.map { "Content-Length: \($0)\r\n\r\n" } ?? "Transfer-Encoding: chunked\r\n\r\n"
    }
}

extension [UInt8] {
    /// Adds a header's line.
    fileprivate mutating func add(_ header: CallHeader) {
        self += header.name.utf8
        self += ": ".utf8
        self += header.value.utf8
        self += "\r\n".utf8
    }
}
