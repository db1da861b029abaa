package import Model

extension Failure {
    /// The longest text that goes out, bytes; longer ones are cut.
    package static let maxMessageBytes = 16 << 10

    /// An encoded ttrpc Status: code, text, and details: ErrorInfo with our reason, and RetryInfo, QuotaFailure or
    /// BadRequest where there is something to say.
    package func encodedStatus() -> [UInt8] {
        var details = [Self.errorInfo(code.rawValue)]
        if let retryNanos { details.append(Self.retryInfo(retryNanos)) }
        if let quota { details.append(Self.quotaFailure(quota, message)) }
        if code == .invalid && field != nil || !further.isEmpty { details.append(Self.badRequest([message] + further)) }
        return Self.status(code: self.status, message: message, details: details)
    }

    /// An encoded ttrpc Status with a given code, for answers of functions.
    package static func encodedStatus(code: Int32, reason: String, message: String) -> [UInt8] {
        status(code: code, message: message, details: [errorInfo(reason)])
    }

    /// What is added behind a function's own Status: protobuf joins the two, so that its details stay and ours says whose
    /// failure it is.
    package static func statusSuffix(reason: String) -> [UInt8] {
        StatusBytes.field(3, errorInfo(reason))
    }

    /// The field that an `invalid` failure names: what stands before the first colon, by the convention of all our texts.
    package var field: String? { Self.field(of: message) }

    private static func field(of message: String) -> String? {
        guard let colon = message.firstIndex(of: ":"), colon != message.startIndex else { return nil }
        let name = message[..<colon]
        guard name.utf8.count <= 64, name.utf8.allSatisfy(isFieldByte) else { return nil }
        return String(name)
    }

    private static func isFieldByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
            UInt8(ascii: "."), UInt8(ascii: "-"):
            true
        default: false
        }
    }

    private static func status(code: Int32, message: String, details: [[UInt8]]) -> [UInt8] {
        // Repaired after the cut, which may fall inside a character: strict clients read UTF-8 only.
        let message = Array(String(decoding: message.utf8.prefix(maxMessageBytes), as: UTF8.self).utf8)
        var bytes = StatusBytes.field(1, varint: UInt64(code)) + StatusBytes.field(2, message)
        for detail in details { bytes += StatusBytes.field(3, detail) }
        return bytes
    }

    private static func errorInfo(_ reason: String) -> [UInt8] {
        StatusBytes.any(
            "google.rpc.ErrorInfo", StatusBytes.field(1, Array(reason.utf8)) + StatusBytes.field(2, Array("fnrpc".utf8))
        )
    }

    /// RetryInfo { Duration retry_delay = 1 { seconds = 1, nanos = 2 } }.
    private static func retryInfo(_ nanos: UInt64) -> [UInt8] {
        var duration: [UInt8] = []
        if nanos >= 1_000_000_000 { duration += StatusBytes.field(1, varint: nanos / 1_000_000_000) }
        if nanos % 1_000_000_000 > 0 { duration += StatusBytes.field(2, varint: nanos % 1_000_000_000) }
        return StatusBytes.any("google.rpc.RetryInfo", StatusBytes.field(1, duration))
    }

    /// QuotaFailure and BadRequest have the same shape: violations = 1 { subject or field = 1, description = 2 }.
    private static func violations(_ type: String, _ items: [(subject: String, text: String)]) -> [UInt8] {
        var value: [UInt8] = []
        for item in items {
            let text = String(decoding: item.text.utf8.prefix(1024), as: UTF8.self)
            value += StatusBytes.field(
                1, StatusBytes.field(1, Array(item.subject.utf8)) + StatusBytes.field(2, Array(text.utf8)))
        }
        return StatusBytes.any(type, value)
    }

    private static func quotaFailure(_ subject: String, _ text: String) -> [UInt8] {
        violations("google.rpc.QuotaFailure", [(subject, text)])
    }

    private static func badRequest(_ texts: [String]) -> [UInt8] {
        violations("google.rpc.BadRequest", texts.map { (field(of: $0) ?? "", $0) })
    }
}

/// Small protobuf messages as arrays; errors are rare enough for it.
private enum StatusBytes {
    static func field(_ number: UInt32, varint value: UInt64) -> [UInt8] {
        write(FieldSize.field(number, varint: value)) { $0.field(number, varint: value) }
    }

    static func field(_ number: UInt32, _ bytes: [UInt8]) -> [UInt8] {
        write(FieldSize.field(number, length: bytes.count)) { writer in
            bytes.withUnsafeBytes { writer.field(number, bytes: $0) }
        }
    }

    /// A google.protobuf.Any.
    static func any(_ type: String, _ value: [UInt8]) -> [UInt8] {
        field(1, Array("type.googleapis.com/\(type)".utf8)) + field(2, value)
    }

    private static func write(_ size: Int, _ body: (inout FieldWriter) -> Void) -> [UInt8] {
        [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            var writer = FieldWriter(UnsafeMutableRawBufferPointer(buffer).prefix(size).rebased)
            body(&writer)
            count = size
        }
    }
}
