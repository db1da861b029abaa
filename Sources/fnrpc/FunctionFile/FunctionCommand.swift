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
            throw Failure(.invalid, "entry: missing; \(Self.advice(runtime)), or give the whole command as entrypoint")
        }
        guard entry.isEmpty || entrypoint.isEmpty else {
            throw Failure(.invalid, "entry: is given beside entrypoint; keep one of them")
        }
        if !entry.isEmpty { try Self.check(entry, runtime) }
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

    private static func check(_ entry: String, _ runtime: FunctionSpec.Runtime) throws(Failure) {
        switch runtime {
        case .python:
            let parts = entry.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count >= 2, parts.allSatisfy(isPythonName) else {
                throw Failure(.invalid, "entry: \(quoted(entry)) is not module.function; \(advice(runtime))")
            }
        case .shell, .binary:
            let parts = entry.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.allSatisfy({ !$0.isEmpty && $0 != ".." && $0 != "." }) else {
                throw Failure(
                    .invalid, "entry: \(quoted(entry)) is not a file inside the folder; \(advice(runtime))")
            }
        // A runtime that is not built in knows itself what its entries are.
        default: break
        }
    }

    /// ASCII only: Python allows more, files and imports with more are trouble.
    private static func isPythonName(_ part: Substring) -> Bool {
        guard let first = part.utf8.first, !(48...57).contains(first) else { return false }
        return part.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 95
        }
    }

    private static func advice(_ runtime: FunctionSpec.Runtime) -> String {
        switch runtime {
        case .python: "write entry: func.handler for handler in func.py"
        case .shell: "write entry: func.sh for a script in the folder"
        case .binary: "write entry: func for a program in the folder"
        default: "write what the command of runtime \(runtime.rawValue) calls {entry}"
        }
    }
}
