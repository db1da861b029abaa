/// How functions of a kind are started.
package struct Runtime: Hashable, Sendable {
    /// The most sandboxes of one runtime that wait.
    package static let maxPoolSize: UInt32 = 1024

    package var meta: Meta
    /// Unique on the machine; never changes.
    package var name: Name
    package var description: String
    /// `host`, `folder:PATH` or `image:REFERENCE`.
    package var root: String
    /// The command template; empty for those that are built in.
    package var command: [String]
    /// Whether interpreters are kept warm that have loaded the runtime's modules.
    package var zygote: Bool
    /// Sandboxes that wait, at most ``maxPoolSize``.
    package var poolSize: UInt32
    /// Always there; only zygote, pool size, description and labels can change.
    package var isBuiltIn: Bool

    package init(
        meta: Meta, name: Name, description: String = "", root: String = "host", command: [String] = [],
        zygote: Bool = false, poolSize: UInt32 = 0, isBuiltIn: Bool = false
    ) {
        self.meta = meta
        self.name = name
        self.description = description
        self.root = root
        self.command = command
        self.zygote = zygote
        self.poolSize = poolSize
        self.isBuiltIn = isBuiltIn
    }
}
