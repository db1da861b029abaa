package import Model

/// Everything that can be set. File, then environment, then flags; the last one wins.
package struct Configuration: Sendable, Equatable {
    /// Where everything durable is.
    package var dataDirectory = "/var/lib/fnrpc"
    /// Addresses to serve.
    package var listen: [ListenAddress] = [.unix("/run/fnrpc/fnrpc.sock")]
    /// How long running calls may take to finish after SIGTERM, seconds.
    package var drainTimeout: Double = 30
    /// `auto`, `crun`, `runc`, or the path of one of them.
    package var runtime = "auto"
    /// Folder with fnrpc-init and the runtimes' own files; empty: `fnrpc-runtime` beside the daemon.
    package var runtimeFiles = ""
    /// Unpacked size of a package, MiB.
    package var maxPackageMiB: UInt32 = 256
    /// The first of the uids that sandboxes have on the host.
    package var uidBase: UInt32 = 1_879_048_192
    /// How many uids there are; a sandbox takes two.
    package var uidCount: UInt32 = 65_536
    /// Paths below /usr that functions do not see.
    package var hiddenPaths: [String] = []
    /// Threads that relay calls; 0: half the cores.
    package var loops: UInt32 = 0
    /// Most containers that start at once.
    package var startThreads: UInt32 = 16
    /// How long a function may take from its start until it listens, seconds.
    package var initTimeout: Double = 5
    /// Call records that are kept.
    package var keepCalls: UInt32 = 1_000_000
    /// Open client connections.
    package var maxConnections: UInt32 = 10_000
    /// Open files of a function's process.
    package var functionFiles: UInt32 = 350

    package init() {}
}

/// Where the daemon listens.
package enum ListenAddress: Sendable, Equatable, CustomStringConvertible {
    case unix(String)
    case tcp(host: String, port: UInt16)

    /// Reads `unix:PATH` or `tcp:HOST:PORT`.
    package init(_ text: String) throws(Failure) {
        if text.hasPrefix("unix:") {
            let path = String(text.dropFirst(5))
            guard path.hasPrefix("/"), path.utf8.count <= 107, !path.utf8.contains(0) else {
                throw Failure(
                    .invalid, "listen: \(quoted(text)): the path must be absolute and have at most 107 bytes")
            }
            self = .unix(path)
        } else if text.hasPrefix("tcp:"), let colon = text.lastIndex(of: ":"),
            colon > text.index(text.startIndex, offsetBy: 4)
        {
            var host = String(text[text.index(text.startIndex, offsetBy: 4)..<colon])
            if host.hasPrefix("[") && host.hasSuffix("]") { host = String(host.dropFirst().dropLast()) }
            guard let port = UInt16(text[text.index(after: colon)...]) else {
                throw Failure(.invalid, "listen: \(quoted(text)): the port must be a number from 0 to 65535")
            }
            self = .tcp(host: host, port: port)
        } else {
            throw Failure(.invalid, "listen: \(quoted(text)) is no address; write unix:PATH or tcp:HOST:PORT")
        }
    }

    package var description: String {
        switch self {
        case .unix(let path): "unix:\(path)"
        case .tcp(let host, let port): host.contains(":") ? "tcp:[\(host)]:\(port)" : "tcp:\(host):\(port)"
        }
    }
}
