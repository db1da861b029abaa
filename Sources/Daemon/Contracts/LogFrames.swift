/// Cuts a function's log into calls where the function says itself where they begin: FDKs print the line `NAME=CALL`, between
/// blank lines, to standard output and error before they run the user's code. A pure machine; the lines come in any pieces.
package struct LogFrames {
    /// Longest line that may be a frame, bytes.
    private static let maxLine = 128

    private let name: [UInt8]
    /// What the last frame said; `nil`: there was none.
    private var call: [UInt8]?
    /// The beginning of a line that may become a frame.
    private var held: [UInt8] = []
    private var isAtLineStart = true
    private var isBehindFrame = false

    /// - Parameter name: what stands before the equals sign.
    package init(name: String) {
        self.name = Array((name + "=").utf8)
    }

    /// Takes what came, and gives it in parts, without the frames and the blank lines behind them.
    ///
    /// - Parameters:
    ///   - call: the id of the call that runs.
    ///   - visit: gets each part, and whether it belongs to `call`: the last frame named it, or there was never a frame.
    package mutating func cut(
        _ bytes: UnsafeRawBufferPointer, running call: String,
        _ visit: (_ part: UnsafeRawBufferPointer, _ isOwn: Bool) -> Void
    ) {
        let all = held + bytes
        held = []
        all.withUnsafeBytes { all in
            var start = 0
            while start < all.count {
                let rest = UnsafeRawBufferPointer(rebasing: all[start...])
                let isOwn = self.call?.elementsEqual(call.utf8) ?? true
                if isAtLineStart, let line = frame(rest) {
                    guard line > 0 else {
                        held = Array(rest)
                        return
                    }
                    self.call = Array(rest[name.count..<(line - 1)])
                    isBehindFrame = true
                    start += line
                } else if isBehindFrame, rest[0] == UInt8(ascii: "\n") {
                    start += 1
                } else {
                    isBehindFrame = false
                    let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
                    isAtLineStart = end != nil
                    start += end ?? rest.count
                    visit(UnsafeRawBufferPointer(rebasing: rest[..<(end ?? rest.count)]), isOwn)
                }
            }
        }
    }

    /// The bytes of the frame that begins here; 0: it may become one; `nil`: it is none.
    private func frame(_ rest: UnsafeRawBufferPointer) -> Int? {
        guard zip(rest, name).allSatisfy(==) else { return nil }
        guard let end = rest.prefix(Self.maxLine).firstIndex(of: UInt8(ascii: "\n")) else {
            return rest.count < Self.maxLine ? 0 : nil
        }
        return end >= name.count ? end + 1 : nil
    }
}
