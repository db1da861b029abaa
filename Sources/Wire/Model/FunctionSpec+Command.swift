extension FunctionSpec {
    /// Checks what is started.
    func checkCommand(_ found: inout Violations) {
        found.require(!entry.isEmpty || !entrypoint.isEmpty || !image.isEmpty, "entry: missing; it names what to start")
        if !entry.isEmpty { found.check { () throws(Failure) in try Self.checkEntry(entry, runtime) } }
        found.require(
            entrypoint.count <= Limits.words,
            "entrypoint: \(entrypoint.count) words are over the limit of \(Limits.words)")
        for word in entrypoint.prefix(Limits.words) {
            found.require(
                word.utf8.count <= Limits.wordBytes,
                "entrypoint: a word of \(word.utf8.count) bytes is over the limit of \(Limits.wordBytes)")
            found.require(!word.utf8.contains(0), "entrypoint: \(quoted(word)) contains a NUL character")
        }
    }

    /// Checks an entry by the rules of its runtime; whether the package has it is for others to say.
    package static func checkEntry(_ entry: String, _ runtime: Runtime) throws(Failure) {
        guard entry.utf8.count <= Limits.wordBytes else {
            throw Failure(.invalid, "entry: \(entry.utf8.count) bytes are over the limit of \(Limits.wordBytes)")
        }
        guard entry.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else {
            throw Failure(.invalid, "entry: \(quoted(entry)) has a control character")
        }
        switch runtime {
        case .python:
            let parts = entry.split(separator: ".", omittingEmptySubsequences: false)
            guard parts.count >= 2, parts.allSatisfy(isPythonName) else {
                throw Failure(.invalid, "entry: \(quoted(entry)) is not module.function; \(entryAdvice(runtime))")
            }
        case .shell, .binary:
            let parts = entry.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.allSatisfy({ !$0.isEmpty && $0 != ".." && $0 != "." }) else {
                throw Failure(
                    .invalid, "entry: \(quoted(entry)) is not a file inside the package; \(entryAdvice(runtime))")
            }
        // A runtime that is not built in knows itself what its entries are.
        default: break
        }
    }

    /// The files of the package of which an entry of a built-in runtime needs one; empty: any or none will do.
    package static func files(ofEntry entry: String, _ runtime: Runtime) -> [String] {
        switch runtime {
        case .python:
            let module = entry.split(separator: ".").dropLast().joined(separator: "/")
            return [module + ".py", module + "/__init__.py"]
        case .shell, .binary: return [entry]
        default: return []
        }
    }

    /// What entries of a runtime look like.
    package static func entryAdvice(_ runtime: Runtime) -> String {
        switch runtime {
        case .python: "write entry: func.handler for handler in func.py"
        case .shell: "write entry: func.sh for a script in the folder"
        case .binary: "write entry: func for a program in the folder"
        default: "write what the command of runtime \(runtime.rawValue) calls {entry}"
        }
    }

    /// ASCII only: Python allows more, files and imports with more are trouble.
    private static func isPythonName(_ part: Substring) -> Bool {
        guard let first = part.utf8.first, !(48...57).contains(first) else { return false }
        return part.utf8.allSatisfy {
            (48...57).contains($0) || (65...90).contains($0) || (97...122).contains($0) || $0 == 95
        }
    }
}
