import ArgumentParser
import Model

/// `fnrpc runtime …`.
struct RuntimeCommands: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runtime", abstract: "Describes how functions of a kind are started.",
        discussion: "Example: fnrpc runtime create perl -- /usr/bin/perl {entry}",
        subcommands: [
            RuntimeCreate.self, RuntimeGet.self, RuntimeList.self, RuntimeUpdate.self, RuntimeDelete.self,
        ])

    /// Checks a root and a pool size that the user typed.
    static func check(root: String?, poolSize: UInt32?) throws {
        _ = try usage { () throws(Failure) in
            if let root { _ = try RuntimeRoot(root, field: "--root") }
            if let poolSize, poolSize > Runtime.maxPoolSize {
                throw Failure(.invalid, "--pool-size: \(poolSize) is out of range; 0 to \(Runtime.maxPoolSize)")
            }
        }
    }
}
