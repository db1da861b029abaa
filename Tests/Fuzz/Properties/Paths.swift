import Model

/// What is taken for a path is in one spelling: read again it is the same, and nothing in it can end a header's line. The
/// same bytes as a trigger's source are in one spelling too.
func checkPath(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    if let path = try? PathSegments(bytes, field: "path") { try checkSegments(path) }
    let text = String(decoding: bytes, as: UTF8.self)
    guard let source = try? TriggerSource(text, field: "source") else { return }
    try require(source.text.utf8.count <= TriggerSource.Limits.bytes, "a source grows")
    let again = try? TriggerSource(source.text, field: "source")
    try require(again == source, "a source read again differs: \(source.text)")
    try require(again?.conflictKey == source.conflictKey, "its key differs")
}

private func checkSegments(_ path: PathSegments) throws(PropertyFailure) {
    try require((1...PathSegments.maxCount).contains(path.count), "\(path.count) segments")
    for index in 0..<path.count {
        let text = path.decoded(index)
        try require(HTTPHeader.isValue(text) && !text.utf8.contains(9), "a control character in segment \(index)")
        try require(!text.isEmpty || index == path.count - 1, "segment \(index) is empty")
        try require(text != "." && text != "..", "segment \(index) leads elsewhere")
    }
    // Escapes are longer than what they stand for, so it may be too long now.
    guard path.text.utf8.count <= PathSegments.maxBytes else { return }
    let again = try? PathSegments(path.text, field: "path")
    try require(again == path, "read again it differs: \(path.text), \(again?.text ?? "refused")")
}
