import Dispatch
import FnrpcClient
import Testing

/// Runs a body against a server and cleans both up.
func with(
    _ server: FakeServer, options: ClientOptions = ClientOptions(), limits: Client.Limits = Client.Limits(),
    _ body: (Client) async throws -> Void
) async throws {
    defer { server.stop() }
    let client = try await Client.connect(to: server.address, options: options, limits: limits)
    do {
        try await body(client)
    } catch {
        await client.close()
        throw error
    }
    await client.close()
}

/// The error that a body ends with; `nil`: it ended well.
func failure(_ body: () async throws(ClientError) -> some Any) async -> ClientError? {
    do throws(ClientError) {
        _ = try await body()
        return nil
    } catch {
        return error
    }
}

/// Lets a server's thread wait for a test, and a test for a server's thread.
final class Gate: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)
    private let (stream, continuation) = AsyncStream<Void>.makeStream()

    /// Lets one ``wait()`` and one ``pass()`` go on.
    func open() {
        semaphore.signal()
        continuation.yield()
    }

    /// Blocks a thread; fails the test after 20 s.
    func wait() {
        #expect(semaphore.wait(timeout: .now() + 20) == .success)
    }

    /// Suspends a task.
    func pass() async {
        for await _ in stream { return }
    }
}

extension Client {
    /// The smallest call.
    func echo(_ payload: [UInt8] = []) async throws(ClientError) -> [UInt8] {
        try await call(service: "s", method: "m", payload: payload).payload
    }
}
