import FnrpcClient
import Foundation
import Glibc
import Model
import Testing
import Wire

/// Logs while they are written: followed, and sent to a syslog server.
@Suite(.serialized) struct LogStreamTests {
    private static let files = [
        "func.yaml": "name: talk\nruntime: python\nentry: func.handler\nmemory: 64\n",
        "func.py": """
        import os
        def handler(text="", n=0):
            if text:
                print(text)
            for _ in range(n):
                os.write(1, b"x" * 65535 + b"\\n")
            return n

        """,
    ]

    private func follow(_ client: Client) async throws -> ClientStream {
        let stream = try await client.stream(
            service: "fnrpc.v1.Calls", method: "FollowLogs", kind: .serverStreaming,
            payload: FollowLogsRequest(app: "demo", function: "talk").encoded())
        // The first piece says that it follows.
        let first = try LogPiece(decoding: try #require(try await stream.receive()), strict: true)
        #expect(first.data.isEmpty && first.droppedBytes == 0)
        return stream
    }

    private func call(_ client: Client, _ json: String) async throws -> String {
        let reply = try await client.invoke(
            .function(app: "demo", name: "talk"), payload: Array(json.utf8), contentType: "application/json",
            timeout: .seconds(60))
        return reply.callID ?? ""
    }

    @Test func readersSeeWhatIsWritten() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("talk", Self.files)
            let client = try await daemon.client()
            let stream = try await follow(client)
            let id = try await call(client, #"{"text":"hello there"}"#)
            var text = ""
            while !text.contains("hello there\n"), let message = try await stream.receive() {
                let piece = try LogPiece(decoding: message, strict: true)
                text += String(decoding: piece.data, as: UTF8.self)
                if text.contains("hello") { #expect(piece.callID == id && !piece.container.isEmpty) }
            }
            #expect(try daemon.fnrpc("logs", "demo/talk").output.contains("hello there\n"))
            #expect(try daemon.fnrpc("logs", "demo/none", "--follow").code == 3)
            #expect(try daemon.fnrpc("fn", "delete", "demo/talk").code == 0)
            let end = await #expect(throws: ClientError.self) {
                while try await stream.receive() != nil {}
            }
            #expect(end?.code == .notFound)
            await client.close()
        }
    }

    /// 40 MiB are written past a reader that reads nothing; calls are as quick as ever, and it is told what it missed.
    @Test func aReaderThatDoesNotReadSlowsNobody() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("talk", Self.files)
            let client = try await daemon.client()
            let lazy = try await daemon.client()
            _ = try await call(client, "{}")
            let stream = try await follow(lazy)
            for _ in 0..<20 { _ = try await call(client, #"{"n":32}"#) }
            _ = try await call(client, #"{"text":"the end"}"#)
            var (seen, dropped, text) = (0, UInt64(0), "")
            while !text.contains("the end\n"), let message = try await stream.receive() {
                let piece = try LogPiece(decoding: message, strict: true)
                seen += piece.data.count
                dropped += piece.droppedBytes
                text = String(decoding: piece.data.suffix(100), as: UTF8.self)
                // What was dropped may have had the end in it.
                if dropped > 0, !text.contains("the end\n") { _ = try await call(client, #"{"text":"the end"}"#) }
            }
            #expect(dropped > 0 && seen > 0)
            #expect(UInt64(seen) + dropped >= 20 * 32 * 65536)
            await lazy.close()
            await client.close()
        }
    }

    @Test func linesReachTheAppsSyslogServer() async throws {
        let descriptor = socket(AF_INET, Int32(SOCK_DGRAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                _ = bind(descriptor, $0, length)
                _ = getsockname(descriptor, $0, &length)
            }
        }
        let port = UInt16(bigEndian: address.sin_port)
        try await withDaemon { daemon in
            #expect(try daemon.fnrpc("app", "create", "demo", "--syslog-url", "udp://127.0.0.1:\(port)").code == 0)
            #expect(try daemon.fnrpc("app", "update", "demo", "--syslog-url", "udp://").code == 4)
            try daemon.deploy("talk", Self.files)
            let client = try await daemon.client()
            let id = try await call(client, #"{"text":"to the log"}"#)
            var buffer = [UInt8](repeating: 0, count: 65536)
            var found = ""
            while !found.contains("to the log") {
                var entry = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
                try #require(poll(&entry, 1, 20_000) == 1)
                let count = recv(descriptor, &buffer, buffer.count, 0)
                found = String(decoding: buffer.prefix(max(count, 0)), as: UTF8.self)
            }
            #expect(found.hasPrefix("<14>1 ") && found.hasSuffix("] to the log"))
            #expect(found.contains(#"app="demo" function="talk""#) && found.contains("call=\"\(id)\""), "\(found)")
            await client.close()
        }
    }
}
