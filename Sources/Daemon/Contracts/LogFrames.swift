/// Cuts a function's log into calls where the function says itself where they begin: FDKs print the line `NAME=CALL`, between
/// blank lines, to standard output and error before they run the user's code. A pure machine; the lines come in any pieces.
///
/// Only a line that names the call that runs or the one before it is a frame. Everything else is text, whoever it is from: what
/// a function prints may be what its callers gave it.
package struct LogFrames {
    /// Longest line that may be a frame, bytes.
    private static let maxLine = 128

    private let name: [UInt8]
    /// What the last frame said; `nil`: there was none that still matters.
    private var call: [UInt8]?
    /// The call that was running when something came last, and the one before it.
    private var running: [UInt8] = []
    private var before: [UInt8] = []
    /// The beginning of what may become a frame.
    private var held: [UInt8] = []
    private var isAtLineStart = true
    private var isBehindFrame = false
    private var hasText = false

    /// - Parameter name: what stands before the equals sign.
    package init(name: String) {
        self.name = Array((name + "=").utf8)
    }

    /// Takes what came, and gives it in parts, without the frames and the blank lines around them.
    ///
    /// - Parameters:
    ///   - call: the id of the call that runs.
    ///   - visit: gets each part, and whether it belongs to `call`: the last frame named it, or there was none.
    package mutating func cut(
        _ bytes: UnsafeRawBufferPointer, running call: String,
        _ visit: (_ part: UnsafeRawBufferPointer, _ isOwn: Bool) -> Void
    ) {
        begin(call)
        let all = held + bytes
        held = []
        all.withUnsafeBytes { all in
            var start = 0
            while start < all.count {
                let rest = UnsafeRawBufferPointer(rebasing: all[start...])
                switch isAtLineStart ? frame(rest) : .none {
                case .frame(let size, let named):
                    self.call = named
                    isBehindFrame = true
                    start += size
                case .unknown:
                    held = Array(rest)
                    return
                case .none where isBehindFrame && rest[0] == UInt8(ascii: "\n"): start += 1
                case .none:
                    isBehindFrame = false
                    hasText = true
                    let end = rest.firstIndex(of: UInt8(ascii: "\n")).map { $0 + 1 }
                    isAtLineStart = end != nil
                    start += end ?? rest.count
                    visit(
                        UnsafeRawBufferPointer(rebasing: rest[..<(end ?? rest.count)]),
                        self.call.map { $0 == running } ?? true)
                }
            }
        }
    }

    /// Who does not say where its calls begin any more has each call's text taken for its own again. What comes while nothing runs
    /// is from the call before.
    private mutating func begin(_ call: String) {
        guard !call.isEmpty, !running.elementsEqual(call.utf8) else { return }
        before = running
        running = Array(call.utf8)
        if self.call != before { self.call = nil }
    }

    private enum Line {
        case frame(size: Int, call: [UInt8])
        /// More has to come.
        case unknown
        case none
    }

    /// What begins here: a frame, with the blank line before it where frames are usual.
    private func frame(_ rest: UnsafeRawBufferPointer) -> Line {
        let blank = (call != nil || !hasText) && rest[0] == UInt8(ascii: "\n") ? 1 : 0
        let line = UnsafeRawBufferPointer(rebasing: rest[blank...])
        for index in 0..<min(line.count, name.count) where line[index] != name[index] { return .none }
        guard let end = line.prefix(Self.maxLine).firstIndex(of: UInt8(ascii: "\n")) else {
            return line.count < Self.maxLine ? .unknown : .none
        }
        guard end >= name.count else { return .none }
        let named = line[name.count..<end]
        guard named.elementsEqual(running) || named.elementsEqual(before) else { return .none }
        return .frame(size: blank + end + 1, call: Array(named))
    }
}
