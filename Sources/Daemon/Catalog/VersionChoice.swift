package import Model

/// Which of a function's versions a caller wants. Texts are borrowed.
package enum VersionChoice {
    /// The function as last deployed or updated.
    case working
    /// A published version by its number.
    case version(UInt32)
    /// An alias by its name or id as it came off the wire, or ``Alias/latest``: the highest published version.
    case alias(UnsafeRawBufferPointer)
    case aliasID(Identifier)
    /// The highest published version.
    case latest

    /// What a caller wrote.
    ///
    /// - Parameters:
    ///   - version: 0: none.
    ///   - alias: empty: none.
    /// - Throws: `invalid` if there are both.
    package init(version: UInt32, alias: UnsafeRawBufferPointer) throws(Failure) {
        guard alias.isEmpty else {
            guard version == 0 else {
                throw Failure(
                    .invalid,
                    "alias: \(quoted(String(decoding: alias, as: UTF8.self))) and version \(version) exclude each "
                        + "other; give one of them")
            }
            self = .alias(alias)
            return
        }
        self = version == 0 ? .working : .version(version)
    }

    /// The id that names an alias; `nil`: there is no alias, or it is named by its name.
    package var aliasID: Identifier? {
        switch self {
        case .alias(let text): Identifier(utf8: text)
        case .aliasID(let id): id
        case .working, .version, .latest: nil
        }
    }
}
