import Model
import Testing
import Wire

@testable import Store

/// What only some contracts allow.
@Suite struct RulesFormatTests {
    private let store: TestStore

    init() async throws {
        store = try TestStore()
        try await store.furnish()
    }

    private func request(
        _ name: String, _ change: (inout FunctionSpec) -> Void
    ) throws -> CreateFunctionRequest {
        var spec = FunctionSpec(runtime: .python, entry: "func.main", format: .ttrpc)
        change(&spec)
        return CreateFunctionRequest(
            app: "demo", function: name, spec: spec, packageDigest: try Sample.digest(1).description)
    }

    @Test func concurrencyNeedsAFormatThatHasIt() async throws {
        for format in FunctionSpec.Format.allCases {
            let request = try request(format.rawValue) { ($0.concurrency, $0.format) = (2, format) }
            if format.usesSocket {
                try await store.send(request)
            } else {
                try await store.expectRefused(request, .invalid, "concurrency: 2 needs format ttrpc or http-stream")
            }
        }
    }

    @Test func queueAheadIsForOneCallAtATimeOverTtrpc() async throws {
        for format in FunctionSpec.Format.allCases {
            let request = try request(format.rawValue) {
                ($0.queueAhead, $0.format, $0.concurrency) = (true, format, 1)
            }
            if format == .ttrpc {
                try await store.send(request)
            } else {
                try await store.expectRefused(request, .invalid, "queue_ahead: true needs format ttrpc")
            }
        }
        let request = try request("many") { ($0.queueAhead, $0.format, $0.concurrency) = (true, .ttrpc, 2) }
        try await store.expectRefused(request, .invalid, "queue_ahead: true needs format ttrpc and concurrency 1")
    }
}
