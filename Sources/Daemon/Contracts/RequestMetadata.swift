internal import Model
internal import Wire

/// The service that functions of format `ttrpc` serve (proto/fnrpc/function/v1/function.proto).
enum FunctionService {
    static var name: StaticString { "fnrpc.function.v1.Function" }
    static var call: StaticString { "Call" }
    static var callStream: StaticString { "CallStream" }
}

private var callIDKey: StaticString { "fn-call-id" }
private var deadlineKey: StaticString { "fn-deadline" }

/// Gives the metadata of a Request to a ttrpc function as borrowed entries: ours first, which no caller can replace,
/// then `others`.
func withRequestMetadata<Result>(
    id: Identifier, deadline: Timestamp, _ others: [CallHeader],
    _ body: (UnsafeBufferPointer<MetadataEntry>) -> Result
) -> Result {
    withUnsafeTemporaryAllocation(byteCount: Identifier.textCount + Timestamp.textCount, alignment: 8) { texts in
        id.write(to: texts)
        let time = UnsafeMutableRawBufferPointer(rebasing: texts[Identifier.textCount...])
        let timeCount = deadline.write(to: time, fractionDigits: 3)
        return withOthers(others) { others in
            withUnsafeTemporaryAllocation(of: MetadataEntry.self, capacity: 2 + others.count) { entries in
                entries.initializeElement(
                    at: 0,
                    to: MetadataEntry(key: callIDKey, value: .init(rebasing: texts[..<Identifier.textCount])))
                entries.initializeElement(
                    at: 1, to: MetadataEntry(key: deadlineKey, value: .init(rebasing: time[..<timeCount])))
                var count = 2
                for entry in others where !equal(entry.key, callIDKey) && !equal(entry.key, deadlineKey) {
                    entries.initializeElement(at: count, to: entry)
                    count += 1
                }
                return body(UnsafeBufferPointer(rebasing: entries[..<count]))
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
