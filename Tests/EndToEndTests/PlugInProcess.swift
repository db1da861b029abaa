import Foundation
import Glibc
import Testing

/// A plug-in in a process of its own, as extensions are in earnest: examples/extension-python, or a script over it.
// SAFETY: used by one test at a time.
final class PlugInProcess: @unchecked Sendable {
    /// The example with hooks of our own; argument 1 is the example, 2 the socket.
    private static let prelude = """
        import importlib.util, sys, time
        spec = importlib.util.spec_from_file_location("extension", sys.argv[1])
        example = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(example)
        field, fields, Refused = example.field, example.fields, example.Refused

        def describes(before, after):
            example.METHODS[b"Describe"] = lambda _: field(1, "script") + b"".join(
                [field(2, event) for event in before] + [field(3, event) for event in after])


        """
    private static let example = TestDaemon.repository.path + "/examples/extension-python/extension.py"

    let socket: String
    private let folder: String
    private let arguments: [String]
    private var process: pid_t = 0

    /// - Parameter script: what is done otherwise than the example does it; `nil`: the example as it is.
    init(_ script: String? = nil) throws {
        var template = Array("/tmp/fnrpc-plugin-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        socket = folder + "/s"
        if let script {
            let path = folder + "/plugin.py"
            let text = Self.prelude + script + "\nexample.main(sys.argv[2])\n"
            try text.write(toFile: path, atomically: false, encoding: .utf8)
            arguments = ["/usr/bin/python3", path, Self.example, socket]
        } else {
            arguments = ["/usr/bin/python3", Self.example, socket]
        }
    }

    /// The entry of the daemon's configuration.
    func option(_ name: String, _ more: String) -> [String] { ["--extension", "\(name)=unix:\(socket),\(more)"] }

    /// What it has printed since it was started.
    func lines() throws -> [String] {
        try String(contentsOfFile: folder + "/output", encoding: .utf8).split(separator: "\n").map(String.init)
    }

    /// Starts it, and waits until it listens.
    func start() async throws {
        // Not by Foundation's Process: this one lives longer than the commands that other tests run, which wait until
        // nobody has their pipes any more.
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, folder + "/output", O_WRONLY | O_CREAT | O_TRUNC, 0o644)
        let clean = "import os, sys; os.closerange(3, 65536); os.execv(sys.argv[1], sys.argv[1:])"
        var words: [UnsafeMutablePointer<CChar>?] = ([arguments[0], "-c", clean] + arguments).map { strdup($0) }
        words.append(nil)
        defer { for word in words { free(word) } }
        let result = posix_spawn(&process, arguments[0], &actions, nil, words, environ)
        try #require(result == 0, "no process for the plug-in: \(result)")
        try await eventually("the plug-in listens") { try (self.lines().first == "ready") }
    }

    /// It answers nothing any more, and its connections stay open.
    func hang() {
        kill(process, SIGSTOP)
        // Until all its threads stand still.
        waitpid(process, nil, WUNTRACED)
    }

    func goOn() { kill(process, SIGCONT) }

    /// It is gone without a word.
    func die() {
        guard process > 0 else { return }
        kill(process, SIGKILL)
        waitpid(process, nil, 0)
        process = 0
    }

    func remove() {
        die()
        try? FileManager.default.removeItem(atPath: folder)
    }
}

/// Runs a test beside a plug-in, and ends that however the test does.
func withPlugIn(_ script: String? = nil, _ body: (PlugInProcess) async throws -> Void) async throws {
    let plugIn = try PlugInProcess(script)
    defer { plugIn.remove() }
    try await plugIn.start()
    try await body(plugIn)
}
