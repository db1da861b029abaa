internal import Model
internal import Wire

/// Response metadata of the daemon's own unary methods: the version that was meant, and what is to be said about it.
struct VersionMetadata: Sendable {
    private let version: APIVersion

    init(_ version: APIVersion) {
        self.version = version
    }

    /// Borrowed entries for a Response.
    func withEntries(_ body: (UnsafeBufferPointer<MetadataEntry>) throws -> Void) rethrows {
        var number = String(version.number)
        var warning = version.warning ?? ""
        try number.withUTF8 { number in
            try warning.withUTF8 { warning in
                let entries = [
                    MetadataEntry(key: APIVersions.metadataKey, value: UnsafeRawBufferPointer(number)),
                    MetadataEntry(key: APIVersions.warningKey, value: UnsafeRawBufferPointer(warning)),
                ]
                try entries.prefix(warning.isEmpty ? 1 : 2).withUnsafeBufferPointer(body)
            }
        }
    }
}
