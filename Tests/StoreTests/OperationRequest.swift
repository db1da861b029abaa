import Model
import Testing
import Wire

@testable import Store

/// A request that knows its operation.
protocol OperationRequest: Sendable {
    associatedtype Answer: Sendable
    func run(_ transaction: Transaction) throws(Failure) -> Answer
}

extension TestStore {
    /// Runs a request's operation as one transaction.
    @discardableResult
    func send<Request: OperationRequest>(_ request: Request) async throws(Failure) -> Request.Answer {
        try await change { (transaction) throws(Failure) in try request.run(transaction) }
    }

    /// What a request's operation would do.
    func preview<Request: OperationRequest>(_ request: Request) async throws(Failure) -> Request.Answer {
        try await store.preview(context()) { (transaction) throws(Failure) in try request.run(transaction) }.0
    }

    /// How a request is refused; whatever refuses it must change nothing.
    func refusal(
        _ request: some OperationRequest, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Failure {
        let (rows, sequence) = (try self.rows(), store.lastSequence)
        let failure = await failure(sourceLocation: sourceLocation) { try await send(request) }
        #expect((try self.rows() == rows) == true, "a refused request left something", sourceLocation: sourceLocation)
        #expect(store.lastSequence == sequence, sourceLocation: sourceLocation)
        return failure
    }

    /// Expects a refusal with a code, whose text contains all of these.
    func expectRefused(
        _ request: some OperationRequest, _ code: Failure.Code, _ texts: String...,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let failure = try await refusal(request, sourceLocation: sourceLocation)
        #expect(failure.code == code, "\(failure)", sourceLocation: sourceLocation)
        for text in texts {
            #expect(failure.message.contains(text), "\(failure)", sourceLocation: sourceLocation)
        }
    }

    /// The stored entity with an id.
    func stored<E: Entity>(_ id: Identifier, as type: E.Type = E.self) throws -> E {
        try store.entity(
            { (tables) throws(Failure) in
                guard let row = tables[id] else { throw Failure(.notFound, "\(id)") }
                return row
            }, as: E.self)
    }

    /// How many rows of a kind there are.
    func count(_ kind: EntityKind) throws -> Int { try rows().count { $0.kind == kind } }

    /// The stored function `demo/hello`, or another one.
    func function(_ name: String = "hello", in app: String = "demo") throws -> Function {
        try store.entity({ (tables) throws(Failure) in try tables.function(app, name) })
    }
}

extension CreateAppRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> App { try transaction.createApp(self) }
}

extension UpdateAppRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> App { try transaction.updateApp(self) }
}

extension DeleteAppRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Deletion { try transaction.deleteApp(self) }
}

extension CreateFunctionRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Function { try transaction.createFunction(self) }
}

extension DeployRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> DeployResponse { try transaction.deploy(self) }
}

extension UpdateFunctionRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Function { try transaction.updateFunction(self) }
}

extension DeleteFunctionRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Deletion { try transaction.deleteFunction(self) }
}

extension PublishVersionRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Version { try transaction.publishVersion(self) }
}

extension UpdateVersionRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Version { try transaction.updateVersion(self) }
}

extension DeleteVersionRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Deletion { try transaction.deleteVersion(self) }
}

extension RestoreVersionRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Function { try transaction.restoreVersion(self) }
}

extension CreateAliasRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Alias { try transaction.createAlias(self) }
}

extension UpdateAliasRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Alias { try transaction.updateAlias(self) }
}

extension RollbackAliasRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Alias { try transaction.rollbackAlias(self) }
}

extension DeleteAliasRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Deletion { try transaction.deleteAlias(self) }
}

extension CreateTriggerRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Trigger { try transaction.createTrigger(self) }
}

extension UpdateTriggerRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Trigger { try transaction.updateTrigger(self) }
}

extension DeleteTriggerRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Deletion { try transaction.deleteTrigger(self) }
}

extension CreateRouteRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Route { try transaction.createRoute(self) }
}

extension UpdateRouteRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Route { try transaction.updateRoute(self) }
}

extension DeleteRouteRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Deletion { try transaction.deleteRoute(self) }
}

extension CreateRuntimeRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Runtime { try transaction.createRuntime(self) }
}

extension UpdateRuntimeRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Runtime { try transaction.updateRuntime(self) }
}

extension DeleteRuntimeRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Deletion { try transaction.deleteRuntime(self) }
}

extension CreateSecretRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Secret { try transaction.createSecret(self) }
}

extension UpdateSecretRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Secret { try transaction.updateSecret(self) }
}

extension DeleteSecretRequest: OperationRequest {
    func run(_ transaction: Transaction) throws(Failure) -> Deletion { try transaction.deleteSecret(self) }
}
