import Glibc
import Model

/// A root of an administrator's folder.
extension RootSkeleton {
    /// What a sandbox has of its own; the folder's entries of these names are not seen.
    static let ownFolders = ["proc", "sys", "dev", "run", "function", ".fnrpc"]
    /// Entries at the folder's top; each folder and file of them is a mount of every sandbox.
    package static let maxEntries = 256

    /// Makes a root that shows a folder as it is now: its folders and files are bound, its links are made again. Sockets,
    /// devices and pipes at its top are left out. A folder without `/etc` gets a generated one.
    ///
    /// - Parameter path: of the root, which is made anew.
    /// - Throws: `precondition` if there are more than ``maxEntries``.
    init(path: String, showing folder: RootFolder) throws(Failure) {
        let names = Posix.names(in: folder.path).filter { !Self.ownFolders.contains($0) && $0 != "tmp" }
        guard names.count <= Self.maxEntries else {
            throw Failure(
                .precondition,
                "root: \(folder.path) has \(names.count) entries at its top, over the limit of \(Self.maxEntries)")
        }
        try Self.makeEmpty(path, folders: Self.ownFolders)
        var binds: [Bind] = []
        for name in names {
            let source = folder.path + "/" + name
            let target = path + "/" + name
            switch Posix.kind(source, followingLinks: false) {
            case .link: try Self.link(target, to: Posix.target(ofLink: source) ?? "")
            case .folder:
                try Posix.makeFolder(target, mode: 0o755)
                binds.append(Bind(source: source, destination: "/" + name))
            case .file:
                try Posix.write(target, [], mode: 0o644)
                binds.append(Bind(source: source, destination: "/" + name))
            case .other, nil: continue
            }
        }
        let hasOwnEtc = names.contains("etc")
        if !hasOwnEtc { try Self.makeEtc(path) }
        let etc = Posix.kind(folder.path + "/etc", followingLinks: false)
        let resolver = Posix.kind(folder.path + "/etc/resolv.conf", followingLinks: false)
        self.init(
            path: path, binds: binds, isHost: false, hasResolver: !hasOwnEtc || etc == .folder && resolver == .file)
    }
}
