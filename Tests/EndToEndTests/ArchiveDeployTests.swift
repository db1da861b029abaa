import FnrpcClient
import Foundation
import Model
import Testing
import Wire

/// One package, however it comes and wherever it goes.
@Suite struct ArchiveDeployTests {
    /// Packs a folder's content with Python's standard library: `zip`, `gztar` or `tar`.
    private func pack(_ folder: String, _ format: String, into path: String) throws {
        let result = try TestDaemon.run(
            "/usr/bin/python3",
            ["-c", "import shutil, sys; print(shutil.make_archive(*sys.argv[1:4]))", path, format, folder])
        #expect(result.code == 0, "\(result)")
    }

    private func data(_ path: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: path)) }

    @Test func archivesAreTheSamePackageAsTheFolder() async throws {
        try await withDaemon { daemon in
            let folder = try daemon.write("mark", TestDaemon.marked("packed"))
            try FileManager.default.createDirectory(atPath: folder + "/more", withIntermediateDirectories: true)
            let noise = Data((0..<300_000).map { _ in UInt8.random(in: 0...255) })
            try noise.write(to: URL(fileURLWithPath: folder + "/more/noise"))
            let client = try await daemon.client()
            var digests: [String] = []
            #expect(try daemon.fnrpc("deploy", folder, "--app", "demo").code == 0)
            for (format, ending) in [("zip", ".zip"), ("gztar", ".tar.gz")] {
                let path = daemon.folder + "/packed"
                try pack(folder, format, into: path)
                let result = try daemon.fnrpc("deploy", path + ending, "--app", "demo")
                #expect(result.code == 0, "\(result)")
                #expect(try await client.mark() == "packed ", "\(ending)")
            }
            for number in 1...3 as ClosedRange<UInt32> {
                let version: Version = try await client.ask(
                    "Versions/Get", GetVersionRequest(app: "demo", function: "mark", number: number))
                digests.append(try #require(version.package).description)
            }
            #expect(Set(digests).count == 1, "the daemon packs all of them the same way")

            // What comes back is what is stored, to the byte, and is deployed again as the same package.
            let digest = try #require(digests.first?.split(separator: ":").last)
            let stored = try data("\(daemon.folder)/data/packages/\(digest).tar")
            let file = daemon.folder + "/download.tar"
            for arguments in [["fn", "download", "demo/mark"], ["version", "download", "demo/mark@2"]] {
                let result = try TestDaemon.run(
                    TestDaemon.binaries + "/fnrpc", arguments + [file],
                    environment: ["FNRPC_ADDRESS": "unix:" + daemon.socket])
                #expect(result.code == 0 && result.output.contains(digest), "\(result)")
                #expect((try data(file) == stored) == true, "\(arguments)")
                try FileManager.default.removeItem(atPath: file)
            }
            let piped = try TestDaemon.run(
                "/bin/sh",
                ["-c", "\"$0\" fn download demo/mark - > \"$1\"", TestDaemon.binaries + "/fnrpc", file],
                environment: ["FNRPC_ADDRESS": "unix:" + daemon.socket])
            #expect(piped.code == 0, "\(piped)")
            #expect((try data(file) == stored) == true)
            #expect(try daemon.fnrpc("deploy", file, "--app", "demo").code == 0)
            let again: Version = try await client.ask(
                "Versions/Get", GetVersionRequest(app: "demo", function: "mark", number: 4))
            #expect(again.package?.description == digests.first)
            let unpacked = try TestDaemon.run(
                "/bin/sh",
                ["-c", "tar xOf \"$0\" more/noise | sha256sum; sha256sum < \"$1\"", file, folder + "/more/noise"])
            #expect(Set(unpacked.output.split(separator: "\n")).count == 1, "\(unpacked)")
            await client.close()
        }
    }

    /// Working copy and version may differ, and an image has no package.
    @Test func eachGivesItsOwnPackage() async throws {
        try await withDaemon { daemon in
            try daemon.deploy("mark", TestDaemon.marked("one"))
            try daemon.deploy("mark", TestDaemon.marked("two"))
            let client = try await daemon.client()
            let _: Function = try await client.ask(
                "Versions/Restore", RestoreVersionRequest(app: "demo", function: "mark", number: 1))
            let route: Route = try await client.ask(
                "Routes/Create", CreateRouteRequest(app: "demo", path: "/image", image: "registry/x:1"))
            func code(_ arguments: String...) throws -> (Int32, String) {
                let result = try TestDaemon.run(
                    "/bin/sh",
                    ["-c", "\"$0\" \"$@\" - | tar xO func.py", TestDaemon.binaries + "/fnrpc"] + arguments,
                    environment: ["FNRPC_ADDRESS": "unix:" + daemon.socket])
                return (result.code, result.output)
            }
            #expect(try code("fn", "download", "demo/mark").1.contains("\"one\""))
            #expect(try code("version", "download", "demo/mark@1").1.contains("\"one\""))
            #expect(try code("version", "download", "demo/mark@2").1.contains("\"two\""))
            let refused = try daemon.fnrpc("fn", "download", "demo/\(route.functionName)", daemon.folder + "/none")
            #expect(refused.code == 4 && !FileManager.default.fileExists(atPath: daemon.folder + "/none"), "\(refused)")
            await client.close()
        }
    }
}
