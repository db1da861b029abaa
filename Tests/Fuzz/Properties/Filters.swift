import Model

/// A filter is refused with its own error, or prints as one that is the same.
func checkFilter(_ bytes: UnsafeRawBufferPointer) throws(PropertyFailure) {
    guard let text = String(validating: bytes, as: UTF8.self) else { return }
    let filter: Filter
    do throws(Failure) { filter = try Filter(text, fields: FilterFields()) } catch {
        return try require(error.code == .invalid && error.message.hasPrefix("filter: "), error.message)
    }
    _ = filter.matches { _ in nil }
    _ = filter.matches { _ in .text(text) }
    let printed = filter.description
    // Quotes and blanks are added.
    guard printed.utf8.count <= Filter.maxBytes else { return }
    let copy: Filter
    do throws(Failure) { copy = try Filter(printed, fields: FilterFields()) } catch {
        throw PropertyFailure("\(text)\nprints as\n\(printed)\nwhich is refused: \(error.message)")
    }
    try require(copy == filter && copy.description == printed, "\(text)\nprints as\n\(printed)\nand is another")
}
