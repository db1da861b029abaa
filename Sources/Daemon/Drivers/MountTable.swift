/// The mounts of this process, from `/proc/self/mountinfo`.
package enum MountTable {
    /// The paths that something is mounted on.
    ///
    /// - Parameter text: the table; read from the kernel when `nil`.
    package static func points(_ text: String? = nil) -> [String] {
        let text = text ?? Posix.text(of: "/proc/self/mountinfo", limit: 16 << 20) ?? ""
        return text.split(separator: "\n").compactMap { line in
            // See proc(5): the fifth field is the mount point.
            let fields = line.split(separator: " ")
            return fields.count > 4 ? unescaped(fields[4]) : nil
        }
    }

    /// The kernel writes space, tab, newline and backslash as `\` and three octal digits.
    private static func unescaped(_ field: Substring) -> String {
        var bytes: [UInt8] = []
        var rest = field.utf8
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "\\"), let code = UInt8(String(rest.prefix(3)) ?? "", radix: 8) {
                bytes.append(code)
                rest = rest.dropFirst(3)
            } else {
                bytes.append(byte)
            }
        }
        return String(decoding: bytes, as: UTF8.self)
    }
}
