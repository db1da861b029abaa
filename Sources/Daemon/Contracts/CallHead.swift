internal import Model
internal import Wire

/// What a function is told of a call beside its body, whatever the contract; each contract writes it in its own bytes.
struct CallHead {
    /// The call's id as text.
    let id: String
    let deadline: Timestamp
    let contentType: String
    /// The caller's own.
    let headers: [CallHeader]
    /// Of the call; only `traceparent` and `tracestate` are passed on.
    let metadata: [CallHeader]
    /// Of a call by path.
    let path: PathRequest?

    /// Metadata of the wire that HTTP has headers for.
    private static let traced: Set<String> = ["traceparent", "tracestate"]
    /// Names that only the daemon gives, as they are with `-` for `_`: some servers take the two for the same.
    private static let own: Set<String> = ["fn-call-id", "fn-deadline", "fn-method", "fn-request-url"]

    var deadlineText: String { deadline.rfc3339(fractionDigits: 3) }

    var method: String { path?.method ?? PathRequest.defaultMethod }

    /// Path and query as the caller wrote them, behind scheme and host if the caller's headers say them.
    var url: String {
        guard let path else { return FunctionSpec.invokePath }
        guard let host else { return path.url }
        let isSecure = header("x-forwarded-proto")?.lowercased() == "https"
        return "\(isSecure ? "https" : "http")://\(host)\(path.url)"
    }

    /// The host that the caller was called by, if it says so and it may stand in a URL.
    var host: String? {
        header("host").flatMap { host in
            let isHost = host.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-._:[]".utf8.contains(byte)
                }
            }
            return isHost && !host.isEmpty ? host : nil
        }
    }

    private func header(_ name: String) -> String? {
        headers.first { $0.name.lowercased() == name }?.value
    }

    /// The headers of the trace that the call belongs to.
    var trace: [CallHeader] {
        metadata.compactMap { entry in
            let name = entry.name.lowercased()
            guard Self.traced.contains(name), HTTPHeader.isValue(entry.value) else { return nil }
            return CallHeader(name: name, value: entry.value)
        }
    }

    /// The caller's headers that a function gets under their own names: without those between two neighbours, those
    /// that the contract has a place of its own for, and those that only the daemon gives.
    var passedHeaders: [CallHeader] {
        guard !headers.isEmpty else { return [] }
        var taken = HTTPHeader.hopByHop.union(trace.map(\.name))
        taken.insert("content-type")
        taken.insert("host")
        taken.formUnion(connectionNames)
        return headers.filter { header in
            let name = header.name.lowercased()
            return Self.isWritable(header) && !taken.contains(name)
                && !Self.own.contains(String(name.map { $0 == "_" ? "-" : $0 }))
        }
    }

    /// The caller's headers as a gateway of Fn frames them, without the prefix: there nothing can be mistaken for the
    /// daemon's own.
    var framedHeaders: [CallHeader] {
        guard !headers.isEmpty else { return [] }
        var taken = HTTPHeader.hopByHop.union(connectionNames)
        taken.remove("content-length")
        taken.insert("content-type")
        taken.insert("host")
        return headers.filter { Self.isWritable($0) && !taken.contains($0.name.lowercased()) }
    }

    /// What `Connection` says to be between two neighbours.
    private var connectionNames: [String] {
        headers.filter { $0.name.lowercased() == "connection" }
            .flatMap { $0.value.split(separator: ",") }.map { HTTPHeader.trimmed($0).lowercased() }
    }

    /// A name or value that could end the line would let a caller write headers of its own.
    private static func isWritable(_ header: CallHeader) -> Bool {
        HTTPHeader.isName(header.name) && HTTPHeader.isValue(header.value)
    }

    /// The content type as a header; `nil` if there is none that can be one.
    var contentTypeHeader: CallHeader? {
        guard !contentType.isEmpty, HTTPHeader.isValue(contentType) else { return nil }
        return CallHeader(name: "Content-Type", value: contentType)
    }
}

extension CallHead {
    init(_ call: FunctionCall, _ request: InvokeScan) {
        self.init(
            id: call.id.description, deadline: call.deadline,
            contentType: String(decoding: request.contentType, as: UTF8.self),
            headers: request.headers, metadata: call.metadata, path: call.path)
    }

    init(_ call: FunctionStreamCall, contentType: UnsafeRawBufferPointer, headers: [CallHeader]) {
        self.init(
            id: call.id.description, deadline: call.deadline, contentType: String(decoding: contentType, as: UTF8.self),
            headers: headers, metadata: call.metadata, path: call.path)
    }
}

extension [CallHeader] {
    /// As lines of HTTP.
    var lines: String { reduce(into: "") { $0 += "\($1.name): \($1.value)\r\n" } }
}
