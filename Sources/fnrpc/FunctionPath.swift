import ArgumentParser
import FnrpcClient
import Model
import Wire

/// A function on the command line, `APP/FN` or `APP/FN@VERSION`; both parts are names or ids.
struct FunctionPath: Equatable, CustomStringConvertible {
    let app: String
    let function: String
    /// 0: none was given.
    let version: UInt32

    init(_ text: String) throws(Failure) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw Failure(.invalid, "\(quoted(text)) is not a function; write APP/FUNCTION or APP/FUNCTION@VERSION")
        }
        let tail = parts[1].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        var version: UInt32 = 0
        if tail.count == 2 {
            guard let number = UInt32(tail[1]), number > 0 else {
                throw Failure(.invalid, "version: \(quoted(String(tail[1]))) is not a number from 1 to \(UInt32.max)")
            }
            version = number
        }
        try self.init(app: String(parts[0]), function: String(tail[0]), version: version)
    }

    /// - Parameter number: given beside it; `nil`: none.
    init(_ text: String, _ number: UInt32?) throws(Failure) {
        try self.init(text)
        guard let number else { return }
        guard version == 0 else {
            throw Failure(.invalid, "\(text) \(number): the version is given twice; give it once")
        }
        guard number > 0 else { throw Failure(.invalid, "version: 0 is not a number from 1 to \(UInt32.max)") }
        try self.init(app: app, function: function, version: number)
    }

    init(app: String, function: String, version: UInt32) throws(Failure) {
        for (text, field) in [(app, "app"), (function, "function")] { try checkNameOrID(text, field: field) }
        self.app = app
        self.function = function
        self.version = version
    }

    var description: String { version == 0 ? "\(app)/\(function)" : "\(app)/\(function)@\(version)" }
}

/// Checks what stands for an entity: its name or its id.
func checkNameOrID(_ text: String, field: String) throws(Failure) {
    if Identifier(text) == nil { _ = try Name(text, field: field) }
}

/// One function.
struct FunctionArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The function.", valueName: "app/fn"))
    private var function: String

    var path: FunctionPath {
        get throws(Failure) {
            let path = try FunctionPath(function)
            guard path.version == 0 else { throw Failure(.invalid, "\(function): give the function without @VERSION") }
            return path
        }
    }

    func validate() throws {
        _ = try usage { () throws(Failure) in try path }
    }
}

/// One function, or one of its versions.
struct RevisionArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The function, or one of its versions.", valueName: "app/fn[@version]"))
    private var function: String

    var path: FunctionPath {
        get throws(Failure) { try FunctionPath(function) }
    }

    func validate() throws {
        _ = try usage { () throws(Failure) in try path }
    }
}

/// One version of a function: `APP/FN@3` or `APP/FN 3`.
struct VersionArgument: ParsableArguments {
    @Argument(help: ArgumentHelp("The function with its version.", valueName: "app/fn@version"))
    private var function: String

    @Argument(
        help: ArgumentHelp("The version's number, if it is not behind the @.", valueName: "version"),
        transform: UInt32.read)
    private var number: UInt32?

    var path: FunctionPath {
        get throws(Failure) {
            let path = try FunctionPath(function, number)
            guard path.version > 0 else {
                throw Failure(.invalid, "\(function): the version is missing; write \(function)@1")
            }
            return path
        }
    }

    func validate() throws {
        _ = try usage { () throws(Failure) in try path }
    }
}

/// What is shown of a function: its working copy, a version as in ``VersionArgument``, or `@latest`, the highest version.
struct ShownArgument: ParsableArguments {
    @Argument(
        help: ArgumentHelp(
            "The function, one of its versions, or latest, the highest of them.", valueName: "app/fn[@version|@latest]")
    )
    private var function: String

    @Argument(
        help: ArgumentHelp("The version's number, if it is not behind the @.", valueName: "version"),
        transform: UInt32.read)
    private var number: UInt32?

    private static let ending = "@" + Alias.latest
    var isLatest: Bool { function.hasSuffix(Self.ending) }

    /// Version 0 is the working copy, or ``isLatest``.
    var path: FunctionPath {
        get throws(Failure) {
            guard isLatest else { return try FunctionPath(function, number) }
            let path = try FunctionPath(String(function.dropLast(Self.ending.count)))
            guard path.version == 0, number == nil else {
                throw Failure(.invalid, "\(function): the version is given twice; give it once")
            }
            return path
        }
    }

    /// ``path``, with the number that `latest` is now.
    func resolved(by client: Client) async throws -> FunctionPath {
        let path = try path
        guard isLatest else { return path }
        let found: Function = try await client.call(
            "fnrpc.v1.Functions", "Get", GetFunctionRequest(app: path.app, function: path.function),
            timeout: CommandLimits.answer)
        guard found.latestVersion > 0 else {
            throw Failure(
                .notFound, "function \(path) has no published version; publish one with fnrpc version publish")
        }
        return try FunctionPath(app: path.app, function: path.function, version: found.latestVersion)
    }

    func validate() throws {
        _ = try usage { () throws(Failure) in try path }
    }
}

extension FunctionPath {
    /// The version that this names.
    func version(from client: Client) async throws -> Version {
        try await client.call(
            "fnrpc.v1.Versions", "Get", GetVersionRequest(app: app, function: function, number: version),
            timeout: CommandLimits.answer)
    }
}
