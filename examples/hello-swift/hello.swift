// A function of Fn's format http: HTTP/1.1 requests on standard input, answers on standard output, standard error is the log.
@preconcurrency import Glibc

/// Reads so many bytes; fewer at the end of the input.
func readBytes(_ count: Int) -> [UInt8] {
    [UInt8](unsafeUninitializedCapacity: count) { buffer, size in size = fread(buffer.baseAddress, 1, count, stdin) }
}

/// Reads the body of the request whose headers were read; `nil` if it does not follow HTTP/1.1.
func readBody(_ headers: [String: String]) -> [UInt8]? {
    guard headers["transfer-encoding"] == "chunked" else {
        let length = headers["content-length"].flatMap { Int($0) } ?? 0
        let body = readBytes(length)
        return body.count == length ? body : nil
    }
    var body: [UInt8] = []
    while let size = readLine().flatMap({ Int($0, radix: 16) }) {
        body += readBytes(size)
        // What ends a chunk, or the whole body.
        guard readLine() == "" else { return nil }
        if size == 0 { return body }
    }
    return nil
}

while let request = readLine() {
    var headers: [String: String] = [:]
    while let line = readLine(), let colon = line.firstIndex(of: ":") {
        headers[line[..<colon].lowercased()] = String(line[line.index(after: colon)...].drop { $0 == " " })
    }
    guard let body = readBody(headers) else { exit(1) }
    fputs("\(request) is call \(headers["fn_call_id"] ?? "?")\n", stderr)
    let name = body.isEmpty ? "world" : String(decoding: body, as: UTF8.self)
    let text = "Hello, \(name), from Swift!\n"
    print("HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: \(text.utf8.count)\r\n\r")
    print(text, terminator: "")
    fflush(stdout)
}
