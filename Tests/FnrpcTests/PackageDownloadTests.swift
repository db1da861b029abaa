import Archive
import FnrpcClient
import Foundation
import Model
import Testing
import Wire

@testable import fnrpc

/// A package is either whole and right, or not there.
@Suite struct PackageDownloadTests {
    private static let content = [UInt8]((0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31) })

    /// What the server sends of a package.
    enum Course: CaseIterable {
        case whole, cut, wrong, refused, nothing
    }

    private func withServer(_ course: Course, _ body: (TtrpcServer, Scratch) throws -> Void) throws {
        let scratch = try Scratch()
        let digest = try SHA256.digest(of: Self.content).description
        let server = try TtrpcServer(scratch) { _, _ in
            let half = Self.content.count / 2
            let first = PackageChunk(
                data: Array(Self.content[..<half]), packageDigest: digest, packageBytes: UInt64(Self.content.count))
            var rest = Array(Self.content[half...])
            switch course {
            case .whole: break
            case .cut: rest.removeLast()
            case .wrong: rest[0] ^= 1
            case .refused: return [.status(9, "function demo/hello has an image; there is no package")]
            case .nothing: return [.finished]
            }
            return [.data(first.encoded()), .data(PackageChunk(data: rest).encoded()), .finished]
        }
        defer { server.stop() }
        try body(server, scratch)
    }

    private func files(_ scratch: Scratch) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: scratch.path).filter { $0 != "s" }.sorted()
    }

    @Test func aFileIsReplacedByTheWholePackage() throws {
        try withServer(.whole) { server, scratch in
            try scratch.write("p.tar", "old")
            let path = scratch.path + "/p.tar"
            let result = try FnrpcProcess.run(
                ["version", "download", "demo/hello@3", path, "--output", "json", "--address", server.address])
            #expect(result.code == 0 && result.output.contains(#""package_bytes": 100000"#))
            #expect((FileManager.default.contents(atPath: path).map { Array($0) } == Self.content) == true)
            #expect(try files(scratch) == ["p.tar"])
            let sent = try #require(server.requests.last)
            #expect(sent.name == "fnrpc.v1.Versions/Download")
            #expect(try GetVersionRequest(decoding: sent.payload, strict: true).number == 3)
        }
    }

    @Test func standardOutputIsThePackageAlone() throws {
        try withServer(.whole) { server, scratch in
            let process = FnrpcProcess.make(["fn", "download", "demo/hello", "-", "--address", server.address])
            let output = Pipe()
            process.standardOutput = output
            try process.run()
            let bytes = Array(output.fileHandleForReading.readDataToEndOfFile())
            process.waitUntilExit()
            #expect(process.terminationStatus == 0)
            #expect((bytes == Self.content) == true)
            #expect(try files(scratch) == [])
        }
    }

    @Test(
        arguments: [
            (.cut, 1, "99999 bytes of 100000"), (.wrong, 1, "instead of sha256:"), (.refused, 4, "has an image"),
            (.nothing, 1, "sent no package"),
        ] as [(Course, Int32, String)])
    func nothingIsLeftOfWhatFailed(course: Course, code: Int32, text: String) throws {
        try withServer(course) { server, scratch in
            try scratch.write("p.tar", "old")
            let result = try FnrpcProcess.run(
                ["fn", "download", "demo/hello", scratch.path + "/p.tar", "--address", server.address])
            #expect(result.code == code && result.errors.contains(text))
            #expect(try files(scratch) == ["p.tar"])
            #expect(FileManager.default.contents(atPath: scratch.path + "/p.tar") == Data("old".utf8))
        }
    }

    @Test func aPlaceThatCannotBeWrittenIsRefusedFirst() throws {
        try withServer(.whole) { server, scratch in
            for path in ["/nowhere/p.tar", scratch.path] {
                let result = try FnrpcProcess.run(
                    ["fn", "download", "demo/hello", path, "--address", server.address])
                #expect(result.code == 4 && result.errors.contains(path))
            }
            #expect(server.requests.isEmpty)
        }
    }
}
