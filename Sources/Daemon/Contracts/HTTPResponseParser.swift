internal import Wire

/// Reads HTTP/1.1 responses (RFC 9112) as they come in. Total: any bytes end in a response, a wait, or an error.
struct HTTPResponseParser {
    /// A whole response.
    struct Response {
        var status = 0
        var headers: [CallHeader] = []
        var body: [UInt8] = []
        /// The connection can take the next request.
        var keepsAlive = true
    }

    /// Why it is no response; a sentence's end.
    struct Malformed: Error {
        let reason: String
    }

    private enum Phase {
        case head
        case length(Int)
        case chunkSize
        case chunk(Int)
        case chunkEnd
        case trailer
        case untilClose
    }

    private var phase = Phase.head
    private var response = Response()
    private var trailerBytes = 0
    /// Bytes of an unfinished head that hold no end of it; a head that drips is not read over and over.
    private var scanned = 0

    /// Whether a byte of the response has been used.
    private(set) var hasBegun = false

    /// Uses input; gives the response when it is whole.
    ///
    /// - Parameter consumed: how many bytes were used.
    mutating func parse(
        _ bytes: UnsafeRawBufferPointer, consumed: inout Int
    ) throws(Malformed) -> Response? {
        consumed = 0
        if bytes.count > 0 { hasBegun = true }
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[consumed...])
            switch phase {
            case .head:
                guard let end = try headEnd(rest) else { return nil }
                scanned = 0
                try parseHead(UnsafeRawBufferPointer(rebasing: rest[..<end]))
                consumed += end
            case .length(0): return take()
            case .length(let missing):
                guard rest.count > 0 else { return nil }
                let count = min(missing, rest.count)
                try append(rest, count)
                consumed += count
                phase = .length(missing - count)
            case .chunkSize:
                guard let line = try line(rest) else { return nil }
                consumed += line.count + 2
                let size = try chunkSize(line)
                phase = size == 0 ? .trailer : .chunk(size)
            case .chunk(let missing):
                guard rest.count > 0 else { return nil }
                let count = min(missing, rest.count)
                try append(rest, count)
                consumed += count
                phase = missing == count ? .chunkEnd : .chunk(missing - count)
            case .chunkEnd:
                guard rest.count >= 2 else { return nil }
                guard rest[0] == 13, rest[1] == 10 else {
                    throw Malformed(reason: "a chunk does not end where it said")
                }
                consumed += 2
                phase = .chunkSize
            case .trailer:
                guard let line = try line(rest) else { return nil }
                consumed += line.count + 2
                trailerBytes += line.count
                guard trailerBytes <= ContractLimits.headerBytes else {
                    throw Malformed(reason: "its trailers are too long")
                }
                if line.count == 0 { return take() }
            case .untilClose:
                try append(rest, rest.count)
                consumed += rest.count
                return nil
            }
        }
    }

    /// The peer closed; gives the response if that is its end.
    mutating func finish() -> Response? {
        guard case .untilClose = phase else { return nil }
        return take()
    }

    private mutating func take() -> Response {
        defer { self = HTTPResponseParser() }
        return response
    }

    private mutating func append(_ bytes: UnsafeRawBufferPointer, _ count: Int) throws(Malformed) {
        guard response.body.count + count <= ContractLimits.replyBytes else {
            throw Malformed(reason: "its reply is over the limit of \(ContractLimits.replyBytes) bytes")
        }
        response.body.append(contentsOf: bytes[..<count])
    }

    private mutating func headEnd(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Int? {
        var index = scanned
        while index + 3 < bytes.count {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 {
                return index + 4
            }
            index += 1
        }
        guard bytes.count <= ContractLimits.headerBytes else { throw Malformed(reason: "its headers are too long") }
        scanned = index
        return nil
    }

    private func line(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> UnsafeRawBufferPointer? {
        for index in 0..<max(bytes.count - 1, 0) where bytes[index] == 13 && bytes[index + 1] == 10 {
            return UnsafeRawBufferPointer(rebasing: bytes[..<index])
        }
        guard bytes.count <= 4096 else { throw Malformed(reason: "a line between its chunks is too long") }
        return nil
    }

    private func chunkSize(_ line: UnsafeRawBufferPointer) throws(Malformed) -> Int {
        var size = 0
        var digits = 0
        for byte in line {
            guard let digit = hexDigit(byte) else {
                // Extensions after `;` and trailing blanks are allowed and mean nothing here.
                if digits > 0, byte == UInt8(ascii: ";") || byte == 32 || byte == 9 { break }
                throw Malformed(reason: "a chunk's size is not a number")
            }
            digits += 1
            size = size * 16 + digit
            guard size <= ContractLimits.replyBytes else {
                throw Malformed(reason: "its reply is over the limit of \(ContractLimits.replyBytes) bytes")
            }
        }
        guard digits > 0 else { throw Malformed(reason: "a chunk's size is not a number") }
        return size
    }

    private func hexDigit(_ byte: UInt8) -> Int? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): Int(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): Int(byte - UInt8(ascii: "a")) + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): Int(byte - UInt8(ascii: "A")) + 10
        default: nil
        }
    }

    private mutating func parseHead(_ head: UnsafeRawBufferPointer) throws(Malformed) {
        let text = String(decoding: head.dropLast(4), as: UTF8.self)
        var lines = text.split(separator: "\r\n", omittingEmptySubsequences: false)[...]
        let parts = lines.removeFirst().split(separator: " ", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count >= 2, parts[0] == "HTTP/1.1" || parts[0] == "HTTP/1.0", parts[1].utf8.count == 3,
            let status = Int(parts[1]), (100...599).contains(status)
        else { throw Malformed(reason: "its status line is not HTTP/1.1") }
        response.status = status
        response.keepsAlive = parts[0] == "HTTP/1.1"
        var length: Int?
        var isChunked = false
        for line in lines {
            guard let colon = line.firstIndex(of: ":"), colon != line.startIndex else {
                throw Malformed(reason: "a header line has no name")
            }
            let name = String(line[..<colon])
            let value = trimmed(line[line.index(after: colon)...])
            switch name.lowercased() {
            case "content-length":
                guard let number = Int(value), number >= 0, length == nil || length == number else {
                    throw Malformed(reason: "its Content-Length is not a number")
                }
                length = number
            case "transfer-encoding":
                guard value.lowercased() == "chunked" else {
                    throw Malformed(reason: "its Transfer-Encoding is not chunked")
                }
                isChunked = true
            case "connection":
                response.keepsAlive =
                    value.lowercased() == "keep-alive" || (response.keepsAlive && value.lowercased() != "close")
            case "keep-alive", "proxy-connection", "te", "trailer", "upgrade": break
            default: response.headers.append(CallHeader(name: name, value: value))
            }
        }
        try choosePhase(status: status, length: length, isChunked: isChunked)
    }

    private mutating func choosePhase(status: Int, length: Int?, isChunked: Bool) throws(Malformed) {
        if (100...199).contains(status) {
            // An interim response: the real one follows.
            response = Response()
            phase = .head
        } else if status == 204 || status == 304 {
            phase = .length(0)
        } else if isChunked {
            phase = .chunkSize
        } else if let length {
            guard length <= ContractLimits.replyBytes else {
                throw Malformed(reason: "its reply is over the limit of \(ContractLimits.replyBytes) bytes")
            }
            phase = .length(length)
        } else {
            response.keepsAlive = false
            phase = .untilClose
        }
    }

    private func trimmed(_ text: Substring) -> String {
        var text = text
        while text.first == " " || text.first == "\t" { text.removeFirst() }
        while text.last == " " || text.last == "\t" { text.removeLast() }
        return String(text)
    }
}
