/// A value that functions of its app get as a file; what is here never has the value itself.
package struct Secret: Hashable, Sendable {
    package var meta: Meta
    /// Never changes.
    package var appID: Identifier
    /// Unique within the app; never changes; the file's name.
    package var name: Name
    /// The value's length.
    package var valueBytes: UInt32
    package var description: String

    package init(meta: Meta, appID: Identifier, name: Name, valueBytes: UInt32, description: String = "") {
        self.meta = meta
        self.appID = appID
        self.name = name
        self.valueBytes = valueBytes
        self.description = description
    }
}
