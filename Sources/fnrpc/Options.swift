import ArgumentParser
import FnrpcClient
import Foundation
import Model

/// Where the daemon is.
struct ConnectionOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "Where the daemon listens. Default: FNRPC_ADDRESS, else \(Address.standard).",
            valueName: "unix:PATH|tcp:HOST:PORT"))
    var address: String?

    /// The default without flag and environment.
    static let variable = "FNRPC_ADDRESS"

    func validate() throws {
        _ = try resolved(ProcessInfo.processInfo.environment)
    }

    /// The address that counts: the flag, the environment, the default.
    func resolved(_ environment: [String: String]) throws -> Address {
        let value = environment[Self.variable].flatMap { $0.isEmpty ? nil : $0 }
        guard let text = address ?? value else { return .standard }
        do throws(ClientError) {
            return try Address(text)
        } catch {
            throw ValidationError((address == nil ? "\(Self.variable): " : "--address: ") + error.message)
        }
    }

    /// Connects, runs, and closes again.
    func withClient<T>(_ body: (Client) async throws -> T) async throws -> T {
        let client = try await Client.connect(to: resolved(ProcessInfo.processInfo.environment))
        do {
            let result = try await body(client)
            await client.close()
            return result
        } catch {
            await client.close()
            throw error
        }
    }
}

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
    /// Entities in one page; the protocol's most.
    static let page: UInt32 = 1000
}

/// A usage error with Model's words.
func usage<T>(_ body: () throws(Failure) -> T) throws -> T {
    do throws(Failure) { return try body() } catch { throw ValidationError(error.message) }
}
