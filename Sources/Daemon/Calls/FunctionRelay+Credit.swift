internal import Contracts
internal import Wire

/// Credit of InvokeStream: who asks for it is never sent more payload than it allowed.
extension FunctionRelay {
    // MARK: - What the caller may send

    /// Payload of the caller has gone to the function.
    func took(_ count: Int) {
        guard mayReceive != nil else { return }
        consumed += count
        if consumed >= Self.window / 4 {
            grant(consumed)
            consumed = 0
        }
    }

    func grant(_ count: Int) {
        InvokeCredit.message(UInt32(count)).withUnsafeBytes { stream.send($0) }
    }

    // MARK: - What the caller may be sent

    func receivedCredit(_ count: Int) {
        guard let left = mayReceive else { return }
        mayReceive = min(left + count, Int(Int32.max))
        resumeIfPossible()
    }

    /// A caller that has closed its half can give no more credit; from now on its reading is what holds the function back.
    func endCredit() {
        guard mayReceive != nil else { return }
        mayReceive = nil
        resumeIfPossible()
    }

    /// Sends a message of the function on, as far as credit goes.
    func pass(_ message: UnsafeRawBufferPointer) {
        guard isBody, let left = mayReceive ?? (held.isEmpty ? nil : Int.max),
            let scan = try? InvokeStreamScan(scanning: message)
        else { return stream.send(message) }
        if held.isEmpty, scan.payload.count <= left {
            if mayReceive != nil { mayReceive = left - scan.payload.count }
            return stream.send(message)
        }
        // Content type and headers cost nothing.
        let head = Self.head(scan)
        if !head.isEmpty { head.withUnsafeBytes { stream.send($0) } }
        held += scan.payload
        sendHeld()
    }

    func resumeIfPossible() {
        guard !isOver else { return }
        sendHeld()
        guard held.isEmpty else { return }
        if heldEnd {
            heldEnd = false
            if let call, let worker = call.worker { worker.streamEnded(call, .finished) }
            return
        }
        guard isPaused, (mayReceive ?? 1) > 0, stream.hasRoom else { return }
        isPaused = false
        function?.resume()
    }

    private func sendHeld() {
        var start = 0
        while start < held.count, stream.hasRoom {
            let count = min(held.count - start, mayReceive ?? Int.max, SessionLimits.chunkBytes)
            guard count > 0 else { break }
            var part = [UInt8](repeating: 0, count: InvokeStreamPayload.headroom) + held[start..<start + count]
            part.withUnsafeMutableBytes { stream.send(InvokeStreamPayload.message(in: $0)) }
            start += count
            if let left = mayReceive { mayReceive = left - count }
        }
        held.removeFirst(start)
    }

    /// The message without its payload.
    private static func head(_ scan: InvokeStreamScan) -> [UInt8] {
        var scanner = FieldScanner(scan.bytes)
        var head: [UInt8] = []
        while let field = try? scanner.next() {
            guard field.number > 1, let value = field.bytes else { continue }
            let size = FieldSize.field(field.number, length: value.count)
            head += [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
                var writer = FieldWriter(
                    UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<size])))
                writer.field(field.number, bytes: value)
                count = size
            }
        }
        return head
    }
}

/// A message of InvokeStream that gives credit only.
enum InvokeCredit {
    static func message(_ credit: UInt32) -> [UInt8] {
        let size = FieldSize.field(7, varint: UInt64(credit))
        return [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var writer = FieldWriter(
                UnsafeMutableRawBufferPointer(UnsafeMutableBufferPointer(rebasing: buffer[..<size])))
            writer.field(7, varint: UInt64(credit))
            count = size
        }
    }
}
