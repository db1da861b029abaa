internal import Model
internal import Wire

/// Collects what a hot function writes to its standard output as the answer to one call. Total: any bytes end in a reply,
/// a wait, or an error.
struct PipeReply {
    private enum Reader {
        case http(HTTPResponseParser)
        case json(JSONObjectEnd)
    }

    private let format: FunctionSpec.Format
    private let isEvent: Bool
    private var reader: Reader
    private var head = HTTPResponseParser.Head()
    private var body: [UInt8] = []

    /// - Parameter format: `http`, `json` or `cloudevent`.
    init(_ format: FunctionSpec.Format, to call: CallHead) {
        self.format = format
        isEvent = format == .cloudevent && call.isCloudEvent
        reader =
            format == .http
            ? .http(HTTPResponseParser(answersHead: call.method == "HEAD")) : .json(JSONObjectEnd())
    }

    /// Takes what is there; gives the reply when it is whole.
    ///
    /// - Parameters:
    ///   - bytes: the output that there is; what was not used must be there again, with more behind it.
    ///   - position: where the unused output begins; moved behind what was used.
    mutating func take(
        _ bytes: UnsafeRawBufferPointer, from position: inout Int
    ) throws(MalformedReply) -> InvokeBody? {
        switch reader {
        case .http(var parser):
            defer { reader = .http(parser) }
            return try takeHTTP(&parser, bytes, &position)
        case .json(var end):
            defer { reader = .json(end) }
            return try takeJSON(&end, bytes, &position)
        }
    }

    /// The function has closed its standard output; the reply, if that ends it.
    mutating func finish() throws(MalformedReply) -> InvokeBody? {
        guard case .http(var parser) = reader, parser.finish() else { return nil }
        return try head.reply(body)
    }

    private mutating func takeHTTP(
        _ parser: inout HTTPResponseParser, _ bytes: UnsafeRawBufferPointer, _ position: inout Int
    ) throws(MalformedReply) -> InvokeBody? {
        while true {
            switch try parser.next(bytes, from: &position) {
            case .wait: return nil
            case .head(let head):
                self.head = head
                try ContractLimits.check(body: head.length ?? 0)
            case .body(let piece):
                try ContractLimits.check(body: body.count + piece.count)
                body.append(contentsOf: piece)
            case .end: return try head.reply(body)
            }
        }
    }

    private mutating func takeJSON(
        _ end: inout JSONObjectEnd, _ bytes: UnsafeRawBufferPointer, _ position: inout Int
    ) throws(MalformedReply) -> InvokeBody? {
        while position < bytes.count, JSONReader.isBlank(bytes[position]) { position += 1 }
        let rest = UnsafeRawBufferPointer(rebasing: bytes[position...])
        guard let first = rest.first else { return nil }
        guard first == UInt8(ascii: "{") else { throw MalformedReply(reason: "its answer is not a JSON object") }
        let count = end.find(in: rest)
        guard count ?? rest.count <= ContractLimits.jsonBytes else {
            throw MalformedReply(reason: "its JSON is over the limit of \(ContractLimits.jsonBytes) bytes")
        }
        guard let count else { return nil }
        position += count
        let text = UnsafeRawBufferPointer(rebasing: rest[..<count])
        let reply =
            format == .json ? try JSONReply.read(text) : try CloudEvent.readReply(text, isWhole: isEvent)
        try ContractLimits.check(body: reply.payload.count)
        return reply
    }
}

extension ContractLimits {
    /// Refuses a body that no caller could be sent.
    static func check(body count: Int) throws(MalformedReply) {
        guard count > replyBytes else { return }
        throw MalformedReply(reason: "its reply is over the limit of \(replyBytes) bytes")
    }
}

extension HTTPResponseParser.Head {
    /// What a function that answers with a status of its own says to its caller before the body.
    func reply(_ payload: [UInt8] = []) throws(MalformedReply) -> InvokeBody {
        let headers = ContractLimits.statusHeader(status) + headers
        try ContractLimits.check(headers, contentType: contentType)
        return InvokeBody(payload: payload, contentType: contentType, headers: headers)
    }
}
