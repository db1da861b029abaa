import Model
import Yams

/// What a func.yaml says: a name, a spec, and warnings. Schema: docs/func.yaml.md.
struct FunctionFile {
    /// The function's name.
    let name: Name
    /// Checked.
    let spec: FunctionSpec
    /// Sentences for the user, in the file's order.
    let warnings: [String]
    /// As errors call it.
    let path: String
    /// Lines of the keys, from 1.
    let lines: [String: Int]

    /// Reads the text of a func.yaml.
    ///
    /// - Parameters:
    ///   - path: how errors call the file.
    ///   - folder: the folder's name, which names the function if the file does not.
    init(_ text: String, path: String, folder: String) throws(Failure) {
        let document = try YAMLDocument(text, path: path)
        var reader = FunctionFileReader(document: document)
        for entry in document.entries { try reader.read(entry) }
        let lines = Dictionary(document.entries.map { ($0.key, $0.line) }, uniquingKeysWith: { first, _ in first })
        self.path = path
        self.lines = lines
        do {
            name = try Name(reader.name ?? folder, field: "name")
            spec = try reader.spec().validated()
        } catch {
            throw Self.located(error, path, lines)
        }
        warnings = reader.warnings
    }

    /// An error about a key, with its line.
    func failure(_ key: FunctionKey, _ message: String) -> Failure {
        Self.located(Failure(.invalid, "\(key.rawValue): \(message)"), path, lines)
    }

    /// Model's errors begin with the field's name, which is the key.
    private static func located(_ failure: Failure, _ path: String, _ lines: [String: Int]) -> Failure {
        func located(_ message: String) -> String {
            let field = String(message.prefix { $0 != ":" })
            return (lines[field].map { "\(path):\($0)" } ?? path) + ": " + message
        }
        return Failure(failure.code, located(failure.message), further: failure.further.map(located))
    }
}

/// Collects the keys of one func.yaml.
struct FunctionFileReader {
    let document: YAMLDocument
    private(set) var warnings: [String] = []
    private(set) var name: String?
    private var runtime: FunctionSpec.Runtime?
    private var entry = ""
    private var entrypoint: [String] = []
    private var cmd: [String] = []
    private var format: FunctionSpec.Format?
    private var limits: [FunctionKey: UInt32] = [:]
    private var clocks: [FunctionKey: UInt64] = [:]
    private var network = FunctionSpec.Network.none
    private var config: [String: String] = [:]
    private var annotations: [String: String] = [:]
    private var services: [String] = []
    private var descriptorSet = ""
    private var headers: [String: [String]] = [:]
    private var cpu: UInt32?
    private var image = ""
    private var callType = FunctionSpec.CallType.sync
    private var onSuccess = ""
    private var onFailure = ""
    private var record: RecordedCalls = .all
    private var recordInput = false
    private var queueAhead = false
    private var secrets: [String] = []
    private var startMargin: Bool?

    init(document: YAMLDocument) {
        self.document = document
    }

    /// Takes one key.
    mutating func read(_ entry: YAMLDocument.Entry) throws(Failure) {
        guard let key = FunctionKey(rawValue: entry.key) else { return try readForeign(entry) }
        // A key without value reads as absent, as Fn reads it.
        if entry.value.isNull { return }
        switch key {
        case .name: name = try text(entry)
        case .runtime: runtime = try readRuntime(entry)
        case .entry: self.entry = try text(entry)
        case .entrypoint: entrypoint = try words(entry)
        case .cmd: cmd = try words(entry)
        case .format: format = try choice(entry)
        case .network: network = try choice(entry)
        case .memory: limits[key] = try number(entry, FunctionSpec.Limits.memoryMiB, "MiB")
        case .concurrency: limits[key] = try number(entry, FunctionSpec.Limits.concurrency, "calls")
        case .maxContainers: limits[key] = try number(entry, FunctionSpec.Limits.maxContainers, "containers")
        case .minContainers: limits[key] = try number(entry, FunctionSpec.Limits.minContainers, "containers")
        case .reservedContainers:
            limits[key] = try number(entry, FunctionSpec.Limits.reservedContainers, "containers")
        case .queueAhead: queueAhead = try flag(entry)
        case .maxCalls: limits[key] = try number(entry, FunctionSpec.Limits.maxCalls, "calls")
        case .maxAge: clocks[key] = try seconds(entry, FunctionSpec.Limits.maxAgeSeconds)
        case .maxQueue: limits[key] = try number(entry, FunctionSpec.Limits.maxQueue, "calls")
        case .rateLimit: limits[key] = try number(entry, FunctionSpec.Limits.rateLimit, "calls a second")
        case .pids: limits[key] = try number(entry, FunctionSpec.Limits.pids, "processes")
        case .tmpSize: limits[key] = try number(entry, FunctionSpec.Limits.tmpMiB, "MiB")
        case .timeout: clocks[key] = try seconds(entry, FunctionSpec.Limits.timeoutSeconds)
        case .maxWait: clocks[key] = try seconds(entry, FunctionSpec.Limits.maxWaitSeconds)
        case .startMargin: startMargin = try flag(entry)
        case .idleTimeout: clocks[key] = try seconds(entry, FunctionSpec.Limits.idleTimeoutSeconds)
        case .config: config = try readConfig(entry)
        case .annotations: annotations = try readAnnotations(entry)
        case .services: services = try list(entry)
        case .descriptorSet: descriptorSet = try text(entry)
        case .headers: headers = try readHeaders(entry)
        case .cpu: cpu = try readCPU(entry)
        case .image: image = try text(entry)
        case .type: callType = try choice(entry)
        case .onSuccess: onSuccess = try text(entry)
        case .onFailure: onFailure = try text(entry)
        case .secrets: secrets = try list(entry)
        case .record: record = try choice(entry)
        case .recordInput: recordInput = try flag(entry)
        }
    }

    /// The spec that the keys make; not yet checked as a whole.
    func spec() throws(Failure) -> FunctionSpec {
        var spec = try started()
        if let value = limits[.memory] { spec.memoryMiB = value }
        if let value = limits[.concurrency] { spec.concurrency = value }
        if let value = limits[.maxContainers] { spec.maxContainers = value }
        if let value = limits[.minContainers] { spec.minContainers = value }
        if let value = limits[.reservedContainers] { spec.reservedContainers = value }
        spec.queueAhead = queueAhead
        if let value = limits[.maxCalls] { spec.maxCalls = value }
        if let value = clocks[.maxAge] { spec.maxAgeNanos = value }
        if let value = limits[.maxQueue] { spec.maxQueue = value }
        if let value = limits[.rateLimit] { spec.rateLimit = value }
        if let value = limits[.pids] { spec.pids = value }
        if let value = limits[.tmpSize] { spec.tmpMiB = value }
        if let value = clocks[.timeout] { spec.timeoutNanos = value }
        if let value = clocks[.idleTimeout] { spec.idleTimeoutNanos = value }
        if let value = clocks[.maxWait] { spec.maxWaitNanos = value }
        if let startMargin { spec.startMargin = startMargin }
        spec.network = network
        spec.config = config
        spec.annotations = annotations
        spec.services = services
        spec.descriptorSet = descriptorSet
        spec.headers = headers
        if let cpu { spec.cpuMilli = cpu }
        spec.callType = callType
        spec.onSuccess = onSuccess
        spec.onFailure = onFailure
        spec.record = record
        spec.recordInput = recordInput
        spec.secrets = secrets
        return spec
    }

    /// What is started; everything else as it is by default.
    private func started() throws(Failure) -> FunctionSpec {
        if !image.isEmpty {
            guard runtime == nil else {
                throw Failure(.invalid, "image: is given beside runtime; keep one of them")
            }
            // An image that is a function has one of Fn's kits in it, as a rule.
            var spec = FunctionSpec(runtime: .none, entry: entry, format: format ?? .httpStream)
            spec.entrypoint = entrypoint + cmd
            spec.image = image
            return spec
        }
        guard let runtime else {
            throw Failure(
                .invalid, "runtime: missing; use one of: \(Self.known(FunctionSpec.Runtime.self)), or give an image")
        }
        let command = try FunctionCommand(
            runtime: runtime, entry: entry, entrypoint: entrypoint, cmd: cmd, format: format)
        var spec = FunctionSpec(runtime: runtime, entry: command.entry, format: command.format)
        spec.entrypoint = command.entrypoint
        return spec
    }

    private mutating func readForeign(_ entry: YAMLDocument.Entry) throws(Failure) {
        if let reason = FunctionKey.withoutEffect[entry.key] {
            warnings.append("\(document.path):\(entry.line): \(entry.key): has no effect; \(reason)")
            return
        }
        let hint =
            FunctionKey.nearest(to: entry.key).map { "did you mean \($0)?" } ?? "docs/func.yaml.md lists them all"
        throw document.failure(entry.line, "\(quoted(entry.key)) is not a known key; \(hint)")
    }

    /// Fn writes the version into the name: `python3.9`.
    private mutating func readRuntime(_ entry: YAMLDocument.Entry) throws(Failure) -> FunctionSpec.Runtime {
        let value = try text(entry)
        if value.hasPrefix("python"), value != "python", value.dropFirst(6).allSatisfy({ $0.isNumber || $0 == "." }) {
            if value != "python3" {
                warnings.append(
                    "\(document.path):\(entry.line): runtime: \(value) runs on the machine's own /usr/bin/python3")
            }
            return .python
        }
        return try choice(entry)
    }
}

extension FunctionFileReader {
    static func known<E: CaseIterable & RawRepresentable>(_ type: E.Type) -> String where E.RawValue == String {
        type.allCases.map(\.rawValue).joined(separator: ", ")
    }

    private func text(_ entry: YAMLDocument.Entry) throws(Failure) -> String {
        guard case .scalar(let scalar) = entry.value else {
            throw document.failure(entry.line, "\(entry.key): \(entry.value.shown) is not text")
        }
        return scalar.string
    }

    private func flag(_ entry: YAMLDocument.Entry) throws(Failure) -> Bool {
        guard let value = entry.value.plain.flatMap({ Bool($0) }) else {
            throw document.failure(entry.line, "\(entry.key): \(entry.value.shown) is neither true nor false")
        }
        return value
    }

    private func choice<E: CaseIterable & RawRepresentable>(
        _ entry: YAMLDocument.Entry
    ) throws(Failure) -> E where E.RawValue == String {
        let value = try text(entry)
        guard let result = E(rawValue: value) else {
            throw document.failure(
                entry.line, "\(entry.key): \(quoted(value)) is not known; use one of: \(Self.known(E.self))")
        }
        return result
    }

    private func number(
        _ entry: YAMLDocument.Entry, _ range: ClosedRange<UInt32>, _ unit: String
    ) throws(Failure) -> UInt32 {
        let allowed = "\(range.lowerBound) to \(range.upperBound) \(unit)"
        guard let value = entry.value.plain, let number = Double(value), number == number.rounded() else {
            throw document.failure(entry.line, "\(entry.key): \(entry.value.shown) is not a whole number; \(allowed)")
        }
        guard let result = UInt32(exactly: number), range.contains(result) else {
            throw document.failure(entry.line, "\(entry.key): \(value) is out of range; \(allowed)")
        }
        return result
    }

    private func readCPU(_ entry: YAMLDocument.Entry) throws(Failure) -> UInt32 {
        let range = FunctionSpec.Limits.cpuMilli
        let allowed = "0, or 0.001 to \(range.upperBound / 1000) cores"
        guard let cores = entry.value.plain.flatMap({ Cores(argument: $0) }) else {
            throw document.failure(entry.line, "cpu: \(entry.value.shown) is not a number of cores; \(allowed)")
        }
        guard range.contains(cores.milli) else {
            throw document.failure(entry.line, "cpu: \(entry.value.shown) is out of range; \(allowed)")
        }
        return cores.milli
    }

    private func seconds(
        _ entry: YAMLDocument.Entry, _ range: ClosedRange<Double>
    ) throws(Failure) -> UInt64 {
        let allowed = "\(Self.shown(range.lowerBound)) to \(Self.shown(range.upperBound)) seconds"
        guard let value = entry.value.plain, let number = Double(value), !number.isNaN else {
            throw document.failure(entry.line, "\(entry.key): \(entry.value.shown) is not a number; \(allowed)")
        }
        guard range.contains(number) else {
            throw document.failure(entry.line, "\(entry.key): \(value) is out of range; \(allowed)")
        }
        return UInt64((number * 1e9).rounded())
    }

    private static func shown(_ number: Double) -> String {
        number == number.rounded() ? String(Int(number)) : String(number)
    }

    /// A command line, or its words as a list.
    private func words(_ entry: YAMLDocument.Entry) throws(Failure) -> [String] {
        switch entry.value {
        case .scalar(let scalar):
            do throws(ShellWords.Unterminated) { return try ShellWords.split(scalar.string) } catch {
                throw document.failure(entry.line, "\(entry.key): \(quoted(scalar.string)) has a quote without end")
            }
        case .sequence(let list):
            var result: [String] = []
            for node in list {
                guard case .scalar(let scalar) = node else {
                    throw document.failure(
                        node.mark?.line ?? entry.line, "\(entry.key): \(node.shown) is not a word of a command line")
                }
                result.append(scalar.string)
            }
            return result
        default:
            throw document.failure(
                entry.line, "\(entry.key): \(entry.value.shown) is not a command line; write text or a list of words")
        }
    }

    /// A list of names; one name alone is a list too.
    private func list(_ entry: YAMLDocument.Entry) throws(Failure) -> [String] {
        guard case .sequence(let items) = entry.value else { return [try text(entry)] }
        var result: [String] = []
        for node in items {
            guard case .scalar(let scalar) = node else {
                throw document.failure(
                    node.mark?.line ?? entry.line, "\(entry.key): \(node.shown) is not a name")
            }
            result.append(scalar.string)
        }
        return result
    }

    private mutating func readConfig(_ entry: YAMLDocument.Entry) throws(Failure) -> [String: String] {
        var result: [String: String] = [:]
        for (key, value, line) in try pairs(entry) {
            guard case .scalar(let scalar) = value else {
                throw document.failure(line, "config: the value of \(quoted(key)) is \(value.shown); it must be text")
            }
            if FunctionSpec.isOwnKey(key) {
                warnings.append(
                    "\(document.path):\(line): config: \(key): has no effect; FN_… and FNRPC_… are the daemon's to set")
            }
            result[key] = value.isNull ? "" : scalar.string
        }
        return result
    }

    /// Names to a value each, or to a list of values.
    private func readHeaders(_ entry: YAMLDocument.Entry) throws(Failure) -> [String: [String]] {
        var result: [String: [String]] = [:]
        for (name, value, line) in try pairs(entry) {
            let member = YAMLDocument.Entry(key: "headers: \(quoted(name))", value: value, line: line)
            result[name] = value.isNull ? [""] : try list(member)
        }
        return result
    }

    /// Fn allows any JSON value; it is kept as JSON text.
    private func readAnnotations(_ entry: YAMLDocument.Entry) throws(Failure) -> [String: String] {
        var result: [String: String] = [:]
        for (key, value, line) in try pairs(entry) {
            guard let json = JSON(value, limit: FunctionSpec.Limits.annotationBytes) else {
                throw document.failure(
                    line,
                    "annotations: the value of \(quoted(key)) is over the limit of "
                        + "\(FunctionSpec.Limits.annotationBytes) bytes, or is not JSON")
            }
            result[key] = json.text()
        }
        return result
    }

    private func pairs(_ entry: YAMLDocument.Entry) throws(Failure) -> [(String, Node, Int)] {
        guard case .mapping(let mapping) = entry.value else {
            throw document.failure(entry.line, "\(entry.key): \(entry.value.shown) is not a mapping of keys to values")
        }
        var result: [(String, Node, Int)] = []
        for (key, value) in mapping {
            let line = key.mark?.line ?? entry.line
            guard case .scalar(let scalar) = key else {
                throw document.failure(line, "\(entry.key): \(key.shown) is not a key")
            }
            result.append((scalar.string, value, line))
        }
        return result
    }
}
