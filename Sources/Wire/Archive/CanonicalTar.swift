import Glibc
import Model

/// A folder as the one tar that its content has: same content, same bytes, whatever the times, owners and order on disk.
///
/// Entries are sorted bytewise by path (folders without their slash), the folder itself is no entry; the bytes of each
/// are described at `TarHeader`. Modes are normalised (folders, and files that their owner may execute, 0755; other
/// files 0644), setuid bits are dropped, links keep their target, and hard-linked files are separate files.
///
/// Making it lists the folders and keeps the list (at most ``ArchiveLimits/entries`` paths); content is read by each
/// write. Everything blocks.
package struct CanonicalTar: Sendable {
    /// A folder to pack, and where in the package it goes.
    package struct Source: Sendable {
        /// Path on disk.
        package var folder: String
        /// `""` for the top, else a relative path without `.` and `..`, whose folders become entries.
        package var prefix: String
        /// What stays out; paths are relative to ``folder``.
        package var ignore: IgnoreRules

        package init(folder: String, prefix: String = "", ignore: IgnoreRules = .none) {
            self.folder = folder
            self.prefix = prefix
            self.ignore = ignore
        }
    }

    /// Everything in it, in order.
    package let entries: [ArchiveEntry]
    /// Bytes of the tar.
    package let bytes: UInt64
    /// Bytes of all files together.
    package let contentBytes: UInt64
    private let sources: [Source]
    /// For each entry its place in ``sources``, parallel to ``entries``.
    private let origins: [Int]

    /// Lists one folder.
    package init(
        folder: String, ignore: IgnoreRules = .none, limits: ArchiveLimits = ArchiveLimits()
    ) throws(Failure) {
        try self.init(sources: [Source(folder: folder, ignore: ignore)], limits: limits)
    }

    /// Lists several folders as one package. Folders of the same path become one; any other double path is refused.
    ///
    /// - Throws: ``Failure`` `invalid` naming the path of a device node, FIFO, socket, link that leaves the package or
    ///   name that is not UTF-8; `tooLarge` over a limit.
    package init(sources: [Source], limits: ArchiveLimits = ArchiveLimits()) throws(Failure) {
        var found: [(entry: ArchiveEntry, origin: Int)] = []
        for (origin, source) in sources.enumerated() {
            var walk = try FolderWalk(folder: source.folder, ignore: source.ignore, limits: limits)
            try walk.run()
            found += try Self.folders(of: source.prefix).map { (ArchiveEntry(path: $0, kind: .folder), origin) }
            let prefix = source.prefix.isEmpty ? "" : source.prefix + "/"
            found += walk.entries.map { (ArchiveEntry(path: prefix + $0.path, kind: $0.kind), origin) }
        }
        found.sort { $0.entry.path.utf8.lexicographicallyPrecedes($1.entry.path.utf8) }
        let merged = try Self.merged(found)
        guard merged.count <= limits.entries else { throw limits.tooManyEntries }
        var total = UInt64(TarHeader.trailer.count)
        var content: UInt64 = 0
        for (entry, _) in merged {
            total += UInt64(TarHeader.bytes(for: entry).count)
            if case .file(let size, _) = entry.kind {
                guard size <= limits.bytes - content else { throw limits.tooManyBytes(at: entry.path) }
                content += size
                total += size + UInt64(TarHeader.padding(after: size).count)
            }
        }
        entries = merged.map(\.entry)
        origins = merged.map(\.origin)
        self.sources = sources
        bytes = total
        contentBytes = content
        try LinkRule.check(entries)
    }

    /// Hands over the tar piece by piece, at most 256 KiB each.
    ///
    /// - Throws: what `body` throws; ``Failure`` `conflict` if a file is no longer as it was listed.
    package func write(_ body: (UnsafeRawBufferPointer) throws(Failure) -> Void) throws(Failure) {
        var buffer = [UInt8](repeating: 0, count: 262_144)
        var open: Int?
        var cursor: FolderCursor?
        for (entry, origin) in zip(entries, origins) {
            try Self.send(TarHeader.bytes(for: entry), body)
            guard case .file(let size, _) = entry.kind else { continue }
            if open != origin {
                cursor = try FolderCursor(path: sources[origin].folder)
                open = origin
            }
            let prefix = sources[origin].prefix
            let path =
                prefix.isEmpty
                ? entry.path : String(decoding: entry.path.utf8.dropFirst(prefix.utf8.count + 1), as: UTF8.self)
            guard let raw = try cursor?.openFile(path) else { continue }
            try Self.copy(Descriptor(owning: raw), size, entry.path, &buffer, body)
            try Self.send(TarHeader.padding(after: size), body)
        }
        try Self.send(TarHeader.trailer, body)
    }

    /// Writes the tar to an open file.
    package func write(to descriptor: Int32) throws(Failure) {
        try write { (piece) throws(Failure) in
            try FileIO.write(piece, to: descriptor, naming: "the package")
        }
    }

    /// Reads everything and gives the tar's digest.
    package func digest() throws(Failure) -> Digest {
        var hash = try SHA256()
        try write { (piece) throws(Failure) in hash.update(piece) }
        return hash.finish()
    }

    private static func copy(
        _ file: consuming Descriptor, _ size: UInt64, _ path: String, _ buffer: inout [UInt8],
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        let changed = Failure(.conflict, "\(quoted(path)) changed while it was being packed; try again")
        var info = stat()
        guard fstat(file.raw, &info) == 0, info.st_mode & S_IFMT == S_IFREG, UInt64(max(info.st_size, 0)) == size else {
            throw changed
        }
        var rest = size
        while true {
            let count = try FileIO.read(file.raw, into: &buffer, naming: quoted(path))
            if count == 0 { break }
            guard UInt64(count) <= rest else { throw changed }
            rest -= UInt64(count)
            try send(buffer, count: count, body)
        }
        guard rest == 0 else { throw changed }
    }

    private static func send(
        _ bytes: [UInt8], count: Int? = nil, _ body: (UnsafeRawBufferPointer) throws(Failure) -> Void
    ) throws(Failure) {
        guard !bytes.isEmpty else { return }
        try bytes.withUnsafeBufferPointer { (all) throws(Failure) in
            try body(UnsafeRawBufferPointer(UnsafeBufferPointer(rebasing: all.prefix(count ?? all.count))))
        }
    }

    /// A prefix and the folders that hold it.
    private static func folders(of prefix: String) throws(Failure) -> [String] {
        guard !prefix.isEmpty else { return [] }
        let components = prefix.utf8.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
        guard components.allSatisfy({ !$0.isEmpty && $0 != "." && $0 != ".." }) else {
            throw Failure(.invalid, "prefix: \(quoted(prefix)) is not a relative path without . and ..")
        }
        return components.indices.map { components[...$0].joined(separator: "/") }
    }

    private static func merged(
        _ sorted: [(entry: ArchiveEntry, origin: Int)]
    ) throws(Failure) -> [(entry: ArchiveEntry, origin: Int)] {
        var result: [(entry: ArchiveEntry, origin: Int)] = []
        for item in sorted {
            guard let last = result.last, last.entry.path.utf8.elementsEqual(item.entry.path.utf8) else {
                result.append(item)
                continue
            }
            guard last.entry.kind == .folder, item.entry.kind == .folder else {
                throw Failure(.invalid, "\(quoted(item.entry.path)) comes from two folders")
            }
        }
        return result
    }
}
