/// What is said of a container's output. On its loop.
extension Worker {
    /// The last lines of a call's own log, for its caller; empty or with a lead-in. What other calls wrote is not its
    /// caller's to see.
    func logTail(of call: Call) -> String {
        Self.describe(tail: call.log.suffix(Self.tailBytes))
    }

    /// The container's last lines, for the record of a call that it took with it and that has no log of its own.
    func containerTail(for call: Call) -> String {
        call.log.isEmpty ? Self.describe(tail: tail) : ""
    }

    static func describe(tail: some Collection<UInt8>) -> String {
        let text = String(decoding: tail, as: UTF8.self)
        let lines = text.split(whereSeparator: \.isNewline).suffix(5).map { $0.prefix(300) }
        return lines.isEmpty ? "" : "; the end of its log:\n" + lines.joined(separator: "\n")
    }
}
