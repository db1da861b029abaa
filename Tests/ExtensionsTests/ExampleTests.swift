import Glibc
import Model
import Testing
import Wire

@testable import Extensions

/// examples/extension-python as it is, in a process of its own.
@Suite struct ExampleTests {
    @Test func theExampleDoesWhatItSays() async throws {
        let bench = Bench()
        let example = try Example(bench.path)
        defer { example.stop() }
        #expect(example.line() == "ready")
        let plugIn = try bench.plugIn()
        defer { bench.close(plugIn) }
        try await plugIn.before(.create(try makeApp("allowed")))
        #expect(plugIn.interest == Interest(before: [.appCreate, .call], after: [.appDelete]))
        let failure = await plugIn.refusal(of: try makeApp("forbidden-fruit"))
        #expect(failure?.code == .invalid)
        #expect(failure?.message == "name: 'forbidden-fruit' begins with forbidden; choose another")
        let call = try await plugIn.ask(makeCall()).get()
        #expect(call.metadata == [CallHeader(name: "x-seen-by", value: "extension-python")])
        let app = try makeApp("gone")
        plugIn.after(.delete(App.events, id: app.meta.id, name: "gone"))
        #expect(example.line() == "app.delete gone \(app.meta.id)")
    }
}

/// The example's process.
private struct Example {
    private let process: pid_t
    private let output: Int32

    init(_ socket: String) throws {
        let root = #filePath.split(separator: "/").dropLast(3).joined(separator: "/")
        var ends: [Int32] = [0, 0]
        try #require(pipe(&ends) == 0)
        output = ends[0]
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        posix_spawn_file_actions_adddup2(&actions, ends[1], 1)
        posix_spawn_file_actions_addclose(&actions, ends[0])
        posix_spawn_file_actions_addclose(&actions, ends[1])
        defer {
            posix_spawn_file_actions_destroy(&actions)
            close(ends[1])
        }
        let texts = ["/usr/bin/python3", "/\(root)/examples/extension-python/extension.py", socket]
        var words: [UnsafeMutablePointer<CChar>?] = []
        for text in texts { words.append(strdup(text)) }
        words.append(nil)
        defer { for word in words { free(word) } }
        var pid: pid_t = 0
        let result = posix_spawn(&pid, "/usr/bin/python3", &actions, nil, words, nil)
        process = pid
        try #require(result == 0, "no process for the example: \(result)")
    }

    /// The next line that it prints.
    func line() -> String {
        var bytes: [UInt8] = []
        var byte: UInt8 = 0
        while read(output, &byte, 1) == 1, byte != UInt8(ascii: "\n") { bytes.append(byte) }
        return String(decoding: bytes, as: UTF8.self)
    }

    func stop() {
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
        close(output)
    }
}
