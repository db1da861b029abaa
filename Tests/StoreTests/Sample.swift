import Model
import Store
import Wire

/// Values for tests.
enum Sample {
    static func name(_ text: String) throws(Failure) -> Name { try Name(text, field: "name") }

    static func digest(_ number: Int) throws(Failure) -> Digest {
        let digits = String(number, radix: 16)
        return try Digest(
            "sha256:" + String(repeating: "0", count: 64 - digits.utf8.count) + digits, field: "digest")
    }

    static func hash(_ number: UInt8) -> [UInt8] { [UInt8](repeating: number, count: 32) }

    static func id(_ number: UInt64) -> Identifier {
        Identifier(high: (1_700_000_000_000 << 16) | number, low: number)
    }

    static func meta(_ number: UInt64) -> Meta {
        Meta(id: id(number), createdAt: Timestamp(nanoseconds: 5), updatedAt: Timestamp(nanoseconds: 5))
    }

    static func package(_ number: Int) throws(Failure) -> StoredPackage {
        StoredPackage(
            meta: Meta(
                id: id(UInt64(number) + 50_000), createdAt: Timestamp(nanoseconds: 5), extra: ["k": "\"v\""]),
            digest: try digest(number), bytes: UInt64(number) * 1000, entries: UInt32(number))
    }

    /// Most fields have values of their own.
    static func spec(_ entry: String = "func.main") -> FunctionSpec {
        var spec = FunctionSpec(runtime: .python, entry: entry, format: .ttrpc)
        spec.entrypoint = ["python3", "-u", "é\"\\/"]
        spec.memoryMiB = 65_536
        spec.timeoutNanos = 3_600_000_000_000
        spec.concurrency = 7
        spec.maxContainers = 0
        spec.minContainers = 1024
        spec.maxCalls = 9
        spec.reservedContainers = 5
        spec.maxAgeNanos = 77
        spec.network = .host
        spec.config = ["B": "2", "A": "1\n"]
        spec.annotations = ["note": "x"]
        spec.headers = ["X-B": ["2", "1"], "Cache-Control": ["no-store"]]
        return spec
    }

    static func deployment(
        _ app: String, _ function: String, package: Int = 1, spec: FunctionSpec = Sample.spec()
    ) throws(Failure) -> DeployRequest {
        DeployRequest(
            app: app, function: function, spec: spec, packageDigest: try digest(package).description,
            description: "as of today", labels: ["team": "a"])
    }

    static func call(
        _ number: UInt64, app: UInt64 = 1, function: UInt64 = 2, log: String = "", input: String = "",
        spec: Digest? = nil
    ) -> CallRecord {
        let time = Timestamp(nanoseconds: 1_700_000_000_000_000_000 + Int64(number))
        let status = CallStatus.completed[Int(number % 5)]
        let exits = [nil, CallExit(code: 3), CallExit(signal: 9, ranOutOfMemory: true), CallExit(ranOutOfMemory: true)]
        return CallRecord(
            meta: Meta(id: id(number), createdAt: time), appID: id(app), appName: "app\(app)",
            functionID: id(function), functionName: "function\(function)",
            path: number % 3 == 0 ? "/users/:id" : "", trigger: number % 3 == 0 ? "users" : "",
            version: UInt32(number % 4), status: status, error: status.hasErrorText ? "too long" : "",
            exit: status == .failed ? exits[Int(number / 5 % 4)] : nil,
            startedAt: number % 3 == 0 ? nil : time, completedAt: time, waitNanos: number,
            coldStartNanos: number % 5 == 0 ? 9 : nil, runNanos: 77, container: "c\(number)", log: Array(log.utf8),
            logTruncated: number % 7 == 0, input: Array(input.utf8), inputTruncated: number % 11 == 0, spec: spec,
            traceID: number % 2 == 0 ? nil : String(repeating: "a", count: 31) + String(number % 10),
            requestedVersion: UInt32(number % 3), requestedAlias: number % 4 == 0 ? "live" : "")
    }
}
