/// A path, split at its slashes and in one spelling (RFC 3986 §6.2.2): an escape of a character that needs none is
/// decoded, its hexadecimal digits are upper case, and what has to be escaped is. So paths that mean the same have the
/// same segments, and `%2F` never splits one.
package struct PathSegments: Hashable, Sendable {
    /// Bytes of the path of a request.
    package static let maxBytes = 8192
    /// Segments of the path of a request.
    package static let maxCount = 256

    /// The segments one behind the other, without the slashes between them.
    private let bytes: [UInt8]
    /// Where each one ends.
    private let ends: [Int]

    /// Splits a path. The last segment is empty if the path ends with a slash; no other is.
    ///
    /// - Parameter field: how errors call it.
    /// - Throws: `invalid` for more than ``maxBytes`` or ``maxCount``, a path that does not begin with a slash, an empty
    ///   segment, `.` and `..` however they are written, a character that no URI may have, and an escape that is not one
    ///   or stands for a control character or for anything but UTF-8.
    package init(_ path: UnsafeRawBufferPointer, field: String) throws(Failure) {
        guard path.count <= Self.maxBytes else {
            throw Failure(.invalid, "\(field): has \(path.count) bytes; at most \(Self.maxBytes) are allowed")
        }
        var reader = Reader(path: path, field: field)
        guard path.first == UInt8(ascii: "/") else { throw reader.failure("does not begin with a slash") }
        var position = 1
        while position < path.count {
            position = try reader.take(position)
        }
        try reader.endSegment(isLast: true)
        bytes = reader.bytes
        ends = reader.ends
    }

    /// As for bytes.
    package init(_ path: String, field: String) throws(Failure) {
        var path = path
        let result = path.withUTF8 { path -> Result<PathSegments, Failure> in
            do throws(Failure) {
                return .success(try PathSegments(UnsafeRawBufferPointer(path), field: field))
            } catch {
                return .failure(error)
            }
        }
        self = try result.get()
    }

    /// At least 1.
    package var count: Int { ends.count }

    /// One segment, escapes and all.
    package subscript(index: Int) -> ArraySlice<UInt8> { bytes[(index == 0 ? 0 : ends[index - 1])..<ends[index]] }

    /// One segment without escapes.
    package func decoded(_ index: Int) -> String { String(decoding: Self.decode(self[index]), as: UTF8.self) }

    /// The path again.
    package var text: String {
        (0..<count).map { "/" + String(decoding: self[$0], as: UTF8.self) }.joined()
    }

    fileprivate static func decode(_ segment: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(segment.count)
        var position = segment.startIndex
        while position < segment.endIndex {
            if segment[position] == UInt8(ascii: "%"), position + 2 < segment.endIndex,
                let high = hexDigit(segment[position + 1]), let low = hexDigit(segment[position + 2])
            {
                result.append(high << 4 | low)
                position += 3
            } else {
                result.append(segment[position])
                position += 1
            }
        }
        return result
    }

    fileprivate static func hexDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        default: nil
        }
    }

    /// `unreserved` of RFC 3986: an escape of these means the character itself.
    fileprivate static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~".utf8.contains(byte)
        }
    }

    /// What stands in a segment as it is: `pchar` of RFC 3986 without escapes.
    package static func isSegmentCharacter(_ byte: UInt8) -> Bool {
        isUnreserved(byte) || "!$&'()*+,;=:@".utf8.contains(byte)
    }

    /// What is read, and what it has become.
    private struct Reader {
        let path: UnsafeRawBufferPointer
        let field: String
        var bytes: [UInt8] = []
        var ends: [Int] = []
        private var hasEscapes = false

        init(path: UnsafeRawBufferPointer, field: String) {
            self.path = path
            self.field = field
            bytes.reserveCapacity(path.count)
        }

        func failure(_ problem: String) -> Failure {
            Failure(.invalid, "\(field): \(quoted(String(decoding: path, as: UTF8.self))) \(problem)")
        }

        /// Takes the character at a position; returns where the next one is.
        mutating func take(_ position: Int) throws(Failure) -> Int {
            let byte = path[position]
            if byte == UInt8(ascii: "/") {
                try endSegment(isLast: false)
            } else if byte == UInt8(ascii: "%") {
                guard position + 2 < path.count, let high = PathSegments.hexDigit(path[position + 1]),
                    let low = PathSegments.hexDigit(path[position + 2])
                else { throw failure("has a % that two hexadecimal digits do not follow; write %25") }
                let value = high << 4 | low
                if PathSegments.isUnreserved(value) { bytes.append(value) } else { escape(value) }
                return position + 3
            } else if PathSegments.isSegmentCharacter(byte) {
                bytes.append(byte)
            } else {
                // Some clients send [ | ] and the like as they are.
                guard (0x21...0x7E).contains(byte), byte != UInt8(ascii: "?"), byte != UInt8(ascii: "#") else {
                    throw failure("has a character that must be percent-encoded")
                }
                escape(byte)
            }
            return position + 1
        }

        private mutating func escape(_ byte: UInt8) {
            hasEscapes = true
            let digits = Array("0123456789ABCDEF".utf8)
            bytes += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
        }

        mutating func endSegment(isLast: Bool) throws(Failure) {
            let segment = bytes[(ends.last ?? 0)...]
            guard isLast || !segment.isEmpty else { throw failure("has an empty segment") }
            guard !segment.elementsEqual(".".utf8), !segment.elementsEqual("..".utf8) else {
                throw failure("has a segment . or ..; write where it leads to")
            }
            if hasEscapes {
                // It becomes text for functions, and a header's value.
                guard let text = String(validating: PathSegments.decode(segment), as: UTF8.self),
                    text.utf8.allSatisfy({ $0 >= 32 && $0 != 127 })
                else { throw failure("has escapes of control characters, or that are not UTF-8") }
                hasEscapes = false
            }
            ends.append(bytes.count)
            guard ends.count <= PathSegments.maxCount else {
                throw failure("has more than \(PathSegments.maxCount) segments")
            }
        }
    }
}
