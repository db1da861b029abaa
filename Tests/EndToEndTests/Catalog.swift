import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// What tests of the catalog share. Entities are changed through the wire; only packages come by the command.
extension TestDaemon {
    /// A Python function that answers with what it is: its code, and MARK of its environment.
    static func marked(_ code: String, name: String = "mark", more: String = "") -> [String: String] {
        [
            "func.yaml": "name: \(name)\nruntime: python\nentry: func.handler\nmemory: 64\n" + more,
            "func.py": """
            import os, time
            def handler(sleep=0, **_):
                time.sleep(sleep)
                return {"code": "\(code)", "mark": os.environ.get("MARK", "")}

            """,
        ]
    }

    func deploy(_ name: String, _ files: [String: String], app: String = "demo") throws {
        let result = try fnrpc("deploy", try write(name, files), "--app", app)
        try #require(result.code == 0, "\(result.errors)")
    }
}

extension Client {
    /// Calls a method of `fnrpc.v1`.
    func ask<Q: WireMessage, A: WireMessage>(_ method: String, _ request: Q, as type: A.Type = A.self) async throws -> A
    {
        let parts = method.split(separator: "/")
        return try await call("fnrpc.v1.\(parts[0])", "\(parts[1])", request, timeout: .seconds(60))
    }

    /// The error of a method of `fnrpc.v1`; `nil`: there was none.
    func failure(_ method: String, _ request: some WireMessage) async -> ClientError? {
        let parts = method.split(separator: "/")
        do throws(ClientError) {
            _ = try await call(
                service: "fnrpc.v1.\(parts[0])", method: "\(parts[1])", payload: request.encoded(),
                timeout: .seconds(60))
            return nil
        } catch {
            return error
        }
    }

    /// What a function of `TestDaemon.marked` says.
    func mark(_ function: String = "mark", _ revision: FunctionRevision = .latest, sleep: Double = 0) async throws
        -> String
    {
        let reply = try await invoke(
            .function(app: "demo", name: function, revision: revision), payload: Array("{\"sleep\":\(sleep)}".utf8),
            contentType: "application/json", timeout: .seconds(60))
        let json = try JSONSerialization.jsonObject(with: Data(reply.payload)) as? [String: String]
        return "\(json?["code"] ?? "?") \(json?["mark"] ?? "?")"
    }

    /// Changes environment of a function's working copy.
    func setMark(_ mark: String, of function: String = "mark") async throws {
        var patch = FunctionPatch()
        patch.config = ["MARK": mark]
        let _: Function = try await ask(
            "Functions/Update", UpdateFunctionRequest(app: "demo", function: function, spec: patch))
    }

    /// Events after a sequence, until so many have come.
    func events(after: UInt64, count: Int, kinds: [String] = []) async throws -> [Event] {
        let stream = try await stream(
            service: "fnrpc.v1.Events", method: "Follow", kind: .serverStreaming,
            payload: FollowEventsRequest(after: after, follow: true, kinds: kinds).encoded(), timeout: .seconds(60))
        var events: [Event] = []
        while events.count < count, let message = try await stream.receive() {
            events.append(try Event(decoding: message, strict: true))
        }
        stream.cancel()
        return events
    }
}

/// Asks again until something is so; a minute at most.
func eventually(_ what: String, _ check: () async throws -> Bool) async throws {
    let deadline = ContinuousClock.now + .seconds(60)
    while try await !check() {
        try #require(ContinuousClock.now < deadline, "\(what) did not happen in a minute")
        try await Task.sleep(for: .milliseconds(10))
    }
}
