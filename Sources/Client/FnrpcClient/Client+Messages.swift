internal import Model
package import Wire

extension Client {
    /// Calls a method with messages instead of bytes.
    package func call<Q: WireMessage, A: WireMessage>(
        _ service: String, _ method: String, _ request: Q, timeout: Duration? = nil
    ) async throws(ClientError) -> A {
        let reply = try await call(service: service, method: method, payload: request.encoded(), timeout: timeout)
        do throws(Failure) {
            return try A(decoding: reply.payload, strict: false, quota: MemoryQuota.answer)
        } catch {
            throw ClientError(.internalError, "the daemon's answer to \(service)/\(method): \(error.message)")
        }
    }
}
