extension FunctionSpec {
    /// Checks the names of what else it needs; whether those are there is for the store to say.
    func checkReferences() throws(Failure) {
        if image.isEmpty {
            guard runtime != .none else {
                throw Failure(.invalid, "runtime: missing; name a runtime, or an image instead")
            }
        } else {
            guard runtime == .none else {
                throw Failure(
                    .invalid, "image: \(quoted(image)) and runtime \(quoted(runtime.rawValue)) exclude each other")
            }
            try checkImage()
        }
        for (field, target) in [("on_success", onSuccess), ("on_failure", onFailure)] where !target.isEmpty {
            do throws(Failure) { _ = try FunctionReference(target) } catch {
                throw Failure(.invalid, "\(field): \(error.message)")
            }
        }
        guard secrets.count <= SecretLimits.perFunction else {
            throw Failure(.invalid, "secrets: \(secrets.count) names are over the limit of \(SecretLimits.perFunction)")
        }
        var seen: Set<String> = []
        for secret in secrets {
            _ = try Name(secret, field: "secrets")
            guard seen.insert(secret).inserted else {
                throw Failure(.invalid, "secrets: \(quoted(secret)) is given twice")
            }
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
