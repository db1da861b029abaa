@testable import Contracts

/// What a reader finds in its input; neighbouring pieces of a body are one.
private enum Found: Equatable {
    case head(status: Int, contentType: String, headers: [String], keepsAlive: Bool, length: Int?)
    case body([UInt8])
    case end
    case malformed
}

/// However the input is cut, the same responses are found; nothing is used twice, or beyond what is there.
func checkHTTP(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    guard let seed = bytes.first else { return }
    let input = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    let whole = try read(input) { input.count }
    var random = SeededRandom(seed: UInt64(seed))
    let longest = 1 + Int(seed >> 2)
    let pieces = try read(input) { Int.random(in: 1...longest, using: &random) }
    try require(whole == pieces, "in one piece: \(whole); in pieces: \(pieces)")
}

/// Reads as a link does: what was not used is there again, with more behind it.
private func read(_ input: UnsafeRawBufferPointer, next: () -> Int) throws(PropertyFailure) -> [Found] {
    var parser = HTTPResponseParser()
    var found: [Found] = []
    var begin = 0
    var end = 0
    while end < input.count {
        end = min(input.count, end + next())
        let buffer = UnsafeRawBufferPointer(rebasing: input[begin..<end])
        var position = 0
        taking: while true {
            let before = position
            let event: HTTPResponseParser.Event
            do throws(HTTPResponseParser.Malformed) {
                event = try parser.next(buffer, from: &position)
            } catch { return found + [.malformed] }
            try require(
                position >= before && position <= buffer.count, "uses \(before) to \(position) of \(buffer.count)")
            switch event {
            case .wait: break taking
            case .head(let head):
                found.append(
                    .head(
                        status: head.status, contentType: head.contentType,
                        headers: head.headers.flatMap { [$0.name, $0.value] }, keepsAlive: head.keepsAlive,
                        length: head.length))
            case .body(let piece):
                try require(piece.count > 0, "an empty piece")
                if case .body(let earlier) = found.last {
                    found[found.count - 1] = .body(earlier + piece)
                } else {
                    found.append(.body(Array(piece)))
                }
            case .end: found.append(.end)
            }
        }
        begin += position
    }
    if parser.finish() { found.append(.end) }
    return found
}
