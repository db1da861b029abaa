import Archive
import Foundation
import Model
import Store
import Testing

extension PackageStore {
    /// Sends an archive in pieces and commits it.
    func add(_ archive: [UInt8], piece: Int = Limits.chunkBytes) throws -> StoredPackage {
        switch try begin(archiveDigest: SHA256.digest(of: archive), archiveBytes: UInt64(archive.count)) {
        case .stored(let package): return package
        case .open(let id, var offset):
            while offset < UInt64(archive.count) {
                let end = min(Int(offset) + piece, archive.count)
                offset = try write(uploadID: id, offset: offset, bytes: Array(archive[Int(offset)..<end]))
            }
            return try commit(uploadID: id)
        }
    }

    /// Begins and gives the upload's id and offset.
    func open(_ archive: [UInt8]) throws -> (id: String, offset: UInt64) {
        let begin = try begin(archiveDigest: SHA256.digest(of: archive), archiveBytes: UInt64(archive.count))
        guard case .open(let id, let offset) = begin else { throw Failure(.exists, "is a package already") }
        return (id, offset)
    }
}

@Suite struct PackageStoreTests {
    private let scratch: Scratch
    private let root: String

    init() throws {
        scratch = try Scratch()
        root = scratch.path + "/packages"
    }

    private func makeFolder() throws -> Scratch {
        let folder = try Scratch()
        let files = FileManager.default
        try files.createDirectory(atPath: folder.path + "/lib", withIntermediateDirectories: true)
        try Data("print('hi')\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/func.py"))
        try Data("#!/bin/sh\n".utf8).write(to: URL(fileURLWithPath: folder.path + "/lib/run"))
        try files.setAttributes([.posixPermissions: 0o755], ofItemAtPath: folder.path + "/lib/run")
        try files.createSymbolicLink(atPath: folder.path + "/main", withDestinationPath: "lib/run")
        try Data("x".utf8).write(
            to: URL(fileURLWithPath: folder.path + "/lib/long-" + String(repeating: "n", count: 120)))
        return folder
    }

    private func tar(_ folder: Scratch) throws -> [UInt8] {
        var bytes: [UInt8] = []
        try CanonicalTar(folder: folder.path).write { bytes += $0 }
        return bytes
    }

    @Test func aCanonicalTarBecomesItself() async throws {
        let archive = try tar(makeFolder())
        let store = try PackageStore(path: root)
        let package = try store.add(archive, piece: 1000)
        #expect(package.digest == (try SHA256.digest(of: archive)))
        #expect(package.bytes == UInt64(archive.count) && package.entries == 5)
        let stored = try Data(contentsOf: URL(fileURLWithPath: root + "/\(package.digest.hex).tar"))
        #expect(Array(stored) == archive)
        let tree = try #require(try store.path(of: package.digest))
        #expect(try CanonicalTar(folder: tree).digest() == package.digest)
        #expect(try scratch.names("packages/uploads").isEmpty && scratch.names("packages/temporary").isEmpty)
        let files = FileManager.default
        #expect(try files.attributesOfItem(atPath: tree)[.posixPermissions] as? Int == 0o755)
        #expect(try files.attributesOfItem(atPath: tree + "/func.py")[.posixPermissions] as? Int == 0o644)
        #expect(try files.attributesOfItem(atPath: tree + "/func.py")[.ownerAccountID] as? Int == Int(geteuid()))
        // The second time nothing is sent.
        let again = try store.begin(archiveDigest: package.digest, archiveBytes: package.bytes)
        guard case .stored(let known) = again else {
            Issue.record("not stored: \(again)")
            return
        }
        #expect(known.digest == package.digest && known.bytes == package.bytes && known.entries == 5)
        #expect(try store.path(of: Sample.digest(1)) == nil)
    }

    @Test(arguments: ["tar", "gnu", "pax", "tgz", "zip"])
    func theSameContentHasOneDigest(format: String) async throws {
        let folder = try makeFolder()
        let file = scratch.path + "/archive"
        let script = """
            import os, sys, tarfile, zipfile
            root, out, kind = sys.argv[1:]
            paths = []
            for d, ds, fs in os.walk(root):
                paths += [os.path.relpath(os.path.join(d, n), root) for n in ds + fs]
            paths.sort(reverse=True)
            if kind == "zip":
                with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as z:
                    for p in paths:
                        f = os.path.join(root, p)
                        if os.path.islink(f):
                            i = zipfile.ZipInfo(p); i.create_system = 3; i.external_attr = 0o120777 << 16
                            z.writestr(i, os.readlink(f))
                        elif not os.path.isdir(f):
                            z.write(f, p)
            else:
                form = {"gnu": tarfile.GNU_FORMAT, "tar": tarfile.USTAR_FORMAT}.get(kind, tarfile.PAX_FORMAT)
                with tarfile.open(out, "w:gz" if kind == "tgz" else "w", format=form) as t:
                    for p in paths:
                        if kind == "tar" and len(p) > 90: continue
                        t.add(os.path.join(root, p), "./" + p, recursive=False)
            """
        if format == "tar" {
            let long = try #require(try folder.names("lib").first { $0.hasPrefix("long") })
            try FileManager.default.removeItem(atPath: folder.path + "/lib/" + long)
        }
        _ = try Python.run(script, [folder.path, file, format])
        let store = try PackageStore(path: root)
        let archive = Array(try Data(contentsOf: URL(fileURLWithPath: file)))
        let package = try store.add(archive)
        #expect(try package.digest == CanonicalTar(folder: folder.path).digest())
        // Both the archive as sent and the package are known now.
        for digest in [try SHA256.digest(of: archive), package.digest] {
            guard case .stored(let known) = try store.begin(archiveDigest: digest, archiveBytes: 1) else {
                Issue.record("\(digest) is not known")
                continue
            }
            #expect(known.digest == package.digest)
        }
    }

    @Test func namesAreKeptByteForByte() async throws {
        // é as one and as two code points: two files. libarchive makes them one in a UTF-8 locale.
        let names = ["caf\u{e9}", "cafe\u{301}", "日本"]
        var builder = TarBuilder()
        for name in names {
            builder.addPax([("path", name)])
            builder.add("x", content: Array(name.utf8))
        }
        builder.addPax([("path", "lînk"), ("linkpath", "cafe\u{301}")])
        builder.add("x", type: "2", target: "x")
        let store = try PackageStore(path: root)
        let package = try store.add(builder.bytes)
        let tree = try #require(try store.path(of: package.digest))
        let found = try CanonicalTar(folder: tree).entries
        #expect(Set(found.map { Array($0.path.utf8) }) == Set((names + ["lînk"]).map { Array($0.utf8) }))
        let link = try FileManager.default.destinationOfSymbolicLink(atPath: tree + "/lînk")
        #expect(Array(link.utf8) == Array("cafe\u{301}".utf8))
    }

    @Test func modesAreNormalised() async throws {
        var builder = TarBuilder()
        builder.add("s/", type: "5", mode: 0o1777)
        builder.add("s/setuid", content: [1], mode: 0o6711)
        builder.add("s/open", content: [2], mode: 0o666)
        builder.add("implied/file", content: [3], mode: 0)
        let store = try PackageStore(path: root)
        let tree = try #require(try store.path(of: store.add(builder.bytes).digest))
        let expected = ["s": 0o755, "s/setuid": 0o755, "s/open": 0o644, "implied": 0o755, "implied/file": 0o644]
        for (name, mode) in expected {
            let attributes = try FileManager.default.attributesOfItem(atPath: tree + "/" + name)
            #expect(attributes[.posixPermissions] as? Int == mode, "\(name)")
        }
    }

    @Test func aTreeThatIsGoneComesBack() async throws {
        let store = try PackageStore(path: root)
        let archive = try tar(makeFolder())
        let package = try store.add(archive)
        let tree = try #require(try store.path(of: package.digest))
        #expect(store.mayHave(["func.py"], in: package.digest) && store.mayHave(["none", "main"], in: package.digest))
        for missing in ["none", "lib", "lib/func.py"] { #expect(!store.mayHave([missing], in: package.digest)) }
        try FileManager.default.removeItem(atPath: tree)
        // Nobody can say at once.
        #expect(store.mayHave(["none"], in: package.digest))
        #expect(try store.path(of: package.digest) == tree)
        #expect(try CanonicalTar(folder: tree).digest() == package.digest)

        // A tar that the disk damaged is refused, and a new upload repairs it.
        try FileManager.default.removeItem(atPath: tree)
        var damaged = archive
        damaged[600] ^= 1
        try Data(damaged).write(to: URL(fileURLWithPath: root + "/\(package.digest.hex).tar"))
        let refusal = await failure { try store.path(of: package.digest) }
        #expect(refusal.code == .internalError && refusal.message.contains("is damaged on disk"))
        #expect(try store.path(of: package.digest) == nil)
        #expect(try store.add(archive).digest == package.digest)
        #expect(try store.path(of: package.digest) == tree)
    }

    @Test func treesOfAnotherBootAreMadeAgain() async throws {
        let archive = try tar(makeFolder())
        let package = try PackageStore(path: root).add(archive)
        let boot = try #require(try scratch.names("packages/trees").first)
        try FileManager.default.moveItem(atPath: root + "/trees/" + boot, toPath: root + "/trees/earlier")
        let store = try PackageStore(path: root)
        #expect(try scratch.names("packages/trees") == [boot])
        let tree = try #require(try store.path(of: package.digest))
        #expect(try CanonicalTar(folder: tree).digest() == package.digest)
    }

    @Test func leftoversOfACrashAreRemoved() async throws {
        let archive = try tar(makeFolder())
        let package = try PackageStore(path: root).add(archive)
        let files = FileManager.default
        try files.createDirectory(atPath: root + "/temporary/half/deep", withIntermediateDirectories: true)
        try Data([1]).write(to: URL(fileURLWithPath: root + "/temporary/half/deep/file"))
        try files.createSymbolicLink(atPath: root + "/temporary/link", withDestinationPath: scratch.path)
        try Data([1]).write(to: URL(fileURLWithPath: root + "/uploads/garbage"))
        let long = "\(package.digest.hex)-1"
        try Data([1, 2]).write(to: URL(fileURLWithPath: root + "/uploads/" + long))
        let store = try PackageStore(path: root)
        #expect(try scratch.names("packages/temporary").isEmpty && scratch.names("packages/uploads").isEmpty)
        #expect(try store.path(of: package.digest) != nil)
    }

    @Test func parallelCommitsGiveOnePackage() async throws {
        let store = try PackageStore(path: root)
        let archive = try tar(makeFolder())
        // The same content in another archive, so that two different uploads end in one package.
        let other = archive + [UInt8](repeating: 0, count: 10_240)
        let digests = try await withThrowingTaskGroup(of: Digest.self) { group in
            for archive in [archive, other] {
                let (id, _) = try store.open(archive)
                _ = try store.write(uploadID: id, offset: 0, bytes: archive)
                for _ in 0..<6 { group.addTask { try store.commit(uploadID: id).digest } }
            }
            return try await group.reduce(into: Set()) { $0.insert($1) }
        }
        #expect(digests == [try SHA256.digest(of: archive)])
        #expect(try scratch.names("packages/temporary").isEmpty && scratch.names("packages/uploads").isEmpty)
        #expect(try scratch.names("packages").count { $0.hasSuffix(".tar") } == 1)
    }
}
