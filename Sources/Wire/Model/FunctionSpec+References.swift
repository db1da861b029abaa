extension FunctionSpec {
    /// Checks the image, and the names of what else it needs; whether those are there is for the store to say.
    func checkReferences(_ found: inout Violations) {
        if !image.isEmpty {
            found.require(
                runtime == .none,
                "image: \(quoted(image)) and runtime \(quoted(runtime.rawValue)) exclude each other")
            found.check { () throws(Failure) in try checkImage() }
        }
        for (field, target) in [("on_success", onSuccess), ("on_failure", onFailure)] where !target.isEmpty {
            found.check { () throws(Failure) in
                do throws(Failure) { _ = try FunctionReference(target) } catch {
                    throw Failure(.invalid, "\(field): \(error.message)")
                }
            }
        }
        found.require(
            secrets.count <= SecretLimits.perFunction,
            "secrets: \(secrets.count) names are over the limit of \(SecretLimits.perFunction)")
        var seen: Set<String> = []
        for secret in secrets.prefix(SecretLimits.perFunction) {
            found.check { () throws(Failure) in _ = try Name(secret, field: "secrets") }
            found.require(seen.insert(secret).inserted, "secrets: \(quoted(secret)) is given twice")
        }
    }

    private func checkImage() throws(Failure) {
        guard image.utf8.count <= Limits.imageBytes else {
            throw Failure(
                .invalid, "image: \(image.utf8.count) bytes are over the limit of \(Limits.imageBytes)")
        }
        guard image.utf8.allSatisfy({ (0x21...0x7E).contains($0) }) else {
            throw Failure(.invalid, "image: \(quoted(image)) is not a reference; it needs printable ASCII characters")
        }
    }
}
