internal import Model
package import Wire

/// Which part of a list is wanted.
package struct PageRequest: Hashable, Sendable {
    /// The longest page.
    package static let maxSize: UInt32 = 1000
    /// The page's length when none is asked for.
    package static let defaultSize: UInt32 = 100
    /// The most bytes of a page's items as they are encoded; one item is always in a page. With the cursor, the metadata
    /// of the answer and the largest entity (``Row/maxBytes``) it stays below the limit of a frame.
    package static let maxBytes = 3 << 20

    /// ``ListPage/nextCursor`` of the page before; empty for the first.
    package var cursor: String
    /// 1 to 1000 items; 0 is 100.
    package var size: UInt32

    package init(cursor: String = "", size: UInt32 = 0) {
        self.cursor = cursor
        self.size = size
    }

    /// The page that a message asks for.
    package init(_ page: Page) {
        self.init(cursor: page.cursor, size: page.size)
    }

    /// The checked size.
    func limit() throws(Failure) -> Int {
        guard size <= Self.maxSize else {
            throw Failure(.invalid, "page.size: \(size) is out of range; 1 to \(Self.maxSize) items")
        }
        return Int(size == 0 ? Self.defaultSize : size)
    }
}

/// A part of a list.
package struct ListPage<Item: Sendable>: Sendable {
    package var items: [Item]
    /// Where the next page starts; empty at the end. Stays good when items are added.
    package var nextCursor: String

    package init(items: [Item], nextCursor: String) {
        self.items = items
        self.nextCursor = nextCursor
    }
}

extension ListPage: Equatable where Item: Equatable {}

/// Where a page starts: base64url of the list's tag, a dot, and the sort key of the last item before it. Opaque to
/// callers; a cursor of another list is refused.
enum Cursor {
    /// A list that has pages.
    enum List {
        case entities(EntityKind, parent: Identifier?)
        case routes(app: Identifier)
        case calls(CallScope)
        case services

        var tag: String {
            switch self {
            case .entities(let kind, let parent): kind.rawValue + (parent?.description ?? "")
            case .routes(let app): "route\(app)"
            case .calls(.all): "call"
            case .calls(.app(let id)), .calls(.function(let id)): "call\(id)"
            case .services: "service"
            }
        }

        /// Whether a key is one of this list's.
        func accepts(_ key: String) -> Bool {
            switch self {
            case .entities(.version, _): UInt32(key).map { VersionKey.text($0) == key } ?? false
            case .entities(.package, _): (try? Digest(key, field: "cursor")) != nil
            case .entities, .routes: (try? Name(key, field: "cursor")) != nil
            case .calls: Identifier(key) != nil
            case .services: ServiceKey(key) != nil
            }
        }
    }

    /// Bytes of the longest: base64url of a tag and three names.
    private static let maxBytes = 1100

    static func text(of key: String, in list: List) -> String {
        Base64URL.encode(Array("\(list.tag).\(key)".utf8))
    }

    /// The key; `nil` for the empty cursor.
    static func key(of cursor: String, in list: List) throws(Failure) -> String? {
        if cursor.isEmpty { return nil }
        let prefix = list.tag + "."
        guard cursor.utf8.count <= maxBytes, let bytes = Base64URL.decode(cursor),
            let text = String(validating: bytes, as: UTF8.self), text.hasPrefix(prefix),
            list.accepts(String(text.dropFirst(prefix.count)))
        else {
            throw Failure(
                .invalid, "page.cursor: \(quoted(cursor)) is not from this list; start again without a cursor")
        }
        return String(text.dropFirst(prefix.count))
    }
}

/// RFC 4648 §5, without padding.
enum Base64URL {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".utf8)

    static func encode(_ bytes: [UInt8]) -> String {
        var result: [UInt8] = []
        for start in stride(from: 0, to: bytes.count, by: 3) {
            let group = bytes[start..<min(start + 3, bytes.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            bits <<= UInt32(8 * (3 - group.count))
            for digit in 0...group.count { result.append(alphabet[Int(bits >> UInt32(18 - 6 * digit) & 63)]) }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// `nil` for what ``encode(_:)`` does not produce.
    static func decode(_ text: String) -> [UInt8]? {
        var result: [UInt8] = []
        var bits: UInt32 = 0
        var count: UInt32 = 0
        for byte in text.utf8 {
            guard let digit = alphabet.firstIndex(of: byte) else { return nil }
            bits = bits << 6 | UInt32(digit)
            count += 6
            if count >= 8 {
                count -= 8
                result.append(UInt8(truncatingIfNeeded: bits >> count))
            }
            bits &= (1 << count) - 1
        }
        return bits == 0 && count < 6 ? result : nil
    }
}
