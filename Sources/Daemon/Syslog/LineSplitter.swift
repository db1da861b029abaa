/// Lines out of pieces; bounded.
struct LineSplitter {
    let limit: Int
    private var rest: [UInt8] = []

    /// - Parameter limit: bytes of a line; a longer one comes in parts.
    init(limit: Int) {
        self.limit = limit
    }

    /// Takes a piece and gives the lines that are whole, without their ends and without empty ones.
    mutating func take(_ piece: [UInt8], _ line: (ArraySlice<UInt8>) -> Void) {
        var start = 0
        while start < piece.count {
            let end = piece[start...].firstIndex(of: UInt8(ascii: "\n"))
            var part = piece[start..<(end ?? piece.count)]
            start = (end ?? piece.count) + 1
            while rest.count + part.count > limit {
                let room = limit - rest.count
                rest += part.prefix(room)
                part = part.dropFirst(room)
                flush(line)
            }
            rest += part
            if end != nil { flush(line) }
        }
    }

    /// Gives what has no end yet.
    mutating func flush(_ line: (ArraySlice<UInt8>) -> Void) {
        if rest.last == UInt8(ascii: "\r") { rest.removeLast() }
        if !rest.isEmpty { line(rest[...]) }
        rest.removeAll(keepingCapacity: true)
    }
}
