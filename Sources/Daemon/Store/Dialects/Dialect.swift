package import Model
internal import Wire

/// The messages of one `api_version`, and how they become what the daemon works with.
///
/// The daemon's own structs are the hub; each version converts to and from them, so versions never know each other.
/// What a version has no field for travels in `extra` under ``reservedPrefix``, so that nothing is lost on the way there
/// and back.
package protocol Dialect: Sendable {
    /// The `api_version`.
    var number: UInt32 { get }
    /// Reads a stored message.
    ///
    /// - Parameter strict: refuses fields that are not this version's, at any depth: they would be lost when it is
    ///   written again.
    /// - Throws: `precondition` naming the field if something would have to be invented.
    func decode(_ kind: EntityKind, _ body: [UInt8], strict: Bool) throws(Failure) -> any Entity
    /// The message to store.
    ///
    /// - Throws: `precondition` naming the field if something would be lost.
    func encode(_ entity: any Entity) throws(Failure) -> [UInt8]
}

/// The messages of proto/fnrpc/v1: release 1, and the test versions 0 and 2, which have its model by definition.
package struct ReleaseOne: Dialect {
    package let number: UInt32

    package init(number: UInt32) {
        self.number = number
    }

    package func decode(_ kind: EntityKind, _ body: [UInt8], strict: Bool) throws(Failure) -> any Entity {
        switch kind {
        case .app: try App(decoding: body, strict: strict)
        case .function: try Function(decoding: body, strict: strict)
        case .version: try Version(decoding: body, strict: strict)
        case .alias: try Alias(decoding: body, strict: strict)
        case .trigger: try Trigger(decoding: body, strict: strict)
        case .runtime: try Runtime(decoding: body, strict: strict)
        case .secret: try Secret(decoding: body, strict: strict)
        case .token: try Token(decoding: body, strict: strict)
        case .package: try StoredPackage(decoding: body, strict: strict)
        }
    }

    package func encode(_ entity: any Entity) throws(Failure) -> [UInt8] { entity.encoded() }
}

/// The versions that this daemon can read and write.
package struct Dialects: Sendable {
    private let byNumber: [UInt32: any Dialect]

    /// - Parameter more: beside 0, 1 and 2.
    package init(_ more: [any Dialect] = []) {
        let own: [any Dialect] = [ReleaseOne(number: 0), ReleaseOne(number: 1), ReleaseOne(number: 2)]
        byNumber = Dictionary((own + more).map { ($0.number, $0) }) { _, last in last }
    }

    /// Their numbers, sorted.
    package var numbers: [UInt32] { byNumber.keys.sorted() }

    /// Whether rows of a version can be read.
    package func knows(_ number: UInt32) -> Bool { byNumber[number] != nil }

    /// - Throws: `precondition` for a version that is newer than the daemon.
    package subscript(number: UInt32, what: @autoclosure () -> String) -> Result<any Dialect, Failure> {
        guard let dialect = byNumber[number] else {
            return .failure(
                Failure(
                    .precondition,
                    "\(what()) has api_version \(number), which this daemon does not know (it knows "
                        + numbers.map(String.init).joined(separator: ", ")
                        + "); read it with Entities/GetRaw or install a newer fnrpcd"))
        }
        return .success(dialect)
    }

    /// Reads a row.
    ///
    /// - Parameter message: of the row: ``Tables/message(of:)``.
    package func decode(_ row: Row, _ message: [UInt8]) throws(Failure) -> any Entity {
        let dialect = try self[row.apiVersion, "\(row.kind.rawValue) \(row.id)"].get()
        do throws(Failure) {
            return try dialect.decode(row.kind, message, strict: false)
        } catch {
            // Not what a caller sent is wrong, but what is stored.
            guard error.code == .invalid else { throw error }
            throw Failure(.internalError, "the stored \(row.kind.rawValue) \(row.id) is damaged: \(error.message)")
        }
    }

    /// Whether a row can be written again without losing anything: a later release of its own api_version may have stored
    /// fields that this daemon does not know.
    ///
    /// - Parameter name: how the error calls the row.
    /// - Throws: `precondition` naming the field.
    package func checkRewritable(_ row: Row, _ message: [UInt8], _ name: String) throws(Failure) {
        let dialect = try self[row.apiVersion, "\(row.kind.rawValue) \(name)"].get()
        do throws(Failure) { _ = try dialect.decode(row.kind, message, strict: true) } catch {
            guard error.code == .invalid else { throw error }
            throw Failure(
                .precondition,
                "\(row.kind.rawValue) \(name) was stored by a newer fnrpcd, and what this one does not know of it would "
                    + "be lost (\(error.message)); change it with the newer one")
        }
    }

    /// A row's message in the newest release; the bytes themselves where its own version has that one's model.
    package func readable(_ row: Row, _ message: [UInt8]) throws(Failure) -> [UInt8] {
        let dialect = try self[row.apiVersion, "\(row.kind.rawValue) \(row.id)"].get()
        if dialect is ReleaseOne { return message }
        return try decode(row, message).encoded()
    }

    /// Reads a row whose kind is known.
    package func decode<E: Entity>(_ row: Row, _ message: [UInt8], as type: E.Type = E.self) throws(Failure) -> E {
        guard let entity = try decode(row, message) as? E else {
            throw Failure(.internalError, "\(row.kind.rawValue) \(row.id) is stored as another kind")
        }
        return entity
    }
}
