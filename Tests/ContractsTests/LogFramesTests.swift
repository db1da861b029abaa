import Testing

@testable import Contracts

@Suite struct LogFramesTests {
    /// What calls `A` and then `B` get of a log; the parts come in pieces of `size` bytes.
    private func cut(_ log: String, size: Int, running: String = "A") -> (own: String, others: String) {
        var frames = LogFrames(name: "F")
        var (own, others) = ("", "")
        let bytes = Array(log.utf8)
        for start in stride(from: 0, to: bytes.count, by: size) {
            bytes[start..<min(start + size, bytes.count)].withUnsafeBytes {
                frames.cut($0, running: running) { part, isOwn in
                    let text = String(decoding: part, as: UTF8.self)
                    if isOwn { own += text } else { others += text }
                }
            }
        }
        return (own, others)
    }

    @Test(arguments: [1, 2, 3, 5, 1000])
    func framesSayWhereACallBegins(size: Int) {
        // As fdk for Python prints them: to both outputs, with a blank line behind.
        let frame = { (id: String) in "\nF=\(id)\n\n\nF=\(id)\n\n" }
        let log = frame("0") + "of nobody\n" + frame("A") + "one\ntwo\n\nF is no frame\nFF=A\n" + frame("B") + "three\n"
        #expect(cut(log, size: size).own == "\none\ntwo\n\nF is no frame\nFF=A\n\n")
        #expect(cut(log, size: size).others == "of nobody\n\nthree\n")
        #expect(cut(log, size: size, running: "B").own == "\nthree\n")
        // As others do, without it.
        #expect(cut("x\nF=B\n\nF=B\ny\nF=A\nz", size: size).own == "x\nz")
    }

    @Test(arguments: [1, 1000])
    func withoutFramesEverythingIsTheCalls(size: Int) {
        for log in ["a\n\nb", "F\n", "F=" + String(repeating: "x", count: 300) + "\nG=A\n"] {
            #expect(cut(log, size: size).own == log)
        }
        // What may become a frame waits.
        #expect(cut("a\nF=", size: size).own == "a\n")
    }
}
