internal import Catalog
internal import Contracts
internal import Model

/// What a call runs, and what its caller asked for.
struct CallTarget: Sendable {
    let runnable: Runnable
    /// 0: the working copy, or an alias.
    let requestedVersion: UInt32
    /// Empty: none.
    let requestedAlias: String
    /// The call's id, where it has decided between two versions; else it gets one later.
    let callID: Identifier?
    /// Of a call by path.
    let path: PathRequest?
    /// What has answered the path.
    let trigger: CallTrigger?

    init(
        _ runnable: Runnable, _ choice: VersionChoice, callID: Identifier? = nil, path: PathRequest? = nil,
        trigger: CallTrigger? = nil
    ) {
        self.runnable = runnable
        self.trigger = trigger
        self.callID = callID
        self.path = path
        if case .version(let number) = choice { requestedVersion = number } else { requestedVersion = 0 }
        requestedAlias = Self.alias(choice)
    }

    /// Where a listener sends a call.
    init(_ runnable: Runnable, version: UInt32, instead call: Call) {
        self.init(runnable, version == 0 ? .working : .version(version), path: call.path, trigger: call.trigger)
    }

    /// What a call that is made already runs.
    init(_ call: Call) {
        runnable = call.runnable
        requestedVersion = call.requestedVersion
        requestedAlias = call.requestedAlias
        callID = call.id
        path = call.path
        trigger = call.trigger
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

/// The trigger that a call came by, as its record names it.
struct CallTrigger: Sendable {
    let name: String
    let source: String
}
