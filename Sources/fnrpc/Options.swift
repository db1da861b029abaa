import ArgumentParser
import Model

/// How the result is shown.
struct OutputOptions: ParsableArguments {
    @Option(help: "How the result is shown.")
    var output = OutputFormat.table
}

/// The two ways of showing a result.
enum OutputFormat: String, ExpressibleByArgument, CaseIterable {
    /// For people; may change.
    case table
    /// For programs: stable names, RFC 3339 times in UTC, numbers with their unit in the name.
    case json
}

/// The limits of what the command waits for and lists.
enum CommandLimits {
    /// Longest wait for an answer about entities; a call of a function has its own clocks.
    static let answer = Duration.seconds(30)
    /// Longest `--timeout` of a call, nanoseconds: a day.
    static let longestWait: UInt64 = 86_400_000_000_000
    /// Entities in one page; the protocol's most.
    static let page: UInt32 = 1000
}

/// A usage error with Model's words.
func usage<T>(_ body: () throws(Failure) -> T) throws -> T {
    do throws(Failure) { return try body() } catch { throw ValidationError(error.message) }
}
