internal import Model
internal import Pool
internal import Synchronization
internal import Telemetry

/// What the catalog knows of one function: immutable, and replaced when the function changes. Only the runnables are
/// made when they are first called.
final class CatalogEntry: Sendable {
    /// A version, and what calls it once somebody did.
    final class Slot: Sendable {
        let version: Version
        /// Set once, by the ``Catalog`` under its lock.
        let runnable = AtomicLazyReference<Runnable>()

        init(_ version: Version) {
            self.version = version
        }
    }

    let contents: CatalogFunction
    /// What is counted of its calls; goes over to the entry that replaces this one.
    let metrics: CallMetrics
    /// By number.
    let versions: [UInt32: Slot]
    /// Of its own, so that whoever calls a version and whoever calls none never meet; with the number of the version that
    /// the working copy equals.
    let working: Slot
    /// Of the highest number.
    private let latest: Slot?
    /// By the hash of the name.
    private let aliases: [UInt64: [Alias]]

    var id: Identifier { contents.function.meta.id }

    init(_ contents: CatalogFunction, metrics: CallMetrics = CallMetrics(hasTotals: false)) {
        self.contents = contents
        self.metrics = metrics
        let function = contents.function
        versions = Dictionary(contents.versions.map { ($0.number, Slot($0)) }) { $1 }
        latest = versions.keys.max().flatMap { [versions] in versions[$0] }
        working = Slot(
            versions[function.workingVersion]?.version
                ?? Version(
                    meta: function.meta, functionID: function.meta.id, number: 0, description: "", spec: function.spec,
                    package: function.package, packageBytes: 0, runtime: function.runtime))
        aliases = Dictionary(grouping: contents.aliases) { FNV1a.hash($0.name.text) }
    }

    /// Every slot once.
    private var slots: [Slot] { versions.values + [working] }

    /// What was called so far.
    var runnables: [Runnable] { slots.compactMap { $0.runnable.load() } }

    /// A new runnable for one of the slots.
    ///
    /// - Parameter pool: that it takes over.
    func makeRunnable(_ slot: Slot, pool: FunctionPool? = nil) -> Runnable {
        Runnable(
            app: contents.app, function: contents.function, version: slot.version, isWorkingCopy: slot === working,
            secretRevisions: contents.secretRevisions, pool: pool, metrics: metrics)
    }

    /// What keeps its `min_containers`: the versions that aliases name, and the working copy unless it is one of these.
    private var keeping: [Slot] {
        let numbers = Set(contents.aliases.flatMap { [$0.target.version, $0.target.secondVersion] })
        let named = numbers.compactMap { versions[$0] }
        return numbers.contains(working.version.number) ? named : named + [working]
    }

    /// As ``keeping``, only what wants any.
    var wanting: [Slot] { keeping.filter { $0.version.spec.minContainers > 0 } }

    /// Lets every pool know whether it keeps its least number.
    func shareMinimum() {
        let keeping = keeping
        for slot in slots {
            guard let runnable = slot.runnable.load() else { continue }
            let keeps = keeping.contains { $0 === slot }
            runnable.pool.event { $0.keepsMinimum = keeps }
        }
    }

    /// Takes over what is still right of the entry before; nobody else has seen this one yet.
    ///
    /// - Returns: what is not.
    func adopt(_ runnables: [Runnable]) -> [Runnable] {
        runnables.filter { runnable in
            let number = runnable.version.number
            guard let slot = runnable.isWorkingCopy ? working : versions[number],
                runnable.isCurrent(slot.version, of: contents)
            else { return true }
            let isRenamed = slot.version.number != number
            _ = slot.runnable.storeIfNil(isRenamed ? makeRunnable(slot, pool: runnable.pool) : runnable)
            return false
        }
    }

    /// What a choice leads to.
    enum Resolution {
        case slot(Slot)
        case noVersion(UInt32)
        case noAlias
        /// Why this daemon cannot read it.
        case unreadable(Failure)
    }

    func resolve(_ choice: VersionChoice, _ split: (_ stickyKey: String) -> UInt64) -> Resolution {
        switch choice {
        case .working: return .slot(working)
        case .version(let number): return resolve(number)
        case .alias(let name):
            if name.elementsEqual(Alias.latest.utf8) { return resolve(.latest, split) }
            let named = aliases[FNV1a.hash(name)]?.first { name.elementsEqual($0.name.text.utf8) }
            if let found = named ?? choice.aliasID.flatMap(alias) { return resolve(found, split) }
            return absence(.noAlias) { name.elementsEqual($0.name.utf8) || $0.id == choice.aliasID }
        case .latest:
            let newer = contents.unreadable.compactMap { UInt32($0.name) }.max() ?? 0
            guard let latest, latest.version.number > newer else { return newer > 0 ? resolve(newer) : .noAlias }
            return .slot(latest)
        case .aliasID(let id): return alias(id).map { resolve($0, split) } ?? absence(.noAlias) { $0.id == id }
        }
    }

    /// What is not known may be unreadable.
    private func absence(
        _ none: Resolution, _ isMeant: (CatalogFunction.Unreadable) -> Bool
    ) -> Resolution {
        contents.unreadable.first(where: isMeant).map { .unreadable($0.failure) } ?? none
    }

    private func resolve(_ number: UInt32) -> Resolution {
        versions[number].map { .slot($0) } ?? absence(.noVersion(number)) { UInt32($0.name) == number }
    }

    func alias(_ id: Identifier) -> Alias? { contents.aliases.first { $0.meta.id == id } }

    private func resolve(_ alias: Alias, _ split: (String) -> UInt64) -> Resolution {
        let target = alias.target
        return resolve(target.secondVersion == 0 ? target.version : target.version(for: split(alias.stickyKey)))
    }
}
