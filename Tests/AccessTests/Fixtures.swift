import Access
import Foundation
import Model
import Testing

/// A folder of its own for one test, removed with it.
final class Scratch: Sendable {
    let path: String

    init() throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "fnrpc-access-" + UUID().uuidString)
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    /// A file's text.
    func text(_ name: String) throws -> String {
        try String(contentsOfFile: path + "/" + name, encoding: .utf8)
    }
}

/// A token with its secret.
struct MadeToken {
    let credential: Credential
    let text: String

    init(
        _ name: String, _ number: UInt64 = 1, scopes: [Scope] = [.read], expiresAt: Timestamp? = nil
    ) throws {
        let secret = try TokenSecret()
        let id = Identifier(high: 1_700_000_000_000 << 16, low: number)
        credential = Credential(
            id: id, name: try Name(name, field: "name"), grants: Grants(scopes), expiresAt: expiresAt,
            hash: secret.hash)
        text = secret.text(id: id)
    }
}

extension Authenticator {
    func principal(_ text: String, now: Timestamp = Timestamp(nanoseconds: 1_000)) -> Result<Principal, Failure> {
        Array(text.utf8).withUnsafeBytes { principal(bearer: $0, now: now) }
    }
}

/// The failure of a result.
func failure<Value>(_ result: Result<Value, Failure>) -> Failure? {
    if case .failure(let failure) = result { failure } else { nil }
}
