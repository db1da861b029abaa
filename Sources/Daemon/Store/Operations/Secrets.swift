package import Model
package import Wire

extension Transaction {
    /// Makes a secret.
    package func createSecret(_ request: CreateSecretRequest) throws(Failure) -> Secret {
        let app = try tables.named(request.app, .app)
        var violations = Violations()
        let name = violations.check { () throws(Failure) in try Name(request.name, field: "name") }
        violations.check(valueBytes: request.value.count)
        violations.check(description: request.description)
        check(labels: request.labels, extra: request.extra, &violations)
        let secret = Secret(
            meta: newMeta(labels: request.labels, extra: request.extra), appID: app.id,
            name: try violations.finish(name), valueBytes: UInt32(request.value.count), description: request.description
        )
        try create(secret, sealed: try surroundings.seal(request.value, secret.meta.id))
        return secret
    }

    /// Changes what is given. Containers that run keep the value that they were started with.
    package func updateSecret(_ request: UpdateSecretRequest) throws(Failure) -> Secret {
        let row = try tables.named(
            request.secret ?? "", .secret, in: try tables.named(request.app ?? "", .app))
        var secret: Secret = try entity(row)
        var violations = Violations()
        if let value = request.value {
            violations.check(valueBytes: value.count)
            secret.valueBytes = UInt32(clamping: value.count)
        }
        if let description = request.description { secret.description = description }
        violations.check(description: secret.description)
        merge(labels: request.labels, extra: request.extra, into: &secret.meta, &violations)
        try finish(violations, row, name: request.name, revision: request.revision)
        var sealed: [UInt8]?
        if let value = request.value { sealed = try surroundings.seal(value, row.id) }
        return try update(row, to: secret, sealed: sealed)
    }

    /// Deletes a secret that no function and no version uses.
    package func deleteSecret(_ request: DeleteSecretRequest) throws(Failure) -> Deletion {
        let row = try tables.named(request.secret, .secret, in: try tables.named(request.app, .app))
        try check(revision: request.revision, of: row)
        try checkUnused("secret \(tables.name(of: row))", [row])
        return remove([row])
    }
}

extension Violations {
    /// Checks the size of a secret's value.
    mutating func check(valueBytes count: Int) {
        require(
            SecretLimits.valueBytes.contains(count),
            "value: \(count) bytes are out of range; \(SecretLimits.valueBytes.lowerBound) to "
                + "\(SecretLimits.valueBytes.upperBound) bytes")
    }
}
