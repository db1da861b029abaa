import ArgumentParser
import Model
import Wire

/// `fnrpc route …`.
struct RouteCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "route", abstract: "Runs images for paths: a trigger and its function in one.",
        discussion: "Example: fnrpc route create demo /resize registry.example.org/resize:2",
        subcommands: [RouteCreate.self, RouteGet.self, RouteList.self, RouteUpdate.self, RouteDelete.self])
}

/// How a route's function runs.
struct RouteOptions: ParsableArguments {
    @Option(help: ArgumentHelp("Memory of a container, 4 to 65536 MiB.", valueName: "mib"), transform: UInt32.read)
    var memory: UInt32?

    @Option(help: ArgumentHelp("Whether callers wait for the result.", valueName: "sync|async"))
    var type: String?

    @Option(
        help: ArgumentHelp("How the function is spoken to.", valueName: Self.list(FunctionSpec.Format.self)))
    var format: String?

    @Option(
        help: ArgumentHelp(
            "A header of every response; may be given several times. An update replaces those of the same name, and "
                + "deletes one whose value is empty.", valueName: "name=value"))
    var header: [String] = []

    @Option(
        help: ArgumentHelp("How long a call may run; a number alone is seconds.", valueName: "30s"),
        transform: TimeSpan.read)
    var timeout: TimeSpan?

    @Option(help: ArgumentHelp("How long an idle container stays.", valueName: "30s"), transform: TimeSpan.read)
    var idleTimeout: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "A variable of the function; may be given several times. An update deletes one whose value is empty.",
            valueName: "key=value"))
    var config: [String] = []

    func validate() throws {
        _ = try usage { () throws(Failure) in
            try Self.check(type, "--type", FunctionSpec.CallType.self)
            try Self.check(format, "--format", FunctionSpec.Format.self)
            _ = try headers()
            _ = try configuration()
        }
    }

    /// By key.
    func configuration() throws(Failure) -> [String: String] { try KeyValues.read(config, option: "--config") }

    /// By name, with the values of each in their order; a name whose only value is empty has none.
    func headers() throws(Failure) -> [HeaderValues] {
        var values: [String: [String]] = [:]
        for pair in header {
            let (name, value) = try KeyValues.split(pair, option: "--header")
            values[name, default: []].append(value)
        }
        for (name, all) in values where all.count > 1 && all.contains("") {
            throw Failure(.invalid, "--header: \(quoted(name)) has an empty value beside others; give it alone")
        }
        return values.sorted { $0.key < $1.key }.map { name, all in
            HeaderValues(name: name, values: all == [""] ? [] : all)
        }
    }

    private static func check<T: RawRepresentable<String> & CaseIterable>(
        _ text: String?, _ option: String, _ type: T.Type
    ) throws(Failure) {
        guard let text, T(rawValue: text) == nil else { return }
        throw Failure(.invalid, "\(option): \(quoted(text)) is not known; use \(list(type, ", "))")
    }

    private static func list<T: RawRepresentable<String> & CaseIterable>(
        _ type: T.Type, _ separator: String = "|"
    ) -> String {
        T.allCases.map(\.rawValue).joined(separator: separator)
    }
}
