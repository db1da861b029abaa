import Model
import Wire

@testable import Contracts

/// However what a function writes is cut, the same replies are found, and nothing is used twice; what is taken for JSON is
/// JSON.
func checkPipes(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    guard let seed = bytes.first else { return }
    let input = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    let formats: [FunctionSpec.Format] = [.json, .cloudevent, .cloudevent, .http]
    let head = CallHead(
        id: "ID", deadline: Timestamp(nanoseconds: 0), contentType: seed & 3 == 2 ? CloudEvent.contentType : "",
        headers: [], metadata: [], path: nil)
    let reply = PipeReply(formats[Int(seed & 3)], to: head)
    let whole = try read(input, reply) { input.count }
    var random = SeededRandom(seed: UInt64(seed))
    let longest = 1 + Int(seed >> 2)
    let pieces = try read(input, reply) { Int.random(in: 1...longest, using: &random) }
    try require(whole == pieces, "in one piece: \(whole); in pieces: \(pieces)")
    try checkJSON(input)
}

/// Reads as a link does, each reply with a new reader.
private func read(
    _ input: UnsafeRawBufferPointer, _ fresh: PipeReply, next: () -> Int
) throws(PropertyFailure) -> [String] {
    var reply = fresh
    var found: [String] = []
    var begin = 0
    var end = 0
    while end < input.count {
        end = min(input.count, end + next())
        let buffer = UnsafeRawBufferPointer(rebasing: input[begin..<end])
        var position = 0
        while true {
            let before = position
            let body: InvokeBody?
            do throws(MalformedReply) { body = try reply.take(buffer, from: &position) } catch {
                return found + ["malformed"]
            }
            try require(
                position >= before && position <= buffer.count, "uses \(before) to \(position) of \(buffer.count)")
            guard let body else { break }
            found.append("\(body.contentType) \(body.headers) \(body.payload)")
            reply = fresh
        }
        begin += position
    }
    if let body = try? reply.finish() { found.append("\(body.contentType) \(body.headers) \(body.payload)") }
    return found
}

/// Two readers of JSON say the same.
private func checkJSON(_ input: UnsafeRawBufferPointer) throws(PropertyFailure) {
    let text = String(decoding: input, as: UTF8.self)
    let isRead = Array(text.utf8).withUnsafeBytes { bytes in
        var reader = JSONReader(bytes)
        do throws(MalformedReply) {
            _ = try reader.raw()
            try reader.end()
            return true
        } catch { return false }
    }
    let isChecked = (try? JSONText.check(text, name: "text", maxDepth: JSONReader.maxDepth)) != nil
    try require(isRead == isChecked, "read: \(isRead), checked: \(isChecked)")
}
