import Glibc
import Model

/// Runs a program to its end, with standard input empty and both outputs as lines. Blocks.
enum Subprocess {
    /// How a program ended.
    enum Ending: Equatable {
        case exit(Int32)
        case signal(Int32)
    }

    /// A line longer than this is cut there; a program's output is not ours to trust.
    static let maxLineBytes = 4096

    /// Changes the folder before it executes the program (coreutils 8.28 and later).
    private static let chdir = "/usr/bin/env"

    /// - Parameters:
    ///   - arguments: the program's absolute path first.
    ///   - directory: where it runs.
    /// - Throws: ``Failure`` `notFound` if there is no such program, `internalError` if it cannot be started.
    static func run(
        _ arguments: [String], environment: [String: String], directory: String, onLine: (String) -> Void = { _ in }
    ) throws(Failure) -> Ending {
        let (child, output) = try spawn(arguments, environment, directory, mixingErrors: true)
        return reap(child, output) { readLines($0, onLine) }
    }

    /// As `run`, for a program whose output matters to the byte; what it says to standard error is dropped.
    ///
    /// - Parameter limit: most bytes; the program is not waited for beyond them.
    /// - Returns: at most one byte more than the limit.
    static func output(
        _ arguments: [String], environment: [String: String], directory: String, limit: Int
    ) throws(Failure) -> (bytes: [UInt8], ending: Ending) {
        let (child, output) = try spawn(arguments, environment, directory, mixingErrors: false)
        var bytes: [UInt8] = []
        let ending = reap(child, output) { descriptor in
            var chunk = [UInt8](repeating: 0, count: 65_536)
            while bytes.count <= limit {
                let count = read(descriptor, &chunk, min(chunk.count, limit + 1 - bytes.count))
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else { break }
                bytes += chunk[..<count]
            }
        }
        return (bytes, ending)
    }

    /// Reads what the child writes, and waits for its end.
    private static func reap(_ child: pid_t, _ output: Int32, _ read: (Int32) -> Void) -> Ending {
        Interruption.shared.setChild(child)
        read(output)
        close(output)
        var info = siginfo_t()
        while waitid(P_PID, id_t(child), &info, WEXITED | WNOWAIT) != 0 && errno == EINTR {}
        // Only a child that is not yet reaped is sure to be ours.
        Interruption.shared.setChild(nil)
        var status: Int32 = 0
        while waitpid(child, &status, 0) < 0 && errno == EINTR {}
        let number = status & 0x7F
        return number == 0 ? .exit(status >> 8 & 0xFF) : .signal(number)
    }

    private static func spawn(
        _ arguments: [String], _ environment: [String: String], _ directory: String, mixingErrors: Bool
    ) throws(Failure) -> (pid_t, Int32) {
        let program = arguments.first ?? ""
        guard access(program, X_OK) == 0 else { throw failure(program, errno) }
        var ends: [Int32] = [-1, -1]
        guard pipe(&ends) == 0 else { throw failure(program, errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        defer { close(ends[1]) }

        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO)
        if mixingErrors {
            posix_spawn_file_actions_adddup2(&actions, ends[1], STDERR_FILENO)
        } else {
            posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
        }

        // We ignore SIGINT; a child must not inherit that. Its own group lets us forward the signal to all of it.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        sigemptyset(&none)
        var defaults = sigset_t()
        sigfillset(&defaults)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &defaults)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var child: pid_t = 0
        // Swift's Glibc does not show posix_spawn_file_actions_addchdir_np.
        let code = withCStrings([chdir, "-C", directory] + arguments) { argv in
            withCStrings(environment.map { "\($0.key)=\($0.value)" }.sorted()) { envp in
                posix_spawn(&child, chdir, &actions, &attributes, argv, envp)
            }
        }
        guard code == 0 else {
            close(ends[0])
            throw failure(program, code)
        }
        return (child, ends[0])
    }

    private static func failure(_ program: String, _ code: Int32) -> Failure {
        Failure(
            code == ENOENT ? .notFound : .internalError,
            "\(program) cannot be started: \(String(cString: strerror(code)))")
    }

    private static func readLines(_ descriptor: Int32, _ onLine: (String) -> Void) {
        var line: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 4096)
        while true {
            let count = read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count > 0 else { break }
            for byte in chunk[..<count] {
                if byte == 0x0A || byte == 0x0D {
                    if !line.isEmpty { onLine(String(decoding: line, as: UTF8.self)) }
                    line = []
                } else if line.count < maxLineBytes {
                    line.append(byte)
                }
            }
        }
        if !line.isEmpty { onLine(String(decoding: line, as: UTF8.self)) }
    }
}

/// Strings as C has them: an array of pointers that ends with a null pointer.
private func withCStrings<R>(
    _ strings: [String], _ body: (UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>) -> R
) -> R {
    var pointers = strings.map { strdup($0) }
    defer { for pointer in pointers { free(pointer) } }
    pointers.append(nil)
    return pointers.withUnsafeMutableBufferPointer { buffer in
        guard let base = buffer.baseAddress else {
            preconditionFailure("BUG: the array holds at least the null pointer")
        }
        return body(base)
    }
}
