import Archive
import Foundation
import Model
import Store
import Testing

@Suite struct HostileArchiveTests {
    private let scratch: Scratch
    private let root: String

    init() throws {
        scratch = try Scratch()
        root = scratch.path + "/packages"
    }

    /// Sends an archive that must be refused, and sees that nothing of it stays.
    private func refusal(
        _ archive: [UInt8], _ limits: ArchiveLimits = ArchiveLimits(),
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws -> Failure {
        var all = PackageStore.Limits()
        all.archive = limits
        let store = try PackageStore(path: root, limits: all)
        let refusal = await failure(sourceLocation: sourceLocation) { try store.add(archive) }
        for folder in ["uploads", "temporary", "archives"] {
            #expect(try scratch.names("packages/" + folder).isEmpty, sourceLocation: sourceLocation)
        }
        let boot = try #require(try scratch.names("packages/trees").first)
        #expect(try scratch.names("packages/trees/" + boot).isEmpty, sourceLocation: sourceLocation)
        #expect(try scratch.names("packages") == ["archives", "temporary", "trees", "uploads"])
        return refusal
    }

    @Test(arguments: [
        ("../evil", "0" as Character, "", "\"../evil\" leaves the folder by \"..\""),
        ("a/../../evil", "0", "", "leaves the folder by \"..\""),
        ("a/..", "5", "", "leaves the folder by \"..\""),
        ("/etc/evil", "0", "", "\"/etc/evil\" is an absolute path"),
        ("//evil", "5", "", "is an absolute path"),
        ("l", "2", "/etc/passwd", "link \"l\" to the absolute \"/etc/passwd\" leaves the folder"),
        // To Swift, the first character is no slash.
        ("/\u{301}evil", "0", "", "is an absolute path"),
        ("a/\u{301}/../../../evil", "0", "", "leaves the folder by \"..\""),
        ("l", "2", "/\u{301}x", "leaves the folder"),
        ("l", "2", "../x", "link \"l\" to \"../x\" leaves the folder"),
        ("d/l", "2", "a/../../../x", "leaves the folder"),
        ("l", "2", "", "the target is empty or not valid UTF-8"),
        ("h", "1", "/etc/passwd", "\"h\" is a hard link"),
        ("c", "3", "", "\"c\" is a device node"),
        ("b", "4", "", "\"b\" is a device node"),
        ("p", "6", "", "\"p\" is a FIFO"),
        ("", "0", "", "an entry with"),
        (".", "0", "", "an entry with an empty name"),
    ])
    func oneBadEntry(name: String, type: Character, target: String, message: String) async throws {
        var builder = TarBuilder()
        builder.add("good", content: [1])
        builder.add(name, type: type, target: target)
        let refusal = try await refusal(builder.bytes)
        #expect(refusal.code == .invalid && refusal.message.contains(message), "\(refusal)")
        #expect(!FileManager.default.fileExists(atPath: root + "/evil"))
    }

    @Test func entriesThroughALink() async throws {
        var builder = TarBuilder()
        builder.add("d/", type: "5")
        builder.add("l", type: "2", target: "d")
        builder.add("l/file", content: [1])
        #expect(try await refusal(builder.bytes).message == "\"l/file\" goes through the link \"l\"")

        var deep = TarBuilder()
        deep.add("l", type: "2", target: "d")
        deep.add("l/x/y/file", content: [1])
        #expect(try await refusal(deep.bytes).message.contains("goes through the link \"l\""))

        var file = TarBuilder()
        file.add("f", content: [1])
        file.add("f/x", content: [1])
        #expect(try await refusal(file.bytes).message == "\"f/x\" goes through the file \"f\"")
    }

    @Test func linksThatLeaveOnlyTogether() async throws {
        var builder = TarBuilder()
        builder.add("a/b/s", type: "2", target: "../..")
        builder.add("a/b/t", type: "2", target: "s/../..")
        #expect(try await refusal(builder.bytes).message == "link \"a/b/t\" to \"s/../..\" leaves the folder")
    }

    @Test(arguments: [("0" as Character, "0" as Character), ("2", "0"), ("0", "2"), ("5", "0"), ("5", "5"), ("0", "5")])
    func namesThatComeTwice(first: Character, second: Character) async throws {
        var builder = TarBuilder()
        builder.add("a", type: first, target: first == "2" ? "x" : "")
        builder.add("./a", type: second, target: second == "2" ? "x" : "")
        #expect(try await refusal(builder.bytes).message == "\"a\" is in the archive twice")
    }

    @Test func badNames() async throws {
        var notText = TarBuilder()
        notText.add([0x61, 0xFF], content: [1])
        #expect(try await refusal(notText.bytes).message.contains("not valid UTF-8"))

        var longName = TarBuilder()
        longName.addPax([("path", String(repeating: "n", count: 256))])
        longName.add("x")
        #expect(try await refusal(longName.bytes).message.contains("a name has 256 bytes; at most 255"))

        var longPath = TarBuilder()
        longPath.addPax([("path", String(repeating: "nn/", count: 700))])
        longPath.add("x")
        #expect(try await refusal(longPath.bytes).message.contains("the path has 2100 bytes; at most 2048"))

        // Cut at a NUL, the name would be another one's.
        var twice = TarBuilder()
        twice.add("a", content: [1])
        twice.addPax([("path", "a\u{0}b")])
        twice.add("c", content: [2])
        #expect(try await refusal(twice.bytes).code == .invalid)
    }

    @Test func tooManyEntries() async throws {
        var builder = TarBuilder()
        builder.add("a/b/c", content: [1])
        let refusal = try await refusal(builder.bytes, ArchiveLimits(entries: 2))
        #expect(refusal.code == .tooLarge && refusal.message.contains("more than 2 files and folders"))
        var limits = PackageStore.Limits()
        limits.archive.entries = 3
        #expect(try PackageStore(path: root, limits: limits).add(builder.bytes).entries == 3)
    }

    @Test func tooManyBytes() async throws {
        var builder = TarBuilder()
        builder.add("a", content: [UInt8](repeating: 1, count: 600))
        builder.add("b", content: [UInt8](repeating: 1, count: 401))
        let refusal = try await refusal(builder.bytes, ArchiveLimits(bytes: 1000))
        #expect(refusal.code == .tooLarge)
        #expect(refusal.message == "the package is over the limit of 1000 bytes unpacked; \"b\" went beyond it")
    }

    @Test(arguments: ["gz", "zip"])
    func aBombIsStoppedAtTheLimit(kind: String) async throws {
        let file = scratch.path + "/bomb"
        let script = """
            import io, sys, tarfile, zipfile
            zeros = bytes(64 << 20)
            if sys.argv[2] == "zip":
                with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as z: z.writestr("zeros", zeros)
            else:
                with tarfile.open(sys.argv[1], "w:gz") as t:
                    i = tarfile.TarInfo("zeros"); i.size = len(zeros); t.addfile(i, io.BytesIO(zeros))
            """
        _ = try Python.run(script, [file, kind])
        let archive = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
        #expect(archive.count < 200_000)
        let refusal = try await refusal(archive, ArchiveLimits(bytes: 1_048_576))
        #expect(refusal.code == .tooLarge && refusal.message.contains("over the limit of 1 MiB unpacked; \"zeros\""))
    }

    @Test func sparseFilesCountWithTheirHoles() async throws {
        // GNU's sparse format 1.0: three bytes of map say a gibibyte of file.
        var builder = TarBuilder()
        builder.addPax([
            ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "holes"),
            ("GNU.sparse.realsize", "1073741824"),
        ])
        let map = Array("1\n1073741823\n1\n".utf8)
        builder.add("x", content: map + [UInt8](repeating: 0, count: 512 - map.count) + [9])
        let refusal = try await refusal(builder.bytes, ArchiveLimits(bytes: 1_048_576))
        #expect(refusal.code == .tooLarge && refusal.message.contains("\"holes\""))
    }

    @Test func whatIsNoArchive() async throws {
        var whole = TarBuilder()
        whole.add("file", content: [UInt8](repeating: 5, count: 4000))
        let bad: [[UInt8]] = [
            [0], Array("hello, world\n".utf8), Array("PK\u{3}\u{4}garbage".utf8), [0x1F, 0x8B, 8, 0, 0],
            Array(whole.bytes.prefix(2000)), Array("#!/bin/sh\nexit\n".utf8),
        ]
        for archive in bad {
            let refusal = try await refusal(archive)
            #expect(refusal.code == .invalid && refusal.message.hasPrefix("the archive cannot be read"), "\(refusal)")
        }
    }

    @Test func damagedBytesNeverLeaveAnything() async throws {
        var builder = TarBuilder()
        builder.add("d/", type: "5")
        builder.add("d/file", content: [UInt8](repeating: 5, count: 700))
        builder.addPax([("path", "d/other")])
        builder.add("x", content: [1])
        builder.add("d/link", type: "2", target: "file")
        var random = SeededRandom(state: 42)
        let store = try PackageStore(path: root)
        for _ in 0..<300 {
            var bytes = builder.bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<bytes.count, using: &random)
                bytes[place] = UInt8.random(in: 0...255, using: &random)
            }
            // Refused or taken, both are right; what is taken must be whole.
            guard let package = try? store.add(bytes) else { continue }
            let tree = try #require(try store.path(of: package.digest))
            #expect(try CanonicalTar(folder: tree).digest() == package.digest)
        }
        #expect(try scratch.names("packages/temporary").isEmpty && scratch.names("packages/uploads").isEmpty)
        #expect(try scratch.names("") == ["packages"])
    }
}
