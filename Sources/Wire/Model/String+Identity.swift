// `==` takes texts for equal that Unicode does (é as one character, and as e with an accent); a function that gets them, or
// a file system that looks for them, does not.

extension String {
    /// Whether both are the same bytes.
    package func isIdentical(to other: String) -> Bool { utf8.elementsEqual(other.utf8) }
}

extension [String: String] {
    /// Whether both have the same bytes; keys are ASCII.
    package func isIdentical(to other: [String: String]) -> Bool {
        count == other.count && allSatisfy { key, value in other[key].map { value.isIdentical(to: $0) } ?? false }
    }
}

extension [String] {
    /// Whether both have the same bytes.
    package func isIdentical(to other: [String]) -> Bool {
        elementsEqual(other) { $0.isIdentical(to: $1) }
    }
}
