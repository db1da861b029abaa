internal import Calls
internal import Model

extension Configuration {
    /// How much of calls is kept.
    var callRetention: CallRetention {
        CallRetention(
            calls: Int(keepCalls), callNanos: UInt64(keepCallsFor * 1e9), logs: Int(keepLogs),
            logNanos: UInt64(keepLogsFor * 1e9), logBytes: UInt64(keepLogsMiB) << 20)
    }

    /// What is kept of one.
    var callLimits: CallLimits {
        var limits = CallLimits()
        limits.logBytes = Int(maxLogKiB) << 10
        limits.inputBytes = Int(maxRecordedInputKiB) << 10
        return limits
    }
}
