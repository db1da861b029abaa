internal import Glibc
package import Model
internal import Synchronization

/// What can be called right now: an immutable table from names to runnable versions.
package final class Snapshot: Sendable {
    /// A function with its versions.
    struct Entry: Sendable {
        let app: [UInt8]
        let function: [UInt8]
        /// Of the version as last deployed.
        let latest: UInt32
        let versions: [UInt32: Runnable]
    }

    let entries: [Entry]
    /// Open addressing: indexes into `entries` plus 1; 0 is empty. A power of two, at most half full.
    private let table: [UInt32]
    let apps: Set<[UInt8]>
    let services: ServiceTable

    init(_ entries: [Entry], apps: Set<[UInt8]>) {
        self.entries = entries
        self.apps = apps
        services = ServiceTable(entries)
        var size = 16
        while size < entries.count * 2 { size *= 2 }
        var table = [UInt32](repeating: 0, count: size)
        for (index, entry) in entries.enumerated() {
            var place = entry.app.withUnsafeBytes { app in
                entry.function.withUnsafeBytes { Self.hash(app, $0) }
            }
            while table[place & (size - 1)] != 0 { place += 1 }
            table[place & (size - 1)] = UInt32(index + 1)
        }
        self.table = table
    }

    /// What a look-up found.
    package enum Result {
        case runnable(Runnable)
        case noApp
        case noFunction
        case noVersion
    }

    /// Finds a version by names as they came off the wire; allocates nothing.
    ///
    /// - Parameter version: 0 is the function as last deployed.
    package func find(app: UnsafeRawBufferPointer, function: UnsafeRawBufferPointer, version: UInt32) -> Result {
        let mask = table.count - 1
        var place = Self.hash(app, function)
        while table[place & mask] != 0 {
            let entry = entries[Int(table[place & mask]) - 1]
            if same(entry.app, app) && same(entry.function, function) {
                guard let found = entry.versions[version == 0 ? entry.latest : version] else { return .noVersion }
                return .runnable(found)
            }
            place += 1
        }
        return apps.contains(Array(app)) ? .noFunction : .noApp
    }

    /// Every version of every function.
    package var all: [Runnable] { entries.flatMap { $0.versions.values } }

    private func same(_ left: [UInt8], _ right: UnsafeRawBufferPointer) -> Bool { left.isSame(as: right) }

    /// FNV-1a over both names with a separator; never negative.
    static func hash(_ app: UnsafeRawBufferPointer, _ function: UnsafeRawBufferPointer) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in app { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        hash = (hash ^ 0x2F) &* 0x100_0000_01b3
        for byte in function { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        return Int(hash >> 33)
    }
}

extension [UInt8] {
    /// Whether these are the same bytes; allocates nothing.
    func isSame(as other: UnsafeRawBufferPointer) -> Bool {
        guard count == other.count, let start = other.baseAddress else { return isEmpty && other.isEmpty }
        return withUnsafeBytes { bytes in bytes.baseAddress.map { memcmp($0, start, bytes.count) == 0 } ?? true }
    }
}

/// Publishes snapshots: one writer, many readers. Thread-safe.
package final class Catalog: Sendable {
    private let state = Lock(State())

    private struct State {
        var functions: [Identifier: [UInt32: Runnable]] = [:]
        var latest: [Identifier: UInt32] = [:]
        var apps: Set<[UInt8]> = []
        var snapshot = Snapshot([], apps: [])
    }

    package init() {}

    /// What can be called now.
    package var snapshot: Snapshot { state.withLock { $0.snapshot } }

    /// Adds an app without functions.
    package func add(app: App) {
        state.withLock { state in
            state.apps.insert(Array(app.name.text.utf8))
            Self.publish(&state)
        }
    }

    /// Adds versions; the highest number of a function becomes its latest. Existing versions stay as they are: they
    /// are immutable, and their pools hold containers.
    package func add(_ runnables: [Runnable]) {
        state.withLock { state in
            for runnable in runnables {
                let id = runnable.function.meta.id
                if state.functions[id]?[runnable.version.number] == nil {
                    state.functions[id, default: [:]][runnable.version.number] = runnable
                }
                state.latest[id] = max(state.latest[id] ?? 0, runnable.version.number)
                state.apps.insert(Array(runnable.function.appName.text.utf8))
            }
            Self.publish(&state)
        }
    }

    private static func publish(_ state: inout State) {
        var entries: [Snapshot.Entry] = []
        entries.reserveCapacity(state.functions.count)
        for (id, versions) in state.functions {
            guard let latest = state.latest[id], let any = versions[latest] else { continue }
            entries.append(
                Snapshot.Entry(
                    app: Array(any.function.appName.text.utf8), function: Array(any.function.name.text.utf8),
                    latest: latest,
                    versions: versions))
        }
        state.snapshot = Snapshot(entries, apps: state.apps)
    }
}
