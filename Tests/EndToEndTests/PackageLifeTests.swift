import FnrpcClient
import Foundation
import Testing

/// Packages from the deploy until their files go.
@Suite struct PackageLifeTests {
    @Test func whatWasStoredIsDownloaded() async throws {
        try await withDaemon { daemon in
            var random = SystemRandomNumberGenerator()
            let noise = (0..<300_000).map { _ in String(UInt8.random(in: 0...15, using: &random), radix: 16) }.joined()
            let first = try daemon.deploy("hello", data: "one")
            let second = try daemon.deploy("hello", data: noise)
            let client = try await daemon.client()
            // The working copy becomes what version 1 is, and nothing is published.
            _ = try await client.call(
                service: "fnrpc.v1.Functions", method: "Update", payload: hello + Proto.field(7, "sha256:" + first))

            for (number, digest) in [(1, first), (2, second)] {
                let parts = try await client.download("Versions", hello + Proto.field(3, varint: UInt64(number)))
                try check(parts, are: digest, in: daemon)
                #expect(number == 1 ? parts.count == 1 : parts.count > 1)
            }
            try check(try await client.download("Functions", hello), are: first, in: daemon)

            try await client.refuses("Versions", hello + Proto.field(3, varint: 3), .notFound)
            try await client.refuses("Versions", hello, .invalid)
            try await client.refuses("Functions", Proto.field(1, "demo") + Proto.field(2, "nobody"), .notFound)
            try await client.refuses("Functions", hello + Proto.field(9, "x"), .invalid)
            let image = Proto.field(1, "demo") + Proto.field(2, "image")
            _ = try await client.call(
                service: "fnrpc.v1.Functions", method: "Create",
                payload: image + Proto.field(3, Proto.field(21, "docker.io/library/other:1")))
            try await client.refuses("Functions", image, .precondition)
            await client.close()
        }
    }

    /// Every part but the last is full, the first says what comes, and together they are the tar with this digest.
    private func check(_ parts: [Fields], are digest: String, in daemon: TestDaemon) throws {
        let whole = parts.flatMap { $0.part(1) ?? [] }
        #expect(parts.dropLast().allSatisfy { $0.part(1)?.count == 262_144 })
        #expect(parts.first?.text(2) == "sha256:" + digest)
        #expect(parts.first?.number(3) == UInt64(whole.count))
        #expect(parts.dropFirst().allSatisfy { $0.text(2).isEmpty && ($0.number(3) ?? 0) == 0 })
        #expect((Data(whole) == FileManager.default.contents(atPath: daemon.tar(digest))) == true)
        let file = daemon.folder + "/downloaded"
        try Data(whole).write(to: URL(fileURLWithPath: file))
        #expect(try TestDaemon.run("/usr/bin/sha256sum", [file]).output.hasPrefix(digest))
    }

    /// The caller takes nothing while the package goes, and then has all of it.
    @Test func aDownloadOutlivesItsPackage() async throws {
        try await withDaemon { daemon in
            let lines = (0..<1000).map { "line \($0) of \(UInt64.random(in: 0 ... .max))\n" }.joined()
            let digest = try daemon.deploy("hello", data: String(repeating: lines, count: 300))
            let tar = try #require(FileManager.default.contents(atPath: daemon.tar(digest)))
            let (reader, writer) = (try await daemon.client(), try await daemon.client())
            let stream = try await reader.stream(
                service: "fnrpc.v1.Functions", method: "Download", kind: .serverStreaming, payload: hello)
            let first = Fields(try #require(try await stream.receive()))
            try await writer.delete("Functions", hello)
            try daemon.wait("the package is gone") { !daemon.hasFiles(digest) }
            // The daemon is not done: it waits for the caller, with the file open.
            try daemon.wait("the open file has no name") {
                try daemon.openFiles().contains { $0.contains("/packages/") && $0.hasSuffix("(deleted)") }
            }
            var whole = first.part(1) ?? []
            while let part = try await stream.receive() { whole += Fields(part).part(1) ?? [] }
            #expect((Data(whole) == tar) == true)
            try daemon.wait("the file is closed") {
                try !daemon.openFiles().contains { $0.contains("/packages/") }
            }
            await reader.close()
            await writer.close()
        }
    }

    @Test func aPackageGoesWithItsLastVersion() async throws {
        try await withDaemon { daemon in
            let digest = try daemon.deploy("hello", data: "shared")
            #expect(try daemon.deploy("hello", data: "shared") == digest)
            #expect(try daemon.deploy("other", data: "shared") == digest)
            let client = try await daemon.client()
            // Only version 1 of one function is left of three users and two working copies.
            try await client.delete("Functions", Proto.field(1, "demo") + Proto.field(2, "other"))
            try await client.delete("Versions", hello + Proto.field(3, varint: 2))
            let next = try daemon.deploy("hello", data: "next")
            #expect(try daemon.fnrpc("invoke", "demo/hello@1", input: "0\n").output == "shared")
            #expect(daemon.hasFiles(digest))
            try await client.delete("Versions", hello + Proto.field(3, varint: 1))
            try daemon.wait("the package is gone") { !daemon.hasFiles(digest) }
            #expect(daemon.hasFiles(next))

            // Whoever deploys it again, and whenever, gets a function that runs.
            for round in 0..<4 {
                #expect(try daemon.deploy("again", data: "shared") == digest)
                #expect(try daemon.fnrpc("invoke", "demo/again", input: "0\n").output == "shared", "round \(round)")
                try await client.delete("Functions", Proto.field(1, "demo") + Proto.field(2, "again"))
            }
            #expect(try daemon.deploy("again", data: "shared") == digest)
            await client.close()
            #expect(daemon.stop() == 0)
            try daemon.start()
            #expect(daemon.hasFiles(digest) && daemon.hasFiles(next))
            #expect(try daemon.fnrpc("invoke", "demo/again", input: "0\n").output == "shared")
        }
    }

    @Test func filesStayUntilTheCallThatReadsThemEnds() async throws {
        try await withDaemon { daemon in
            let digest = try daemon.deploy("source", data: "old")
            let client = try await daemon.client()
            try await daemon.makeWork(client, of: digest)
            let next = try daemon.deploy("source", data: "new")
            try await client.delete("Functions", Proto.field(1, "demo") + Proto.field(2, "source"))
            try daemon.wait("its own package is gone") { !daemon.hasFiles(next) }
            #expect(daemon.hasFiles(digest))

            // Longer than it takes until a removal is tried again; it reads its package at the end.
            async let reply = client.invoke(app: "demo", function: "work", payload: Array("7\n".utf8))
            try await daemon.untilRunning(client)
            let other = try daemon.deploy("other", data: "other")
            _ = try await client.call(
                service: "fnrpc.v1.Functions", method: "Update", payload: work + Proto.field(7, "sha256:" + other))
            let calls = try daemon.callCounts()
            #expect(calls.started == calls.finished + 1)
            // Sees whether the call is over when the files go.
            let watch = Task {
                while daemon.hasFiles(digest) { try await Task.sleep(for: .milliseconds(10)) }
                return try daemon.callCounts().finished == calls.finished + 2
            }
            #expect(try await client.invoke(app: "demo", function: "work", payload: Array("0\n".utf8)).text == "other")
            #expect(try await reply.text == "old")
            try daemon.wait("the package is gone") { !daemon.hasFiles(digest) }
            #expect(try await watch.value)
            #expect(daemon.hasFiles(other))
            await client.close()
        }
    }

    @Test func aStartRemovesWhatACrashLeft() async throws {
        try await withDaemon { daemon in
            let digest = try daemon.deploy("source", data: "old")
            var client = try await daemon.client()
            try await daemon.makeWork(client, of: digest)
            try await client.delete("Functions", Proto.field(1, "demo") + Proto.field(2, "source"))
            let call = Task { [client] in
                try? await client.invoke(app: "demo", function: "work", payload: Array("60\n".utf8))
            }
            try await daemon.untilRunning(client)
            let other = try daemon.deploy("other", data: "other")
            _ = try await client.call(
                service: "fnrpc.v1.Functions", method: "Update", payload: work + Proto.field(7, "sha256:" + other))
            #expect(daemon.hasFiles(digest))
            daemon.crash()
            _ = await call.value
            await client.close()
            #expect(daemon.hasFiles(digest))
            try daemon.start()
            #expect(!daemon.hasFiles(digest))
            #expect(daemon.hasFiles(other))
            #expect(try daemon.fnrpc("invoke", "demo/work", input: "0\n").output == "other")
            client = try await daemon.client()
            try check(try await client.download("Functions", work), are: other, in: daemon)
            await client.close()
        }
    }
}

/// The daemon of these tests gives no package time after its last use.
private func withDaemon(_ body: (TestDaemon) async throws -> Void) async throws {
    try await withDaemon(["--package-grace", "0"], body)
}

/// The start of requests about `demo/hello` and `demo/work`.
private let hello = Proto.field(1, "demo") + Proto.field(2, "hello")
private let work = Proto.field(1, "demo") + Proto.field(2, "work")

extension Invocation {
    fileprivate var text: String { String(decoding: payload, as: UTF8.self) }
}

extension Client {
    /// All parts of a download.
    fileprivate func download(_ noun: String, _ request: Bytes) async throws -> [Fields] {
        let stream = try await stream(
            service: "fnrpc.v1." + noun, method: "Download", kind: .serverStreaming, payload: request)
        var parts: [Fields] = []
        while let part = try await stream.receive() { parts.append(Fields(part)) }
        return parts
    }

    /// A download that ends with an error before anything came.
    fileprivate func refuses(
        _ noun: String, _ request: Bytes, _ code: ClientError.Code, sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        let stream = try await stream(
            service: "fnrpc.v1." + noun, method: "Download", kind: .serverStreaming, payload: request)
        do throws(ClientError) {
            let part = try await stream.receive()
            Issue.record("\(part?.count ?? 0) bytes came", sourceLocation: sourceLocation)
        } catch {
            #expect(error.code == code, "\(error)", sourceLocation: sourceLocation)
        }
    }

    fileprivate func delete(_ noun: String, _ request: Bytes) async throws {
        _ = try await call(service: "fnrpc.v1." + noun, method: "Delete", payload: request)
    }
}

extension TestDaemon {
    /// Deploys a script that sleeps for as many seconds as its input says, and then prints what its package has.
    ///
    /// - Returns: the hex digits of the package's digest.
    fileprivate func deploy(_ name: String, data: String) throws -> String {
        let folder = try write(
            name,
            [
                "func.yaml": "name: \(name)\nruntime: shell\nentry: run.sh\nmemory: 32\n",
                "run.sh": "read seconds\nsleep $seconds\ncat data\n", "data": data,
                // So that what is alike but for the name is one package.
                ".fnrpcignore": "func.yaml\n",
            ])
        let result = try fnrpc("deploy", folder, "--app", "demo")
        try #require(result.code == 0, "\(result)")
        return String(try #require(result.output.split(separator: "sha256:").last).prefix(64))
    }

    /// Makes `demo/work`, a function that was never published.
    fileprivate func makeWork(_ client: Client, of digest: String) async throws {
        let spec =
            Proto.field(1, "shell") + Proto.field(2, "run.sh") + Proto.field(4, "default")
            + Proto.field(5, varint: 32)
        _ = try await client.call(
            service: "fnrpc.v1.Functions", method: "Create",
            payload: work + Proto.field(3, spec) + Proto.field(4, "sha256:" + digest))
    }

    /// Waits until a container of `demo/work` has a call.
    fileprivate func untilRunning(_ client: Client) async throws {
        let end = Date().addingTimeInterval(RawConnection.patience)
        while Date() < end {
            let list = try await client.call(service: "fnrpc.v1.Workers", method: "List", payload: work)
            if Fields(list.payload).all(1).contains(where: { Fields($0).text(3) == "busy" }) { return }
        }
        throw RawError(description: "the call does not run")
    }

    /// What the daemon has open.
    fileprivate func openFiles() throws -> [String] {
        let files = FileManager.default
        let folder = "/proc/\(process.processIdentifier)/fd"
        return try files.contentsOfDirectory(atPath: folder)
            .compactMap { try? files.destinationOfSymbolicLink(atPath: folder + "/" + $0) }
    }

    fileprivate func tar(_ digest: String) -> String { folder + "/data/packages/" + digest + ".tar" }

    /// Whether the tar or the tree of a package is there. Both or none, but in the moment in which they go.
    fileprivate func hasFiles(_ digest: String) -> Bool {
        let files = FileManager.default
        let trees = folder + "/data/packages/trees/"
        let boots = (try? files.contentsOfDirectory(atPath: trees)) ?? []
        let hasTree = boots.contains { files.fileExists(atPath: trees + $0 + "/" + digest) }
        return hasTree || files.fileExists(atPath: tar(digest))
    }
}
