import CLinux
import Glibc
import Model

extension Sandbox {
    /// The name of the function's socket in its directory, as Fn's contract has it.
    package static let socketName = "lsnr.sock"

    /// Waits until the function's socket is there. Blocks. After a failure the sandbox is of no use.
    ///
    /// A socket that is bound but does not listen yet counts as there; see ``awaitConnection(until:)``.
    ///
    /// - Throws: `functionFailed` if the function exited or made something else than a socket under that name, with
    ///   what it did; `timeout` if nothing came in time.
    package func awaitSocket(until deadline: Instant) throws(Failure) {
        guard let socketFolder else { throw Failure(.internalError, "sandbox \(id): it was made without a socket") }
        let watch = inotify_init1(Int32(IN_CLOEXEC | IN_NONBLOCK))
        guard watch >= 0 else { throw Posix.failure("watch", "the socket directory of sandbox \(id)") }
        defer { close(watch) }
        // Watched before the first look, so that nothing is missed in between.
        guard inotify_add_watch(watch, socketFolder, UInt32(IN_CREATE | IN_MOVED_TO)) >= 0 else {
            throw Posix.failure("watch", "the socket directory of sandbox \(id)")
        }
        while true {
            if let opened = try openSocket(socketFolder) {
                close(opened)
                return
            }
            let ready = Posix.wait(for: [control, watch], until: deadline)
            if ready.isEmpty {
                throw Failure(
                    .timeout,
                    "the function did not listen on \(BundleConfiguration.socketMount)/\(Self.socketName) in time")
            }
            if ready.contains(control) { try checkAlive() }
            // Its content does not matter: every event is answered by another look.
            if ready.contains(watch) { _ = Posix.read(descriptor: watch, limit: 65_536) }
        }
    }

    /// Waits until the function accepts connections, and connects. Blocks. Fails as ``awaitSocket(until:)`` does.
    ///
    /// - Returns: a non-blocking stream socket, owned by the caller.
    package func awaitConnection(until deadline: Instant) throws(Failure) -> Int32 {
        try awaitSocket(until: deadline)
        // Nothing tells when listen() was called; from bind() it is microseconds as a rule.
        var pause: UInt64 = 200_000
        while true {
            let result = try tryConnect()
            if result >= 0 { return result }
            guard [-ECONNREFUSED, -EAGAIN, -ENOENT].contains(result) else {
                throw Failure(.functionFailed, "cannot connect to the function: \(Posix.text(-result))")
            }
            guard Instant.now() < deadline else {
                throw Failure(.timeout, "the function made its socket but did not listen on it in time")
            }
            let next = min(Instant.now().advanced(byNanoseconds: pause), deadline)
            if !Posix.wait(for: [control], until: next).isEmpty { try checkAlive() }
            pause = min(pause * 2, 20_000_000)
        }
    }

    /// Connects to the function. Does not wait for it.
    ///
    /// The socket is opened beneath its directory, without magic links or mount crossings, checked to be a socket, and
    /// reached by that descriptor: a function that swaps its name for a link leads nowhere.
    ///
    /// - Returns: a non-blocking stream socket, owned by the caller.
    /// - Throws: `unavailable` if nobody listens, `busy` if as many connections as it lets wait have to be accepted first,
    ///   `functionFailed` if it is not a socket of the function's.
    package func connect() throws(Failure) -> Int32 {
        let result = try tryConnect()
        if result >= 0 { return result }
        let code: Failure.Code = result == -EAGAIN ? .busy : .unavailable
        throw Failure(code, "the function does not accept connections: \(Posix.text(-result))")
    }

    /// A connection, or minus an errno.
    private func tryConnect() throws(Failure) -> Int32 {
        guard let socketFolder else { throw Failure(.internalError, "sandbox \(id): it was made without a socket") }
        guard let opened = try openSocket(socketFolder) else { return -ENOENT }
        defer { close(opened) }
        return fnrpc_connect_opened(opened)
    }

    /// An O_PATH descriptor of the function's socket; `nil` if there is nothing under its name.
    private func openSocket(_ folder: String) throws(Failure) -> Int32? {
        let directory = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
        guard directory >= 0 else { throw Posix.failure("open", "the socket directory of sandbox \(id)") }
        defer { close(directory) }
        var opened = fnrpc_open_beneath(directory, Self.socketName)
        if opened == -ENOENT {
            var status = stat()
            guard fstatat(directory, Self.socketName, &status, AT_SYMLINK_NOFOLLOW) == 0 else { return nil }
            // It may have come between the two looks.
            opened = fnrpc_open_beneath(directory, Self.socketName)
        }
        switch opened {
        case 0...: break
        case -ENOENT: throw wrongSocket("a link to a name that does not exist")
        case -EXDEV: throw wrongSocket("a link that leaves its directory")
        case -ELOOP: throw wrongSocket("a link that leads round in a circle or into /proc")
        case -ENOTDIR: throw wrongSocket("a link through something that is not a directory")
        case let code: throw wrongSocket("something that cannot be opened (\(Posix.text(-code)))")
        }
        var status = stat()
        let known = fstat(opened, &status) == 0
        if known && status.st_mode & S_IFMT == S_IFSOCK { return opened }
        close(opened)
        switch status.st_mode & S_IFMT {
        case S_IFREG: throw wrongSocket("a regular file")
        case S_IFDIR: throw wrongSocket("a directory")
        default: throw wrongSocket("not a socket")
        }
    }

    private func wrongSocket(_ what: String) -> Failure {
        Failure(
            .functionFailed,
            "the function listens wrongly: \(BundleConfiguration.socketMount)/\(Self.socketName) is \(what); it must be a "
                + "socket, or a relative link to one in the same directory")
    }

    /// Takes what was reported; throws if the function has ended.
    private func checkAlive() throws(Failure) {
        while true {
            switch nextReport() {
            case .pending: return
            case .report(.ready), .report(.started): continue
            case .report(.execFailed(let code)):
                throw Failure(.functionFailed, "the function's command cannot be started: \(Posix.text(code))")
            case .report(.exited(let exit)):
                throw Failure(.functionFailed, "the function \(describe(exit)) before it listened")
            case .gone:
                throw Failure(.functionFailed, "the function's container ended before it listened")
            }
        }
    }

    /// How the function ended, for an error: "exited with code 1", "was ended by signal 9", "ran out of memory".
    package func describe(_ exit: SandboxExit) -> String {
        if ranOutOfMemory { return "ran out of memory" }
        if let signal = exit.signal { return "was ended by signal \(signal)" }
        return "exited with code \(exit.code ?? -1)"
    }
}
