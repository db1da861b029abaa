internal import Model
internal import Wire

/// The service that functions of format `ttrpc` serve (proto/fnrpc/function/v1/function.proto).
enum FunctionService {
    static let name: StaticString = "fnrpc.function.v1.Function"
    static let call: StaticString = "Call"
    static let callStream: StaticString = "CallStream"
}

private let callIDKey: StaticString = "fn-call-id"
private let deadlineKey: StaticString = "fn-deadline"

/// Gives the metadata of a Request to a ttrpc function as borrowed entries: ours first, which no caller can replace,
/// then `others`.
func withRequestMetadata<Result>(
    id: String, deadline: Timestamp, _ others: [CallHeader],
    _ body: (UnsafeBufferPointer<MetadataEntry>) -> Result
) -> Result {
    var id = id
    var deadline = deadline.rfc3339(fractionDigits: 3)
    return id.withUTF8 { id in
        deadline.withUTF8 { deadline in
            withOthers(others) { others in
                withUnsafeTemporaryAllocation(of: MetadataEntry.self, capacity: 2 + others.count) { entries in
                    entries.initializeElement(
                        at: 0, to: MetadataEntry(key: callIDKey, value: UnsafeRawBufferPointer(id)))
                    entries.initializeElement(
                        at: 1, to: MetadataEntry(key: deadlineKey, value: UnsafeRawBufferPointer(deadline)))
                    var count = 2
                    for entry in others where !equal(entry.key, callIDKey) && !equal(entry.key, deadlineKey) {
                        entries.initializeElement(at: count, to: entry)
                        count += 1
                    }
                    return body(UnsafeBufferPointer(rebasing: UnsafeBufferPointer(entries)[..<count]))
                }
            }
        }
    }
}

/// Lays the texts out in one piece of memory, so that entries can borrow them.
private func withOthers<Result>(_ headers: [CallHeader], _ body: ([MetadataEntry]) -> Result) -> Result {
    guard !headers.isEmpty else { return body([]) }
    var texts: [UInt8] = []
    for header in headers {
        texts.append(contentsOf: header.name.utf8)
        texts.append(contentsOf: header.value.utf8)
    }
    return texts.withUnsafeBytes { texts in
        var position = 0
        func take(_ count: Int) -> UnsafeRawBufferPointer {
            defer { position += count }
            return UnsafeRawBufferPointer(rebasing: texts[position..<position + count])
        }
        let entries = headers.map { header in
            let key = take(header.name.utf8.count)
            return MetadataEntry(key: key, value: take(header.value.utf8.count))
        }
        return body(entries)
    }
}

/// Gives what a ttrpc function gets as CallRequest or first CallPart: the caller's message as it is, and behind it the
/// headers of a call by path, which makes them fields of the message.
func withCallRequest<Result>(
    _ message: UnsafeRawBufferPointer, _ path: PathRequest?, _ body: (UnsafeRawBufferPointer) -> Result
) -> Result {
    guard let path else { return body(message) }
    return (Array(message) + path.headers(url: path.url).encodedHeaders).withUnsafeBytes(body)
}

/// A literal's bytes.
func bytes(_ literal: StaticString) -> UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount)
}
