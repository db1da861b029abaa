internal import Model
internal import Wire

extension CallHead {
    /// The head of a request to a function of format `http-stream`, up to and with the empty line.
    ///
    /// - Parameter length: bytes of the body; `nil`: in chunks.
    func httpStream(length: Int?) -> [UInt8] {
        var head = "POST /call HTTP/1.1\r\nHost: localhost\r\n"
        head += "Fn-Call-Id: \(id)\r\nFn-Deadline: \(deadlineText)\r\n"
        head += [contentTypeHeader].compactMap { $0 }.lines + trace.lines
        if let path {
            head += path.headers(url: url).lines
            head += framedHeaders.map { CallHeader(name: "Fn-Http-H-" + $0.name, value: $0.value) }.lines
        } else {
            head += passedHeaders.lines
        }
        return Array((head + Self.bodyHeader(length)).utf8)
    }

    /// Says how long the body is, and ends the head.
    static func bodyHeader(_ length: Int?) -> String {
        length.map { "Content-Length: \($0)\r\n\r\n" } ?? "Transfer-Encoding: chunked\r\n\r\n"
    }
}
