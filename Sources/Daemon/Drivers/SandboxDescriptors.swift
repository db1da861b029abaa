import CLinux
import Glibc
import Model

/// The two ends of everything that a sandbox and the daemon talk over. Closes the sandbox's ends when it goes away, and
/// the daemon's unless they were given on.
struct SandboxDescriptors: ~Copyable {
    /// The daemon's ends.
    let daemon: Ends
    /// Standard input, output, error and control, as the sandbox gets them.
    let inside: [Int32]
    private var givenOn = false

    /// The daemon's ends; all non-blocking.
    struct Ends: Sendable {
        /// Of the control pair.
        var control: Int32 = -1
        /// To read standard error, or output and error together.
        var log: Int32 = -1
        /// To read standard output.
        var output: Int32?
        /// To write standard input.
        var input: Int32?

        /// Those that are open.
        var all: [Int32] { [control, log, output ?? -1, input ?? -1].filter { $0 >= 0 } }
    }

    /// - Parameter owner: the host user who may reopen the pipes by `/dev/stdout` and the like.
    init(pipesStandardIO: Bool, owner: UInt32) throws(Failure) {
        var daemon = Ends()
        var inside: [Int32] = []
        do throws(Failure) {
            try Self.open(&daemon, &inside, pipesStandardIO: pipesStandardIO, owner: owner)
        } catch {
            for descriptor in daemon.all + inside { close(descriptor) }
            throw error
        }
        self.daemon = daemon
        self.inside = inside
    }

    /// The daemon's ends belong to somebody else now.
    mutating func giveOn() { givenOn = true }

    deinit {
        for descriptor in inside { close(descriptor) }
        if givenOn { return }
        for descriptor in daemon.all { close(descriptor) }
    }

    private static func open(
        _ daemon: inout Ends, _ inside: inout [Int32], pipesStandardIO: Bool, owner: UInt32
    ) throws(Failure) {
        // Never /dev/null: runtimes give standard input to the function's user, and that would be the machine's own.
        let input = try pipe(owner: owner)
        inside.append(input.read)
        if pipesStandardIO {
            daemon.input = input.write
            try setNonBlocking(input.write)
        } else {
            close(input.write)
        }
        let log = try pipe(owner: owner)
        daemon.log = log.read
        if pipesStandardIO {
            let output: (read: Int32, write: Int32)
            do throws(Failure) {
                output = try pipe(owner: owner)
            } catch {
                close(log.write)
                throw error
            }
            daemon.output = output.read
            inside += [output.write, log.write]
            try setNonBlocking(output.read)
        } else {
            let both = fcntl(log.write, F_DUPFD_CLOEXEC, 0)
            inside.append(log.write)
            guard both >= 0 else { throw Posix.failure("copy", "a pipe") }
            inside.append(both)
        }
        try setNonBlocking(log.read)

        var ends: [Int32] = [-1, -1]
        let result = fnrpc_seqpacket_pair(&ends, Int32(ControlRecord.Layout.maxSize))
        guard result == 0 else { throw Posix.failure("make", "a control channel", -result) }
        daemon.control = ends[0]
        inside.append(ends[1])
    }

    private static func pipe(owner: UInt32) throws(Failure) -> (read: Int32, write: Int32) {
        var ends: [Int32] = [-1, -1]
        let result = fnrpc_pipe(&ends, 0)
        guard result == 0 else { throw Posix.failure("make", "a pipe", -result) }
        guard fchown(ends[0], owner, owner) == 0 else {
            let code = errno
            close(ends[0])
            close(ends[1])
            throw Posix.failure("change the owner of", "a pipe", code)
        }
        return (ends[0], ends[1])
    }

    /// Only the daemon's ends: the function's share no open file with them.
    private static func setNonBlocking(_ descriptor: Int32) throws(Failure) {
        guard fcntl(descriptor, F_SETFL, O_NONBLOCK) == 0 else { throw Posix.failure("set the mode of", "a pipe") }
    }
}
