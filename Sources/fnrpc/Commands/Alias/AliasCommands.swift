import ArgumentParser
import Model
import Wire

/// `fnrpc alias …`.
struct AliasCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "alias", abstract: "Names versions of functions, and shares calls between two.",
        discussion: "Example: fnrpc alias set demo/hello prod 3",
        subcommands: [AliasSet.self, AliasGet.self, AliasList.self, AliasRollback.self, AliasDelete.self])
}

/// One alias of a function.
struct AliasArgument: ParsableArguments {
    @OptionGroup private var function: FunctionArgument

    @Argument(help: "The alias' name or id.")
    var alias: String

    var path: FunctionPath {
        get throws(Failure) { try function.path }
    }

    func validate() throws {
        _ = try usage { () throws(Failure) in
            try checkNameOrID(alias, field: "alias")
        }
    }
}

extension Alias.Target {
    /// `3`, or `3, and 4 for 10% of the calls`.
    var shown: String {
        guard secondVersion > 0 else { return "\(version)" }
        return "\(version), and \(secondVersion) for \(AliasWeight.percent(secondWeight)) of the calls"
    }
}
