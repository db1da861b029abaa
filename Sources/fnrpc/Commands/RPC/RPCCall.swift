import ArgumentParser
import FnrpcClient
import Glibc
import Model

/// `fnrpc rpc call`, which `fnrpc rpc` is without a subcommand.
struct RPCCall: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "call", abstract: "Calls a method of any kind: JSON in, JSON out.",
        discussion: """
            Example: fnrpc rpc call demo.Greeter/Say -d '{"name":"Ada"}' --app demo
            A method that takes a stream gets every JSON value of the data as a message; with -d - each as soon as it
            is read. Answers are printed as they come.
            """)

    @Argument(help: ArgumentHelp("The method.", valueName: "service/method"))
    var method: String

    @Option(
        name: [.short, .long],
        help: ArgumentHelp(
            "The request as JSON; @FILE reads a file, - standard input. Default: an empty message, or none of a stream.",
            valueName: "json"))
    var data: String?

    @Option(help: ArgumentHelp("Metadata to send; may be given several times.", valueName: "key=value"))
    var metadata: [String] = []

    @Option(
        help: ArgumentHelp("How long to wait, at most; a number alone is seconds.", valueName: "5s"),
        transform: TimeSpan.read)
    var timeout: TimeSpan?

    @Flag(help: "Each answer on one line.")
    var compact = false

    @Flag(help: "Show the response's metadata on standard error.")
    var verbose = false

    @OptionGroup var source: DescriptorOptions
    @OptionGroup var connection: ConnectionOptions

    func validate() throws {
        try TimeSpan.check(timeout, "--timeout", from: 1000)
        _ = try usage { () throws(Failure) in
            _ = try MethodReference(method)
            _ = try headers()
        }
    }

    private func headers() throws(Failure) -> [Header] {
        var headers: [Header] = []
        for pair in metadata {
            guard let position = pair.firstIndex(of: "="), position != pair.startIndex else {
                throw Failure(.invalid, "--metadata: \(quoted(pair)) is not KEY=VALUE")
            }
            headers.append(Header(String(pair[..<position]), String(pair[pair.index(after: position)...])))
        }
        return headers
    }

    func run() async throws {
        let reference = try MethodReference(method)
        let input = try data.map { (text) throws(Failure) in try InputSource(text) } ?? .bytes([])
        try await connection.withClient(app: source.app, metadata: headers()) { client in
            let set = try await source.descriptors(of: reference.service, client)
            let call = MethodCall(
                client: client, set: set, reference: reference,
                method: try ServiceDirectory.method(reference, in: set), timeout: timeout?.duration)
            do {
                let answer = try await call.run(input) { json in
                    try Terminal.print(json.text(pretty: !compact))
                }
                if verbose { show(answer) }
            } catch let error as ClientError {
                throw StatusFailure(error) ?? error
            }
        }
    }

    private func show(_ metadata: [Header]) {
        for header in metadata {
            let line = Terminal.harmless("\(header.name): \(header.value)")
            try? Terminal.write(line + "\n", to: STDERR_FILENO)
        }
    }
}

/// One call of a described method.
struct MethodCall {
    let client: Client
    let set: DescriptorSet
    let reference: MethodReference
    let method: MethodDescriptor
    let timeout: Duration?

    /// Sends what the input has and hands on every answer.
    ///
    /// - Returns: the response's metadata; streams have none.
    func run(_ input: InputSource, each: (JSON) throws -> Void) async throws -> [Header] {
        let messages = MessageInput(source: input, encoder: MessageEncoder(set: set), type: method.input)
        switch (method.isClientStreaming, method.isServerStreaming) {
        case (false, false):
            let reply = try await client.call(
                service: reference.service, method: reference.method, payload: try await messages.single(),
                timeout: timeout)
            try each(decoded(reply.payload))
            return reply.metadata
        case (false, true):
            let stream = try await open(.serverStreaming, payload: try await messages.single())
            while let message = try await stream.receive() { try each(decoded(message)) }
            return []
        case (true, false):
            let stream = try await open(.clientStreaming)
            let reply = try await sending(messages, to: stream) { try await stream.response() }
            try each(decoded(reply.payload))
            return reply.metadata
        case (true, true):
            let stream = try await open(.bidirectional)
            try await sending(messages, to: stream) {
                while let message = try await stream.receive() { try each(decoded(message)) }
            }
            return []
        }
    }

    private func open(_ kind: StreamKind, payload: [UInt8] = []) async throws -> ClientStream {
        try await client.stream(
            service: reference.service, method: reference.method, kind: kind, payload: payload, timeout: timeout)
    }

    private func decoded(_ bytes: [UInt8]) throws(Failure) -> JSON {
        try MessageDecoder(set: set).decode(bytes, as: method.output)
    }

    /// Sends beside what the body does, until the body ends.
    private func sending<T>(
        _ messages: MessageInput, to stream: ClientStream, _ body: () async throws -> T
    ) async throws -> T {
        let sender = Task { () -> Failure? in
            do {
                while let message = try await messages.next() { try await stream.send(message) }
                try await stream.finishSending()
            } catch let failure as Failure {
                // Our own mistake; the stream's errors show where it is read.
                stream.cancel()
                return failure
            } catch {}
            return nil
        }
        let result: Result<T, any Error>
        do { result = .success(try await body()) } catch { result = .failure(error) }
        messages.stop()
        sender.cancel()
        if let failure = await sender.value { throw failure }
        return try result.get()
    }
}

/// The messages that an input's JSON values are.
actor MessageInput {
    private var source: InputSource
    private var documents = JSONDocuments()
    private var isAtEnd = false
    private let encoder: MessageEncoder
    private let type: String
    private nonisolated let reader: InputReader?

    init(source: InputSource, encoder: MessageEncoder, type: String) {
        self.source = source
        self.encoder = encoder
        self.type = type
        if case .reader(let reader) = source { self.reader = reader } else { reader = nil }
    }

    /// The next message, as soon as its JSON is whole; `nil`: the end.
    func next() async throws(Failure) -> [UInt8]? {
        guard let json = try await value() else { return nil }
        return try encoder.encode(json, as: type)
    }

    /// The only message; an empty one if there is none.
    func single() async throws(Failure) -> [UInt8] {
        let json = try await value() ?? .ordered([])
        guard try await value() == nil else {
            throw Failure(.invalid, "-d: the method takes one message, and there are more")
        }
        return try encoder.encode(json, as: type)
    }

    /// Ends a reading that waits.
    nonisolated func stop() {
        reader?.stop()
    }

    private func value() async throws(Failure) -> JSON? {
        while true {
            if let json = try documents.next(atEnd: isAtEnd) { return json }
            if isAtEnd { return nil }
            var source = source
            if let piece = try await source.next() { documents.append(piece) } else { isAtEnd = true }
            self.source = source
        }
    }
}
