import FnrpcClient
import Foundation
import Model
import Testing
import Wire

@testable import fnrpc

/// What deploy takes: archives and images; folders are OutcomeTests'.
@Suite struct FunctionSourceTests {
    private static let yaml = "runtime: shell\nentry: func.sh\nmemory: 77\n"

    private func scratch() throws -> Scratch {
        let scratch = try Scratch()
        try scratch.write("hello/func.yaml", Self.yaml)
        try scratch.write("hello/func.sh", "cat", mode: 0o755)
        return scratch
    }

    private func source(_ path: String, spec: String? = nil) throws -> FunctionSource {
        try FunctionSource(path, try SourceOptions.parse(spec.map { ["--spec", $0] } ?? []))
    }

    @Test(arguments: [
        ("greet.tar", ["tar", "cf", "../greet.tar", "func.yaml", "func.sh"]),
        ("greet.tar.gz", ["tar", "czf", "../greet.tar.gz", "."]), ("greet.TGZ", ["tar", "czf", "../greet.TGZ", "."]),
        ("greet.zip", ["zip", "-qr", "../greet.zip", "."]),
    ])
    func archivesTellWhatTheyAre(name: String, command: [String]) throws {
        let scratch = try scratch()
        try #require(try run(command, directory: scratch.path + "/hello").status == 0)
        let file = try source(scratch.path + "/" + name).file
        #expect(file.name.text == "greet" && file.spec.memoryMiB == 77)
        // Another func.yaml wins.
        try scratch.write("other.yaml", Self.yaml + "name: other\n")
        #expect(try source(scratch.path + "/" + name, spec: scratch.path + "/other.yaml").file.name.text == "other")
    }

    @Test func archivesThatTellNothingAreRefused() throws {
        let scratch = try scratch()
        func message(_ name: String) throws -> String {
            do {
                _ = try source(scratch.path + "/" + name)
                return "no error"
            } catch let error as Failure { return error.message }
        }
        // The folder itself is in it, not its content.
        try #require(try run(["tar", "cf", "f.tar", "hello"], directory: scratch.path).status == 0)
        #expect(try message("f.tar").contains("no func.yaml at its top"))
        try scratch.write("broken.tar.gz", "no gzip")
        #expect(try message("broken.tar.gz").contains("no func.yaml at its top"))
        try scratch.write("broken.zip", "no zip")
        #expect(try message("broken.zip").contains("no func.yaml at its top"))
        try scratch.write("x.rar", "x")
        #expect(try message("x.rar").contains("must end in one of .tar.gz, .tgz, .tar, .zip"))
        try scratch.write("big/func.yaml", String(repeating: "#", count: YAMLDocument.maxBytes + 1))
        try #require(try run(["tar", "cf", "../big.tar", "func.yaml"], directory: scratch.path + "/big").status == 0)
        #expect(try message("big.tar").contains("is over the limit of 262144 bytes"))
        try scratch.write("two/func.yaml", Self.yaml)
        try scratch.write("two/func.yml", Self.yaml)
        try #require(try run(["tar", "cf", "../two.tar", "."], directory: scratch.path + "/two").status == 0)
        #expect(try message("two.tar").contains("both func.yaml and func.yml"))
        try scratch.write("bad/func.yaml", "runtime: shell\nentry: f\nmemory: 0\n")
        try #require(try run(["zip", "-qr", "../bad.zip", "."], directory: scratch.path + "/bad").status == 0)
        #expect(try message("bad.zip").contains("bad.zip/func.yaml:3: memory: 0 is out of range"))
        #expect(throws: Failure.self) { try source(scratch.path + "/hello", spec: "x") }
    }

    /// The daemon gets the archive's own bytes.
    @Test func anArchiveIsSentAsItIs() throws {
        let scratch = try scratch()
        try #require(try run(["zip", "-qr", "../greet.zip", "."], directory: scratch.path + "/hello").status == 0)
        let archive = try #require(FileManager.default.contents(atPath: scratch.path + "/greet.zip"))
        let package = try FunctionPackage(archive: scratch.path + "/greet.zip")
        #expect(package.byteCount == UInt64(archive.count))
        #expect((try package.read(at: 5, count: archive.count - 5) == Array(archive.dropFirst(5))) == true)
        try scratch.write("empty.zip", "")
        #expect(throws: Failure.self) { try FunctionPackage(archive: scratch.path + "/empty.zip") }
    }

    @Test func anImageUploadsNothing() throws {
        let scratch = try Scratch()
        try scratch.write("img/func.yaml", "image: r/i:1\ntype: async\n")
        let server = try TtrpcServer(scratch) { request, _ in [.status(9, request.name)] }
        defer { server.stop() }
        let result = try FnrpcProcess.run(
            [
                "deploy", scratch.path + "/img", "--app", "demo", "--label", "a=b", "--address", server.address,
            ])
        #expect(result.code == 4)
        #expect(server.requests.map(\.name) == ["fnrpc.v1.Functions/Deploy"])
        let sent = try DeployRequest(decoding: try #require(server.requests.last).payload, strict: true)
        #expect(sent.function == "img" && sent.spec?.image == "r/i:1" && sent.spec?.callType == .async)
        #expect(sent.packageDigest.isEmpty && sent.labels == ["a": "b"])
    }
}
