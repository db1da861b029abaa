internal import Model
internal import Wire

/// Reads HTTP/1.1 responses (RFC 9112) as they come in, piece by piece; keeps nothing of a body. Total: any bytes end
/// in events, a wait, or an error.
struct HTTPResponseParser {
    /// What stands before the body.
    struct Head {
        var status = 0
        var contentType = ""
        /// All others, without those that are between two neighbours.
        var headers: [CallHeader] = []
        /// The connection can take the next request when the body has ended.
        var keepsAlive = true
        /// Bytes of the body, if that is known.
        var length: Int?
    }

    /// What the next bytes are.
    enum Event {
        /// Nothing more until more input comes.
        case wait
        case head(Head)
        /// A piece of the body, not empty, at most ``StreamLimits/chunkBytes``; a part of the input.
        case body(UnsafeRawBufferPointer)
        /// The response is whole; the next one may follow.
        case end
    }

    typealias Malformed = MalformedReply

    private enum Phase {
        case head
        case length(Int)
        case chunkSize
        case chunk(Int)
        case chunkEnd
        case trailer
        case untilClose
    }

    /// Bytes of a line between chunks.
    private static let lineBytes = 4096
    /// More than any body has, and far from where numbers overflow.
    private static let maxLength = 1 << 56

    private var phase = Phase.head
    private var trailerBytes = 0
    /// Bytes of an unfinished head or line that hold no end of it; what drips in is not read over and over.
    private var scanned = 0

    /// The response is to HEAD, so it has no body, whatever it says.
    private let answersHead: Bool

    /// Whether a byte of the response has been seen.
    private(set) var hasBegun = false

    init(answersHead: Bool = false) {
        self.answersHead = answersHead
    }

    /// Gives the next event.
    ///
    /// - Parameters:
    ///   - bytes: the input that there is; what was not used must be there again, with more behind it.
    ///   - position: where the unused input begins; moved behind what was used.
    mutating func next(_ bytes: UnsafeRawBufferPointer, from position: inout Int) throws(Malformed) -> Event {
        if position < bytes.count { hasBegun = true }
        while true {
            let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
            switch phase {
            case .head:
                guard let end = try headEnd(rest) else { return .wait }
                position += end
                let head = try parseHead(UnsafeRawBufferPointer(rebasing: rest[..<end]))
                // An interim response says nothing; the real one follows.
                if (100...199).contains(head.status) { continue }
                return .head(head)
            case .length(0): return end()
            case .length(let missing):
                guard rest.count > 0 else { return .wait }
                let count = min(missing, rest.count, StreamLimits.chunkBytes)
                position += count
                phase = .length(missing - count)
                return .body(UnsafeRawBufferPointer(rebasing: rest[..<count]))
            case .chunkSize:
                guard let line = try line(rest) else { return .wait }
                position += line.count + 2
                let size = try chunkSize(line)
                phase = size == 0 ? .trailer : .chunk(size)
            case .chunk(let missing):
                guard rest.count > 0 else { return .wait }
                let count = min(missing, rest.count, StreamLimits.chunkBytes)
                position += count
                phase = missing == count ? .chunkEnd : .chunk(missing - count)
                return .body(UnsafeRawBufferPointer(rebasing: rest[..<count]))
            case .chunkEnd:
                guard rest.count >= 2 else { return .wait }
                guard rest[0] == 13, rest[1] == 10 else {
                    throw Malformed(reason: "a chunk does not end where it said")
                }
                position += 2
                phase = .chunkSize
            case .trailer:
                guard let line = try line(rest) else { return .wait }
                position += line.count + 2
                trailerBytes += line.count
                guard trailerBytes <= ContractLimits.headerBytes else {
                    throw Malformed(reason: "its trailers are too long")
                }
                if line.count == 0 { return end() }
            case .untilClose:
                guard rest.count > 0 else { return .wait }
                let count = min(rest.count, StreamLimits.chunkBytes)
                position += count
                return .body(UnsafeRawBufferPointer(rebasing: rest[..<count]))
            }
        }
    }

    /// The peer closed; whether that ends the response.
    mutating func finish() -> Bool {
        guard case .untilClose = phase else { return false }
        self = HTTPResponseParser()
        return true
    }

    private mutating func end() -> Event {
        self = HTTPResponseParser()
        return .end
    }

    private mutating func headEnd(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Int? {
        var index = scanned
        while index + 3 < bytes.count {
            if bytes[index] == 13, bytes[index + 1] == 10, bytes[index + 2] == 13, bytes[index + 3] == 10 {
                guard index <= ContractLimits.headerBytes else { break }
                scanned = 0
                return index + 4
            }
            index += 1
        }
        guard bytes.count <= ContractLimits.headerBytes else { throw Malformed(reason: "its headers are too long") }
        scanned = index
        return nil
    }

    private mutating func line(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> UnsafeRawBufferPointer? {
        var index = scanned
        while index + 1 < bytes.count, index <= Self.lineBytes {
            if bytes[index] == 13, bytes[index + 1] == 10 {
                scanned = 0
                return UnsafeRawBufferPointer(rebasing: bytes[..<index])
            }
            index += 1
        }
        guard index <= Self.lineBytes else { throw Malformed(reason: "a line between its chunks is too long") }
        scanned = index
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
            guard size <= Self.maxLength else { throw Malformed(reason: "a chunk's size is not a number") }
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

    /// Every answer of a function pays for this: only what is passed on becomes text.
    ///
    /// - Parameter bytes: up to and with the empty line.
    private mutating func parseHead(_ bytes: UnsafeRawBufferPointer) throws(Malformed) -> Head {
        var head = Head()
        var framing = Framing()
        var start = 0
        while start < bytes.count - 2 {
            var end = start
            while bytes[end] != 13 || bytes[end + 1] != 10 { end += 1 }
            let line = UnsafeRawBufferPointer(rebasing: bytes[start..<end])
            if start == 0 { try readStatus(line, of: &head) } else { try readHeader(line, of: &head, &framing) }
            start = end + 2
        }
        if !framing.named.isEmpty { head.headers.removeAll { framing.named.contains($0.name.lowercased()) } }
        try ContractLimits.check(head.headers, contentType: head.contentType)
        try choosePhase(&head, isChunked: framing.isChunked)
        return head
    }

    /// `HTTP/1.1 200 OK`; the reason may be missing.
    private func readStatus(_ line: UnsafeRawBufferPointer, of head: inout Head) throws(Malformed) {
        let version: StaticString = "HTTP/1."
        let space = UInt8(ascii: " ")
        guard line.count >= 12, equal(UnsafeRawBufferPointer(rebasing: line[..<7]), version),
            line[7] == UInt8(ascii: "0") || line[7] == UInt8(ascii: "1"), line[8] == space,
            line.count == 12 || line[12] == space,
            let status = HTTPHeader.decimal(UnsafeRawBufferPointer(rebasing: line[9..<12]), max: 599), status >= 100
        else { throw Malformed(reason: "its status line is not HTTP/1.1") }
        head.status = status
        head.keepsAlive = line[7] == UInt8(ascii: "1")
    }

    /// What the head says of the connection and of where the body ends.
    private struct Framing {
        var isChunked = false
        /// Headers that `Connection` names: they are between two neighbours.
        var named: Set<String> = []
    }

    private func readHeader(
        _ line: UnsafeRawBufferPointer, of head: inout Head, _ framing: inout Framing
    ) throws(Malformed) {
        var colon = 0
        while colon < line.count, line[colon] != UInt8(ascii: ":") { colon += 1 }
        let name = UnsafeRawBufferPointer(rebasing: line[..<colon])
        guard colon < line.count, HTTPHeader.isName(name) else { throw Malformed(reason: "a header line has no name") }
        var (start, end) = (colon + 1, line.count)
        while start < end, Self.isBlank(line[start]) { start += 1 }
        while start < end, Self.isBlank(line[end - 1]) { end -= 1 }
        let value = UnsafeRawBufferPointer(rebasing: line[start..<end])
        guard HTTPHeader.isValue(value) else { throw Malformed(reason: "a header has a control character") }
        try add(name, value, to: &head, &framing)
    }

    private static func isBlank(_ byte: UInt8) -> Bool { byte == 32 || byte == 9 }

    private func add(
        _ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer, to head: inout Head, _ framing: inout Framing
    ) throws(Malformed) {
        if HTTPHeader.isSame(name, "content-length") {
            guard let number = HTTPHeader.decimal(value, max: Self.maxLength),
                head.length == nil || head.length == number
            else { throw Malformed(reason: "its Content-Length is not a number") }
            head.length = number
        } else if HTTPHeader.isSame(name, "content-type") {
            head.contentType = String(decoding: value, as: UTF8.self)
        } else if HTTPHeader.isSame(name, "transfer-encoding") {
            guard HTTPHeader.isSame(value, "chunked") else {
                throw Malformed(reason: "its Transfer-Encoding is not chunked")
            }
            framing.isChunked = true
        } else if HTTPHeader.isSame(name, "connection") {
            take(String(decoding: value, as: UTF8.self), of: &head, &framing)
        } else if !HTTPHeader.isHopByHop(name) {
            head.headers.append(
                CallHeader(name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self)))
        }
    }

    /// The options of `Connection`.
    private func take(_ options: String, of head: inout Head, _ framing: inout Framing) {
        for option in options.lowercased().split(separator: ",").map({ HTTPHeader.trimmed($0) }) {
            switch option {
            case "close": head.keepsAlive = false
            case "keep-alive": head.keepsAlive = true
            default: framing.named.insert(String(option))
            }
        }
    }

    private mutating func choosePhase(_ head: inout Head, isChunked: Bool) throws(Malformed) {
        if (100...199).contains(head.status) {
            phase = .head
        } else if answersHead || head.status == 204 || head.status == 304 {
            head.length = 0
            phase = .length(0)
        } else if isChunked {
            head.length = nil
            phase = .chunkSize
        } else if let length = head.length {
            phase = .length(length)
        } else {
            head.keepsAlive = false
            phase = .untilClose
        }
    }
}
