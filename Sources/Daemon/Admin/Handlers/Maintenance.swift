package import Access
internal import Calls
internal import Model
package import Store
internal import Wire

/// What `fnrpc.v1.Maintenance` works with.
package struct MaintenanceContext: Sendable {
    package let backups: Backups
    package let transfers: TransferFolder
    package let secretBox: SecretBox

    package init(backups: Backups, transfers: TransferFolder, secretBox: SecretBox) {
        self.backups = backups
        self.transfers = transfers
        self.secretBox = secretBox
    }
}

/// `fnrpc.v1.Maintenance`.
struct MaintenanceHandler: Sendable {
    private static let service = "fnrpc.v1.Maintenance"
    /// Parts of the data directory that a backup of the database does not have.
    private static let notInBackups = ["packages", SecretBox.keyFileName]
    let context: AdminContext

    func register(in list: inout MethodList) {
        let context = context
        list.addChange(Self.service, "Backup", target: { _ in [] }) { (_: BackupRequest, _: Caller) in
            let backup = try await context.blocking { () throws(Failure) in
                try context.maintenance.backups.backup()
            }
            return BackupResponse(
                name: backup.name, bytes: backup.bytes, digest: backup.sha256.description, missing: Self.notInBackups)
        }
        // Nothing changes, but everything leaves: who took it is written down.
        list.addStreamChange(
            Self.service, "Export", .serverStreaming,
            target: { payload in
                [("calls", String((try? ExportRequest(decoding: payload, strict: true))?.calls ?? false))]
            }, { stream in try await export(stream) })
        list.addStreamChange(
            Self.service, "Import", .clientStreaming, target: { _ in [] }, { stream in try await receive(stream) })
    }

    private func export(_ stream: ServerStream) async throws -> [UInt8]? {
        let request = try ExportRequest(decoding: stream.request, strict: true)
        let context = context
        let origin = Export.Origin(daemon: context.version, keyID: context.maintenance.secretBox.keyID)
        let export = try await context.blocking { () throws(Failure) in
            try Export(context.store, context.packages, origin, in: context.maintenance.transfers)
        }
        var before: Identifier?
        var specs: Set<Digest> = []
        var isMore = request.calls
        while isMore {
            try Task.checkCancellation()
            let (calls, last) = try await context.store.archivedCalls(before: before, specs: &specs)
            try await context.blocking { () throws(Failure) in try export.append(calls) }
            before = last
            isMore = last != nil
        }
        while let piece = try await context.blocking({ () throws(Failure) in try export.next() }) {
            try await stream.send(ArchiveChunk(data: piece).encoded())
        }
        return nil
    }

    private func receive(_ stream: ServerStream) async throws -> [UInt8]? {
        let context = context
        let incoming = try await context.blocking { () throws(Failure) in
            try Import(in: context.maintenance.transfers)
        }
        while let message = try await stream.next() {
            let chunk = try ArchiveChunk(decoding: message, strict: true)
            try await context.blocking { () throws(Failure) in try incoming.append(chunk.data) }
        }
        let box = context.maintenance.secretBox
        let content = try await context.blocking { () throws(Failure) in
            try incoming.verify(
                context.store.surroundings,
                Import.Key(id: box.keyID) { (sealed, id) throws(Failure) in
                    var value = try box.open(sealed, for: id)
                    defer { value.wipe() }
                    return value.count
                })
        }
        let change = ChangeContext(stream.caller)
        try await incoming.check(content, for: context.store, change)
        defer { incoming.releasePackages(in: context.packages) }
        try await context.blocking { () throws(Failure) in
            try incoming.storePackages(content, in: context.packages)
        }
        let response = try await incoming.store(content, in: context.store, change)
        try await context.authenticator.reload { () throws(Failure) in try context.store.allTokens() }
        return response.encoded()
    }
}
