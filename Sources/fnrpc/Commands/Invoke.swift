import ArgumentParser
import FnrpcClient
import Foundation
import Glibc
import Model
import Wire

/// `fnrpc invoke`.
struct Invoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Calls a function; its reply goes to standard output, unchanged.",
        discussion: """
            Example: fnrpc invoke demo/hello -d '{"name":"Ada"}'
            Without -d and -f the body is standard input, unless that is a terminal.
            """)

    @Argument(help: ArgumentHelp("The function, or one of its versions.", valueName: "app/fn[@version]"))
    var function: String

    @Option(name: [.short, .long], help: "The body.")
    var data: String?

    @Option(name: [.short, .long], help: "The file that holds the body; - is standard input.")
    var file: String?

    @Option(
        help: "The body's type. Default: application/json if it is JSON, else text/plain or application/octet-stream.")
    var contentType: String?

    @Option(help: ArgumentHelp("How long to wait, at most.", valueName: "seconds"))
    var timeout: Double?

    @Flag(help: "After the reply, print the call's log to standard error.")
    var log = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try usage { () throws(Failure) in try FunctionReference(function) }
        guard data == nil || file == nil else { throw ValidationError("-d and -f: give one of them") }
        if let timeout, !(timeout > 0 && timeout <= 86_400) {
            throw ValidationError("--timeout: \(timeout) is out of range; more than 0, at most 86400 seconds")
        }
    }

    func run() async throws {
        let reference = try FunctionReference(function)
        let body = try CallBody(data: data, file: file)
        try await connection.withClient { client in
            let start = Instant.now()
            let invocation: Invocation
            do throws(ClientError) {
                invocation = try await client.invoke(
                    app: reference.app.text, function: reference.function.text, version: reference.version,
                    payload: body.bytes, contentType: contentType ?? body.contentType,
                    timeout: timeout.map { Duration.nanoseconds(Int64($0 * 1e9)) })
            } catch {
                if log { await printLog(error.callID, client) }
                throw error
            }
            try show(invocation, latencyNanos: Instant.now().nanoseconds(since: start))
            if log { await printLog(invocation.callID, client) }
        }
    }

    private func show(_ invocation: Invocation, latencyNanos: UInt64) throws {
        switch output.output {
        case .table:
            try Terminal.write(invocation.payload, to: STDOUT_FILENO)
            // Only for the eye: the prompt would stand behind the reply.
            if Terminal.isTerminal(STDOUT_FILENO), invocation.payload.last != UInt8(ascii: "\n") {
                try Terminal.print("")
            }
        case .json:
            let headers = invocation.headers.map { header in
                JSON.object(["name": .string(header.name), "value": .string(header.value)])
            }
            let members: [String: JSON] = [
                "call_id": invocation.callID.map { .string($0) } ?? .null,
                "version": invocation.version.map { .unsigned(UInt64($0)) } ?? .null,
                "content_type": .string(invocation.contentType), "headers": .array(headers),
                "latency_nanos": .unsigned(latencyNanos),
            ]
            try JSON.object(members.merging(JSON.body(invocation.payload, "body")) { own, _ in own }).print()
        }
    }

    /// The log is extra: that it cannot be had does not change how the call ended.
    private func printLog(_ callID: String?, _ client: Client) async {
        guard let callID else { return Terminal.warn("the daemon told no call id, so there is no log to show") }
        // Records are stored in batches, a moment after the reply.
        for attempt in 1...20 {
            do throws(ClientError) {
                let logs: GetCallLogsResponse = try await client.call(
                    "fnrpc.v1.Calls", "Logs", GetCallLogsRequest(id: callID), timeout: CommandLimits.answer)
                try? Terminal.write(logs.log, to: STDERR_FILENO)
                return
            } catch {
                guard error.code == .notFound, attempt < 20 else {
                    return Terminal.warn("the log of call \(callID) is not available: \(error.message)")
                }
            }
            try? await Task.sleep(for: .milliseconds(50))
        }
    }
}

/// What is sent, and what it seems to be.
struct CallBody {
    let bytes: [UInt8]
    let contentType: String

    /// The data, the file, or standard input.
    init(data: String?, file: String?) throws(Failure) {
        if let data {
            self.init(Array(data.utf8))
        } else if let file, file != "-" {
            let descriptor = open(file, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw Failure(.invalid, "-f \(file): \(String(cString: strerror(errno))); name a file that can be read")
            }
            defer { close(descriptor) }
            self.init(try Self.read(descriptor, file))
        } else if file == "-" || !Terminal.isTerminal(STDIN_FILENO) {
            self.init(try Self.read(STDIN_FILENO, "standard input"))
        } else {
            self.init([])
        }
    }

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
        contentType = Self.type(of: bytes)
    }

    /// The function's own code reads the type; JSON is told apart only where it cannot be mistaken.
    private static func type(of bytes: [UInt8]) -> String {
        guard let first = bytes.first(where: { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }) else {
            return bytes.isEmpty ? "" : "text/plain"
        }
        if first == UInt8(ascii: "{") || first == UInt8(ascii: "["),
            (try? JSONSerialization.jsonObject(with: Data(bytes))) != nil
        {
            return "application/json"
        }
        return String(validating: bytes, as: UTF8.self) == nil ? "application/octet-stream" : "text/plain"
    }

    /// Reads no more than could be sent.
    private static func read(_ descriptor: Int32, _ name: String) throws(Failure) -> [UInt8] {
        var bytes: [UInt8] = []
        var chunk = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = Glibc.read(descriptor, &chunk, chunk.count)
            if count < 0 && errno == EINTR { continue }
            guard count >= 0 else {
                throw Failure(.invalid, "\(name): \(String(cString: strerror(errno))); name a file that can be read")
            }
            if count == 0 { return bytes }
            bytes += chunk[..<count]
            guard bytes.count <= FrameHeader.maxLength else {
                throw Failure(
                    .tooLarge,
                    "\(name): the body is over the limit of \(FrameHeader.maxLength) bytes of a call; send less until "
                        + "streams exist")
            }
        }
    }
}
