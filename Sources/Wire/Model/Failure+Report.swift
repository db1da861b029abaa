extension Failure {
    /// All that is known of it, for the log: its text, where it and each of its causes was raised, and the calls that led
    /// to the first of them.
    package var report: String {
        var lines = ["\(message) (\(code.rawValue), raised at \(site))"]
        var deepest = self
        while let cause = deepest.causes.first {
            lines.append("  because: \(cause.message) (\(cause.code.rawValue), raised at \(cause.site))")
            deepest = cause
        }
        lines += (deepest.backtrace ?? backtrace)?.places.map { "  at \($0)" } ?? []
        return lines.joined(separator: "\n")
    }
}
