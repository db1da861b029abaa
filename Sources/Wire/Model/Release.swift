/// What this is a build of.
package enum Release {
    /// The version of daemon and command; 0.1.0 until the first tagged release.
    package static let version = "0.1.0"
}
