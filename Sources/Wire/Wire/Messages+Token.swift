package import CWire
package import Model

/// A list of scopes as text.
func scopes(
    _ field: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ count: Int, _ name: String
) throws(Failure) -> [Scope] {
    guard count <= Grants.maxScopes else {
        throw Failure(.invalid, "\(name): \(count) scopes are over the limit of \(Grants.maxScopes)")
    }
    var result: [Scope] = []
    for text in texts(field, count) { result.append(try Scope(text, field: name)) }
    return result
}

extension Token: WireMessage {
    package static func initialize(_ raw: UnsafeMutablePointer<Fnrpc__V1__Token>) { fnrpc__v1__token__init(raw) }

    package init(_ raw: Fnrpc__V1__Token) throws(Failure) {
        self.init(
            meta: try Meta(field: raw.meta), name: try Name(text(raw.name), field: "name"),
            scopes: try Wire.scopes(raw.scopes, raw.n_scopes, "scopes"),
            expiresAt: raw.has_expires_at != 0 ? Timestamp(nanoseconds: raw.expires_at) : nil,
            lastUsedAt: raw.has_last_used_at != 0 ? Timestamp(nanoseconds: raw.last_used_at) : nil)
    }

    package func write(to raw: inout Fnrpc__V1__Token, _ builder: Builder) {
        raw.meta = builder.message(meta)
        raw.name = builder.string(name.text)
        raw.n_scopes = scopes.count
        raw.scopes = builder.strings(scopes.map(\.description))
        raw.has_expires_at = expiresAt == nil ? 0 : 1
        raw.expires_at = expiresAt?.nanoseconds ?? 0
        raw.has_last_used_at = lastUsedAt == nil ? 0 : 1
        raw.last_used_at = lastUsedAt?.nanoseconds ?? 0
    }
}
