import Archive
import Glibc
import Testing

@Suite struct CanonicalTarTests {
    private func bytes(_ tar: CanonicalTar) throws -> [UInt8] {
        var result: [UInt8] = []
        try tar.write { result += $0 }
        return result
    }

    private func sample() throws -> Folder {
        let folder = try Folder()
        try folder.write("b.txt", "hello\n")
        try folder.make("a")
        try folder.write("a/run", "#!/bin/sh\n", mode: 0o755)
        try folder.link("a/back", to: "../b.txt")
        try folder.write("a-b")
        return folder
    }

    @Test func theBytesAreFixed() throws {
        let folder = try sample()
        let tar = try CanonicalTar(folder: folder.path)
        #expect(tar.entries.map(\.path) == ["a", "a-b", "a/back", "a/run", "b.txt"])
        let bytes = try bytes(tar)
        #expect(UInt64(bytes.count) == tar.bytes)
        #expect(bytes.count == 5 * 512 + 2 * 512 + 1024)
        #expect(tar.contentBytes == 16)
        // Python's tarfile makes the same bytes of the same entries (ustar, mtime 0, owner 0, end cut to two blocks).
        #expect(try tar.digest().hex == "522c3af47e755080ad2e60217bb117cee692ea002042667304961d172acc8d06")
        #expect(try tar.digest() == SHA256.digest(of: bytes))
    }

    @Test func timesModesAndOrderDoNotMatter() throws {
        let original = try sample()
        let first = try CanonicalTar(folder: original.path).digest()
        let folder = try Folder()
        try folder.write("a-b", mode: 0o600)
        try folder.make("a")
        try folder.link("a/back", to: "../b.txt")
        try folder.write("a/run", "#!/bin/sh\n", mode: 0o4711)
        try folder.write("b.txt", "hello\n", mode: 0o466)
        #expect(chmod(folder.path + "/a", 0o700) == 0)
        var times = [timeval(tv_sec: 1, tv_usec: 0), timeval(tv_sec: 1, tv_usec: 0)]
        #expect(utimes(folder.path + "/b.txt", &times) == 0)
        #expect(lchown(folder.path + "/b.txt", 12_345, 54_321) == 0)
        #expect(try CanonicalTar(folder: folder.path).digest() == first)
        try folder.write("b.txt", "hellO\n")
        #expect(try CanonicalTar(folder: folder.path).digest() != first)
    }

    /// To Swift, a slash and a mark that joins it are one character.
    @Test func namesThatBeginWithAJoiningMark() throws {
        let folder = try Folder()
        try folder.make("d")
        try folder.write("d/\u{301}x", "one")
        try folder.write("\u{301}y", "two")
        #expect(try CanonicalTar(folder: folder.path).entries.map(\.path) == ["d", "d/\u{301}x", "\u{301}y"])
        let tar = try CanonicalTar(sources: [.init(folder: folder.path, prefix: "p")])
        #expect(try String(decoding: bytes(tar), as: UTF8.self).contains("two"))
    }

    @Test func executableBitsAreContent() throws {
        let folder = try Folder()
        try folder.write("a", "x")
        let plain = try CanonicalTar(folder: folder.path).digest()
        try folder.write("a", "x", mode: 0o755)
        #expect(try CanonicalTar(folder: folder.path).digest() != plain)
    }

    @Test func hardLinksAreSeparateFiles() throws {
        let linked = try Folder()
        try linked.write("a", "same")
        #expect(link(linked.path + "/a", linked.path + "/b") == 0)
        let copied = try Folder()
        try copied.write("a", "same")
        try copied.write("b", "same")
        #expect(try CanonicalTar(folder: linked.path).digest() == CanonicalTar(folder: copied.path).digest())
    }

    @Test func longAndForeignNamesGoIntoPaxHeaders() throws {
        let folder = try Folder()
        let name = String(repeating: "x", count: 101)
        try folder.write(name)
        try folder.write("é")
        let bytes = try bytes(CanonicalTar(folder: folder.path))
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("111 path=\(name)\n"))
        #expect(text.contains("11 path=é\n"))
        #expect(bytes.count == 6 * 512 + 1024)
    }

    @Test func ignoredFilesStayOut() throws {
        let folder = try Folder()
        for name in [".git", "__pycache__", "lib"] { try folder.make(name) }
        for name in [".git/config", "__pycache__/a.pyc", "lib/a.py", "lib/a.tmp"] { try folder.write(name) }
        try folder.write(".fnrpcignore", "*.tmp\n")
        #expect(mkfifo(folder.path + "/pipe.tmp", 0o644) == 0)
        let rules = try IgnoreRules.load(folder: folder.path)
        let tar = try CanonicalTar(folder: folder.path, ignore: rules)
        #expect(tar.entries.map(\.path) == ["lib", "lib/a.py"])
    }

    @Test func foldersAreJoinedUnderAPrefix() throws {
        let code = try Folder()
        try code.write("func.py", "pass")
        try code.make("__pycache__")
        try code.make("z")
        let vendored = try Folder()
        try vendored.make("__pycache__")
        try vendored.write("__pycache__/m.pyc", "code")
        let tar = try CanonicalTar(sources: [
            .init(folder: code.path, ignore: IgnoreRules()), .init(folder: vendored.path, prefix: "z/.python"),
        ])
        let paths = ["func.py", "z", "z/.python", "z/.python/__pycache__", "z/.python/__pycache__/m.pyc"]
        #expect(tar.entries.map(\.path) == paths)

        let same = try Folder()
        try same.write("func.py", "pass")
        try same.make("z")
        try same.make("z/.python")
        try same.make("z/.python/__pycache__")
        try same.write("z/.python/__pycache__/m.pyc", "code")
        #expect(try tar.digest() == CanonicalTar(folder: same.path).digest())

        try code.make("z/.python")
        try code.write("z/.python/__pycache__")
        let text = message {
            _ = try CanonicalTar(sources: [
                .init(folder: code.path), .init(folder: vendored.path, prefix: "z/.python"),
            ])
        }
        #expect(text == "\"z/.python/__pycache__\" comes from two folders")
        #expect(message { _ = try CanonicalTar(sources: [.init(folder: code.path, prefix: "a/../b")]) } != "")
    }

    @Test func aFileThatChangesIsNoticed() throws {
        let folder = try Folder()
        try folder.write("a", "1234")
        let tar = try CanonicalTar(folder: folder.path)
        for text in ["12345", "123", ""] {
            try folder.write("a", text)
            #expect(message { _ = try tar.digest() }.contains("\"a\" changed while it was being packed"))
        }
        #expect(unlink(folder.path + "/a") == 0)
        #expect(message { _ = try tar.digest() }.contains("\"a\" cannot be opened"))
        try folder.link("a", to: "/etc/passwd")
        #expect(message { _ = try tar.digest() }.contains("\"a\" cannot be opened"))
    }

    @Test func aFolderSwappedForALinkIsNotFollowed() throws {
        let folder = try Folder()
        try folder.make("d")
        try folder.write("d/passwd", "1234")
        let tar = try CanonicalTar(folder: folder.path)
        #expect(rename(folder.path + "/d", folder.path + "/e") == 0)
        try folder.link("d", to: "/etc")
        #expect(message { _ = try tar.digest() }.hasPrefix("\"d\" cannot be opened"))
    }
}
