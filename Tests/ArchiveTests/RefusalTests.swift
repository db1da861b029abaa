import Archive
import Glibc
import Testing

@Suite struct RefusalTests {
    private func refusal(_ folder: Folder, _ limits: ArchiveLimits = ArchiveLimits()) -> String {
        message { _ = try CanonicalTar(folder: folder.path, limits: limits) }
    }

    @Test func whatIsNoFileFolderOrLink() throws {
        let fifo = try Folder()
        try fifo.make("d")
        #expect(mkfifo(fifo.path + "/d/pipe", 0o644) == 0)
        #expect(refusal(fifo) == "\"d/pipe\" is a FIFO; a package holds only files, folders and links")

        let socketFolder = try Folder()
        #expect(mknod(socketFolder.path + "/s", S_IFSOCK | 0o644, 0) == 0)
        #expect(refusal(socketFolder).contains("\"s\" is a socket"))

        let device = try Folder()
        // 1:3 is /dev/null.
        #expect(mknod(device.path + "/null", S_IFCHR | 0o666, 0x103) == 0)
        #expect(refusal(device).contains("\"null\" is a device node"))
    }

    @Test(arguments: ["/etc/passwd", "..", "../x", "a/../../x", "./../x", "/\u{301}x", "\u{301}/../../x"])
    func aLinkThatLeaves(target: String) throws {
        let folder = try Folder()
        try folder.link("l", to: target)
        #expect(refusal(folder).hasPrefix("link \"l\" to"))
        #expect(refusal(folder).contains("leaves the folder"))
    }

    @Test func linksThatLeaveTogether() throws {
        let folder = try Folder()
        try folder.make("a")
        try folder.make("a/b")
        try folder.link("a/b/s", to: "../..")
        #expect(refusal(folder) == "")
        // Word by word this stays inside; followed, it is the folder above.
        try folder.link("a/b/t", to: "s/../..")
        #expect(refusal(folder) == "link \"a/b/t\" to \"s/../..\" leaves the folder")
    }

    @Test func linksThatStay() throws {
        let folder = try Folder()
        try folder.make("a")
        try folder.link("a/up", to: "../a/./x")
        try folder.link("dangling", to: "nowhere")
        try folder.link("loop", to: "loop")
        #expect(refusal(folder) == "")
    }

    @Test func tooManyEntries() throws {
        let folder = try Folder()
        for name in ["a", "b", "c"] { try folder.make(name) }
        #expect(refusal(folder, ArchiveLimits(entries: 3)) == "")
        #expect(refusal(folder, ArchiveLimits(entries: 2)).contains("more than 2 files and folders"))
        #expect(ArchiveLimits().entries == 100_000)
    }

    @Test func tooManyBytes() throws {
        let folder = try Folder()
        try folder.write("a", "12")
        try folder.write("b", "345")
        #expect(refusal(folder, ArchiveLimits(bytes: 5)) == "")
        #expect(refusal(folder, ArchiveLimits(bytes: 4)).contains("over the limit of 4 bytes unpacked"))
        let other = try Folder()
        try other.write("c")
        #expect(truncate(other.path + "/c", 268_435_457) == 0)
        #expect(refusal(other).contains("over the limit of 256 MiB unpacked; \"c\""))
        // Both folders count together.
        let text = message {
            _ = try CanonicalTar(
                sources: [.init(folder: folder.path), .init(folder: folder.path, prefix: "p")],
                limits: ArchiveLimits(bytes: 9))
        }
        #expect(text.contains("over the limit of 9 bytes"))
    }

    @Test func badNames() throws {
        let folder = try Folder()
        let bad = Array(folder.path.utf8CString.dropLast()) + [0x2F, -1, 0]
        let descriptor = open(bad, O_CREAT | O_WRONLY, 0o644)
        #expect(descriptor >= 0)
        close(descriptor)
        #expect(refusal(folder).contains("not valid UTF-8"))

        let deep = try Folder()
        var path = ""
        for _ in 0..<9 {
            path += (path.isEmpty ? "" : "/") + String(repeating: "d", count: 250)
            try deep.make(path)
        }
        #expect(refusal(deep).contains("at most 2048 are allowed"))
    }

    @Test func noFolder() throws {
        let folder = try Folder()
        try folder.write("file")
        #expect(message { _ = try CanonicalTar(folder: folder.path + "/absent") }.contains("does not exist"))
        #expect(message { _ = try CanonicalTar(folder: folder.path + "/file") }.contains("is not a folder"))
    }
}
