/// The keys of func.yaml.
enum FunctionKey: String, CaseIterable {
    case name, runtime, entry, entrypoint, cmd, format, memory, timeout, config, annotations, concurrency, pids, network
    case services, headers, cpu, image, type, secrets, record
    case idleTimeout = "idle_timeout"
    case maxContainers = "max_containers"
    case minContainers = "min_containers"
    case reservedContainers = "reserved_containers"
    case queueAhead = "queue_ahead"
    case maxCalls = "max_calls"
    case maxAge = "max_age"
    case maxQueue = "max_queue"
    case maxWait = "max_wait"
    case startMargin = "start_margin"
    case rateLimit = "rate_limit"
    case tmpSize = "tmp_size"
    case descriptorSet = "descriptor_set"
    case onSuccess = "on_success"
    case onFailure = "on_failure"
    case recordInput = "record_input"

    /// Keys of Fn's func.yaml that are accepted without effect, each with the reason that the warning gives.
    static let withoutEffect: [String: String] = [
        "schema_version": "this file needs no version",
        "version": "every deploy numbers its version itself",
        "build_image": "nothing is built in an image",
        "run_image": "functions run on the machine's own /usr",
        "content_type": "invoke takes --content-type",
        "build": "run your build before you deploy",
        "expects": "config is not checked against it",
        "triggers": "there is no HTTP gateway yet",
        "signing_details": "packages are named by their digest",
        "deploy": "it belongs to another service",
        "cpus": "write cpu, in cores",
        "path": "functions are called by name",
        "tests": "run your tests before you deploy",
    ]

    /// The known key that a mistyped one most likely means; `nil` if none is near.
    static func nearest(to key: String) -> String? {
        let known = allCases.map(\.rawValue) + withoutEffect.keys.sorted()
        let ranked = known.map { (key: $0, distance: distance($0, key.lowercased())) }
        guard let best = ranked.min(by: { $0.distance < $1.distance }), best.distance <= max(2, key.count / 3) else {
            return nil
        }
        return best.key
    }

    /// Levenshtein's edit distance; keys over 64 characters are near nothing.
    private static func distance(_ left: String, _ right: String) -> Int {
        let left = Array(left.utf8)
        let right = Array(right.utf8)
        guard right.count <= 64 else { return .max }
        var row = Array(0...right.count)
        for (i, a) in left.enumerated() {
            var diagonal = row[0]
            row[0] = i + 1
            for (j, b) in right.enumerated() {
                let substituted = diagonal + (a == b ? 0 : 1)
                diagonal = row[j + 1]
                row[j + 1] = min(substituted, row[j] + 1, row[j + 1] + 1)
            }
        }
        return row[right.count]
    }
}
