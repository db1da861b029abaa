/// The name of an app or a function: 1 to 255 of `A–Z a–z 0–9 - _`, and never something that reads as an ``Identifier``.
package struct Name: Hashable, Sendable, Comparable, CustomStringConvertible {
    /// The longest name, in bytes.
    package static let maxBytes = 255

    /// The name itself.
    package let text: String

    /// Checks a name.
    ///
    /// - Parameter field: how the error calls it: "app", "function".
    package init(_ text: String, field: String) throws(Failure) {
        let count = text.utf8.count
        guard count > 0 else { throw Failure(.invalid, "\(field): the name is empty; it needs 1 to 255 characters") }
        guard count <= Self.maxBytes else {
            throw Failure(.invalid, "\(field): the name has \(count) bytes; at most \(Self.maxBytes) are allowed")
        }
        guard text.utf8.allSatisfy(Self.allows) else {
            throw Failure(.invalid, "\(field): \(quoted(text)) is not a name; only A–Z a–z 0–9 - _ are allowed")
        }
        guard Identifier(text) == nil else {
            throw Failure(.invalid, "\(field): \(quoted(text)) has the form of an id; choose another name")
        }
        self.text = text
    }

    package var description: String { text }

    package static func < (left: Self, right: Self) -> Bool { left.text < right.text }

    private static func allows(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "a")...UInt8(ascii: "z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
            true
        default: false
        }
    }
}

extension Unicode.Scalar {
    /// Whether it would do something to a terminal: the control characters, and those that turn the direction of text, so that
    /// what is seen is not what is there.
    package var isControl: Bool {
        switch value {
        case ..<0x20, 0x7F...0x9F, 0x061C, 0x200E, 0x200F, 0x202A...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}

/// A value as error messages show it: in quotes, control characters escaped, cut after 80 characters.
package func quoted(_ text: String) -> String {
    var shown = "\""
    for scalar in text.unicodeScalars.prefix(80) {
        shown += scalar.isControl ? scalar.escaped(asASCII: true) : String(scalar)
    }
    return shown + (text.unicodeScalars.count > 80 ? "…\"" : "\"")
}

/// What a caller names: `app/function` or `app/function@version`.
package struct FunctionReference: Hashable, Sendable, CustomStringConvertible {
    /// The app.
    package let app: Name
    /// The function.
    package let function: Name
    /// The version's number; 0 is the function as last deployed.
    package let version: UInt32

    package init(app: Name, function: Name, version: UInt32 = 0) {
        self.app = app
        self.function = function
        self.version = version
    }

    /// Reads `app/function` or `app/function@3`.
    package init(_ text: String) throws(Failure) {
        let parts = text.split(separator: "/", maxSplits: 1, omittingEmptySubsequences: false)
        guard parts.count == 2 else {
            throw Failure(.invalid, "\(quoted(text)) is not a function; write APP/FUNCTION or APP/FUNCTION@VERSION")
        }
        let tail = parts[1].split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false)
        var version: UInt32 = 0
        if tail.count == 2 {
            guard let number = UInt32(tail[1]), number > 0 else {
                throw Failure(.invalid, "version: \(quoted(String(tail[1]))) is not a number from 1 to \(UInt32.max)")
            }
            version = number
        }
        self.init(
            app: try Name(String(parts[0]), field: "app"), function: try Name(String(tail[0]), field: "function"),
            version: version)
    }

    package var description: String { version == 0 ? "\(app)/\(function)" : "\(app)/\(function)@\(version)" }
}
