/// Why an envelope was refused; the text goes to the peer.
package struct EnvelopeError: Error, Sendable {
    /// A sentence that names the field, and its limit where there is one.
    package let message: String
}

/// Limits of the envelope; see `PROTOCOL` in ARCHITECTURE.md.
package struct EnvelopeLimits: Sendable {
    /// Bytes of a service or method name.
    package static let nameBytes = 255
    /// Metadata entries, and headers of a call.
    package static let metadataEntries = 128
    /// Bytes of all of them together.
    package static let metadataBytes = 64 << 10

    /// Metadata entries of this peer.
    package var entries: Int
    /// Bytes of all its metadata together.
    package var bytes: Int

    /// What holds where nothing else is configured.
    package static let standard = EnvelopeLimits(entries: metadataEntries, bytes: metadataBytes)
    /// For what was within its limits before.
    package static let none = EnvelopeLimits(entries: .max, bytes: .max)

    package init(entries: Int, bytes: Int) {
        self.entries = entries
        self.bytes = bytes
    }
}

/// A ttrpc Request, scanned without copying or allocating.
///
/// Valid as long as the scanned bytes are.
package struct RequestEnvelope {
    package private(set) var service = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var method = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var payload = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Relative; 0 is none, negative has passed.
    package private(set) var timeoutNanos: Int64 = 0
    /// How many metadata entries there are.
    package private(set) var metadataCount = 0
    /// All of it, as it came.
    package let bytes: UnsafeRawBufferPointer

    /// Scans the data of a Request frame.
    package init(
        scanning bytes: UnsafeRawBufferPointer, limits: EnvelopeLimits = .standard
    ) throws(EnvelopeError) {
        self.bytes = bytes
        var scanner = FieldScanner(bytes)
        var metadataBytes = 0
        while let field = try Self.next(&scanner) {
            switch field.number {
            case 1: service = try Self.name(field)
            case 2: method = try Self.name(field)
            case 3:
                guard let value = field.bytes else { throw EnvelopeError(message: "payload: not bytes") }
                payload = value
            case 4:
                guard field.isVarint else { throw EnvelopeError(message: "timeout_nano: not a number") }
                timeoutNanos = Int64(bitPattern: field.value)
            case 5:
                guard let value = field.bytes else { throw EnvelopeError(message: "metadata: not a message") }
                metadataCount += 1
                metadataBytes += value.count
                guard metadataCount <= limits.entries else {
                    throw EnvelopeError(
                        message: "metadata: more than \(limits.entries) entries, the limit (max-metadata-entries)")
                }
                guard metadataBytes <= limits.bytes else {
                    throw EnvelopeError(
                        message: "metadata: more than \(limits.bytes) bytes, the limit (max-metadata-kib)")
                }
                guard let pair = pair(value), isText(pair.key), isText(pair.value) else {
                    throw EnvelopeError(message: "metadata: does not parse, or is not UTF-8 without NUL")
                }
            default: break
            }
        }
        guard service.count > 0 else { throw EnvelopeError(message: "service: missing") }
        guard method.count > 0 else { throw EnvelopeError(message: "method: missing") }
    }

    /// The last metadata value of a key; scans again, so it costs only callers that ask.
    package func metadata(_ key: StaticString) -> UnsafeRawBufferPointer? {
        guard metadataCount > 0 else { return nil }
        var scanner = FieldScanner(bytes)
        var found: UnsafeRawBufferPointer?
        while let field = try? scanner.next() {
            if field.number == 5, let value = field.bytes, let pair = pair(value), equal(pair.key, key) {
                found = pair.value
            }
        }
        return found
    }

    /// Every metadata entry, in order.
    package func forEachMetadata(_ body: (UnsafeRawBufferPointer, UnsafeRawBufferPointer) -> Void) {
        guard metadataCount > 0 else { return }
        var scanner = FieldScanner(bytes)
        while let field = try? scanner.next() {
            if field.number == 5, let value = field.bytes, let pair = pair(value) { body(pair.key, pair.value) }
        }
    }

    private static func next(_ scanner: inout FieldScanner) throws(EnvelopeError) -> FieldScanner.Field? {
        do throws(ScanError) { return try scanner.next() } catch {
            throw EnvelopeError(message: "the request does not parse as protobuf")
        }
    }

    private static func name(_ field: FieldScanner.Field) throws(EnvelopeError) -> UnsafeRawBufferPointer {
        guard let value = field.bytes else { throw EnvelopeError(message: "service, method: not a string") }
        guard value.count <= EnvelopeLimits.nameBytes else {
            throw EnvelopeError(message: "service, method: longer than 255 bytes")
        }
        guard isText(value) else {
            throw EnvelopeError(message: "service, method: not UTF-8, or contains a NUL character")
        }
        return value
    }
}

/// A ttrpc Response, scanned without copying.
///
/// Valid as long as the scanned bytes are.
package struct ResponseEnvelope {
    /// google.rpc.Code; 0 is success.
    package private(set) var code: Int32 = 0
    /// The status' text; not checked.
    package private(set) var message = UnsafeRawBufferPointer(start: nil, count: 0)
    /// `reason` of an ErrorInfo detail whose domain is `fnrpc`.
    package private(set) var reason = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var payload = UnsafeRawBufferPointer(start: nil, count: 0)
    /// Delay of a RetryInfo detail, nanoseconds; a damaged or negative one counts as none.
    package private(set) var retryNanos: UInt64?
    /// The whole Status message.
    package private(set) var status = UnsafeRawBufferPointer(start: nil, count: 0)
    private let bytes: UnsafeRawBufferPointer

    /// Scans the data of a Response frame.
    package init(scanning bytes: UnsafeRawBufferPointer) throws(ScanError) {
        self.bytes = bytes
        var scanner = FieldScanner(bytes)
        while let field = try scanner.next() {
            switch field.number {
            case 1:
                guard let value = field.bytes else { throw .malformed }
                status = value
                try scanStatus(value)
            case 2:
                guard let value = field.bytes else { throw .malformed }
                payload = value
            default: break
            }
        }
    }

    private mutating func scanStatus(_ status: UnsafeRawBufferPointer) throws(ScanError) {
        var scanner = FieldScanner(status)
        while let field = try scanner.next() {
            switch (field.number, field.bytes) {
            case (1, nil): code = Int32(truncatingIfNeeded: field.value)
            case (2, let value?): message = value
            case (3, let value?):
                guard let any = pair(value) else { break }
                if equal(any.key, ErrorInfo.type), let info = pair(any.value), equal(info.value, ErrorInfo.domain) {
                    reason = info.key
                } else if equal(any.key, "type.googleapis.com/google.rpc.RetryInfo") {
                    retryNanos = Self.retryDelay(any.value)
                }
            default: break
            }
        }
    }

    /// RetryInfo { Duration retry_delay = 1 { int64 seconds = 1; int32 nanos = 2 } }.
    private static func retryDelay(_ info: UnsafeRawBufferPointer) -> UInt64? {
        guard let delay = pair(info)?.key else { return nil }
        var scanner = FieldScanner(delay)
        var seconds: UInt64 = 0
        var nanos: UInt64 = 0
        do throws(ScanError) {
            while let field = try scanner.next() {
                guard field.isVarint else { continue }
                if field.number == 1 { seconds = field.value } else if field.number == 2 { nanos = field.value }
            }
        } catch {
            return nil
        }
        // What 63 bits of nanoseconds hold; negative numbers are far beyond it.
        guard seconds < 9_223_372_036, nanos < 1_000_000_000 else { return nil }
        return seconds * 1_000_000_000 + nanos
    }

    /// Response metadata, in order.
    package var metadata: [(key: String, value: String)] {
        var result: [(key: String, value: String)] = []
        var scanner = FieldScanner(bytes)
        while let field = try? scanner.next(), result.count < EnvelopeLimits.metadataEntries {
            if field.number == 100, let value = field.bytes, let pair = pair(value) {
                result.append((String(decoding: pair.key, as: UTF8.self), String(decoding: pair.value, as: UTF8.self)))
            }
        }
        return result
    }
}

/// The two fields of google.rpc.ErrorInfo that we use.
package enum ErrorInfo {
    /// The Any's type.
    package static let type: StaticString = "type.googleapis.com/google.rpc.ErrorInfo"
    /// Our reasons: `Failure.Code`'s raw values.
    package static let domain: StaticString = "fnrpc"
}

/// Fields 1 and 2 of a message, both bytes; absent ones are empty.
@inline(__always)
func pair(_ bytes: UnsafeRawBufferPointer) -> (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
    var unknown: UInt32 = 0
    return pair(bytes, unknown: &unknown)
}

/// The same.
///
/// - Parameter unknown: becomes the number of the last other field, if there is one.
@inline(__always)
func pair(
    _ bytes: UnsafeRawBufferPointer, unknown: inout UInt32
) -> (key: UnsafeRawBufferPointer, value: UnsafeRawBufferPointer)? {
    var scanner = FieldScanner(bytes)
    var key = UnsafeRawBufferPointer(start: nil, count: 0)
    var value = UnsafeRawBufferPointer(start: nil, count: 0)
    while true {
        let next: FieldScanner.Field?
        do throws(ScanError) { next = try scanner.next() } catch { return nil }
        guard let field = next else { return (key, value) }
        switch field.number {
        case 1:
            guard let bytes = field.bytes else { return nil }
            key = bytes
        case 2:
            guard let bytes = field.bytes else { return nil }
            value = bytes
        default: unknown = field.number
        }
    }
}

/// Whether bytes are exactly a literal.
@inline(__always)
package func equal(_ bytes: UnsafeRawBufferPointer, _ literal: StaticString) -> Bool {
    bytes.elementsEqual(UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
}
