import FnrpcClient
import Model

/// What the command line of `fnrpc invoke` names, by names or ids.
enum InvokeReference: Equatable {
    case function(app: String, name: String, revision: FunctionRevision)
    /// - Parameter method: `nil`: GET without a body, POST with one, as curl has it.
    case path(app: String, method: String?, path: String, query: String)

    /// Reads `app/function`, `app/function@3`, `app/function@alias`; or, if there is a path, `app`.
    init(_ text: String, path: String?, method: String?, query: String?) throws(Failure) {
        if let path {
            guard !text.utf8.contains(UInt8(ascii: "/")) else {
                throw Failure(.invalid, "\(quoted(text)) is not an app; with --path write the app alone")
            }
            _ = try PathSegments(path, field: "--path")
            try checkNameOrID(text, field: "app")
            self = .path(app: text, method: method, path: path, query: query ?? "")
            return
        }
        guard method == nil, query == nil else {
            throw Failure(.invalid, "\(method == nil ? "--query" : "--method"): needs --path")
        }
        // What has only digits is a number, and an error that speaks of numbers if it is out of range.
        if let at = text.firstIndex(of: "@"),
            !text[text.index(after: at)...].utf8.allSatisfy({ (48...57).contains($0) })
        {
            let reference = try FunctionPath(String(text[..<at]))
            let alias = String(text[text.index(after: at)...])
            try checkNameOrID(alias, field: "alias")
            self = .function(app: reference.app, name: reference.function, revision: .alias(alias))
            return
        }
        let reference = try FunctionPath(text)
        self = .function(
            app: reference.app, name: reference.function,
            revision: reference.version == 0 ? .latest : .version(reference.version))
    }

    /// Who is called with a body or without.
    func target(hasBody: Bool) -> InvocationTarget {
        switch self {
        case .function(let app, let name, let revision):
            .function(app: app, name: name, revision: revision)
        case .path(let app, let method, let path, let query):
            .path(app: app, method: method ?? (hasBody ? "POST" : "GET"), path: path, query: query)
        }
    }
}
