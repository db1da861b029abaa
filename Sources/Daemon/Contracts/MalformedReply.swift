internal import Wire

/// Why what a function answers does not follow its contract; the end of a sentence.
struct MalformedReply: Error {
    let reason: String
}

extension ContractLimits {
    /// What the protobuf of a header takes beside its name and value, bytes at most.
    private static let headerFrame = 8

    /// Refuses what no caller could read.
    static func check(_ headers: [CallHeader], contentType: String) throws(MalformedReply) {
        let bytes = headers.reduce(0) { $0 + $1.name.utf8.count + $1.value.utf8.count + headerFrame }
        guard headers.count <= headerCount, bytes <= headerBytes else {
            throw MalformedReply(
                reason:
                    "it has \(headers.count) headers in \(bytes) bytes; at most \(headerCount) in \(headerBytes) are "
                    + "allowed")
        }
        guard contentType.utf8.count <= contentTypeBytes else {
            throw MalformedReply(
                reason: "its content type has \(contentType.utf8.count) bytes; at most \(contentTypeBytes) are allowed")
        }
    }

    /// Says a status of HTTP to a caller that has none; 200 goes without saying.
    static func statusHeader(_ status: Int) -> [CallHeader] {
        status == 200 ? [] : [CallHeader(name: "Fn-Http-Status", value: String(status))]
    }
}
