internal import Model
internal import Wire

/// What functions of formats `json` and `cloudevent` say of the answer to the original request: their `protocol` object.
struct JSONReply {
    private var status = 200
    private(set) var headers: [CallHeader] = []
    /// `Content-Type` among the headers.
    private var headerType = ""

    /// Reads the answer of a function of format `json`, a whole object.
    static func read(_ text: UnsafeRawBufferPointer) throws(MalformedReply) -> InvokeBody {
        var reply = JSONReply()
        var body = ""
        var contentType = ""
        var reader = JSONReader(text)
        try reader.members { (name, reader) throws(MalformedReply) in
            switch name {
            case "body": body = try reader.string() ?? ""
            case "content_type": contentType = try reader.string() ?? ""
            case "protocol": try reply.readProtocol(&reader)
            default: _ = try reader.raw()
            }
        }
        try reader.end()
        return try reply.reply(Array(body.utf8), contentType: contentType)
    }

    /// Reads `{"status_code": number, "headers": {name: [text]}}`, or null.
    mutating func readProtocol(_ reader: inout JSONReader) throws(MalformedReply) {
        var (status, headers) = (status, headers)
        try reader.members { (name, reader) throws(MalformedReply) in
            switch name {
            case "status_code":
                let code = try reader.integer() ?? 0
                guard code == 0 || (100...599).contains(code) else {
                    throw reader.malformed("status_code \(code) is out of range; 100 to 599")
                }
                status = code == 0 ? 200 : code
            case "headers":
                try reader.members { (name, reader) throws(MalformedReply) in
                    try reader.items { (reader) throws(MalformedReply) in
                        let value = try reader.string() ?? ""
                        guard HTTPHeader.isName(name), HTTPHeader.isValue(value) else {
                            throw reader.malformed("\(quoted(name)) is not a header")
                        }
                        headers.append(CallHeader(name: name, value: value))
                    }
                }
            default: _ = try reader.raw()
            }
        }
        self.status = status
        headerType = headers.last { $0.name.lowercased() == "content-type" }?.value ?? headerType
        self.headers = headers.filter {
            let name = $0.name.lowercased()
            return name != "content-type" && !HTTPHeader.hopByHop.contains(name)
        }
    }

    /// The answer; a content type of its own wins over the one among the headers.
    func reply(_ payload: [UInt8], contentType: String) throws(MalformedReply) -> InvokeBody {
        guard HTTPHeader.isValue(contentType) else {
            throw MalformedReply(reason: "its content type has a control character")
        }
        let type = contentType.isEmpty ? headerType : contentType
        let headers = ContractLimits.statusHeader(status) + headers
        try ContractLimits.check(headers, contentType: type)
        return InvokeBody(payload: payload, contentType: type, headers: headers)
    }
}
