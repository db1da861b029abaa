internal import Wire

/// Which version of a function is called.
public enum FunctionRevision: Sendable, Hashable {
    /// The function as last deployed.
    case latest
    /// A version by its number; 0 is the function as last deployed.
    case version(UInt32)
    /// Whatever version an alias stands for.
    case alias(String)
}

/// Who is called.
public enum InvocationTarget: Sendable, Hashable {
    /// A function by its name; an empty app is the only one of the token, or the listener's.
    case function(app: String, name: String, revision: FunctionRevision = .latest)
    /// The function of an app whose trigger answers a path.
    ///
    /// - Parameters:
    ///   - method: `GET`, `POST` …; empty: `POST`.
    ///   - path: percent-encoded, without the query: `/greet/42`.
    ///   - query: percent-encoded, without the question mark; empty: none.
    case path(app: String, method: String = "", path: String, query: String = "")

    var encoded: InvokeTarget {
        switch self {
        case .function(let app, let name, .latest): InvokeTarget(app: app, function: name)
        case .function(let app, let name, .version(let number)):
            InvokeTarget(app: app, function: name, version: number)
        case .function(let app, let name, .alias(let alias)): InvokeTarget(app: app, function: name, alias: alias)
        case .path(let app, let method, let path, let query):
            InvokeTarget(app: app, method: method, path: path, query: query)
        }
    }
}
