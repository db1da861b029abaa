internal import Drivers
internal import Glibc
internal import Loop
internal import Model
internal import Syslog

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

    /// Nothing of it is read any more; before the sandbox closes it.
    func closeLog() {
        if let logEntry { loop.quietDescriptors.remove(logEntry) }
        logEntry = nil
    }

    /// What is a lot of output at once, bytes: far from the 64 KiB that a pipe takes.
    private static let manyBytes = 4096

    /// Reads what the function wrote until now; whether that was a lot.
    @discardableResult
    func readLog() -> Bool {
        guard logEntry != nil else { return false }
        var total = 0
        withUnsafeTemporaryAllocation(byteCount: 16 << 10, alignment: 16) { buffer in
            // Bounded, so that a function that writes for ever does not hold the loop.
            for _ in 0..<16 {
                let count = read(sandbox.log, buffer.baseAddress, buffer.count)
                if count < 0 && errno == EINTR { continue }
                guard count > 0 else {
                    if count == 0 {
                        closeLog()
                        // If that was a function's death, its frozen process 1 has to run to tell of it.
                        thaw()
                    }
                    return
                }
                let bytes = UnsafeRawBufferPointer(rebasing: buffer[..<count])
                if frames == nil { append(bytes, isOwn: true) }
                frames?.cut(bytes, running: current?.id.description ?? "", append)
                total += count
                if count < buffer.count { return }
            }
        }
        return total >= Self.manyBytes
    }

    private func append(_ bytes: UnsafeRawBufferPointer, isOwn: Bool) {
        tail.append(contentsOf: bytes.suffix(Self.tailBytes))
        if tail.count > Self.tailBytes { tail.removeFirst(tail.count - Self.tailBytes) }
        let call = isOwn ? current : nil
        if dispatcher.followers.isFollowed {
            dispatcher.followers.write(bytes, of: runnable.function.meta.id, container: sandbox.id, call: call?.id)
        }
        syslog?.write(bytes, call: call?.id.description ?? "")
        guard let call else { return }
        let room = dispatcher.limits.logBytes - call.log.count
        call.log.append(contentsOf: bytes.prefix(room))
        if bytes.count > room { call.logTruncated = true }
    }
}
