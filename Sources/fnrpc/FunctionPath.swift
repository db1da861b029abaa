import ArgumentParser
import Model

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

    @Argument(help: ArgumentHelp("The version's number, if it is not behind the @.", valueName: "version"))
    private var number: UInt32?

    var path: FunctionPath {
        get throws(Failure) {
            let path = try FunctionPath(function)
            guard let number else {
                guard path.version > 0 else {
                    throw Failure(.invalid, "\(function): the version is missing; write \(function)@1")
                }
                return path
            }
            guard path.version == 0 else {
                throw Failure(.invalid, "\(function) \(number): the version is given twice; give it once")
            }
            guard number > 0 else { throw Failure(.invalid, "version: 0 is not a number from 1 to \(UInt32.max)") }
            return try FunctionPath(app: path.app, function: path.function, version: number)
        }
    }

    func validate() throws {
        _ = try usage { () throws(Failure) in try path }
    }
}
