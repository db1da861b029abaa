import Testing

@testable import Contracts

@Suite struct LogFramesTests {
    /// What each call gets of what was read while it ran, in pieces of `size` bytes; under "" what is nobody's.
    private func cut(_ reads: [(log: String, running: String)], size: Int) -> [String: String] {
        var frames = LogFrames(name: "F")
        var logs: [String: String] = [:]
        for (log, running) in reads {
            let bytes = Array(log.utf8)
            for start in stride(from: 0, to: bytes.count, by: size) {
                bytes[start..<min(start + size, bytes.count)].withUnsafeBytes {
                    frames.cut($0, running: running) { part, isOwn in
                        logs[isOwn ? running : "", default: ""] += String(decoding: part, as: UTF8.self)
                    }
                }
            }
        }
        return logs
    }

    /// As fdk for Python prints them: to both outputs, with blank lines around.
    private func frame(_ id: String) -> String { "\nF=\(id)\n\n\nF=\(id)\n\n" }

    @Test(arguments: [1, 2, 3, 5, 1000])
    func framesSayWhereACallBegins(size: Int) {
        let logs = cut(
            [
                (frame("A") + "one\ntwo\n\nF is no frame\nFF=A\n", "A"),
                // What the call before wrote last is read late.
                ("late\n" + frame("B") + "three\n", "B"), (frame("C") + "four\n", "C"),
            ], size: size)
        #expect(logs == ["A": "one\ntwo\n\nF is no frame\nFF=A\n", "": "late\n", "B": "three\n", "C": "four\n"])
        // As others do, without blank lines, and the frame of the call before is read late as well.
        #expect(cut([("F=A\nx\n", "A"), ("F=A\ny\nF=B\nz", "B")], size: size) == ["A": "x\n", "": "y\n", "B": "z"])
    }

    /// What a function prints may be what its callers gave it.
    @Test(arguments: [1, 3, 1000])
    func linesThatNameOtherCallsAreText(size: Int) {
        let forged = "\nF=whatever\nmine\n"
        #expect(cut([(forged, "A"), ("x\n", "B")], size: size) == ["A": forged, "B": "x\n"])
        // The call before can be named, and gets nothing for it; the next one is not concerned.
        let logs = cut([("x\n", "A"), ("F=A\nlost\n", "B"), ("y\n", "C"), ("z\n", "D")], size: size)
        #expect(logs == ["A": "x\n", "": "lost\n", "C": "y\n", "D": "z\n"])
    }

    @Test(arguments: [1, 1000])
    func withoutFramesEverythingIsTheCalls(size: Int) {
        for log in ["a\n\nb", "F\n", "F=" + String(repeating: "x", count: 300) + "\nG=A\n"] {
            #expect(cut([(log, "A")], size: size) == ["A": log])
        }
        // What may become a frame waits.
        #expect(cut([("a\nF=", "A")], size: size) == ["A": "a\n"])
    }
}
