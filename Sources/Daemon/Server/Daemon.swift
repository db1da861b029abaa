internal import ArgumentParser
internal import CLinux
internal import Glibc
internal import Logging
internal import Model
internal import Synchronization

/// The process `fnrpcd`: command line, signals, exit code.
package enum Daemon {
    /// Runs until SIGTERM or SIGINT; never returns.
    package static func main() -> Never {
        let configuration = parse()
        guard geteuid() == 0 else {
            fail("fnrpcd needs root to make containers; start it with sudo (rootless operation does not exist yet)")
        }
        signal(SIGPIPE, SIG_IGN)
        fnrpc_return_large_memory()
        // Before any thread exists: mounts stay invisible to the host, and signals wait for `sigwait`.
        let code = fnrpc_private_mounts()
        guard code == 0 else {
            fail("fnrpcd cannot make its own mount namespace: \(String(cString: strerror(-code)))")
        }
        var signals = sigset_t()
        sigemptyset(&signals)
        for number in [SIGTERM, SIGINT, SIGHUP] { sigaddset(&signals, number) }
        pthread_sigmask(SIG_BLOCK, &signals, nil)
        LoggingSystem.bootstrap(StreamLogHandler.standardError)
        let log = Logger(label: "fnrpcd")
        let running = Lock<Server?>(nil)
        Task {
            do {
                let server = try await Server.start(configuration, log: log)
                running.withLock { $0 = server }
                print(server.readyLine)
                fflush(nil)
            } catch {
                fail("fnrpcd: \(error)")
            }
        }
        wait(for: &signals, running)
    }

    private static func wait(for signals: inout sigset_t, _ running: Lock<Server?>) -> Never {
        var isStopping = false
        while true {
            var number: Int32 = 0
            guard sigwait(&signals, &number) == 0 else { continue }
            if number == SIGHUP {
                running.withLock { $0 }?.reload()
                continue
            }
            // A second one means that somebody does not want to wait; the next start cleans up.
            if isStopping { exit(1) }
            isStopping = true
            guard let server = running.withLock({ $0 }) else {
                fail("fnrpcd: stopped before it served; the next start removes what its probe may have left")
            }
            Task {
                await server.stop()
                exit(0)
            }
        }
    }

    private static func parse() -> Configuration {
        var environment: [String: String] = [:]
        var entry = environ
        while let pointer = entry.pointee {
            let pair = String(cString: pointer).split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if pair.count == 2 { environment[String(pair[0])] = String(pair[1]) }
            entry += 1
        }
        let parsed: any ParsableCommand
        do { parsed = try DaemonCommand.parseAsRoot() } catch {
            let isUsage = DaemonCommand.exitCode(for: error) != .success
            guard isUsage else { DaemonCommand.exit(withError: error) }
            fail(DaemonCommand.fullMessage(for: error), code: 2)
        }
        if let command = parsed as? MigrateCommand { migrate(command, environment) }
        guard let command = parsed as? DaemonCommand else { help(parsed) }
        do throws(Failure) {
            let configuration = try command.configuration(environment: environment)
            if command.printConfig {
                print(configuration.yaml)
                exit(0)
            }
            return configuration
        } catch {
            fail("fnrpcd: \(error.message)", code: 2)
        }
    }

    /// `fnrpcd help`, which the parser brings along.
    private static func help(_ command: any ParsableCommand) -> Never {
        var command = command
        do {
            try command.run()
            exit(0)
        } catch {
            DaemonCommand.exit(withError: error)
        }
    }

    private static func migrate(_ command: MigrateCommand, _ environment: [String: String]) -> Never {
        do throws(Failure) {
            let (text, refusal) = try command.result(environment: environment)
            print(text, terminator: "")
            fflush(nil)
            if let refusal { throw refusal }
            exit(0)
        } catch {
            fail("fnrpcd: \(error.message)", code: error.code.exitCode)
        }
    }

    private static func fail(_ message: String, code: Int32 = 1) -> Never {
        let line = Array((message + "\n").utf8)
        _ = line.withUnsafeBytes { write(2, $0.baseAddress, $0.count) }
        exit(code)
    }
}
