import Model

/// What a func.yaml starts, and how it is spoken to: the rules of each runtime, and Fn's spelling.
struct FunctionCommand {
    let entry: String
    let entrypoint: [String]
    let format: FunctionSpec.Format

    /// - Throws: a failure whose message begins with the key.
    init(
        runtime: FunctionSpec.Runtime, entry: String, entrypoint: [String], cmd: [String],
        format: FunctionSpec.Format?
    ) throws(Failure) {
        if !cmd.isEmpty && entrypoint.isEmpty {
            throw Failure(.invalid, "cmd: needs entrypoint; its words are appended to it")
        }
        guard !entry.isEmpty || !entrypoint.isEmpty else {
            throw Failure(
                .invalid,
                "entry: missing; \(FunctionSpec.entryAdvice(runtime)), or give the whole command as entrypoint")
        }
        guard entry.isEmpty || entrypoint.isEmpty else {
            throw Failure(.invalid, "entry: is given beside entrypoint; keep one of them")
        }
        if !entry.isEmpty { try FunctionSpec.checkEntry(entry, runtime) }
        self.entry = entry
        if runtime == .python {
            self.entrypoint = Self.rewritingFn(entrypoint + cmd)
            self.format = format ?? (entry.isEmpty ? .httpStream : .ttrpc)
            if !entry.isEmpty && self.format != .ttrpc {
                throw Failure(
                    .invalid,
                    "format: \(self.format.rawValue) needs entrypoint; a python entry is always called by ttrpc")
            }
        } else {
            self.entrypoint = entrypoint + cmd
            self.format = format ?? .default
        }
    }

    /// Fn's images keep the FDK in /python; ours is installed into the package, and started by the machine's interpreter.
    private static func rewritingFn(_ words: [String]) -> [String] {
        guard words.first == "/python/bin/fdk" else { return words }
        return ["/usr/bin/python3", "/function/\(PythonDependencies.folder)/bin/fdk"] + words.dropFirst()
    }
}
