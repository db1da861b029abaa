package import Model
package import Wire

/// The HTTP side of a call by path: what its function is told beside what every call has. Immutable.
package final class PathRequest: Sendable {
    /// Bytes of a method.
    package static let methodBytes = 32
    /// Bytes of a query.
    package static let queryBytes = 8192
    /// The method of a caller that names none: such a call is a call first.
    package static let defaultMethod = "POST"

    package let method: String
    /// Path and query as the caller wrote them.
    package let url: String
    package let parameters: [PathParameter]
    /// The source of the trigger that answers.
    package let source: String
    /// Its name.
    package let trigger: String

    /// - Parameters:
    ///   - target: whose path has been matched; borrowed.
    ///   - parameters: what its segments stood for.
    ///   - source: of the trigger that answers.
    ///   - trigger: its name.
    /// - Throws: `invalid` for a method that is no token of RFC 9110, a query with a character that must be
    ///   percent-encoded, and for either over its limit.
    package init(
        _ target: InvokeTargetScan, _ parameters: [PathParameter], source: String, trigger: String
    ) throws(Failure) {
        let method = String(decoding: target.method, as: UTF8.self)
        guard target.method.count <= Self.methodBytes, method.isEmpty || HTTPHeader.isName(method) else {
            throw Failure(
                .invalid,
                "method: \(quoted(method)) is not a method; it needs 1 to \(Self.methodBytes) of the characters of a token"
            )
        }
        guard target.query.count <= Self.queryBytes else {
            throw Failure(
                .invalid, "query: has \(target.query.count) bytes; at most \(Self.queryBytes) are allowed")
        }
        let query = String(decoding: target.query, as: UTF8.self)
        guard target.query.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
            throw Failure(.invalid, "query: \(quoted(query)) has a character that must be percent-encoded")
        }
        self.method = method.isEmpty ? Self.defaultMethod : method
        url = String(decoding: target.path, as: UTF8.self) + (query.isEmpty ? "" : "?" + query)
        self.parameters = parameters
        self.source = source
        self.trigger = trigger
    }

    /// What says so in headers, for formats `ttrpc` and `http-stream`.
    func headers(url: String) -> [CallHeader] {
        [
            CallHeader(name: "Fn-Intent", value: "httprequest"), CallHeader(name: "Fn-Http-Method", value: method),
            CallHeader(name: "Fn-Http-Request-Url", value: url),
        ] + parameterHeaders
    }

    /// What the segments of the path stood for.
    var parameterHeaders: [CallHeader] {
        parameters.map { CallHeader(name: "Fnrpc-Path-Param-" + $0.name, value: $0.value) }
    }

    /// The same for format `default`, as `KEY=value`.
    func environment(url: String) -> [String] {
        ["FN_HTTP_METHOD=\(method)", "FN_HTTP_REQUEST_URL=\(url)"]
            + parameters.map { "FN_PATH_PARAM_\($0.name.uppercased())=\($0.value)" }
    }
}

/// Headers that only the daemon writes, so that a function can trust them.
package enum ReservedHeaders {
    private static let name: StaticString = "fn-intent"
    private static let prefixes: [StaticString] = ["fn-http-", "fnrpc-path-"]

    /// Refuses a call whose headers say what only a ``PathRequest`` says. Allocates nothing unless it throws.
    package static func check(_ call: some HeaderBearing) throws(Failure) {
        guard call.headerCount > 0 else { return }
        var found: String?
        call.forEachHeader { name, _ in
            guard isReserved(name) else { return }
            found = String(decoding: name, as: UTF8.self)
        }
        guard let found else { return }
        throw Failure(
            .invalid,
            "headers: \(quoted(found)) is for the daemon to set; give method, path and query in fields of their own")
    }

    /// Functions that get headers as environment, and some HTTP servers, take `_` for `-`.
    private static func isReserved(_ header: UnsafeRawBufferPointer) -> Bool {
        begins(header, with: name) && header.count == name.utf8CodeUnitCount
            || prefixes.contains { begins(header, with: $0) }
    }

    private static func begins(_ header: UnsafeRawBufferPointer, with prefix: StaticString) -> Bool {
        let prefix = bytes(prefix)
        guard header.count >= prefix.count else { return false }
        return zip(header, prefix).allSatisfy { byte, expected in
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): byte + 32 == expected
            case UInt8(ascii: "_"): expected == UInt8(ascii: "-")
            default: byte == expected
            }
        }
    }
}
