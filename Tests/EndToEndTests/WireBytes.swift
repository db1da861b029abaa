/// Bytes of frames and messages, made and read by hand: nothing here uses the code under test.
typealias Bytes = [UInt8]

/// A frame as it is on the wire.
struct RawFrame: Equatable, CustomStringConvertible {
    var id: UInt32
    var type: UInt8
    var flags: UInt8 = 0
    var data: Bytes = []

    static let request: UInt8 = 1
    static let response: UInt8 = 2
    static let message: UInt8 = 3
    static let cancel: UInt8 = 0x40
    static let goaway: UInt8 = 0x43

    var bytes: Bytes { Self.header(data.count, id, type, flags) + data }

    var description: String {
        "frame(id \(id), type \(type), flags \(flags), \(data.count) bytes: \(Answer(data).code) \(Answer(data).message))"
    }

    static func header(_ length: Int, _ id: UInt32, _ type: UInt8, _ flags: UInt8 = 0) -> Bytes {
        bigEndian(UInt32(length)) + bigEndian(id) + [type, flags]
    }

    static func bigEndian(_ value: UInt32) -> Bytes {
        [UInt8(value >> 24), UInt8(value >> 16 & 255), UInt8(value >> 8 & 255), UInt8(value & 255)]
    }

    /// A Data frame.
    static func data(_ id: UInt32, _ data: Bytes, flags: UInt8 = 0) -> RawFrame {
        RawFrame(id: id, type: message, flags: flags, data: data)
    }

    /// The empty Data frame that closes one half of a stream.
    static func end(_ id: UInt32) -> RawFrame { RawFrame(id: id, type: message, flags: 0x05) }

    /// Whether it ends a stream without a message; the daemon's ends have response metadata in them.
    var isEnd: Bool { type == Self.message && flags == 0x05 }

    /// A Request frame.
    static func request(
        _ id: UInt32, _ path: String, _ payload: Bytes = [], flags: UInt8 = 0, timeout: Int64 = 0,
        metadata: [(String, String)] = []
    ) -> RawFrame {
        let parts = path.split(separator: "/", maxSplits: 1)
        var data = Proto.field(1, Bytes(parts[0].utf8)) + Proto.field(2, Bytes(parts[1].utf8))
        if !payload.isEmpty { data += Proto.field(3, payload) }
        if timeout != 0 { data += Proto.field(4, varint: UInt64(bitPattern: timeout)) }
        for (key, value) in metadata { data += Proto.field(5, Proto.field(1, key) + Proto.field(2, value)) }
        return RawFrame(id: id, type: request, flags: flags, data: data)
    }
}

/// Protobuf's wire format.
enum Proto {
    static func varint(_ value: UInt64) -> Bytes {
        var (rest, bytes) = (value, Bytes())
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }

    static func field(_ number: UInt64, varint value: UInt64) -> Bytes { varint(number << 3) + varint(value) }

    static func field(_ number: UInt64, _ value: Bytes) -> Bytes {
        varint(number << 3 | 2) + varint(UInt64(value.count)) + value
    }

    static func field(_ number: UInt64, _ value: String) -> Bytes { field(number, Bytes(value.utf8)) }
}

/// A message's fields; what does not parse ends the list.
struct Fields {
    private(set) var numbers: [(number: UInt64, value: UInt64)] = []
    private(set) var parts: [(number: UInt64, value: Bytes)] = []

    init(_ bytes: Bytes) {
        var position = 0
        func varint() -> UInt64? {
            var (value, shift) = (UInt64(0), UInt64(0))
            while position < bytes.count, shift < 64 {
                let byte = bytes[position]
                position += 1
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }
        while position < bytes.count {
            guard let tag = varint(), let value = varint() else { return }
            switch tag & 7 {
            case 0: numbers.append((tag >> 3, value))
            case 2:
                guard value <= UInt64(bytes.count - position) else { return }
                parts.append((tag >> 3, Bytes(bytes[position..<position + Int(value)])))
                position += Int(value)
            default: return
            }
        }
    }

    func number(_ number: UInt64) -> UInt64? { numbers.last { $0.number == number }?.value }
    func part(_ number: UInt64) -> Bytes? { parts.last { $0.number == number }?.value }
    func text(_ number: UInt64) -> String { String(decoding: part(number) ?? [], as: UTF8.self) }
    func all(_ number: UInt64) -> [Bytes] { parts.filter { $0.number == number }.map(\.value) }
    func texts(_ number: UInt64) -> [String] { all(number).map { String(decoding: $0, as: UTF8.self) } }
}

/// The data of a Response frame.
struct Answer {
    let code: Int
    let message: String
    let payload: Bytes
    /// Field 100.
    let metadata: [String: String]
    /// Details of the status by the last part of their type.
    let details: [String: Fields]

    init(_ data: Bytes) {
        let fields = Fields(data)
        let status = Fields(fields.part(1) ?? [])
        code = Int(status.number(1) ?? 0)
        message = status.text(2)
        payload = fields.part(2) ?? []
        metadata = fields.all(100).reduce(into: [:]) { $0[Fields($1).text(1)] = Fields($1).text(2) }
        details = status.all(3).reduce(into: [:]) { details, any in
            let any = Fields(any)
            let name = any.text(1).split(separator: ".").last.map(String.init) ?? ""
            details[name] = Fields(any.part(2) ?? [])
        }
    }

    /// ErrorInfo's reason.
    var reason: String { details["ErrorInfo"]?.text(1) ?? "" }
    /// RetryInfo's delay, nanoseconds.
    var retryNanos: UInt64? {
        guard let delay = details["RetryInfo"]?.part(1).map(Fields.init) else { return nil }
        return (delay.number(1) ?? 0) * 1_000_000_000 + (delay.number(2) ?? 0)
    }
    /// QuotaFailure's first subject: the limit's name.
    var quota: String { details["QuotaFailure"]?.part(1).map { Fields($0).text(1) } ?? "" }
    /// BadRequest's first field.
    var field: String { details["BadRequest"]?.part(1).map { Fields($0).text(1) } ?? "" }
}
