import Wire

/// What a reader finds in its input.
private enum Found: Equatable {
    case frame(FrameHeader, data: [UInt8])
    case tooLong(FrameHeader)
    case foreign(FrameStep.Foreign)
}

/// However the input is cut, the same frames are found; and a reader is never told to wait for too little or too much.
func checkFrames(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    guard let seed = bytes.first else { return }
    let input = UnsafeRawBufferPointer(rebasing: bytes.dropFirst())
    let whole = try read(input) { _ in input.count }
    var random = SeededRandom(seed: UInt64(seed))
    let longest = 1 + Int(seed >> 2)
    let pieces = try read(input) { _ in Int.random(in: 1...longest, using: &random) }
    try require(whole == pieces, "in one piece: \(whole); in pieces: \(pieces)")
}

/// Reads as a session does: bytes are added to a buffer, and whole frames are taken off its front.
private func read(
    _ input: UnsafeRawBufferPointer, next: (Int) -> Int
) throws(PropertyFailure) -> [Found] {
    var found: [Found] = []
    var begin = 0
    var end = 0
    while end < input.count {
        end = min(input.count, end + next(end))
        taking: while begin < end {
            let buffer = UnsafeRawBufferPointer(rebasing: input[begin..<end])
            switch FrameStep(buffer) {
            case .incomplete(let needed):
                try require(needed > buffer.count, "waits for \(needed) bytes and has \(buffer.count)")
                try require(
                    needed <= FrameHeader.size + FrameHeader.maxLength, "waits for \(needed) bytes, over the limit")
                break taking
            case .frame(let header):
                let size = FrameHeader.size + Int(header.length)
                try require(size <= buffer.count, "a frame of \(size) bytes in \(buffer.count)")
                found.append(.frame(header, data: Array(buffer[FrameHeader.size..<size])))
                begin += size
            case .tooLong(let header):
                try require(Int(header.length) > FrameHeader.maxLength, "\(header.length) is not too long")
                return found + [.tooLong(header)]
            case .foreign(let kind):
                try require(buffer[0] != 0, "a frame's first byte is 0")
                return found + [.foreign(kind)]
            }
        }
    }
    return found
}
