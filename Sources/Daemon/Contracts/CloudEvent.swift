internal import Model
internal import Wire

/// CloudEvents 0.1 in JSON, as functions of format `cloudevent` read and write them.
enum CloudEvent {
    static let contentType = "application/cloudevents+json"

    /// Whether a content type is `name`, whatever its parameters.
    static func isType(_ contentType: String, _ name: String) -> Bool {
        HTTPHeader.trimmed(contentType.prefix { $0 != ";" }).lowercased() == name
    }

    /// Whether a caller's body can be one, or the data of one; nothing is made of it.
    static func check(_ body: UnsafeRawBufferPointer, isEvent: Bool) throws(MalformedReply) {
        var reader = JSONReader(body)
        guard isEvent else {
            guard body.count > 0 else { return }
            _ = try reader.raw()
            return try reader.end()
        }
        try checkIsObject(body, reader)
        try reader.members { (name, reader) throws(MalformedReply) in
            guard name == "extensions" else {
                _ = try reader.raw()
                return
            }
            try reader.members { (_, reader) throws(MalformedReply) in _ = try reader.raw() }
        }
        try reader.end()
    }

    static func checkIsObject(_ text: UnsafeRawBufferPointer, _ reader: JSONReader) throws(MalformedReply) {
        guard text.first(where: { !JSONReader.isBlank($0) }) == UInt8(ascii: "{") else {
            throw reader.malformed("an object is missing")
        }
    }

    /// Says that a caller's body cannot be passed.
    static func refusal(_ malformed: MalformedReply, isEvent: Bool) -> Failure {
        let wanted = isEvent ? "a JSON object" : "JSON"
        return Failure(
            .invalid, "payload: is not \(wanted), which format cloudevent takes alone: \(malformed.reason)")
    }

    /// A JSON text without blanks between its parts, so that it is one line.
    static func compact(_ text: UnsafeRawBufferPointer) -> [UInt8] {
        var texts = JSONTextScan()
        return text.filter { texts.takes($0) || !JSONReader.isBlank($0) }
    }

    /// Reads the answer of a function, a whole object.
    ///
    /// - Parameter isWhole: the caller sent an event, so it gets the whole event.
    static func readReply(_ text: UnsafeRawBufferPointer, isWhole: Bool) throws(MalformedReply) -> InvokeBody {
        var reply = JSONReply()
        var contentType = ""
        var data: UnsafeRawBufferPointer?
        var reader = JSONReader(text)
        try reader.members { (name, reader) throws(MalformedReply) in
            switch name {
            case "contentType": contentType = try reader.string() ?? ""
            case "data": data = try reader.raw()
            case "extensions":
                try reader.members { (name, reader) throws(MalformedReply) in
                    guard name == "protocol" else {
                        _ = try reader.raw()
                        return
                    }
                    try reply.readProtocol(&reader)
                }
            default: _ = try reader.raw()
            }
        }
        try reader.end()
        if isWhole { return try reply.reply(compact(text), contentType: Self.contentType) }
        return try reply.reply(payload(data, contentType), contentType: contentType)
    }

    private static func payload(
        _ data: UnsafeRawBufferPointer?, _ contentType: String
    ) throws(MalformedReply) -> [UInt8] {
        if isType(contentType, "application/json") { return data.map(compact) ?? [] }
        guard isType(contentType, "text/plain") else {
            throw MalformedReply(
                reason: "its contentType is \(quoted(contentType)); application/json and text/plain are allowed")
        }
        guard let data else { return [] }
        var reader = JSONReader(data)
        return Array((try reader.string() ?? "").utf8)
    }
}

extension CallHead {
    /// Whether the caller's body is an event itself.
    var isCloudEvent: Bool { CloudEvent.isType(contentType, CloudEvent.contentType) }

    /// The line that a function of format `cloudevent` reads.
    ///
    /// - Throws: `invalid` if the caller's body does not fit.
    func cloudEvent(_ body: UnsafeRawBufferPointer) throws(Failure) -> [UInt8] {
        // What is not UTF-8 would not be JSON for its reader.
        let text = Array(String(decoding: body, as: UTF8.self).utf8)
        let line = try text.withUnsafeBufferPointer { (text) throws(Failure) -> [UInt8] in
            let text = UnsafeRawBufferPointer(text)
            do throws(MalformedReply) {
                return isCloudEvent ? try passing(text) : try wrapping(text)
            } catch {
                throw CloudEvent.refusal(error, isEvent: isCloudEvent)
            }
        }
        return line + [UInt8(ascii: "\n")]
    }

    /// An event that says what the caller wants.
    private func wrapping(_ body: UnsafeRawBufferPointer) throws(MalformedReply) -> [UInt8] {
        var line = JSONWriter()
        line.open()
        line.member("cloudEventsVersion", "0.1")
        line.member("eventID", id)
        line.member("source", url)
        line.member("eventType", "http")
        line.member("eventTypeVersion", "")
        line.member("eventTime", Timestamp.now().rfc3339(fractionDigits: 3))
        line.member("schemaURL", "")
        line.member("contentType", contentType)
        line.name("extensions")
        line.open()
        writeExtensions(to: &line)
        line.close()
        if body.count > 0 {
            var reader = JSONReader(body)
            let data = try reader.raw()
            try reader.end()
            line.name("data")
            line.raw(CloudEvent.compact(data))
        }
        line.close()
        return line.bytes
    }

    /// The caller's own event, with the extensions that a function needs.
    private func passing(_ event: UnsafeRawBufferPointer) throws(MalformedReply) -> [UInt8] {
        var line = JSONWriter()
        var extensions = JSONWriter()
        extensions.open()
        line.open()
        var reader = JSONReader(event)
        try CloudEvent.checkIsObject(event, reader)
        try reader.members { (name, reader) throws(MalformedReply) in
            guard name == "extensions" else {
                line.name(name)
                line.raw(CloudEvent.compact(try reader.raw()))
                return
            }
            try reader.members { (name, reader) throws(MalformedReply) in
                let value = try reader.raw()
                guard name != "protocol", name != "deadline" else { return }
                extensions.name(name)
                extensions.raw(CloudEvent.compact(value))
            }
        }
        try reader.end()
        writeExtensions(to: &extensions)
        extensions.close()
        line.name("extensions")
        line.raw(extensions.bytes)
        line.close()
        return line.bytes
    }

    private func writeExtensions(to line: inout JSONWriter) {
        line.name("protocol")
        write(to: &line)
        line.member("deadline", deadlineText)
    }
}
