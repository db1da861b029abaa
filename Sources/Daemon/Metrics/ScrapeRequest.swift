/// What the head of an HTTP/1 request asks for: as much of RFC 9112 as one page needs. Pure; any bytes have a meaning.
enum ScrapeRequest: Equatable, Sendable {
    /// The head is not complete yet.
    case incomplete
    /// `GET /metrics`, or `HEAD` without the text.
    case metrics(withText: Bool)
    /// Another path.
    case notFound
    /// Another method.
    case notAllowed
    /// Not HTTP/1, or over the limit; why.
    case bad(String)

    /// Bytes of request line and headers together.
    static let maxHeadBytes = 8 << 10

    /// - Parameter bytes: everything that has come so far.
    init(_ bytes: UnsafeRawBufferPointer) {
        // A TLS hello, for example, has no end that would come.
        if let first = bytes.first, !Self.isToken(first) {
            self = .bad("a request begins with its method")
            return
        }
        var lines: [UnsafeRawBufferPointer] = []
        var start = 0
        for index in 0..<min(bytes.count, Self.maxHeadBytes) where bytes[index] == Self.lineFeed {
            let end = index > start && bytes[index - 1] == Self.carriageReturn ? index - 1 : index
            if end == start {
                self = Self.read(lines)
                return
            }
            lines.append(UnsafeRawBufferPointer(rebasing: bytes[start..<end]))
            start = index + 1
        }
        self = bytes.count < Self.maxHeadBytes ? .incomplete : .bad("the head is over \(Self.maxHeadBytes) bytes")
    }

    private static func read(_ lines: [UnsafeRawBufferPointer]) -> ScrapeRequest {
        guard let line = lines.first else { return .bad("the request line is empty") }
        let parts = line.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        guard parts.count == 3, !parts[0].isEmpty, parts[0].allSatisfy(isToken), isPath(parts[1]) else {
            return .bad("the request line is not METHOD PATH VERSION")
        }
        guard parts[2].elementsEqual("HTTP/1.1".utf8) || parts[2].elementsEqual("HTTP/1.0".utf8) else {
            return .bad("only HTTP/1.1 and HTTP/1.0 are understood")
        }
        guard lines.dropFirst().allSatisfy(isHeader) else { return .bad("a header line is not NAME: VALUE") }
        let path = parts[1].prefix { $0 != UInt8(ascii: "?") }
        guard path.elementsEqual("/metrics".utf8) else { return .notFound }
        if parts[0].elementsEqual("GET".utf8) { return .metrics(withText: true) }
        return parts[0].elementsEqual("HEAD".utf8) ? .metrics(withText: false) : .notAllowed
    }

    private static func isPath(_ bytes: Slice<UnsafeRawBufferPointer>) -> Bool {
        bytes.first == UInt8(ascii: "/") && bytes.allSatisfy { (0x21...0x7E).contains($0) }
    }

    private static func isHeader(_ line: UnsafeRawBufferPointer) -> Bool {
        guard let colon = line.firstIndex(of: UInt8(ascii: ":")), colon > 0 else { return false }
        return line[..<colon].allSatisfy(isToken) && line[colon...].allSatisfy { $0 >= 0x20 && $0 != 0x7F || $0 == 9 }
    }

    /// RFC 9110 §5.6.2.
    private static func isToken(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
        }
    }

    private static let lineFeed = UInt8(ascii: "\n")
    private static let carriageReturn = UInt8(ascii: "\r")

    /// The whole response.
    ///
    /// - Parameter text: makes the metrics, if they are asked for.
    /// - Returns: `nil` while the request is incomplete.
    func response(_ text: () -> [UInt8]) -> [UInt8]? {
        switch self {
        case .incomplete: nil
        case .metrics(let withText):
            Self.response("200 OK", "text/plain; version=0.0.4; charset=utf-8", text(), withText: withText)
        case .notFound: Self.response("404 Not Found", "there is only /metrics here\n")
        case .notAllowed:
            Self.response("405 Method Not Allowed", "only GET and HEAD are allowed\n", headers: "Allow: GET, HEAD\r\n")
        case .bad(let reason): Self.response("400 Bad Request", reason + "\n")
        }
    }

    private static func response(_ status: String, _ text: String, headers: String = "") -> [UInt8] {
        response(status, "text/plain; charset=utf-8", Array(text.utf8), withText: true, headers: headers)
    }

    private static func response(
        _ status: String, _ type: String, _ text: [UInt8], withText: Bool, headers: String = ""
    ) -> [UInt8] {
        let head =
            "HTTP/1.1 \(status)\r\nContent-Type: \(type)\r\nContent-Length: \(text.count)\r\n\(headers)"
            + "Cache-Control: no-store\r\nConnection: close\r\n\r\n"
        return Array(head.utf8) + (withText ? text : [])
    }
}
