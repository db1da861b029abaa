import Foundation
import Model
import Wire

@testable import Store

/// An `api_version` 3 that will never be: of apps, `attr4` and `attr5` of `extra` have become fields, and `syslog_url`,
/// the third attribute, is gone. Everything else is as in release 1.
struct NextDialect: Dialect {
    let number: UInt32 = 3
    /// Where an app's `syslog_url` waits for those who know it.
    static let syslogKey = Extra.reservedPrefix + "3.syslog_url"
    /// The new fields by their numbers.
    static let attributes: [(number: UInt32, key: String)] = [(6, "attr4"), (7, "attr5")]

    private let release = ReleaseOne(number: 3)

    func decode(_ kind: EntityKind, _ body: [UInt8], strict: Bool) throws(Failure) -> any Entity {
        guard kind == .app else { return try release.decode(kind, body, strict: strict) }
        var app = try App(decoding: body, strict: false)
        for (number, text) in Self.fields(body) {
            guard let key = Self.attributes.first(where: { $0.number == number })?.key else { continue }
            app.meta.extra[key] = Self.json(text)
        }
        if let text = app.meta.extra.removeValue(forKey: Self.syslogKey) {
            guard let url = Self.string(text) else {
                throw Failure(.precondition, "syslog_url: \(quoted(text)) in extra is no string")
            }
            app.syslogURL = url
        }
        return app
    }

    func encode(_ entity: any Entity) throws(Failure) -> [UInt8] {
        guard var app = entity as? App else { return try release.encode(entity) }
        guard app.meta.extra[Self.syslogKey] == nil else {
            throw Failure(.precondition, "syslog_url: extra has it already")
        }
        var fields: [(UInt32, String)] = []
        for (number, key) in Self.attributes {
            // What is no string, or is written otherwise than we would, stays where it is.
            guard let text = app.meta.extra[key], let value = Self.string(text), Self.json(value) == text else {
                continue
            }
            app.meta.extra[key] = nil
            fields.append((number, value))
        }
        if !app.syslogURL.isEmpty { app.meta.extra[Self.syslogKey] = Self.json(app.syslogURL) }
        app.syslogURL = ""
        return fields.reduce(app.encoded()) { $0 + Self.field($1.0, $1.1) }
    }

    /// A string field's bytes.
    static func field(_ number: UInt32, _ text: String) -> [UInt8] {
        let content = Array(text.utf8)
        return [UInt8](unsafeUninitializedCapacity: FieldSize.field(number, length: content.count)) { buffer, count in
            count = buffer.count
            var writer = FieldWriter(UnsafeMutableRawBufferPointer(buffer))
            content.withUnsafeBytes { writer.field(number, bytes: $0) }
        }
    }

    /// A message's fields of bytes.
    static func fields(_ message: [UInt8]) -> [(UInt32, String)] {
        message.withUnsafeBytes { bytes in
            var scanner = FieldScanner(bytes)
            var result: [(UInt32, String)] = []
            while let field = try? scanner.next() {
                if let content = field.bytes { result.append((field.number, String(decoding: content, as: UTF8.self))) }
            }
            return result
        }
    }

    /// A string as JSON, and back; `nil`: it is none.
    static func json(_ text: String) -> String {
        (try? JSONEncoder().encode(text)).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }

    static func string(_ json: String) -> String? { try? JSONDecoder().decode(String.self, from: Data(json.utf8)) }
}
