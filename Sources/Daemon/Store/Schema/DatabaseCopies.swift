internal import Archive
internal import GRDB
internal import Glibc
internal import Model

/// Copies of a database in one folder, each named by its time; the newest few stay. Not thread-safe; blocks.
///
/// Other files of the folder are never touched: a name must fit to the letter.
struct DatabaseCopies {
    let folder: String
    /// What is before label and time in a name, and behind.
    let prefix: String
    let suffix: String
    /// How many stay.
    let keep: Int

    private static let partial = ".partial"

    /// Copies the present state of a database, which others may use meanwhile. A copy with its name is whole and on
    /// disk; after a failure nothing of it is left.
    ///
    /// - Parameters:
    ///   - label: digits and a hyphen before the time, or nothing.
    ///   - time: moved on by milliseconds while the name is taken.
    /// - Returns: its name in the folder.
    func make(of database: String, label: String = "", at time: Timestamp) throws(Failure) -> String {
        do throws(Failure) {
            try removePartials()
            let name = freeName(label, time)
            let path = folder + "/" + name
            let temporary = path + Self.partial
            // SQLite takes an empty file as it is, and with it this mode.
            let raw = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0o600)
            guard raw >= 0 else { throw FileIO.failure("a file cannot be made") }
            let descriptor = Descriptor(owning: raw)
            do throws(Failure) {
                try vacuum(database, into: temporary)
                try Disk.sync(descriptor.raw)
                try Disk.move(temporary, to: path)
            } catch {
                unlink(temporary)
                throw error
            }
            return name
        } catch {
            throw Failure(error.code, "the database cannot be backed up: \(error.message)")
        }
    }

    /// Deletes all but the newest, of which one is certainly `newest`, even if the clock went back.
    func prune(newest: String) throws(Failure) {
        for name in try names().filter({ $0 != newest }).dropLast(keep - 1) {
            try Disk.remove(folder + "/" + name)
        }
    }

    /// Deletes a copy.
    func remove(_ name: String) throws(Failure) { try Disk.remove(folder + "/" + name) }

    /// The copies, oldest first.
    func names() throws(Failure) -> [String] {
        try Disk.names(in: folder).compactMap { name in stamp(in: name).map { ($0, name) } }.sorted { $0 < $1 }.map(\.1)
    }

    /// One statement that reads one snapshot: writers go on, and what comes out has no free pages and no WAL.
    private func vacuum(_ database: String, into path: String) throws(Failure) {
        var configuration = Configuration()
        configuration.label = "fnrpc.copy"
        configuration.readonly = true
        configuration.busyMode = .timeout(5)
        do {
            let queue = try DatabaseQueue(path: database, configuration: configuration)
            try queue.inDatabase { try $0.execute(sql: "VACUUM INTO ?", arguments: [path]) }
            try queue.close()
        } catch {
            throw SQLiteDriver.failure(error, at: path)
        }
    }

    /// What a process that was killed has left.
    private func removePartials() throws(Failure) {
        for name in try Disk.names(in: folder) where name.hasSuffix(Self.partial) {
            guard stamp(in: String(name.dropLast(Self.partial.utf8.count))) != nil else { continue }
            try Disk.remove(folder + "/" + name)
        }
    }

    private func freeName(_ label: String, _ time: Timestamp) -> String {
        var time = time
        while true {
            let stamp = time.rfc3339(fractionDigits: 3).filter { $0 != "-" && $0 != ":" }
            let name = prefix + label + stamp + suffix
            var info = stat()
            if lstat(folder + "/" + name, &info) != 0 { return name }
            time = Timestamp(nanoseconds: time.nanoseconds + 1_000_000)
        }
    }

    /// The time in a copy's name, as text that sorts: `20260131T235959.999Z`.
    private func stamp(in name: String) -> String? {
        guard name.hasPrefix(prefix), name.hasSuffix(suffix),
            name.utf8.count >= prefix.utf8.count + suffix.utf8.count + 20
        else { return nil }
        let middle = name.utf8.dropFirst(prefix.utf8.count).dropLast(suffix.utf8.count)
        let stamp = middle.suffix(20)
        let shape = stamp.map { $0 >= 0x30 && $0 <= 0x39 ? UInt8(ascii: "0") : $0 }
        let label = middle.dropLast(20)
        let isLabel = label.isEmpty || label.last == UInt8(ascii: "-")
        guard shape == Array("00000000T000000.000Z".utf8), isLabel,
            label.dropLast().allSatisfy({ $0 >= 0x30 && $0 <= 0x39 })
        else { return nil }
        return String(decoding: stamp, as: UTF8.self)
    }
}
