/// Who is called, as a caller writes it: a function by its name, or whatever answers a path. What is empty is not sent.
package struct InvokeTarget: Hashable, Sendable {
    /// Empty: the only app of the token, or the listener's.
    package var app: String
    package var function: String
    /// 0: the function as last deployed.
    package var version: UInt32
    /// Instead of a version.
    package var alias: String
    /// Of a call by path; empty: POST.
    package var method: String
    /// Instead of function, version and alias.
    package var path: String
    package var query: String

    package init(
        app: String = "", function: String = "", version: UInt32 = 0, alias: String = "", method: String = "",
        path: String = "", query: String = ""
    ) {
        self.app = app
        self.function = function
        self.version = version
        self.alias = alias
        self.method = method
        self.path = path
        self.query = query
    }

    /// The texts with their field numbers, without those that are empty.
    var texts: [(number: UInt32, bytes: [UInt8])] {
        // A reply has none.
        guard self != InvokeTarget() else { return [] }
        return [(4, app), (5, function), (9, alias), (10, method), (11, path), (12, query)]
            .filter { !$0.1.isEmpty }.map { ($0.0, Array($0.1.utf8)) }
    }

    /// Takes a field.
    ///
    /// - Returns: whether it is one of these.
    mutating func take(_ field: FieldScanner.Field) throws(EnvelopeError) -> Bool {
        var scan = InvokeTargetScan()
        guard try scan.take(field) else { return false }
        switch field.number {
        case 4: app = String(decoding: scan.app, as: UTF8.self)
        case 5: function = String(decoding: scan.function, as: UTF8.self)
        case 6: version = scan.version
        case 9: alias = String(decoding: scan.alias, as: UTF8.self)
        case 10: method = String(decoding: scan.method, as: UTF8.self)
        case 11: path = String(decoding: scan.path, as: UTF8.self)
        default: query = String(decoding: scan.query, as: UTF8.self)
        }
        return true
    }
}

/// As ``InvokeTarget``, scanned without copying. Valid as long as the scanned bytes are.
package struct InvokeTargetScan {
    package private(set) var app = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var function = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var version: UInt32 = 0
    package private(set) var alias = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var method = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var path = UnsafeRawBufferPointer(start: nil, count: 0)
    package private(set) var query = UnsafeRawBufferPointer(start: nil, count: 0)

    package init() {}

    /// Whether it has what only a call by path has.
    package var isByPath: Bool { path.count | method.count | query.count != 0 }

    /// Whether it has what only a call by name has.
    package var isByName: Bool { function.count | alias.count != 0 || version != 0 }

    /// Whether a number is one of these fields.
    @inline(__always)
    static func has(_ number: UInt32) -> Bool { (4...6).contains(number) || (9...12).contains(number) }

    /// Takes a field.
    ///
    /// - Returns: whether it is one of these.
    @inline(__always)
    mutating func take(_ field: FieldScanner.Field) throws(EnvelopeError) -> Bool {
        switch field.number {
        case 4: app = try field.callText("app")
        case 5: function = try field.callText("function")
        case 6: version = try field.callNumber("version")
        case 9: alias = try field.callText("alias")
        case 10: method = try field.callText("method")
        case 11: path = try field.callText("path")
        case 12: query = try field.callText("query")
        default: return false
        }
        return true
    }
}

/// The values of the fields of calls, with the sentences that say what is wrong with them.
extension FieldScanner {
    /// The next field of a call's message.
    @inline(__always)
    mutating func nextOfCall() throws(EnvelopeError) -> Field? {
        do throws(ScanError) { return try next() } catch {
            throw EnvelopeError(message: "the message of the call does not parse")
        }
    }
}

extension FieldScanner.Field {
    /// Bytes.
    @inline(__always)
    func callBytes(_ name: StaticString) throws(EnvelopeError) -> UnsafeRawBufferPointer {
        guard let bytes else {
            throw EnvelopeError(message: "\(name): has the wrong wire type; it is length-delimited")
        }
        return bytes
    }

    /// UTF-8 without NUL.
    @inline(__always)
    func callText(_ name: StaticString) throws(EnvelopeError) -> UnsafeRawBufferPointer {
        let value = try callBytes(name)
        guard isText(value) else { throw EnvelopeError(message: "\(name): is not UTF-8, or contains a NUL character") }
        return value
    }

    /// A content type.
    @inline(__always)
    func callContentType() throws(EnvelopeError) -> UnsafeRawBufferPointer {
        let value = try callText("content_type")
        try HeaderScan.checkContentType(value.count)
        return value
    }

    /// A number.
    @inline(__always)
    func callNumber(_ name: StaticString) throws(EnvelopeError) -> UInt32 {
        guard isVarint else { throw EnvelopeError(message: "\(name): has the wrong wire type; it is a varint") }
        guard value <= UInt64(UInt32.max) else {
            throw EnvelopeError(message: "\(name): \(value) is out of range; 0 to 4294967295")
        }
        return UInt32(value)
    }

    /// A truth.
    @inline(__always)
    func callFlag(_ name: StaticString) throws(EnvelopeError) -> Bool {
        guard isVarint else { throw EnvelopeError(message: "\(name): has the wrong wire type; it is a varint") }
        guard value <= 1 else { throw EnvelopeError(message: "\(name): \(value) is neither false nor true") }
        return value == 1
    }

    /// What a strict reader says to any other field.
    var isUnknown: EnvelopeError {
        EnvelopeError(message: unknownField("\(number)"))
    }
}
