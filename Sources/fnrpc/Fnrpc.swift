import ArgumentParser
import FnrpcClient
import Glibc
import Model

/// The `fnrpc` command.
@main
struct Fnrpc: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "fnrpc",
        abstract: "Deploys functions to fnrpcd and calls them.",
        discussion: """
            Example: a first function, from nothing:

              fnrpc init hello --runtime python
              fnrpc deploy hello --app demo
              fnrpc invoke demo/hello -d '{"name":"Ada"}'

            Exit codes: 0 success, 2 usage, 3 not found, 4 refused input, 5 the function failed, 6 time out, 7 busy,
            8 daemon unreachable, 9 not permitted, 1 anything else.
            """,
        version: "fnrpc \(Release.version)",
        subcommands: [
            Init.self, Deploy.self, Invoke.self, AppCommands.self, FunctionCommands.self, VersionCommands.self,
            AliasCommands.self, WorkerCommands.self, TriggerCommands.self, RouteCommands.self, RuntimeCommands.self,
            SecretCommands.self, CallCommands.self, RPCCommands.self, LogsCommand.self, EventsCommand.self,
            StatsCommand.self, TopCommand.self, TokenCommands.self, ConnectionCommands.self, SystemCommands.self,
        ])

    static func main() async {
        Interruption.shared.watch()
        let outcome = await Outcome.running(Array(CommandLine.arguments.dropFirst()))
        Interruption.shared.standAside()
        if !outcome.help.isEmpty { try? Terminal.write(outcome.help, to: STDOUT_FILENO) }
        if !outcome.complaint.isEmpty { Terminal.complain(outcome.complaint) }
        for detail in outcome.details { try? Terminal.write("  \(Terminal.harmless(detail))\n", to: STDERR_FILENO) }
        Glibc.exit(outcome.exitCode)
    }
}

/// How a run of the command ended.
struct Outcome: Equatable {
    /// The issue's table; `Failure.Code` has the rest.
    enum Code {
        static let success: Int32 = 0
        static let other: Int32 = 1
        static let usage: Int32 = 2
    }

    let exitCode: Int32
    /// For standard output.
    var help = ""
    /// One sentence for standard error; empty if there is nothing to say.
    var complaint = ""
    /// What came with the error, for standard error behind the sentence.
    var details: [String] = []

    /// Parses and runs.
    static func running(_ arguments: [String]) async -> Outcome {
        do {
            var command = try Fnrpc.parseAsRoot(arguments)
            if var command = command as? any AsyncParsableCommand {
                try await command.run()
            } else {
                try command.run()
            }
            return Outcome(exitCode: Code.success)
        } catch {
            return Outcome(error)
        }
    }

    init(exitCode: Int32, help: String = "", complaint: String = "") {
        self.exitCode = exitCode
        self.help = help
        self.complaint = complaint
    }

    /// The outcome of any error.
    init(_ error: any Error) {
        switch error {
        case let failure as Failure:
            self.init(exitCode: failure.code.exitCode, complaint: failure.message)
            details = failure.further
        case let error as ClientError:
            let code = Failure.Code(rawValue: error.code.rawValue) ?? .internalError
            self.init(exitCode: code.exitCode, complaint: Advice.sentence(for: error))
            // The first one is the message itself.
            details = GoogleStatus(error.status)?.violations.filter { !error.message.hasPrefix($0) } ?? []
        case let failure as StatusFailure:
            self.init(failure.error)
            details = failure.details
        case is Terminal.OutputClosed:
            self.init(exitCode: Code.other)
        default:
            self.init(parserError: error)
        }
    }

    /// ArgumentParser's usage exit is 64; ours is 2.
    private init(parserError error: any Error) {
        if Fnrpc.exitCode(for: error) == .success {
            self.init(exitCode: Code.success, help: Fnrpc.fullMessage(for: error) + "\n")
            return
        }
        let message = Fnrpc.message(for: error)
        guard Fnrpc.exitCode(for: error) == .validationFailure else {
            self.init(exitCode: Code.other, complaint: message)
            return
        }
        let lines = message.split(separator: "\n").map { $0.trimmingPrefix { $0 == " " } }
        let sentence = lines.joined(separator: " ").trimmingPrefix { $0 == " " }
        let ending = sentence.hasSuffix(".") ? String(sentence.dropLast()) : String(sentence)
        self.init(exitCode: Code.usage, complaint: "\(ending); see \(Self.helpCommand(for: error))")
    }

    /// ArgumentParser knows which command was meant, and tells only here: "See 'fnrpc init --help' for …".
    private static func helpCommand(for error: any Error) -> String {
        for line in Fnrpc.fullMessage(for: error).split(separator: "\n") where line.contains("See '") {
            let parts = line.split(separator: "'")
            if parts.count >= 2 { return String(parts[1]) }
        }
        return "fnrpc --help"
    }
}

/// What to do next about an error of the daemon.
enum Advice {
    static func sentence(for error: ClientError) -> String {
        let message = error.message.hasSuffix(".") ? String(error.message.dropLast()) : error.message
        // A daemon that gives advice itself separates it so.
        if message.contains(";") { return message + (error.callID.map { " (call \($0))" } ?? "") }
        return message + "; " + advice(for: error)
    }

    private static func advice(for error: ClientError) -> String {
        let log = error.callID.map { "fnrpc call logs \($0)" }
        return switch error.code {
        case .functionFailed: "see \(log ?? "its log with fnrpc call list and fnrpc call logs ID")"
        case .timeout: log.map { "see \($0), or raise timeout in func.yaml" } ?? "try again with a longer --timeout"
        case .notFound: "see what there is with \(lists[noun(of: error)] ?? "fnrpc app list and fnrpc fn list APP")"
        case .busy: "try again later, or raise max_containers in func.yaml"
        case .unavailable: "check that fnrpcd runs and try again"
        case .notPermitted: "run it as a user who may, or with a token that may"
        case .unauthenticated: "give a token by --token-file or FNRPC_TOKEN"
        case .conflict: "try again"
        case .unimplemented: "update fnrpcd to the version of this command"
        case .exists: "choose another name, or change what is there"
        case .internalError: "look at the daemon's log" + (error.callID.map { " for call \($0)" } ?? "")
        case .cancelled: "call it again"
        case .invalid, .tooLarge, .precondition: "correct it and try again"
        }
    }

    /// What shows all of a kind.
    private static let lists = [
        "app": "fnrpc app list", "function": "fnrpc fn list APP", "version": "fnrpc version list APP/FUNCTION",
        "alias": "fnrpc alias list APP/FUNCTION", "trigger": "fnrpc trigger list APP", "path": "fnrpc trigger list APP",
        "route": "fnrpc route list APP", "runtime": "fnrpc runtime list", "secret": "fnrpc secret list APP",
        "token": "fnrpc token list", "call": "fnrpc call list", "service": "fnrpc rpc list",
    ]

    /// What was not found: the daemon begins with it.
    private static func noun(of error: ClientError) -> String { String(error.message.prefix { $0.isLetter }) }
}
