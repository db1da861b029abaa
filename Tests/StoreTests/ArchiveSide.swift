import Model
import Testing
import Wire

@testable import Store

/// A store with packages on disk, to be exported or imported into.
final class ArchiveSide: Sendable {
    let test: TestStore
    let packages: PackageStore
    let transfers: TransferFolder
    let scratch: Scratch
    let keyID: [UInt8]

    init(_ backing: Backing = .memory, keyID: [UInt8] = [1, 2, 3], maxImportBytes: UInt64 = 1 << 30) throws {
        scratch = try Scratch()
        test = try TestStore(backing)
        packages = try PackageStore(path: scratch.path + "/packages")
        transfers = try TransferFolder(path: scratch.path + "/transfers", maxImportBytes: maxImportBytes)
        self.keyID = keyID
    }

    /// Uploads a package of one file; its row.
    func upload(_ text: String) async throws -> StoredPackage {
        var builder = TarBuilder()
        builder.add("func.py", content: Array(text.utf8))
        let (id, _) = try packages.open(builder.bytes)
        _ = try packages.write(uploadID: id, offset: 0, bytes: builder.bytes)
        let package = try packages.commit(uploadID: id)
        return try await test.change { (transaction) throws(Failure) in try transaction.addPackage(package) }
    }

    func export(calls: Bool = false) async throws -> [UInt8] {
        let export = try begun()
        var before: Identifier?
        var specs: Set<Digest> = []
        var isMore = calls
        while isMore {
            let (page, last) = try await test.store.archivedCalls(before: before, specs: &specs)
            try export.append(page)
            before = last
            isMore = last != nil
        }
        return try bytes(of: export)
    }

    /// An archive with records of calls that the store does not have.
    func archive(_ calls: [ArchivedCall]) throws -> [UInt8] {
        let export = try begun()
        try export.append(calls)
        return try bytes(of: export)
    }

    private func begun() throws -> Export {
        try Export(
            test.store, packages, Export.Origin(daemon: "1.2.3", keyID: keyID, now: Timestamp(nanoseconds: 0)),
            in: transfers)
    }

    private func bytes(of export: Export) throws -> [UInt8] {
        var bytes: [UInt8] = []
        while let piece = try export.next() {
            #expect(piece.count <= Export.pieceBytes)
            bytes += piece
        }
        return bytes
    }

    @discardableResult
    func take(_ archive: [UInt8], allowsTest: Bool = true) async throws -> ImportResponse {
        let incoming = try Import(in: transfers)
        for start in stride(from: 0, to: archive.count, by: 100_000) {
            try incoming.append(Array(archive[start..<min(start + 100_000, archive.count)]))
        }
        let key = Import.Key(id: keyID) { (sealed, id) throws(Failure) in
            guard !sealed.isEmpty else { throw Failure(.invalid, "secret \(id): it is empty") }
            return sealed.count
        }
        let content = try incoming.verify(test.store.surroundings, key, allowsTest: allowsTest)
        try await incoming.check(content, for: test.store, test.context())
        try incoming.storePackages(content, in: packages)
        return try await incoming.store(content, in: test.store, test.context())
    }
}
