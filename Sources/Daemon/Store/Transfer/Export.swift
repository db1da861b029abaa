internal import Archive
internal import Glibc
package import Model
internal import Synchronization
package import Wire

/// Everything of a store as one tar: `manifest.json`, `entities.binpb`, perhaps `calls.binpb`, `packages/HEX.tar`. Entities
/// are those of one moment. Used by one at a time; every method blocks.
package final class Export: Sendable {
    /// Bytes of a piece.
    package static let pieceBytes = 262_144

    /// What an archive says of where it comes from.
    package struct Origin: Sendable {
        package var daemon: String
        package var keyID: [UInt8]
        package var now: Timestamp

        package init(daemon: String, keyID: [UInt8], now: Timestamp = .now()) {
            self.daemon = daemon
            self.keyID = keyID
            self.now = now
        }
    }

    /// What is sent next.
    private enum Part {
        case bytes([UInt8])
        case spool(SpoolFile)
        case package(path: String, Digest)
    }

    private struct State {
        var manifest: ArchiveManifest
        var calls: SpoolFile?
        /// In reverse; made by the first ``next()``.
        var parts: [Part]?
        var reading: Reading?
    }

    /// The part that is being sent.
    private final class Reading {
        let file: Descriptor
        let digest: Digest?
        var hash: SHA256

        init(_ file: consuming Descriptor, _ digest: Digest?) throws(Failure) {
            self.file = file
            self.digest = digest
            hash = try SHA256()
        }

        /// The digest of what was read.
        func finish() throws(Failure) -> Digest {
            var done = try SHA256()
            swap(&done, &hash)
            return done.finish()
        }
    }

    private let folder: TransferFolder
    private let entities: SpoolFile
    private let store: PackageStore
    /// Held until the export goes: their files stay, whatever becomes of their rows.
    private let packages: [HeldPackage]
    private let state: Mutex<State>

    private struct HeldPackage {
        let digest: Digest
        let path: String
        let bytes: UInt64
    }

    /// Takes the entities as they are now, and keeps the files of their packages until it goes.
    ///
    /// - Throws: `busy` if there are too many; `internalError` if a package is not on disk.
    package init(
        _ store: Store, _ packages: PackageStore, _ origin: Origin, in folder: TransferFolder
    ) throws(Failure) {
        try folder.enter()
        self.folder = folder
        self.store = packages
        let held: (rows: [Row], packages: [HeldPackage])
        do throws(Failure) { held = try Self.hold(store, packages) } catch {
            folder.leave()
            throw error
        }
        self.packages = held.packages
        do throws(Failure) {
            entities = try folder.makeFile()
            var counts: [String: Int] = [:]
            for row in held.rows.sorted(by: {
                ($0.kind.depth, $0.kind.rawValue, $0.id) < ($1.kind.depth, $1.kind.rawValue, $1.id)
            }) {
                counts[row.kind.rawValue, default: 0] += 1
                try entities.append(RecordFile.record(ArchivedEntity(row)))
            }
            state = Mutex(
                State(
                    manifest: ArchiveManifest(
                        daemon: origin.daemon, schema: store.driver.schemaVersion,
                        instance: store.driver.instanceID.description,
                        createdAt: origin.now.rfc3339(fractionDigits: 3), keyID: Self.hex(origin.keyID),
                        entities: counts, calls: 0)))
        } catch {
            for package in held.packages { packages.release(package.digest) }
            folder.leave()
            throw error
        }
    }

    deinit {
        for package in packages { store.release(package.digest) }
        folder.leave()
    }

    /// All rows of one moment, with their packages held. A package may be removed between the look at the rows and the
    /// hold; then it is looked once more.
    private static func hold(
        _ store: Store, _ packages: PackageStore
    ) throws(Failure) -> (rows: [Row], packages: [HeldPackage]) {
        var missing: Digest?
        while true {
            let rows = store.rows()
            var held: [HeldPackage] = []
            do throws(Failure) {
                for row in rows where row.kind == .package {
                    let digest = try Digest(row.key, field: "package")
                    let path = packages.tarPath(digest)
                    packages.hold(digest)
                    // In the list whatever its file is like: what is held is released.
                    held.append(HeldPackage(digest: digest, path: path, bytes: size(path)))
                }
            } catch {
                for package in held { packages.release(package.digest) }
                throw error
            }
            guard let lost = held.first(where: { $0.bytes == 0 }) else { return (rows, held) }
            for package in held { packages.release(package.digest) }
            guard lost.digest != missing else {
                throw Failure(
                    .internalError,
                    "package \(lost.digest) is not in the data directory; deploy its function again")
            }
            missing = lost.digest
        }
    }

    /// Adds records of calls; before the first ``next()``.
    package func append(_ calls: [ArchivedCall]) throws(Failure) {
        try state.withLock { (state) throws(Failure) in
            let file = if let known = state.calls { known } else { try folder.makeFile() }
            state.calls = file
            state.manifest.calls += calls.count
            for call in calls { try file.append(RecordFile.record(call)) }
        }
    }

    /// The next piece of the archive; `nil`: that was all.
    ///
    /// - Throws: `internalError` if a package is damaged on disk.
    package func next() throws(Failure) -> [UInt8]? {
        try state.withLock { (state) throws(Failure) in try next(&state) }
    }

    static func hex(_ bytes: [UInt8]) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    private func next(_ state: inout State) throws(Failure) -> [UInt8]? {
        var parts = if let known = state.parts { known } else { try self.parts(&state.manifest, state.calls) }
        defer { state.parts = parts }
        while true {
            if let reading = state.reading {
                let piece = try Self.read(reading)
                if !piece.isEmpty { return piece }
                state.reading = nil
            }
            switch parts.popLast() {
            case nil: return nil
            case .bytes(let bytes):
                // The manifest of many packages may be long.
                guard bytes.count > Self.pieceBytes else { return bytes }
                parts.append(.bytes(Array(bytes.dropFirst(Self.pieceBytes))))
                return Array(bytes.prefix(Self.pieceBytes))
            case .spool(let file):
                try file.rewind()
                state.reading = try Reading(Descriptor(owning: dup(file.descriptor)), nil)
            case .package(let path, let digest):
                let raw = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW)
                guard raw >= 0 else { throw FileIO.failure("package \(digest) cannot be opened") }
                state.reading = try Reading(Descriptor(owning: raw), digest)
            }
        }
    }

    private static func read(_ reading: Reading) throws(Failure) -> [UInt8] {
        var buffer = [UInt8](repeating: 0, count: pieceBytes)
        let count = try FileIO.read(reading.file.raw, into: &buffer, naming: "a part of the archive")
        buffer.removeLast(buffer.count - count)
        guard let digest = reading.digest else { return buffer }
        reading.hash.update(buffer)
        if count == 0 {
            guard try reading.finish() == digest else {
                throw Failure(
                    .internalError, "package \(digest) is damaged on disk; deploy its function again, then export again"
                )
            }
        }
        return buffer
    }

    /// All parts in reverse, from manifest to trailer.
    private func parts(_ manifest: inout ArchiveManifest, _ calls: SpoolFile?) throws(Failure) -> [Part] {
        var files: [(member: ArchiveManifest.Member, part: Part)] = []
        func add(_ name: String, _ file: SpoolFile) throws(Failure) {
            try file.rewind()
            let digest = try SHA256.digest(ofDescriptor: file.descriptor)
            files.append((.init(name: name, bytes: file.bytes, digest: digest.description), .spool(file)))
        }
        try add(ArchiveManifest.entitiesName, entities)
        if let calls { try add(ArchiveManifest.callsName, calls) }
        for package in packages {
            let name = ArchiveManifest.packageName(package.digest)
            let member = ArchiveManifest.Member(
                name: name, bytes: package.bytes, digest: package.digest.description)
            files.append((member, .package(path: package.path, package.digest)))
        }
        manifest.members = files.map(\.member)
        let text = try manifest.encoded()
        var parts: [Part] = [
            .bytes(
                Self.header(ArchiveManifest.name, UInt64(text.count)) + text
                    + TarHeader.padding(after: UInt64(text.count)))
        ]
        for (member, part) in files {
            parts += [.bytes(Self.header(member.name, member.bytes)), part]
            let padding = TarHeader.padding(after: member.bytes)
            if !padding.isEmpty { parts.append(.bytes(padding)) }
        }
        return (parts + [.bytes(TarHeader.trailer)]).reversed()
    }

    private static func header(_ name: String, _ bytes: UInt64) -> [UInt8] {
        TarHeader.bytes(for: ArchiveEntry(path: name, kind: .file(bytes: bytes, executable: false)))
    }

    /// 0: there is no such file; a tar is never empty.
    private static func size(_ path: String) -> UInt64 {
        var info = stat()
        guard lstat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else { return 0 }
        return UInt64(max(info.st_size, 0))
    }
}
