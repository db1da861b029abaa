import CProtobufC
import CWire

@testable import Wire

/// The scanner may be stricter than protobuf-c, never laxer; and what both take, both read alike.
func checkRequest(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    guard let scan = try? RequestEnvelope(scanning: bytes) else { return }
    try compare(bytes, ttrpc__request__unpack, ttrpc__request__free_unpacked) {
        (message: Ttrpc__Request) throws(PropertyFailure) in
        try require(same(scan.service, message.service), "service")
        try require(same(scan.method, message.method), "method")
        try require(same(scan.payload, message.payload), "payload")
        try require(scan.timeoutNanos == message.timeout_nano, "timeout: \(scan.timeoutNanos), \(message.timeout_nano)")
        try require(scan.metadataCount == message.n_metadata, "metadata: \(scan.metadataCount), \(message.n_metadata)")
        var scanner = FieldScanner(bytes)
        var index = 0
        while let field = try? scanner.next() {
            guard field.number == 5, let value = field.bytes, let entry = message.metadata[index] else { continue }
            guard let pair = pair(value) else { throw PropertyFailure("metadata entry \(index) does not parse") }
            try require(same(pair.key, entry.pointee.key), "metadata key \(index)")
            try require(same(pair.value, entry.pointee.value), "metadata value \(index)")
            index += 1
        }
        try require(index == message.n_metadata, "\(index) metadata entries of \(message.n_metadata)")
        try checkLookup(scan, message)
    }
}

/// The last one of a key counts.
private func checkLookup(_ scan: RequestEnvelope, _ message: Ttrpc__Request) throws(PropertyFailure) {
    let timeout = (0..<message.n_metadata).compactMap { message.metadata[$0]?.pointee }
        .last { String(cString: $0.key) == "fnrpc-timeout" }
    let found = scan.metadata("fnrpc-timeout")
    try require((found == nil) == (timeout == nil), "metadata(): found \(found != nil), there \(timeout != nil)")
    if let found, let timeout { try require(same(found, timeout.value), "metadata(): not the last value") }
}

/// As for requests. What protobuf-c merges (a status given twice) we do not compare.
func checkResponse(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    guard let scan = try? ResponseEnvelope(scanning: bytes) else { return }
    _ = scan.metadata
    var scanner = FieldScanner(bytes)
    var statuses = 0
    while let field = try? scanner.next() { statuses += field.number == 1 ? 1 : 0 }
    guard statuses <= 1, let base = start(bytes),
        let message = ttrpc__response__unpack(nil, bytes.count, base)
    else { return }  // It does not check what it does not use, so it may take what protobuf-c refuses.
    defer { ttrpc__response__free_unpacked(message, nil) }
    try require(same(scan.payload, message.pointee.payload), "payload")
    guard let status = message.pointee.status?.pointee else {
        return try require(scan.code == 0 && scan.message.isEmpty, "a status that is not there")
    }
    try require(scan.code == status.code, "code: \(scan.code), \(status.code)")
    // protobuf-c cuts at NUL.
    let cut = scan.message.prefix { $0 != 0 }
    try require(same(UnsafeRawBufferPointer(rebasing: cut), status.message), "message")
}

/// As for requests; headers too.
func checkInvoke(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    guard let scan = try? InvokeScan(scanning: bytes) else { return }
    _ = try? InvokeBody(decoding: bytes)
    try compare(bytes, fnrpc__v1__invoke_request__unpack, fnrpc__v1__invoke_request__free_unpacked) {
        (message: Fnrpc__V1__InvokeRequest) throws(PropertyFailure) in
        try require(same(scan.payload, message.payload), "payload")
        try require(same(scan.contentType, message.content_type), "content_type")
        try require(same(scan.target.app, message.app), "app")
        try require(same(scan.target.function, message.function), "function")
        try require(same(scan.target.alias, message.alias), "alias")
        try require(same(scan.target.method, message.method), "method")
        try require(same(scan.target.path, message.path), "path")
        try require(same(scan.target.query, message.query), "query")
        try require(scan.target.version == message.version, "version: \(scan.target.version), \(message.version)")
        try require(scan.headerCount == message.n_headers, "headers: \(scan.headerCount), \(message.n_headers)")
        var index = 0
        var different: Int?
        scan.forEachHeader { name, value in
            if let header = message.headers[index]?.pointee, !same(name, header.name) || !same(value, header.value) {
                different = different ?? index
            }
            index += 1
        }
        try require(different == nil && index == message.n_headers, "header \(different ?? index)")
    }
}

/// As for calls.
func checkInvokeStream(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    guard let scan = try? InvokeStreamScan(scanning: bytes) else { return }
    try compare(bytes, fnrpc__v1__invoke_stream_request__unpack, fnrpc__v1__invoke_stream_request__free_unpacked) {
        (message: Fnrpc__V1__InvokeStreamRequest) throws(PropertyFailure) in
        try require(same(scan.payload, message.payload), "payload")
        try require(same(scan.contentType, message.content_type), "content_type")
        try require(same(scan.target.app, message.app), "app")
        try require(same(scan.target.function, message.function), "function")
        try require(same(scan.target.alias, message.alias), "alias")
        try require(same(scan.target.method, message.method), "method")
        try require(same(scan.target.path, message.path), "path")
        try require(same(scan.target.query, message.query), "query")
        try require(scan.target.version == message.version, "version: \(scan.target.version), \(message.version)")
        try require((scan.credit != nil) == (message.has_credit != 0), "whether there is credit")
        try require(scan.credit ?? 0 == message.credit, "credit: \(scan.credit ?? 0), \(message.credit)")
        let headers = scan.headers
        try require(headers.count == message.n_headers, "headers: \(headers.count), \(message.n_headers)")
        for (index, header) in headers.enumerated() {
            guard let other = message.headers[index]?.pointee else { continue }
            try require(header.name == other.name.map { String(cString: $0) } ?? "", "header \(index): name")
            try require(header.value == other.value.map { String(cString: $0) } ?? "", "header \(index): value")
        }
    }
}

/// Parses with protobuf-c, which has to succeed, and compares.
private func compare<Raw>(
    _ bytes: UnsafeRawBufferPointer,
    _ unpack: (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) -> UnsafeMutablePointer<Raw>?,
    _ free: (UnsafeMutablePointer<Raw>?, UnsafeMutablePointer<ProtobufCAllocator>?) -> Void,
    _ body: (Raw) throws(PropertyFailure) -> Void
) throws(PropertyFailure) {
    guard let base = start(bytes) else { return }
    guard let message = unpack(nil, bytes.count, base) else {
        throw PropertyFailure("the scanner takes what protobuf-c refuses")
    }
    defer { free(message, nil) }
    try body(message.pointee)
}

/// `nil` for no bytes at all: protobuf-c wants a pointer, and an empty message tells nothing.
private func start(_ bytes: UnsafeRawBufferPointer) -> UnsafePointer<UInt8>? {
    bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
}

/// A scanned text and a C string; absent is empty.
private func same(_ bytes: UnsafeRawBufferPointer, _ text: UnsafeMutablePointer<CChar>?) -> Bool {
    guard let text else { return bytes.isEmpty }
    // `String(cString:)` would repair bad UTF-8.
    var length = 0
    while text[length] != 0 { length += 1 }
    return bytes.elementsEqual(UnsafeRawBufferPointer(start: text, count: length))
}

/// Scanned bytes and a bytes field.
private func same(_ bytes: UnsafeRawBufferPointer, _ data: ProtobufCBinaryData) -> Bool {
    bytes.elementsEqual(UnsafeRawBufferPointer(start: data.data, count: data.len))
}
