package import ArgumentParser

/// What of calls is kept, on the command line.
package struct RecordOptions: ParsableArguments {
    @Option(help: "How long call records are kept at most. (default: 2592000)")
    package var keepCallsFor: String?
    @Option(help: "Calls whose logs and payloads are kept. (default: 100000)")
    package var keepLogs: String?
    @Option(help: "How long logs and payloads are kept at most. (default: 604800)")
    package var keepLogsFor: String?
    @Option(help: "All logs and payloads together, MiB; the oldest go first. (default: 1024)")
    package var keepLogsMib: String?
    @Option(help: "What is kept of one call's output, KiB. (default: 1024)")
    package var maxLogKib: String?
    @Option(help: "What is kept of a payload where record_input asks for it, KiB. (default: 64)")
    package var maxRecordedInputKib: String?
    @Option(help: "PEM file with the authorities of syslog servers. (default: the machine's)")
    package var syslogCa: String?

    package init() {}

    /// Settings by their keys.
    var settings: [(String, String?)] {
        [
            ("keep-calls-for", keepCallsFor), ("keep-logs", keepLogs), ("keep-logs-for", keepLogsFor),
            ("keep-logs-mib", keepLogsMib), ("max-log-kib", maxLogKib),
            ("max-recorded-input-kib", maxRecordedInputKib), ("syslog-ca", syslogCa),
        ]
    }
}
