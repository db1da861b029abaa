internal import Catalog
internal import Contracts
internal import Model

/// What a call runs, and what its caller asked for.
struct CallTarget: Sendable {
    let runnable: Runnable
    /// 0: the working copy, or an alias.
    let requestedVersion: UInt32
    /// By its name, however it was named; empty: none.
    let requestedAlias: String
    /// Of a call by path.
    let path: PathRequest?

    init(
        _ runnable: Runnable, _ choice: VersionChoice, in catalog: Catalog, path: PathRequest? = nil
    ) {
        self.runnable = runnable
        self.path = path
        if case .version(let number) = choice { requestedVersion = number } else { requestedVersion = 0 }
        let named = choice.aliasID.flatMap { catalog.alias($0, of: runnable.function.meta.id) }
        requestedAlias = named ?? Self.alias(choice)
    }

    /// What a call that is made already runs from now on; what its caller asked for stays.
    init(_ call: Call, runs runnable: Runnable? = nil) {
        self.runnable = runnable ?? call.runnable
        requestedVersion = call.requestedVersion
        requestedAlias = call.requestedAlias
        path = call.path
    }

    /// The alias of a choice, by its name or its id; empty: none.
    static func alias(_ choice: VersionChoice) -> String {
        switch choice {
        case .working, .version: ""
        case .alias(let name): String(decoding: name, as: UTF8.self)
        case .aliasID(let id): id.description
        case .latest: Alias.latest
        }
    }
}
