/// The headers and the content type of a call as they come, within their limits; for every message that has them.
struct HeaderScan {
    /// Bytes of a content type.
    static let maxContentType = 1024

    /// How many headers were taken.
    private(set) var count = 0
    private var bytes = 0
    private let strict: Bool

    /// - Parameter strict: refuses headers with fields that this version does not know.
    init(strict: Bool) {
        self.strict = strict
    }

    /// Takes the next header; throws what goes to the peer.
    mutating func take(
        _ value: UnsafeRawBufferPointer
    ) throws(EnvelopeError) -> (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer) {
        count += 1
        bytes += value.count
        guard count <= EnvelopeLimits.metadataEntries, bytes <= EnvelopeLimits.metadataBytes else {
            throw EnvelopeError(message: "headers: more than 128 entries or 65536 bytes")
        }
        var unknown: UInt32 = 0
        guard let pair = pair(value, unknown: &unknown), isText(pair.key), isText(pair.value) else {
            throw EnvelopeError(message: "headers: does not parse, or is not UTF-8 without NUL")
        }
        guard unknown == 0 || !strict else { throw EnvelopeError(message: unknownField("headers.\(unknown)")) }
        return pair
    }

    /// Refuses a content type that is too long.
    static func checkContentType(_ count: Int) throws(EnvelopeError) {
        guard count <= maxContentType else { throw EnvelopeError(message: "content_type: longer than 1024 bytes") }
    }
}

/// A scanned message whose field 3 is its headers.
package protocol HeaderBearing {
    /// The whole message.
    var bytes: UnsafeRawBufferPointer { get }
    /// How many headers there are.
    var headerCount: Int { get }
}

extension HeaderBearing {
    /// Visits each header, in order.
    package func forEachHeader(_ visit: (_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) -> Void) {
        guard headerCount > 0 else { return }
        var scanner = FieldScanner(bytes)
        while let field = try? scanner.next() {
            if field.number == 3, let value = field.bytes, let pair = pair(value) { visit(pair.key, pair.value) }
        }
    }

    /// The headers as values, in order.
    package var headers: [CallHeader] {
        var result: [CallHeader] = []
        forEachHeader { name, value in
            result.append(
                CallHeader(name: String(decoding: name, as: UTF8.self), value: String(decoding: value, as: UTF8.self)))
        }
        return result
    }
}
