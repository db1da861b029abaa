/// The paths that a trigger answers, as its app's owner writes them: `/users`, `/users/:id`, `/files/*`.
///
/// A segment that begins with a colon stands for any one segment that is not empty, and gives it a name. A last segment
/// `*` stands for the rest of a path, which may be absent: `/files/*` answers `/files`, `/files/` and `/files/a/b`. A
/// slash at the end counts: `/users/` is another path than `/users`.
package struct TriggerSource: Hashable, Sendable, CustomStringConvertible {
    /// What a source may be.
    package enum Limits {
        /// Bytes of a source.
        package static let bytes = 1024
        /// Segments of a source.
        package static let segments = 64
        /// Parameters of a source.
        package static let parameters = 16
        /// Bytes of a parameter's name.
        package static let nameBytes = 64
    }

    /// What one segment of a path has to be.
    package enum Segment: Hashable, Sendable {
        /// This, in the spelling of ``PathSegments``; empty: the path ends with a slash.
        case literal([UInt8])
        /// Anything but nothing, under this name.
        case parameter(String)
    }

    /// In the one spelling of ``PathSegments``.
    package let text: String
    /// Without the `*`.
    package let segments: [Segment]
    /// Whether it ends with `*`.
    package let isPrefix: Bool

    /// Reads a source.
    ///
    /// - Parameter field: how errors call it.
    /// - Throws: `invalid` for everything that ``PathSegments`` refuses, more than ``Limits`` allow, a character that a
    ///   URI has only escaped, a `*` that is not the whole last segment, and parameters whose names are not
    ///   `[A-Za-z_][A-Za-z0-9_]*` or not unique without case.
    package init(_ text: String, field: String) throws(Failure) {
        func failure(_ problem: String) -> Failure { Failure(.invalid, "\(field): \(quoted(text)) \(problem)") }
        guard text.utf8.count <= Limits.bytes else {
            throw Failure(.invalid, "\(field): has \(text.utf8.count) bytes; at most \(Limits.bytes) are allowed")
        }
        guard text.utf8.allSatisfy({ PathSegments.isSegmentCharacter($0) || "/%".utf8.contains($0) }) else {
            throw failure("has a character that must be percent-encoded; a parameter is written /:name")
        }
        let path = try PathSegments(text, field: field)
        guard path.count <= Limits.segments else {
            throw failure("has \(path.count) segments; at most \(Limits.segments) are allowed")
        }
        let star = UInt8(ascii: "*")
        isPrefix = path[path.count - 1].elementsEqual(CollectionOfOne(star))
        var segments: [Segment] = []
        var names: Set<String> = []
        for index in 0..<(isPrefix ? path.count - 1 : path.count) {
            let segment = path[index]
            guard !segment.contains(star) else {
                throw failure("has a * that is not the whole last segment; as a character it is %2A")
            }
            guard segment.first == UInt8(ascii: ":") else {
                segments.append(.literal(Array(segment)))
                continue
            }
            let name = String(decoding: segment.dropFirst(), as: UTF8.self)
            guard Self.isParameterName(name) else {
                throw failure(
                    "has a parameter \(quoted(name)); its name needs 1 to \(Limits.nameBytes) of A–Z a–z 0–9 _, and no "
                        + "digit first")
            }
            guard names.insert(name.lowercased()).inserted else {
                // Headers and variables do not tell case.
                throw failure("has the parameter \(quoted(name)) twice")
            }
            segments.append(.parameter(name))
        }
        guard names.count <= Limits.parameters else {
            throw failure("has \(names.count) parameters; at most \(Limits.parameters) are allowed")
        }
        self.segments = segments
        self.text = path.text
    }

    package var description: String { text }

    /// Equal for sources that answer the same paths, whatever their parameters are called; unique in an app.
    package var conflictKey: String {
        let parts = segments.map { segment in
            switch segment {
            case .literal(let bytes): String(decoding: bytes, as: UTF8.self)
            case .parameter: ":"
            }
        }
        return (parts + (isPrefix ? ["*"] : [])).map { "/" + $0 }.joined()
    }

    private static func isParameterName(_ name: String) -> Bool {
        guard (1...Limits.nameBytes).contains(name.utf8.count) else { return false }
        return name.utf8.enumerated().allSatisfy { index, byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "_"): true
            case UInt8(ascii: "0")...UInt8(ascii: "9"): index > 0
            default: false
            }
        }
    }
}

/// What a segment of a path stood for.
package struct PathParameter: Hashable, Sendable {
    /// As the trigger's source names it.
    package let name: String
    /// Without escapes; never empty, no control character in it.
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}
