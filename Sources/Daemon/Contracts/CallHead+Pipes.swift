internal import Model
internal import Wire

extension CallHead {
    /// The head of a request to a function of format `http`, up to and with the empty line.
    ///
    /// - Parameter length: bytes of the body; `nil`: in chunks.
    func http(length: Int?) -> [UInt8] {
        var head = "\(method) \(path?.url ?? FunctionSpec.invokePath) HTTP/1.1\r\nHost: \(host ?? "localhost")\r\n"
        // Spelled as Fn's server in Go writes them.
        head += "Fn_call_id: \(id)\r\nFn_deadline: \(deadlineText)\r\n"
        head += "Fn_method: \(method)\r\nFn_request_url: \(url)\r\n"
        head += requestHeaders.lines
        return Array((head + Self.bodyHeader(length)).utf8)
    }

    /// The line that a function of format `json` reads.
    func json(_ body: UnsafeRawBufferPointer) -> [UInt8] {
        var line = JSONWriter()
        line.open()
        line.member("call_id", id)
        line.member("deadline", deadlineText)
        line.member("body", String(decoding: body, as: UTF8.self))
        line.member("content_type", contentType)
        line.name("protocol")
        write(to: &line)
        line.close()
        return line.bytes + [UInt8(ascii: "\n")]
    }

    /// The original request, as `json` and `cloudevent` tell it.
    func write(to line: inout JSONWriter) {
        line.open()
        line.member("type", "http")
        line.member("method", method)
        line.member("request_url", url)
        line.name("headers")
        line.open()
        var names: [String] = []
        var values: [String: [String]] = [:]
        for header in requestHeaders {
            let key = header.name.lowercased()
            if values[key] == nil { names.append(header.name) }
            values[key, default: []].append(header.value)
        }
        for name in names {
            line.name(name)
            line.strings(values[name.lowercased()] ?? [])
        }
        line.close()
        line.close()
    }

    /// The headers of the original request.
    private var requestHeaders: [CallHeader] {
        [contentTypeHeader].compactMap { $0 } + trace + (path?.parameterHeaders ?? []) + passedHeaders
    }
}
