internal import Archive
internal import Model
internal import Wire

// Rows as an archive has them: a file is one record after the other, each its length (4 bytes, big endian) and a message.
extension ArchivedEntity {
    init(_ row: Row) {
        self.init(
            kind: row.kind.rawValue, id: row.id.description, parentID: row.parent?.description ?? "", key: row.key,
            apiVersion: row.apiVersion, revision: row.revision, createdAt: row.createdAt, updatedAt: row.updatedAt,
            referenceIDs: row.references.map(\.description), claims: row.claims, sealed: row.sealed, body: row.body)
    }

    /// - Throws: `invalid` for what no row can be.
    func row() throws(Failure) -> Row {
        guard let kind = EntityKind(rawValue: kind) else {
            throw Failure(.invalid, "\(ArchiveManifest.entitiesName): the kind \(quoted(self.kind)) is not known")
        }
        var references: [Identifier] = []
        for text in referenceIDs { references.append(try Self.id(text)) }
        return Row(
            kind: kind, id: try Self.id(id), parent: parentID.isEmpty ? nil : try Self.id(parentID), key: key,
            apiVersion: apiVersion, revision: revision, createdAt: createdAt, updatedAt: updatedAt,
            references: references, claims: claims, sealed: sealed, body: body)
    }

    private static func id(_ text: String) throws(Failure) -> Identifier {
        guard let id = Identifier(text) else {
            throw Failure(.invalid, "\(ArchiveManifest.entitiesName): \(quoted(text)) is no id")
        }
        return id
    }
}

extension ArchivedCall {
    /// Bytes of the longest snapshot: those of a function and of its app.
    private static let maxSpecBytes = 2 * Row.maxBytes

    /// The record with its log and payload.
    ///
    /// - Throws: `invalid` for what no daemon has recorded.
    func record() throws(Failure) -> CallRecord {
        for (what, bytes, limit) in [
            ("record", call.encodedSize, CallRecord.maxBytes), ("log", log.count, CallRecord.maxLogBytes),
            ("input", input.count, CallRecord.maxInputBytes),
        ] where bytes > limit {
            throw Failure(
                .invalid, "call \(call.meta.id): its \(what) has \(bytes) bytes; at most \(limit) are allowed")
        }
        var call = call
        (call.log, call.input) = (log, input)
        // Where they are not there, they were removed.
        if !log.isEmpty { call.logBytes = UInt64(log.count) }
        if !input.isEmpty { call.inputBytes = UInt64(input.count) }
        return call
    }

    /// Checks that the snapshot that the record names is with it, or was with one before.
    ///
    /// - Parameter known: those that were; takes up this one.
    /// - Throws: `invalid`.
    func checkSpec(_ known: inout Set<Digest>) throws(Failure) {
        do throws(Failure) {
            guard let digest = call.spec else {
                guard spec.isEmpty else { throw Failure(.invalid, "spec: is given, and spec_digest does not name it") }
                return
            }
            if spec.isEmpty && known.contains(digest) { return }
            guard !spec.isEmpty else {
                throw Failure(.invalid, "spec_digest: the snapshot \(digest) is not in the archive before it is named")
            }
            guard spec.count <= Self.maxSpecBytes else {
                throw Failure(
                    .invalid, "spec: has \(spec.count) bytes; at most \(Self.maxSpecBytes) are allowed")
            }
            let actual = try SHA256.digest(of: spec)
            guard actual == digest else { throw Failure(.invalid, "spec: it is \(actual), not \(digest)") }
            _ = try CallSpec(decoding: spec, strict: true)
            known.insert(digest)
        } catch { throw error.within("call \(call.meta.id)") }
    }
}

/// Records, one after the other.
struct RecordFile {
    /// Bytes of the longest one: entities, and calls with logs, payloads and snapshots, are below.
    static let maxBytes = 12 << 20
    private var rest: [UInt8] = []

    static func record(_ message: some WireMessage) -> [UInt8] {
        let bytes = message.encoded()
        return withUnsafeBytes(of: UInt32(clamping: bytes.count).bigEndian) { Array($0) } + bytes
    }

    /// Takes a piece of the file and hands over the records that are whole.
    mutating func take(_ piece: some Sequence<UInt8>, _ body: ([UInt8]) throws(Failure) -> Void) throws(Failure) {
        rest += piece
        var start = 0
        while rest.count - start >= 4 {
            let length = rest[start..<start + 4].reduce(0) { $0 << 8 | Int($1) }
            guard length <= Self.maxBytes else {
                throw Failure(
                    .invalid, "the archive has a record of \(length) bytes; at most \(Self.maxBytes) are allowed")
            }
            guard rest.count - start - 4 >= length else { break }
            try body(Array(rest[start + 4..<start + 4 + length]))
            start += 4 + length
        }
        rest.removeFirst(start)
    }

    /// - Throws: `invalid` if the last record is not whole.
    func finish() throws(Failure) {
        guard rest.isEmpty else { throw Failure(.invalid, "the archive ends within a record") }
    }
}

/// The records of calls of an archive that was verified, in a file of their own.
struct ArchivedCalls: CallSource {
    let file: SpoolFile

    func eachBatch(_ body: (CallBatch) throws(Failure) -> Void) throws(Failure) {
        try file.rewind()
        var records = RecordFile()
        var buffer = [UInt8](repeating: 0, count: Export.pieceBytes)
        while true {
            let count = try FileIO.read(file.descriptor, into: &buffer, naming: "a temporary file")
            if count == 0 { return }
            var batch = CallBatch()
            try records.take(buffer.prefix(count)) { (bytes) throws(Failure) in
                let archived = try ArchivedCall(decoding: bytes, strict: true, quota: MemoryQuota.answer)
                batch.calls.append(try archived.record())
                if let digest = archived.call.spec, !archived.spec.isEmpty { batch.specs[digest] = archived.spec }
            }
            if !batch.calls.isEmpty { try body(batch) }
        }
    }
}

extension CallRecord {
    /// Checks what the daemon writes into a record by itself, and an archive could say otherwise.
    ///
    /// - Throws: `invalid` naming the call and the fields.
    func checkImported() throws(Failure) {
        var violations = Violations()
        for (field, name) in [
            ("app_name", appName), ("function_name", functionName), ("requested_alias", requestedAlias),
            ("trigger", trigger),
        ] where !name.isEmpty {
            violations.check { () throws(Failure) in try Name(name, field: field) }
        }
        if !path.isEmpty {
            let source = violations.check { () throws(Failure) in try TriggerSource(path, field: "path") }
            violations.require(source == nil || source?.text == path, "path: \(quoted(path)) is not written so")
        }
        if let traceID {
            violations.require(
                traceID.utf8.count == 32
                    && traceID.utf8.allSatisfy { (48...57).contains($0) || (97...102).contains($0) },
                "trace_id: \(quoted(traceID)) is no trace of 32 hexadecimal digits")
        }
        do throws(Failure) { try violations.finish() } catch { throw error.within("call \(meta.id)") }
    }
}
