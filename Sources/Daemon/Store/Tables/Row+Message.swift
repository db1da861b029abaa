internal import Model
internal import Wire

// A function's message has the name of its app for those who read it. It is no part of what is stored: rows refer to
// other rows by their ids alone.
extension Row {
    /// Field `app_name` of fnrpc.v1.Function.
    private static let appName: UInt32 = 3

    /// What is stored of an entity's message.
    static func body(of message: [UInt8], _ kind: EntityKind) -> [UInt8] {
        guard kind == .function else { return message }
        return message.withUnsafeBytes { bytes in
            var result: [UInt8] = []
            result.reserveCapacity(bytes.count)
            var scanner = FieldScanner(bytes)
            var start = 0
            while let field = try? scanner.next() {
                if field.number != appName { result.append(contentsOf: bytes[start..<scanner.offset]) }
                start = scanner.offset
            }
            return result
        }
    }

    /// The message as callers read it.
    ///
    /// - Parameter app: the name of the app that it belongs to; of functions only.
    package func message(app: String) -> [UInt8] {
        guard kind == .function else { return body }
        var app = app
        return app.withUTF8 { name in
            let count = body.count + FieldSize.field(Self.appName, length: name.count)
            return [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
                var writer = FieldWriter(UnsafeMutableRawBufferPointer(buffer).prefix(count).rebased)
                body.withUnsafeBytes { writer.raw($0) }
                writer.field(Self.appName, bytes: UnsafeRawBufferPointer(name))
                initialized = count
            }
        }
    }
}

extension Tables {
    /// A row's message as callers read it.
    package func message(of row: Row) -> [UInt8] {
        row.message(app: row.parent.flatMap { self[$0] }?.key ?? "")
    }
}
