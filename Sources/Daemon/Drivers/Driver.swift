import Model

/// Makes sandboxes. Every call blocks: use it from threads of its own, never from a loop.
///
/// Thread-safe.
package protocol Driver: Sendable {
    /// Makes a sandbox that waits for its assignment. Blocks for some 20 ms, at most for the driver's start time.
    ///
    /// - Throws: `busy` when every host user number is in use; `internalError` with the runtime's own words when the
    ///   sandbox does not come up. Nothing is left behind then.
    func start(_ spec: SandboxSpec) throws(Failure) -> Sandbox

    /// Checks the root of a runtime before anything is started with it. Looks at the file system; ``start(_:)`` does it
    /// again.
    ///
    /// - Throws: `invalid` or `precondition` with what is wrong with it; `precondition` for images.
    func check(_ root: RuntimeRoot) throws(Failure)

    /// Removes what an earlier daemon of this instance left behind when it was killed. Idempotent. To be called before
    /// the first ``start(_:)``: it does not spare living sandboxes.
    func removeLeftovers()

    /// What this driver works with.
    var info: DriverInfo { get }
}

/// What a driver found on the machine.
package struct DriverInfo: Sendable, Equatable {
    /// The runtime's name and version as it prints them, as `crun version 1.8.1`.
    package let runtime: String
    /// How the machine's control groups are laid out.
    package let cgroupLayout: CgroupLayout.Kind
    /// Whether sandboxes have a user namespace; without one they run as their host user number.
    package let userNamespaces: Bool
    /// The interpreters of the `host` root, as they name themselves inside a sandbox; absent if they do not run.
    package let interpreters: [FunctionSpec.Runtime: String]
}

/// What a sandbox is made from.
package struct SandboxSpec: Sendable {
    /// Unique among living sandboxes: 1 to 64 of `a–z A–Z 0–9 - _`.
    package let id: String
    /// Limits and network.
    package let spec: FunctionSpec
    /// The unpacked package, a host folder; `/function` inside, read-only.
    package let packagePath: String
    /// Whether the sandbox gets the socket directory `/tmp/iofs`.
    package let usesSocket: Bool
    /// `true`: standard input, output and error are three pipes. `false`: input is empty, output and error are one pipe.
    package let pipesStandardIO: Bool
    /// What it sees beside its package.
    package let root: RuntimeRoot
    /// Its files in `/run/secrets`, at most ``SecretLimits/perFunction``; without any there is no such folder. They are
    /// read when the sandbox is made, and not held afterwards.
    package let secrets: [SandboxSecret]

    package init(
        id: String, spec: FunctionSpec, packagePath: String, usesSocket: Bool, pipesStandardIO: Bool,
        root: RuntimeRoot = .host, secrets: [SandboxSecret] = []
    ) {
        self.id = id
        self.spec = spec
        self.packagePath = packagePath
        self.usesSocket = usesSocket
        self.pipesStandardIO = pipesStandardIO
        self.root = root
        self.secrets = secrets
    }
}

/// What a waiting sandbox is told to run.
package struct Assignment: Sendable, Equatable {
    /// The command line; its first word is searched in the environment's `PATH` if it has no slash.
    package let arguments: [String]
    /// The whole environment, as `KEY=value`.
    package let environment: [String]
    /// Absolute, inside the sandbox.
    package let workingDirectory: String

    package init(arguments: [String], environment: [String], workingDirectory: String) {
        self.arguments = arguments
        self.environment = environment
        self.workingDirectory = workingDirectory
    }
}

/// What process 1 of a sandbox reports, in this order: ready; then started or execFailed; after started, exited.
package enum SandboxReport: Sendable, Equatable {
    /// Waits for its assignment.
    case ready
    /// The function runs; `pid` is its number inside the sandbox.
    case started(pid: Int32)
    /// The function's main process ended, and the sandbox with it.
    case exited(SandboxExit)
    /// The command could not be started, and the sandbox ended.
    case execFailed(errno: Int32)
}

/// What a look at the control descriptor gave.
package enum SandboxEvent: Sendable, Equatable {
    /// Nothing yet.
    case pending
    /// A record.
    case report(SandboxReport)
    /// The sandbox has ended, or broke the rules and was killed. Nothing follows.
    case gone
}

/// How a function's main process ended.
package struct SandboxExit: Sendable, Equatable {
    /// Exit code; `nil` if a signal ended it.
    package let code: Int32?
    /// Signal number; `nil` if it exited.
    package let signal: Int32?
    /// Time on the CPU in user code, with its reaped children, microseconds.
    package let userMicros: UInt64
    /// Time on the CPU in the kernel, with its reaped children, microseconds.
    package let systemMicros: UInt64
    /// Largest resident size, KiB.
    package let maxRSSKiB: UInt64
    /// From start to end, nanoseconds.
    package let wallNanos: UInt64

    package init(
        code: Int32?, signal: Int32?, userMicros: UInt64, systemMicros: UInt64, maxRSSKiB: UInt64, wallNanos: UInt64
    ) {
        self.code = code
        self.signal = signal
        self.userMicros = userMicros
        self.systemMicros = systemMicros
        self.maxRSSKiB = maxRSSKiB
        self.wallNanos = wallNanos
    }
}
