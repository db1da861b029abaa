extension FunctionSpec.Limits {
    /// Names of ``FunctionSpec/headers``.
    package static let headerNames = 64
    /// Bytes of a header's name.
    package static let headerNameBytes = 128
    /// Values of one header.
    package static let headerValues = 16
    /// Values of all headers: with as many of a function's own a reply has all that clients take.
    package static let allHeaderValues = 64
    /// Bytes of a header's value.
    package static let headerValueBytes = 4096
    /// Bytes of all headers together; a name counts once for each of its values.
    package static let headerBytes = 16_384
    /// Bytes of a content type.
    package static let contentTypeBytes = 1024
}

extension FunctionSpec {
    /// Checks the headers of replies.
    func checkHeaders() throws(Failure) {
        guard headers.count <= Limits.headerNames else {
            throw Failure(.invalid, "headers: \(headers.count) names are over the limit of \(Limits.headerNames)")
        }
        var seen: Set<String> = []
        for (name, values) in headers.sorted(by: { $0.key < $1.key }) {
            try Self.checkHeader(name, values)
            guard seen.insert(name.lowercased()).inserted else {
                throw Failure(.invalid, "headers: \(quoted(name)) is given twice; case does not matter")
            }
        }
        let count = headers.reduce(0) { $0 + $1.value.count }
        guard count <= Limits.allHeaderValues else {
            throw Failure(.invalid, "headers: \(count) values are over the limit of \(Limits.allHeaderValues)")
        }
        let bytes = headers.reduce(0) { sum, header in
            header.value.reduce(sum) { $0 + header.key.utf8.count + $1.utf8.count }
        }
        guard bytes <= Limits.headerBytes else {
            throw Failure(.invalid, "headers: \(bytes) bytes are over the limit of \(Limits.headerBytes)")
        }
    }

    private static func checkHeader(_ name: String, _ values: [String]) throws(Failure) {
        guard name.utf8.count <= Limits.headerNameBytes, HTTPHeader.isName(name) else {
            throw Failure(
                .invalid,
                "headers: \(quoted(name)) is not a header's name; it needs 1 to \(Limits.headerNameBytes) of A–Z a–z 0–9 "
                    + "! # $ % & ' * + - . ^ _ ` | ~")
        }
        guard !HTTPHeader.hopByHop.contains(name.lowercased()) else {
            throw Failure(.invalid, "headers: \(quoted(name)) belongs to a connection, not to a reply")
        }
        guard (1...Limits.headerValues).contains(values.count) else {
            throw Failure(
                .invalid, "headers: \(quoted(name)) has \(values.count) values; 1 to \(Limits.headerValues) are allowed"
            )
        }
        for value in values {
            guard value.utf8.count <= Limits.headerValueBytes else {
                throw Failure(
                    .invalid,
                    "headers: a value of \(quoted(name)) has \(value.utf8.count) bytes; at most "
                        + "\(Limits.headerValueBytes) are allowed")
            }
            guard HTTPHeader.isValue(value) else {
                throw Failure(
                    .invalid, "headers: the value \(quoted(value)) of \(quoted(name)) has a control character")
            }
        }
        guard name.lowercased() == "content-type" else { return }
        guard values.count == 1, (1...Limits.contentTypeBytes).contains(values[0].utf8.count) else {
            throw Failure(
                .invalid, "headers: \(quoted(name)) needs one value of 1 to \(Limits.contentTypeBytes) bytes")
        }
    }
}
