extension StringProtocol {
    /// The names between the slashes as the kernel sees them, without empty ones.
    ///
    /// By bytes: to Swift, a slash and a mark that joins it ("/\u{301}") are one character that is no slash.
    package var pathComponents: [String] {
        utf8.split(separator: UInt8(ascii: "/")).map { String(decoding: $0, as: UTF8.self) }
    }
}
