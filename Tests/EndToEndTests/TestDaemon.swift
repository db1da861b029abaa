import FnrpcClient
import Foundation
import Synchronization
import Testing

/// A daemon of its own for a test: a temporary data folder and socket, the real binary, real containers.
// SAFETY: used by one test at a time.
final class TestDaemon: @unchecked Sendable {
    let folder: String
    let socket: String
    private(set) var process = Process()
    let uidBase: UInt32
    private let arguments: [String]
    private let diskMiB: Int?
    private let environment: [String: String]
    private static let made = Mutex(0)

    static let products = URL(fileURLWithPath: Bundle.main.executablePath ?? CommandLine.arguments[0])
        .deletingLastPathComponent()
    static let repository = URL(fileURLWithPath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()

    /// Where the build puts fnrpcd and fnrpc.
    static var binaries: String {
        var folder = products
        while folder.path != "/" {
            if FileManager.default.isExecutableFile(atPath: folder.path + "/fnrpcd") { return folder.path }
            folder.deleteLastPathComponent()
        }
        return repository.path + "/.build/debug"
    }

    /// - Parameters:
    ///   - diskMiB: of a disk of its own for the data, which is gone with the process; `nil`: the machine's.
    ///   - environment: variables beside those of this process.
    init(_ arguments: [String] = [], diskMiB: Int? = nil, environment: [String: String] = [:]) throws {
        self.diskMiB = diskMiB
        self.environment = environment
        var template = Array("/tmp/fnrpc-e2e-XXXXXX".utf8CString)
        try #require(mkdtemp(&template) != nil)
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        chmod(folder, 0o755)
        socket = folder + "/s"
        // Many daemons run at once here, and one range of user numbers has room for 16.
        let number = Self.made.withLock { made in
            made += 1
            return made
        }
        uidBase = UInt32(1_900_000_000 + (Int(getpid()) * 64 + number) % 30_000 * 65_536)
        self.arguments = arguments + ["--uid-base", String(uidBase)]
        try start()
    }

    /// The daemon's standard error so far.
    var log: String { (try? String(contentsOfFile: folder + "/log", encoding: .utf8)) ?? "" }

    /// Starts the daemon on the same data, and waits for its ready line.
    func start() throws {
        process = Process()
        let command =
            [Self.binaries + "/fnrpcd", "--data-dir", folder + "/data", "--listen", "unix:" + socket] + arguments
        process.executableURL = URL(fileURLWithPath: diskMiB == nil ? command[0] : "/usr/bin/unshare")
        process.arguments = diskMiB.map { Self.withDisk(folder + "/data", $0) + command } ?? Array(command.dropFirst())
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        process.standardInput = FileHandle.nullDevice
        let output = Pipe()
        process.standardOutput = output
        try Data().write(to: URL(fileURLWithPath: folder + "/log"))
        process.standardError = FileHandle(forWritingAtPath: folder + "/log")
        try process.run()
        let line = String(decoding: output.fileHandleForReading.availableData, as: UTF8.self)
        try #require(line.hasPrefix("ready unix:"), "\(line)\(log)")
        readyLine = line
    }

    private(set) var readyLine = ""

    /// Arguments of unshare(1): the mount is seen by the command only, which keeps its process id.
    private static func withDisk(_ path: String, _ mebibytes: Int) -> [String] {
        let script = "mkdir -p \(path) && mount -t tmpfs -o size=\(mebibytes)m,mode=0755 disk \(path) && exec \"$@\""
        return ["--mount", "sh", "-c", script, "sh"]
    }

    /// The data as the daemon sees it.
    var data: String { "/proc/\(process.processIdentifier)/root\(folder)/data" }

    /// SIGTERM, and the exit code.
    func stop() -> Int32 {
        process.terminate()
        process.waitUntilExit()
        return process.terminationStatus
    }

    /// kill -9, in the middle of whatever it does.
    func crash() {
        kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    func client() async throws -> Client {
        try await Client.connect(to: Address("unix:" + socket))
    }

    /// Runs `fnrpc`.
    func fnrpc(_ arguments: String..., input: String = "") throws -> CommandResult {
        try Self.run(
            Self.binaries + "/fnrpc", arguments, input: input, environment: ["FNRPC_ADDRESS": "unix:" + socket])
    }

    /// Writes a function's folder.
    func write(_ name: String, _ files: [String: String]) throws -> String {
        let path = folder + "/functions/" + name
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        for (file, text) in files { try text.write(toFile: path + "/" + file, atomically: false, encoding: .utf8) }
        return path
    }

    /// What this daemon has left on the machine: processes, mounts, cgroups, its socket.
    ///
    /// - Parameter processes: those whose mounts are looked at; `nil`: all.
    func leftovers(seenBy processes: [String]? = nil) throws -> [String] {
        var left: [String] = []
        if FileManager.default.fileExists(atPath: socket) { left.append(socket) }
        let all = try FileManager.default.contentsOfDirectory(atPath: "/proc").filter { Int($0) != nil }
        for name in processes ?? all {
            let mounts = (try? String(contentsOfFile: "/proc/\(name)/mountinfo", encoding: .utf8)) ?? ""
            if let line = mounts.split(separator: "\n").first(where: { $0.contains(folder) }) {
                let command = (try? String(contentsOfFile: "/proc/\(name)/cmdline", encoding: .utf8)) ?? ""
                left.append("mount seen by process \(name), \(command.debugDescription): \(line)")
            }
        }
        for controller in try FileManager.default.contentsOfDirectory(atPath: "/sys/fs/cgroup") {
            let path = "/sys/fs/cgroup/" + controller
            for group in (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? [] {
                if let instance, group.hasPrefix("fnrpc-" + instance) { left.append(path + "/" + group) }
            }
        }
        return left
    }

    /// The id that names its cgroups; known after the first `system info`.
    var instance: String?

    func learnInstance() throws {
        let info = try fnrpc("system", "info", "--output", "json")
        let json = try #require(try JSONSerialization.jsonObject(with: Data(info.output.utf8)) as? [String: Any])
        instance = try #require(json["instance"] as? String).lowercased()
    }

    func remove() {
        try? FileManager.default.removeItem(atPath: folder)
    }

    struct CommandResult {
        let code: Int32
        let output: String
        let errors: String
    }

    static func run(
        _ path: String, _ arguments: [String], input: String = "", environment: [String: String] = [:]
    ) throws -> CommandResult {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.environment = ProcessInfo.processInfo.environment.merging(environment) { $1 }
        let (output, errors, stdin) = (Pipe(), Pipe(), Pipe())
        process.standardOutput = output
        process.standardError = errors
        process.standardInput = stdin
        try process.run()
        stdin.fileHandleForWriting.write(Data(input.utf8))
        try stdin.fileHandleForWriting.close()
        // The command's output fits into pipes, errors first would block on long replies.
        let text = output.fileHandleForReading.readDataToEndOfFile()
        let problem = errors.fileHandleForReading.readDataToEndOfFile()
        process.waitUntilExit()
        return CommandResult(
            code: process.terminationStatus, output: String(decoding: text, as: UTF8.self),
            errors: String(decoding: problem, as: UTF8.self))
    }
}

/// Runs a test against a daemon, stops it, and checks that it left nothing.
func withDaemon(_ arguments: [String] = [], _ body: (TestDaemon) async throws -> Void) async throws {
    try await serving(TestDaemon(arguments), body)
}

/// As ``withDaemon(_:_:)``, for a daemon that was started.
func serving(_ daemon: TestDaemon, _ body: (TestDaemon) async throws -> Void) async throws {
    defer { daemon.remove() }
    do {
        try daemon.learnInstance()
        try await body(daemon)
    } catch {
        if daemon.process.isRunning { _ = daemon.stop() }
        throw error
    }
    if daemon.process.isRunning { #expect(daemon.stop() == 0, "\(daemon.log)") }
    #expect(!daemon.log.contains("BUG:"), "\(daemon.log)")
    #expect(try daemon.leftovers() == [])
}
