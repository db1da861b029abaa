/// The headers that a function's spec gives to its replies, encoded once. Immutable.
///
/// They are added to the encoded reply: a header of the function's own with the same name, whatever its case, wins.
/// `Content-Type` is the reply's content type, where the function has given none.
package struct ResponseHeaders: Sendable {
    private struct Entry: Sendable {
        /// In lower case.
        let name: [UInt8]
        /// As header fields of a reply.
        let fields: [UInt8]
        let count: Int
    }

    private static let contentTypeName: StaticString = "content-type"

    private let entries: [Entry]
    /// The content type as a field of a reply; empty: none.
    private let contentType: [UInt8]

    /// - Parameter headers: of a checked spec; `nil` for none.
    package init?(_ headers: [String: [String]]) {
        guard !headers.isEmpty else { return nil }
        var contentType: [UInt8] = []
        var entries: [Entry] = []
        for (name, values) in headers.sorted(by: { $0.key < $1.key }) {
            let lower = name.lowercased()
            if lower == "content-type" {
                contentType = InvokeChunk(contentType: values.first ?? "").encoded()
            } else {
                entries.append(
                    Entry(
                        name: Array(lower.utf8),
                        fields: values.map { CallHeader(name: name, value: $0) }.encodedHeaders,
                        count: values.count))
            }
        }
        self.entries = entries
        self.contentType = contentType
    }

    /// A reply with the headers that it does not have. Those that would bring it over what a message may have are left
    /// out, and a reply that does not parse stays as it is.
    ///
    /// - Parameter reply: an encoded InvokeResponse or the first message of an answer's stream; any bytes.
    package func added(to reply: UnsafeRawBufferPointer) -> [UInt8] {
        var missing = [Bool](repeating: true, count: entries.count)
        var lacksType = true
        var count = 0
        var bytes = 0
        var scanner = FieldScanner(reply)
        do throws(ScanError) {
            while let field = try scanner.next() {
                if field.number == 2 { lacksType = lacksType && field.bytes?.isEmpty ?? true }
                guard field.number == 3, let content = field.bytes, let name = pair(content)?.key else { continue }
                count += 1
                bytes += content.count
                if Self.same(name, Self.contentTypeName) { lacksType = false }
                for index in entries.indices where missing[index] && Self.same(name, entries[index].name) {
                    missing[index] = false
                }
            }
        } catch { return Array(reply) }
        var result = Array(reply)
        if lacksType { result += contentType }
        for (entry, isMissing) in zip(entries, missing) where isMissing {
            guard count + entry.count <= EnvelopeLimits.metadataEntries,
                bytes + entry.fields.count <= EnvelopeLimits.metadataBytes
            else { continue }
            count += entry.count
            bytes += entry.fields.count
            result += entry.fields
        }
        return result
    }

    private static func same(_ name: UnsafeRawBufferPointer, _ lower: [UInt8]) -> Bool {
        lower.withUnsafeBytes { same(name, $0) }
    }

    private static func same(_ name: UnsafeRawBufferPointer, _ lower: StaticString) -> Bool {
        same(name, UnsafeRawBufferPointer(start: lower.utf8Start, count: lower.utf8CodeUnitCount))
    }

    /// ASCII without case.
    private static func same(_ name: UnsafeRawBufferPointer, _ lower: UnsafeRawBufferPointer) -> Bool {
        name.count == lower.count
            && zip(name, lower).allSatisfy { byte, other in
                ((UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte) ? byte + 32 : byte) == other
            }
    }
}
