import FnrpcClient

/// Messages that look like requests, with everything in them that is easily handled wrongly.
struct RandomRequest {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed | 1
    }

    private mutating func next(_ limit: UInt64) -> UInt64 {
        state ^= state >> 12
        state ^= state << 25
        state ^= state >> 27
        return (state &* 0x2545_F491_4F6C_DD1D) % limit
    }

    private static let texts = [
        "demo", "v1", "hello", "", "latest", "prod", "a/b", "../x", "a\0b", "\u{1}", "ü", "00000000000000000000000000",
        "01M7YXG96TAN3ZSTVYSR9987F7", "/a/:x", "/a/*", "/", "//", "/%2f", "host", "folder:/usr", "folder:", "image:x",
        "python", "shell", "binary", "http", "ttrpc", "http-stream", "sync", "async", "function", "app", "version",
        "api_version = 1", "api_version in (1, 2)", "name:* AND (", "labels.a = \"b\"", "NOT NOT x", "demo/hello",
        "sha256:" + String(repeating: "a", count: 64), "{\"a\":[1]}", "tcp://h:1", String(repeating: "x", count: 300),
        "admin", "invoke:demo", "entrypoint", "YXBw", "4",
    ]
    private static let numbers: [UInt64] = [
        0, 1, 2, 3, 9, 50, 1000, 1001, 10_000, 10_001, 65_536, 1 << 31, 1 << 32, 1 << 62, .max,
    ]

    private static let keys = [
        "fnrpc-api-version", "fnrpc-timeout", "fnrpc-invocation-id", "fnrpc-app", "fnrpc-version", "fnrpc-alias",
        "fnrpc-other", "traceparent", "tracestate", "authorization", "x", "",
    ]
    private static let values = [
        "", "0", "1", "2", "01", "4294967297", "-1", "5s", "1ns", "1h", "Bearer x", "Bearer fnrpc_a_b", "demo",
        "latest",
        "prod", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "00-0-0-0", "ü",
        String(repeating: "v", count: 300),
    ]

    /// A number below a limit.
    mutating func below(_ limit: Int) -> Int { Int(next(UInt64(limit))) }

    /// Metadata of a request: what has a meaning, mostly with values that have none.
    mutating func metadata() -> [Header] {
        (0..<1 + next(4)).map { _ in
            Header(Self.keys[below(Self.keys.count)], Self.values[below(Self.values.count)])
        }
    }

    mutating func message(depth: Int = 0) -> [UInt8] {
        var soup = Soup()
        // The first fields name what the request is about.
        for field in 1...UInt64(1 + next(12)) where next(3) > 0 {
            switch next(10) {
            case 0...4: soup.text(field, Self.texts[Int(next(UInt64(Self.texts.count)))])
            case 5...6: soup.number(field, Self.numbers[Int(next(UInt64(Self.numbers.count)))])
            case 7 where depth < 10: soup.message(field, message(depth: depth + 1))
            case 8: soup.message(field, (0..<next(20)).map { _ in UInt8(next(256)) })
            default: soup.number(UInt64(1) + next(1 << 29 - 1), next(3))
            }
        }
        var bytes = soup.bytes
        if next(8) == 0, !bytes.isEmpty { bytes[Int(next(UInt64(bytes.count)))] ^= UInt8(1 << next(8)) }
        if next(16) == 0 { bytes.removeLast(min(bytes.count, Int(next(4)))) }
        return bytes
    }
}
