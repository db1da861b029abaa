/// Makes tar archives that no honest program makes.
struct TarBuilder {
    /// What is made so far, without an end.
    private(set) var body: [UInt8] = []

    /// The whole archive.
    var bytes: [UInt8] { body + [UInt8](repeating: 0, count: 1024) }

    /// Adds an entry.
    ///
    /// - Parameters:
    ///   - type: ustar's: `0` file, `1` hard link, `2` link, `3` and `4` devices, `5` folder, `6` FIFO, `x` pax header.
    ///   - size: what the header claims, if not the truth.
    mutating func add(
        _ name: String, type: Character = "0", content: [UInt8] = [], target: String = "", mode: Int = 0o644,
        size: Int? = nil
    ) {
        add(Array(name.utf8), type: type, content: content, target: target, mode: mode, size: size)
    }

    /// Adds an entry whose name need not be text.
    mutating func add(
        _ name: [UInt8], type: Character = "0", content: [UInt8] = [], target: String = "", mode: Int = 0o644,
        size: Int? = nil
    ) {
        var header = [UInt8](repeating: 0, count: 512)
        func put(_ bytes: [UInt8], _ offset: Int) {
            for (index, byte) in bytes.enumerated() { header[offset + index] = byte }
        }
        func octal(_ value: Int, _ digits: Int) -> [UInt8] {
            let text = String(value, radix: 8)
            return Array((String(repeating: "0", count: digits - text.count) + text).utf8)
        }
        put(Array(name.prefix(100)), 0)
        put(octal(mode, 7), 100)
        put(octal(1234, 7), 108)
        put(octal(1234, 7), 116)
        put(octal(size ?? content.count, 11), 124)
        put(octal(1_600_000_000, 11), 136)
        put([UInt8](repeating: 0x20, count: 8), 148)
        put(Array(String(type).utf8), 156)
        put(Array(target.utf8.prefix(100)), 157)
        put(Array("ustar\u{0}00someone".utf8), 257)
        put(octal(header.reduce(0) { $0 + Int($1) }, 6) + [0], 148)
        body += header + content + [UInt8](repeating: 0, count: (512 - content.count % 512) % 512)
    }

    /// Adds a pax header for the next entry.
    mutating func addPax(_ records: [(String, String)]) {
        var text = ""
        for (key, value) in records {
            let rest = " \(key)=\(value)\n"
            var length = rest.utf8.count + 1
            while String(length).utf8.count + rest.utf8.count > length { length += 1 }
            text += "\(length)\(rest)"
        }
        add("pax", type: "x", content: Array(text.utf8))
    }
}
