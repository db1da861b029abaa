/// How a function is started and bounded; frozen in every published version.
package struct FunctionSpec: Hashable, Sendable {
    /// What knows how to start it; ``Runtime/none`` if it has an image.
    package var runtime: Runtime
    /// What to start, in the runtime's own words: `module.function`, a script, a program. Empty if ``entrypoint`` says it.
    package var entry: String
    /// The whole command line; empty: the runtime makes it from ``entry``.
    package var entrypoint: [String]
    /// How the function is spoken to.
    package var format: Format
    /// Memory limit of one container, MiB.
    package var memoryMiB: UInt32
    /// A call's longest time, nanoseconds.
    package var timeoutNanos: UInt64
    /// How long an unused container stays, nanoseconds.
    package var idleTimeoutNanos: UInt64
    /// Calls at once in one container; only format `ttrpc` may have more than 1.
    package var concurrency: UInt32
    /// Most containers at once; 0: as many as the machine gives one function (1024).
    package var maxContainers: UInt32
    /// Containers that stay, however long they are idle, once they were started. None is started for it alone yet: calls
    /// and scaling up start them.
    package var minContainers: UInt32
    /// Containers whose room on the machine is kept for this function, whether they are there or not.
    package var reservedContainers: UInt32
    /// Whether a busy container gets its next call already. Format `ttrpc` with concurrency 1 only.
    package var queueAhead: Bool
    /// Calls after which a container is replaced; 0: any number.
    package var maxCalls: UInt32
    /// Age from which on a container is replaced, nanoseconds; 0: any.
    package var maxAgeNanos: UInt64
    /// Most calls that wait for a container.
    package var maxQueue: UInt32
    /// Most processes and threads in a container.
    package var pids: UInt32
    /// Size of `/tmp`, MiB.
    package var tmpMiB: UInt32
    /// Network of the container.
    package var network: Network
    /// Environment of the function.
    package var config: [String: String]
    /// Notes; never read by the daemon.
    package var annotations: [String: String]
    /// Full names of the ttrpc services that it serves under their own names: `pkg.Greeter`. Format `ttrpc` only.
    package var services: [String]
    /// The file of the package that describes ``services``, a FileDescriptorSet; empty: none.
    package var descriptorSet: String
    /// What replies to Invoke and InvokeStream have beside the function's own headers: names to values, in order.
    package var headers: [String: [String]]
    /// Thousandths of a core; 0: no limit of its own.
    package var cpuMilli: UInt32
    /// An OCI image, instead of runtime and package; empty: none.
    package var image: String
    /// Whether callers wait.
    package var callType: CallType
    /// `app/function` that gets the results of asynchronous calls; empty: none.
    package var onSuccess: String
    /// `app/function` that gets the failures of asynchronous calls; empty: none.
    package var onFailure: String
    /// Names of the app's secrets that it is given as files.
    package var secrets: [String]
    /// How long a call may wait for a container, nanoseconds; 0: as long as its timeout allows.
    package var maxWaitNanos: UInt64
    /// Whether a call that has not half of its time left any more is not started.
    package var startMargin: Bool
    /// Calls a second that are accepted; 0: no limit.
    package var rateLimit: UInt32
    /// Which of its calls are recorded.
    package var record: RecordedCalls
    /// Whether records keep the payload, up to a limit of the daemon's.
    package var recordInput: Bool

    /// The name of a runtime; whether there is one is for the store to say.
    package struct Runtime: RawRepresentable, Hashable, Sendable, CaseIterable {
        package let rawValue: String

        /// `nil` for what is no name; empty is ``none``.
        package init?(rawValue: String) {
            guard rawValue.isEmpty || (try? Name(rawValue, field: "runtime")) != nil else { return nil }
            self.rawValue = rawValue
        }

        private init(builtIn name: String) { rawValue = name }

        /// Debian's `/usr/bin/python3`.
        package static let python = Runtime(builtIn: "python")
        /// `/bin/sh` and what is in `/usr/bin`.
        package static let shell = Runtime(builtIn: "shell")
        /// A program of the package.
        package static let binary = Runtime(builtIn: "binary")
        /// An image knows itself how it is started.
        package static let none = Runtime(builtIn: "")
        /// Those that are built in.
        package static let allCases = [python, shell, binary]
    }

    /// Whether callers wait for the answer.
    package enum CallType: String, Sendable, CaseIterable {
        case sync
        case async
    }

    /// The contracts between daemon and function.
    package enum Format: String, Sendable, CaseIterable {
        /// One process per call: standard input to standard output.
        case `default`
        /// Fn's hot contract: HTTP/1.1 on standard input and output.
        case http
        /// Fn's hot contract: JSON on standard input and output.
        case json
        /// CloudEvents 0.1 in JSON on standard input and output.
        case cloudevent
        /// Fn's contract: HTTP/1.1 over the Unix socket in FN_LISTENER.
        case httpStream = "http-stream"
        /// ttrpc over the Unix socket in FNRPC_LISTENER.
        case ttrpc

        /// Whether the function listens on a socket; else it is spoken to by its standard input and output.
        package var usesSocket: Bool { self == .ttrpc || self == .httpStream }
    }

    /// Where calls by name go, for functions that are told a path.
    package static let invokePath = "/invoke"

    /// Whether a key of a function's environment is the daemon's to set; one in a config has no effect.
    package static func isOwnKey(_ key: String) -> Bool { key.hasPrefix("FN_") || key.hasPrefix("FNRPC_") }

    /// What a container can reach.
    package enum Network: String, Sendable, CaseIterable {
        /// Nothing but its own loopback.
        case none
        /// The machine's own network.
        case host
    }

    /// A spec with every default.
    package init(runtime: Runtime, entry: String, format: Format) {
        self.runtime = runtime
        self.entry = entry
        self.format = format
        entrypoint = []
        memoryMiB = 128
        timeoutNanos = 30_000_000_000
        idleTimeoutNanos = 30_000_000_000
        concurrency = 1
        maxContainers = 16
        minContainers = 0
        reservedContainers = 0
        queueAhead = false
        maxCalls = 0
        maxAgeNanos = 0
        maxQueue = 1024
        pids = 50
        tmpMiB = 64
        network = .none
        config = [:]
        annotations = [:]
        services = []
        descriptorSet = ""
        cpuMilli = 0
        image = ""
        callType = .sync
        onSuccess = ""
        onFailure = ""
        secrets = []
        maxWaitNanos = 0
        startMargin = true
        rateLimit = 0
        record = .all
        recordInput = false
        headers = [:]
    }

    /// Whether both are the same to the byte.
    package func isIdentical(to other: FunctionSpec) -> Bool {
        // Images, services, secrets and destinations are ASCII.
        self == other && entry.isIdentical(to: other.entry) && entrypoint.isIdentical(to: other.entrypoint)
            && config.isIdentical(to: other.config) && annotations.isIdentical(to: other.annotations)
            && descriptorSet.isIdentical(to: other.descriptorSet)
            && headers.allSatisfy { name, values in other.headers[name].map(values.isIdentical) ?? false }
    }
}

extension FunctionSpec {
    /// The range of each number; `func.yaml` uses the same.
    package enum Limits {
        /// MiB. Below 4 MiB the sandbox itself does not start.
        package static let memoryMiB: ClosedRange<UInt32> = 4...65_536
        /// Seconds.
        package static let timeoutSeconds: ClosedRange<Double> = 0.001...3600
        /// Seconds.
        package static let idleTimeoutSeconds: ClosedRange<Double> = 1...3600
        /// Calls.
        package static let concurrency: ClosedRange<UInt32> = 1...1024
        /// Containers; 0: as many as the machine gives one function.
        package static let maxContainers: ClosedRange<UInt32> = 0...1024
        /// Containers; at most `max_containers`.
        package static let minContainers: ClosedRange<UInt32> = 0...1024
        /// Containers; at most `max_containers`.
        package static let reservedContainers: ClosedRange<UInt32> = 0...1024
        /// Calls; 0: any number.
        package static let maxCalls: ClosedRange<UInt32> = 0...1_000_000_000
        /// Seconds, a month at most; 0: any age.
        package static let maxAgeSeconds: ClosedRange<Double> = 0...2_592_000
        /// Calls.
        package static let maxQueue: ClosedRange<UInt32> = 0...65_536
        /// Processes and threads; fnrpc-init is one of them. Below 16, runc's own threads may not fit while it starts.
        package static let pids: ClosedRange<UInt32> = 16...4096
        /// MiB.
        package static let tmpMiB: ClosedRange<UInt32> = 1...16_384
        /// Seconds; 0: as long as the timeout allows.
        package static let maxWaitSeconds: ClosedRange<Double> = 0...3600
        /// Calls a second; 0: no limit.
        package static let rateLimit: ClosedRange<UInt32> = 0...1_000_000
        /// Thousandths of a core.
        package static let cpuMilli: ClosedRange<UInt32> = 0...1_024_000
        /// Bytes of an image's reference.
        package static let imageBytes = 512
        /// Bytes of `entry`, and of each word of `entrypoint`.
        package static let wordBytes = 4096
        /// Words of `entrypoint`.
        package static let words = 64
        /// Keys of config, labels and annotations, each.
        package static let keys = 100
        /// Bytes of a key.
        package static let keyBytes = 128
        /// Bytes of all config keys and values together.
        package static let configBytes = 65_536
        /// Bytes of an annotation's or label's value.
        package static let annotationBytes = 512
        /// Services of one function.
        package static let services = 32
        /// Bytes of a service's name.
        package static let serviceBytes = 255
        /// Bytes of the descriptor set.
        package static let descriptorSetBytes = 256 << 10
    }
}
