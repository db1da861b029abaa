import ArgumentParser
import Model

/// Every setting of a function, in func.yaml's words; ranges and defaults are in docs/func.yaml.md.
struct FunctionOptions: ParsableArguments {
    @Option(help: "What runs it: python, shell, binary, or a runtime that was made.")
    private var runtime: String?

    @Option(help: "What to start, in the runtime's words.")
    private var entry: String?

    @Option(help: ArgumentHelp("The whole command line, split as a shell splits words.", valueName: "words"))
    private var entrypoint: String?

    @Option(help: "How it is called: default, http, json, cloudevent, http-stream, ttrpc.")
    private var format: FunctionSpec.Format?

    @Option(help: ArgumentHelp("The OCI image, instead of runtime and package.", valueName: "reference"))
    var image: String?

    @Option(help: "Whether callers wait: sync, async.")
    private var type: FunctionSpec.CallType?

    @Option(help: ArgumentHelp("Of one container.", valueName: "mib"), transform: UInt32.read)
    private var memory: UInt32?

    @Option(
        help: ArgumentHelp("Cores of one container, such as 0.5 or 500m; 0: no limit.", valueName: "cores"),
        transform: Cores.read)
    private var cpu: Cores?

    @Option(help: ArgumentHelp("Of one call.", valueName: "30s"), transform: TimeSpan.read)
    private var timeout: TimeSpan?

    @Option(help: ArgumentHelp("How long an unused container stays.", valueName: "30s"), transform: TimeSpan.read)
    private var idleTimeout: TimeSpan?

    @Option(help: ArgumentHelp("Calls at once in one container.", valueName: "calls"), transform: UInt32.read)
    private var concurrency: UInt32?

    @Option(
        help: ArgumentHelp("Containers that are there without a call, and stay.", valueName: "containers"),
        transform: UInt32.read)
    private var minContainers: UInt32?

    @Option(
        help: ArgumentHelp("Containers at once; 0: as many as the machine allows.", valueName: "containers"),
        transform: UInt32.read)
    private var maxContainers: UInt32?

    @Option(
        help: ArgumentHelp("Containers whose room on the machine is kept for it.", valueName: "containers"),
        transform: UInt32.read)
    private var reservedContainers: UInt32?

    @Option(help: ArgumentHelp("Whether a busy container gets its next call already.", valueName: "true|false"))
    private var queueAhead: Bool?

    @Option(
        help: ArgumentHelp("Calls after which a container is replaced; 0: any number.", valueName: "calls"),
        transform: UInt32.read)
    private var maxCalls: UInt32?

    @Option(
        help: ArgumentHelp("Age from which on a container is replaced; 0: any.", valueName: "1h"),
        transform: TimeSpan.read)
    private var maxAge: TimeSpan?

    @Option(help: ArgumentHelp("Calls that wait for a container.", valueName: "calls"), transform: UInt32.read)
    private var maxQueue: UInt32?

    @Option(
        help: ArgumentHelp(
            "That a call waits for a container; 0: as long as its timeout allows.", valueName: "5s"),
        transform: TimeSpan.read)
    private var maxWait: TimeSpan?

    @Option(
        help: ArgumentHelp(
            "Whether a call that has not half its time left is not started: true, false.", valueName: "bool"))
    private var startMargin: Bool?

    @Option(
        help: ArgumentHelp("Calls a second that are accepted; 0: no limit.", valueName: "calls"), transform: UInt32.read
    )
    private var rateLimit: UInt32?

    @Option(help: ArgumentHelp("Processes and threads in a container.", valueName: "count"), transform: UInt32.read)
    private var pids: UInt32?

    @Option(help: ArgumentHelp("Of /tmp.", valueName: "mib"), transform: UInt32.read)
    private var tmpSize: UInt32?

    @Option(help: "What it can reach: none, host.")
    private var network: FunctionSpec.Network?

    @Option(
        name: .customLong("service"),
        help: ArgumentHelp("A ttrpc service that it serves; may be given several times.", valueName: "name"))
    private var services: [String] = []

    @Option(help: ArgumentHelp("The file of the package that describes its services.", valueName: "path"))
    private var descriptorSet: String?

    @Option(
        name: .customLong("secret"),
        help: ArgumentHelp("A secret of the app that it gets; may be given several times.", valueName: "name"))
    private var secrets: [String] = []

    @Option(
        name: .customLong("header"),
        help: ArgumentHelp(
            "A header of every reply; may be given several times. An update deletes one whose value is empty.",
            valueName: "name=value"))
    private var headerPairs: [String] = []

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "A variable; may be given several times. An update deletes one whose value is empty.",
            valueName: "key=value"))
    private var configPairs: [String] = []

    @Option(
        name: .customLong("annotation"),
        help: ArgumentHelp(
            "A note; may be given several times. An update deletes one whose value is empty.", valueName: "key=value"))
    private var annotationPairs: [String] = []

    @Option(help: ArgumentHelp("Who gets the results of asynchronous calls; empty: nobody.", valueName: "app/fn"))
    private var onSuccess: String?

    @Option(help: ArgumentHelp("Who gets the failures of asynchronous calls; empty: nobody.", valueName: "app/fn"))
    private var onFailure: String?

    @Option(help: "Which of its calls are recorded: all, errors, none.")
    private var record: RecordedCalls?

    @Option(help: ArgumentHelp("Whether records keep the payload.", valueName: "true|false"))
    private var recordInput: Bool?

    func validate() throws {
        _ = try usage { () throws(Failure) in try patch }
    }

    /// What was given; ranges are the daemon's to check.
    var patch: FunctionPatch {
        get throws(Failure) {
            var patch = FunctionPatch()
            patch.runtime = try runtime.map { (name) throws(Failure) in
                guard let runtime = FunctionSpec.Runtime(rawValue: name) else {
                    throw Failure(.invalid, "--runtime: \(quoted(name)) is not the name of a runtime")
                }
                return runtime
            }
            patch.entry = entry
            if let entrypoint {
                do throws(ShellWords.Unterminated) { patch.entrypoint = try ShellWords.split(entrypoint) } catch {
                    throw Failure(.invalid, "--entrypoint: \(quoted(entrypoint)) has a quote without end")
                }
                guard !patch.entrypoint.isEmpty else {
                    throw Failure(.invalid, "--entrypoint: is empty; an update empties it with --clear entrypoint")
                }
            }
            patch.format = format
            patch.image = image
            patch.callType = type
            patch.memoryMiB = memory
            patch.cpuMilli = cpu?.milli
            patch.timeoutNanos = timeout?.nanoseconds
            patch.idleTimeoutNanos = idleTimeout?.nanoseconds
            patch.concurrency = concurrency
            patch.minContainers = minContainers
            patch.maxContainers = maxContainers
            patch.reservedContainers = reservedContainers
            patch.queueAhead = queueAhead
            patch.maxCalls = maxCalls
            patch.maxAgeNanos = maxAge?.nanoseconds
            patch.maxQueue = maxQueue
            patch.maxWaitNanos = maxWait?.nanoseconds
            patch.startMargin = startMargin
            patch.rateLimit = rateLimit
            patch.pids = pids
            patch.tmpMiB = tmpSize
            patch.network = network
            patch.services = services
            patch.descriptorSet = descriptorSet
            patch.secrets = secrets
            patch.headers = try headers
            patch.config = try KeyValues.read(configPairs, option: "--config")
            patch.annotations = try KeyValues.read(annotationPairs, option: "--annotation")
            patch.onSuccess = onSuccess
            patch.onFailure = onFailure
            patch.record = record
            patch.recordInput = recordInput
            return patch
        }
    }

    /// Several values of one name become its list; an empty one alone takes the name away.
    private var headers: [String: [String]] {
        get throws(Failure) {
            var result: [String: [String]] = [:]
            for pair in headerPairs {
                let (name, value) = try KeyValues.split(pair, option: "--header")
                result[name, default: []].append(value)
            }
            return result.mapValues { $0 == [""] ? [] : $0 }
        }
    }
}

extension FunctionSpec.Format: ExpressibleByArgument {}
extension FunctionSpec.CallType: ExpressibleByArgument {}
extension FunctionSpec.Network: ExpressibleByArgument {}
extension RecordedCalls: ExpressibleByArgument {}

/// A number of cores as people write it: `2`, `0.5`, `500m`; to the thousandth.
struct Cores: OptionValue, Equatable {
    static let rule = "cores to the thousandth, 0 to 1024, such as 2, 0.5 or 500m"

    let milli: UInt32

    init?(argument: String) {
        let isMilli = argument.hasSuffix("m")
        let digits = argument.dropLast(isMilli ? 1 : 0)
        guard !digits.isEmpty, digits.utf8.allSatisfy({ (48...57).contains($0) || $0 == UInt8(ascii: ".") }),
            let number = Double(digits)
        else { return nil }
        let milli = isMilli ? number : number * 1000
        guard abs(milli - milli.rounded()) < 1e-6, let exact = UInt32(exactly: milli.rounded()) else { return nil }
        self.milli = exact
    }
}
