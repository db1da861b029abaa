import ArgumentParser
import FnrpcClient
import Glibc
import Model
import Wire

/// `fnrpc invoke`.
struct Invoke: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Calls a function; its reply goes to standard output, unchanged.",
        discussion: """
            Example: fnrpc invoke demo/hello -d '{"name":"Ada"}'
                     fnrpc invoke demo --path /greet/42 --query 'lang=en'
            Without -d and -f the body is standard input, unless that is a terminal. Bodies over 4 MiB are sent and
            answered piece by piece, as all are with --stream.
            """)

    @Argument(
        help: ArgumentHelp(
            "The function, one of its versions or aliases; with --path the app alone.",
            valueName: "app/fn[@version|@alias]"))
    var function: String

    @Option(help: ArgumentHelp("Call the function whose trigger answers this path.", valueName: "/path"))
    var path: String?

    @Option(help: "With --path: the method; GET without a body and POST with one unless told.")
    var method: String?

    @Option(help: ArgumentHelp("With --path: the query, without the question mark.", valueName: "a=1&b=2"))
    var query: String?

    @Option(name: [.short, .long], help: "The body; @FILE reads a file, - standard input.")
    var data: String?

    @Option(name: [.short, .long], help: "The file that holds the body; - is standard input.")
    var file: String?

    @Option(
        help: "The body's type. Default: application/json if it is JSON, else text/plain or application/octet-stream.")
    var contentType: String?

    @Option(
        help: ArgumentHelp("How long to wait, at most; a number alone is seconds.", valueName: "5s"),
        transform: TimeSpan.read)
    var timeout: TimeSpan?

    @Flag(help: "Send the body and print the answer piece by piece, as they come.")
    var stream = false

    @Flag(help: "After the reply, print the call's log to standard error.")
    var log = false

    @OptionGroup var connection: ConnectionOptions
    @OptionGroup var output: OutputOptions

    func validate() throws {
        _ = try usage { () throws(Failure) in try reference() }
        guard data == nil || file == nil else { throw ValidationError("-d and -f: give one of them") }
        try TimeSpan.check(timeout, "--timeout", from: 1000, to: CommandLimits.longestWait)
    }

    private func reference() throws(Failure) -> InvokeReference {
        try InvokeReference(function, path: path, method: method, query: query)
    }

    func run() async throws {
        let reference = try reference()
        var body = try CallBody(data: data, file: file)
        if !stream { try await body.fill(CallBody.unaryBytes) }
        let target = reference.target(hasBody: !body.isWhole || !body.bytes.isEmpty)
        try await connection.withClient { [body] client in
            let start = Instant.now()
            let answer: Answer
            do {
                if body.isWhole && !stream {
                    answer = Answer(
                        try await client.invoke(
                            target, payload: body.bytes, contentType: contentType ?? body.contentType,
                            timeout: timeout?.duration))
                } else {
                    answer = try await exchange(body, target, client)
                }
            } catch {
                if log { await printLog((error as? ClientError)?.callID, client) }
                throw error
            }
            try show(answer, latencyNanos: Instant.now().nanoseconds(since: start))
            if log { await printLog(answer.callID, client) }
        }
    }

    /// Sends and receives side by side. What goes to standard output is not kept: the payload is empty then.
    private func exchange(
        _ body: CallBody, _ target: InvocationTarget, _ client: Client
    ) async throws -> Answer {
        let stream = try await client.invokeStream(
            target, contentType: contentType ?? body.contentType, timeout: timeout?.duration)
        let sender = Task { () -> Failure? in
            var body = body
            do {
                while let piece = try await body.next() { try await stream.send(piece) }
                try await stream.finish()
            } catch let failure as Failure {
                stream.cancel()
                return failure
            } catch {}
            return nil
        }
        let result: Result<[UInt8], any Error>
        do { result = .success(try await receive(stream)) } catch { result = .failure(error) }
        stream.cancel()
        body.stop()
        sender.cancel()
        if let failure = await sender.value { throw failure }
        let payload = try result.get()
        return Answer(payload: payload, stream: stream)
    }

    private func receive(_ stream: InvocationStream) async throws -> [UInt8] {
        var kept: [UInt8] = []
        var last: UInt8?
        while let part = try await stream.receive() {
            guard output.output == .json else {
                try Terminal.write(part, to: STDOUT_FILENO)
                last = part.last
                continue
            }
            kept += part
            guard kept.count <= CallBody.jsonBytes else {
                throw Failure(
                    .tooLarge,
                    "--output json: the reply is over the limit of \(CallBody.jsonBytes) bytes; take it without")
            }
        }
        if Terminal.isTerminal(STDOUT_FILENO), let last, last != UInt8(ascii: "\n") { try Terminal.print("") }
        return kept
    }

    private func show(_ answer: Answer, latencyNanos: UInt64) throws {
        switch output.output {
        case .table:
            try Terminal.write(answer.payload, to: STDOUT_FILENO)
            // Only for the eye: the prompt would stand behind the reply.
            if Terminal.isTerminal(STDOUT_FILENO), !answer.payload.isEmpty,
                answer.payload.last != UInt8(ascii: "\n")
            {
                try Terminal.print("")
            }
        case .json:
            let headers = answer.headers.map { header in
                JSON.object(["name": .string(header.name), "value": .string(header.value)])
            }
            let members: [String: JSON] = [
                "call_id": answer.callID.map { .string($0) } ?? .null,
                "version": answer.version.map { .unsigned(UInt64($0)) } ?? .null,
                "content_type": .string(answer.contentType), "headers": .array(headers),
                "latency_nanos": .unsigned(latencyNanos),
            ]
            try JSON.object(members.merging(JSON.body(answer.payload, "body")) { own, _ in own }).print()
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

/// What a function answered, in one message or piece by piece.
private struct Answer {
    let payload: [UInt8]
    let contentType: String
    let headers: [Header]
    let callID: String?
    let version: UInt32?

    init(_ invocation: Invocation) {
        payload = invocation.payload
        contentType = invocation.contentType
        headers = invocation.headers
        callID = invocation.callID
        version = invocation.version
    }

    /// - Parameter payload: empty if it was printed already.
    init(payload: [UInt8], stream: InvocationStream) {
        self.payload = payload
        contentType = stream.contentType
        headers = stream.headers
        callID = stream.callID
        version = stream.version
    }
}
