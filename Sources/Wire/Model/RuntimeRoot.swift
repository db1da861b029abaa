/// What a runtime's functions see as their root, beside their package, `/tmp`, and the kernel's own folders.
package enum RuntimeRoot: Hashable, Sendable {
    /// The machine's `/usr` with a generated `/etc`.
    case host
    /// A folder of the administrator's, absolute; what it is checked for says `RootFolder` of the drivers.
    case folder(String)
    /// A container image, by its reference.
    case image(String)
}
