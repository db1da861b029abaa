import CLinux
import Glibc
import Model

extension OCIDriver {
    /// Removes what a killed daemon of this instance left, and the instance's own control groups.
    ///
    /// Also the last thing to call when a daemon stops, once every sandbox is destroyed: runtimes leave the group above
    /// their containers' behind.
    package func removeLeftovers() {
        Self.removeLeftovers(configuration, layout, runtimes: [runtime])
    }

    /// - Parameter runtimes: every runtime whose state may be there.
    static func removeLeftovers(_ configuration: Configuration, _ layout: CgroupLayout, runtimes: [OCIRuntime]) {
        // Processes first: whatever lives could use what is removed next.
        layout.kill(configuration.cgroup, until: .now().advanced(byNanoseconds: 10_000_000_000))
        let ids = Set(Posix.names(in: configuration.runtimeFolder) + Posix.names(in: configuration.sandboxesFolder))
        for id in ids.sorted() where !id.hasPrefix(".") {
            for runtime in runtimes { runtime.delete(id) }
            Posix.remove(configuration.runtimeFolder + "/" + id)
        }
        unmountAll(below: configuration.sandboxesFolder)
        for folder in [configuration.sandboxesFolder, configuration.rootsFolder] {
            for name in Posix.names(in: folder) { Posix.remove(folder + "/" + name) }
        }
        layout.remove(configuration.cgroup)
    }

    /// Deepest and latest first, until nothing is left: mounts can be stacked.
    private static func unmountAll(below folder: String) {
        for point in MountTable.points().reversed() where point.hasPrefix(folder + "/") {
            _ = fnrpc_unmount(point)
        }
    }
}
