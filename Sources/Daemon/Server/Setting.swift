internal import Model

/// One thing that can be set: its name serves the file (`data-dir:`), the environment (`FNRPCD_DATA_DIR`) and the
/// command line (`--data-dir`).
package struct Setting: Sendable {
    /// As in the file and on the command line.
    package let key: String
    /// One line for `--help`.
    package let help: String
    /// Takes a list: repeated on the command line, comma-separated in the environment.
    package let isList: Bool
    let read: @Sendable (Configuration) -> [String]
    let write: @Sendable (inout Configuration, [String]) throws(Failure) -> Void

    /// The variable's name.
    package var variable: String {
        "FNRPCD_" + String(key.map { $0 == "-" ? "_" : Character($0.uppercased()) })
    }

    /// Every setting, in the order of `--print-config`.
    package static let all: [Setting] = [
        text("data-dir", "where everything durable is", \.dataDirectory, rule: absolutePath),
        Setting(
            key: "listen", help: "unix:PATH or tcp:HOST:PORT (loopback only); may be repeated", isList: true,
            read: { $0.listen.map(\.description) },
            write: { (configuration, values) throws(Failure) in
                guard (1...16).contains(values.count) else {
                    throw Failure(.invalid, "listen: \(values.count) addresses are out of range; 1 to 16")
                }
                var addresses: [ListenAddress] = []
                for value in values { addresses.append(try ListenAddress(value)) }
                configuration.listen = addresses
            }),
        seconds("drain-timeout", "how long running calls may take to finish on stop", \.drainTimeout, 0...3600),
        text("runtime", "auto, crun, runc, or the path of one of them", \.runtime),
        text("runtime-files", "folder with fnrpc-init; empty: fnrpc-runtime beside fnrpcd", \.runtimeFiles),
        number("max-package-mib", "unpacked size of a package, MiB", \.maxPackageMiB, 1...65_536),
        number("uid-base", "the first uid of sandboxes on the host", \.uidBase, 100_000...4_000_000_000),
        number("uid-count", "how many uids; a sandbox takes two", \.uidCount, 2...1_000_000),
        Setting(
            key: "hidden-paths", help: "paths that functions do not see", isList: true, read: { $0.hiddenPaths },
            write: { (configuration, values) throws(Failure) in
                for value in values { try absolutePath("hidden-paths", value) }
                configuration.hiddenPaths = values
            }),
        number("loops", "threads that relay calls; 0: half the cores", \.loops, 0...256),
        number("start-threads", "most containers that start at once", \.startThreads, 1...256),
        seconds("init-timeout", "how long a function may take to listen", \.initTimeout, 0.1...300),
        number("keep-calls", "call records that are kept", \.keepCalls, 0...1_000_000_000),
        number("max-connections", "open client connections", \.maxConnections, 1...1_000_000),
        number("function-files", "open files of a function's process", \.functionFiles, 32...1_000_000),
    ]

    private static func text(
        _ key: String, _ help: String, _ path: any WritableKeyPath<Configuration, String> & Sendable,
        rule: @escaping @Sendable (String, String) throws(Failure) -> Void = { _, _ throws(Failure) in }
    ) -> Setting {
        Setting(
            key: key, help: help, isList: false, read: { [$0[keyPath: path]] },
            write: { (configuration, values) throws(Failure) in
                let value = try single(key, values)
                try rule(key, value)
                configuration[keyPath: path] = value
            })
    }

    private static func number(
        _ key: String, _ help: String, _ path: any WritableKeyPath<Configuration, UInt32> & Sendable,
        _ range: ClosedRange<UInt32>
    ) -> Setting {
        Setting(
            key: key, help: help, isList: false, read: { [String($0[keyPath: path])] },
            write: { (configuration, values) throws(Failure) in
                let value = try single(key, values)
                guard let number = UInt32(value), range.contains(number) else {
                    throw Failure(
                        .invalid, "\(key): \(quoted(value)) is out of range; \(range.lowerBound) to \(range.upperBound)"
                    )
                }
                configuration[keyPath: path] = number
            })
    }

    private static func seconds(
        _ key: String, _ help: String, _ path: any WritableKeyPath<Configuration, Double> & Sendable,
        _ range: ClosedRange<Double>
    ) -> Setting {
        Setting(
            key: key, help: help + ", seconds", isList: false, read: { [format($0[keyPath: path])] },
            write: { (configuration, values) throws(Failure) in
                let value = try single(key, values)
                // `30s` is what people write; the unit is always seconds.
                let digits = value.hasSuffix("s") ? String(value.dropLast()) : value
                guard let number = Double(digits), range.contains(number) else {
                    throw Failure(
                        .invalid,
                        "\(key): \(quoted(value)) is out of range; \(format(range.lowerBound)) to "
                            + "\(format(range.upperBound)) seconds")
                }
                configuration[keyPath: path] = number
            })
    }

    private static func format(_ value: Double) -> String {
        value == value.rounded() ? String(Int64(value)) : String(value)
    }

    private static func single(_ key: String, _ values: [String]) throws(Failure) -> String {
        guard values.count == 1, let value = values.first else {
            throw Failure(.invalid, "\(key): takes one value, not \(values.count)")
        }
        return value
    }

    private static func absolutePath(_ key: String, _ value: String) throws(Failure) {
        guard value.hasPrefix("/"), value.utf8.count <= 4096, !value.utf8.contains(0) else {
            throw Failure(.invalid, "\(key): \(quoted(value)) is not an absolute path")
        }
    }
}
