/// The canonical tar's bytes for one entry: POSIX.1-2001 pax with everything that could vary fixed.
///
/// - ustar header: mode 0000755 or 0000644 (links 0000777), uid, gid and mtime 0, no owner names, the fields
///   for device numbers and `prefix` empty, folder names with a slash at the end.
/// - A path or link target that is over 100 bytes or not ASCII, and a size over 8 GiB − 1, goes into a pax header of its
///   own before it (name `././@PaxHeader`, mode 0000644), records in the order linkpath, path, size; the ustar field
///   then holds the first 100 bytes of it with `?` for what is not ASCII, and the size 0.
/// - Content is padded to 512 bytes with zeros; two zero blocks end the archive, nothing follows them.
package enum TarHeader {
    static let block = 512
    /// What ends the archive.
    package static let trailer = [UInt8](repeating: 0, count: 2 * block)
    /// The largest size that 11 octal digits hold.
    private static let maxSize: UInt64 = 0o77_777_777_777

    /// All header blocks of an entry.
    package static func bytes(for entry: ArchiveEntry) -> [UInt8] {
        var path = Array(entry.path.utf8)
        var target: [UInt8] = []
        var size: UInt64 = 0
        let type: UInt8
        let mode: UInt64
        switch entry.kind {
        case .folder:
            path.append(UInt8(ascii: "/"))
            (type, mode) = (UInt8(ascii: "5"), 0o755)
        case .file(let bytes, let executable):
            size = bytes
            (type, mode) = (UInt8(ascii: "0"), executable ? 0o755 : 0o644)
        case .link(let text):
            target = Array(text.utf8)
            (type, mode) = (UInt8(ascii: "2"), 0o777)
        }
        var records: [UInt8] = []
        if !fits(target) { records += record("linkpath", target) }
        if !fits(path) { records += record("path", path) }
        if size > maxSize { records += record("size", Array(String(size).utf8)) }
        var result: [UInt8] = []
        if !records.isEmpty {
            result += ustar(
                path: Array("././@PaxHeader".utf8), target: [], mode: 0o644, size: UInt64(records.count),
                type: UInt8(ascii: "x"))
            result += records
            result += padding(after: UInt64(records.count))
        }
        result += ustar(path: path, target: target, mode: mode, size: size > maxSize ? 0 : size, type: type)
        return result
    }

    /// The zeros that fill content up to a whole block.
    package static func padding(after bytes: UInt64) -> [UInt8] {
        [UInt8](repeating: 0, count: Int((UInt64(block) - bytes % UInt64(block)) % UInt64(block)))
    }

    private static func fits(_ text: [UInt8]) -> Bool {
        text.count <= 100 && text.allSatisfy { $0 < 0x80 }
    }

    /// `LENGTH key=value\n`, where the length counts its own digits.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = Array(" \(key)=".utf8) + value + [UInt8(ascii: "\n")]
        var length = rest.count + 1
        while String(length).utf8.count + rest.count > length { length += 1 }
        return Array(String(length).utf8) + rest
    }

    private static func ustar(
        path: [UInt8], target: [UInt8], mode: UInt64, size: UInt64, type: UInt8
    ) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: block)
        func put(_ bytes: some Sequence<UInt8>, at offset: Int) {
            for (index, byte) in bytes.enumerated() { header[offset + index] = byte }
        }
        func octal(_ value: UInt64, digits: Int) -> [UInt8] {
            let text = Array(String(value, radix: 8).utf8)
            return [UInt8](repeating: UInt8(ascii: "0"), count: digits - text.count) + text
        }
        func cut(_ text: [UInt8]) -> some Sequence<UInt8> {
            text.prefix(100).map { $0 < 0x80 ? $0 : UInt8(ascii: "?") }
        }
        put(cut(path), at: 0)
        put(octal(mode, digits: 7), at: 100)
        put(octal(0, digits: 7), at: 108)
        put(octal(0, digits: 7), at: 116)
        put(octal(size, digits: 11), at: 124)
        put(octal(0, digits: 11), at: 136)
        // The checksum is taken with its own field as spaces.
        put([UInt8](repeating: UInt8(ascii: " "), count: 8), at: 148)
        header[156] = type
        put(cut(target), at: 157)
        put(Array("ustar\0".utf8) + Array("00".utf8), at: 257)
        let sum = header.reduce(UInt64(0)) { $0 + UInt64($1) }
        put(octal(sum, digits: 6) + [0, UInt8(ascii: " ")], at: 148)
        return header
    }
}
