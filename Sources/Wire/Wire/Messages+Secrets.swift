extension CreateSecretRequest {
    package static var secretValue: (@Sendable (Self) -> [UInt8])? { { $0.value } }
}

extension UpdateSecretRequest {
    package static var secretValue: (@Sendable (Self) -> [UInt8])? { { $0.value ?? [] } }
}
