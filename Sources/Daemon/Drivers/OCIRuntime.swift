import CLinux
import Glibc
import Model

/// An OCI runtime's command, crun or runc. Thread-safe; every call blocks.
package struct OCIRuntime: Sendable {
    /// `crun` or `runc`.
    package let name: String
    /// Its program.
    package let path: String
    /// Where it keeps its state (`--root`).
    package let stateFolder: String

    /// Where a runtime's program is searched.
    private static let searched = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin"]

    /// Finds a runtime's program.
    ///
    /// - Parameter name: a plain name, or an absolute path of a program that understands the same command line.
    package init?(_ name: String, stateFolder: String) {
        let candidates = name.hasPrefix("/") ? [name] : Self.searched.map { $0 + "/" + name }
        guard let path = candidates.first(where: { access($0, X_OK) == 0 && Posix.kind($0) == .file }) else {
            return nil
        }
        self.name = name
        self.path = path
        self.stateFolder = stateFolder
    }

    /// The first line of `--version`.
    package func version() throws(Failure) -> String {
        let output = try capture(["--version"])
        return output.split(separator: "\n").first.map(String.init) ?? name
    }

    /// Creates and starts a container.
    ///
    /// - Parameters:
    ///   - descriptors: its standard input, output and error, and the control descriptor, which becomes 3.
    ///   - log: read end of its standard error, which is where the runtime explains itself.
    package func run(
        id: String, bundle: String, pidFile: String, descriptors: [Int32], log: Int32, until deadline: Instant
    ) throws(Failure) {
        let arguments = [
            "--root", stateFolder, "run", "--detach", "--pid-file", pidFile, "--preserve-fds", "1", "--bundle", bundle,
            id,
        ]
        guard let exit = try execute(arguments, descriptors, until: deadline) else {
            throw Failure(.internalError, "\(name) did not start a container within its time")
        }
        guard exit.code == 0 else {
            let text = Posix.read(descriptor: log, limit: 4096)
            throw Failure(.internalError, "\(name) cannot start a container: \(Self.sentence(text, exit))")
        }
    }

    /// Forgets a container, and kills it if it lives. Says nothing if there is none.
    package func delete(_ id: String) {
        _ = try? capture(["--root", stateFolder, "delete", "--force", id])
        Orphans.reap(named: path.split(separator: "/").last.map(String.init) ?? name)
    }

    private func capture(_ arguments: [String]) throws(Failure) -> String {
        var ends: [Int32] = [-1, -1]
        let result = fnrpc_pipe(&ends, O_NONBLOCK)
        guard result == 0 else { throw Posix.failure("make", "a pipe", -result) }
        defer { close(ends[0]) }
        let null = open("/dev/null", O_RDONLY | O_CLOEXEC)
        defer { close(null) }
        let exit: fnrpc_exit?
        do throws(Failure) {
            exit = try execute(
                arguments, [null, ends[1], ends[1]], until: .now().advanced(byNanoseconds: 10_000_000_000))
            close(ends[1])
        } catch {
            close(ends[1])
            throw error
        }
        let text = Posix.read(descriptor: ends[0], limit: 65_536)
        guard let exit, exit.code == 0 else {
            throw Failure(.internalError, "\(name) \(arguments.last ?? "") failed: \(Self.sentence(text, exit))")
        }
        return String(decoding: text, as: UTF8.self)
    }

    /// Runs the program to its end; `nil` if it was killed because the time was over.
    private func execute(
        _ arguments: [String], _ descriptors: [Int32], until deadline: Instant
    ) throws(Failure) -> fnrpc_exit? {
        var pidfd: Int32 = -1
        let mappings = descriptors.enumerated().map { fnrpc_fd_mapping(source: $1, target: Int32($0)) }
        let environment = ["PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"]
        let pid = withCStrings([path] + arguments) { words in
            withCStrings(environment) { variables in
                Orphans.spawning { fnrpc_spawn(path, words, variables, mappings, mappings.count, &pidfd) }
            }
        }
        guard pid > 0 else { throw Posix.failure("run", path, -pid) }
        defer { close(pidfd) }
        let inTime = !Posix.wait(for: [pidfd], until: deadline).isEmpty
        if !inTime {
            _ = fnrpc_pidfd_send_signal(pidfd, SIGKILL)
            _ = Posix.wait(for: [pidfd], until: .now().advanced(byNanoseconds: 10_000_000_000))
        }
        var exit = fnrpc_exit(code: -1, signal: 0)
        Orphans.reap(pidfd, pid, &exit)
        return inTime ? exit : nil
    }

    /// The runtime's words on one line.
    private static func sentence(_ text: [UInt8], _ exit: fnrpc_exit?) -> String {
        let words = String(decoding: text, as: UTF8.self).split { $0 == "\n" || $0 == " " || $0 == "\t" }
        guard words.isEmpty else { return words.joined(separator: " ") }
        guard let exit else { return "it took too long" }
        return exit.signal != 0 ? "it was ended by signal \(exit.signal)" : "it exited with code \(exit.code)"
    }
}

/// Calls `body` with a NULL-terminated vector of C strings.
private func withCStrings<R>(
    _ words: [String], _ body: (UnsafePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
    var pointers: [UnsafeMutablePointer<CChar>?] = words.map { strdup($0) }
    pointers.append(nil)
    defer { for pointer in pointers { free(pointer) } }
    return body(&pointers)
}
