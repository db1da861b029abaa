import Glibc
import Model

/// What `fnrpc init` writes.
struct Template {
    /// A file of the folder.
    struct File {
        let name: String
        let content: String
        var isExecutable = false
    }

    let files: [File]
    /// The command that makes the program; `nil` if there is nothing to build.
    var build: String?

    /// The template of a runtime and format.
    ///
    /// - Parameter format: `nil`: the usual one.
    static func make(
        name: String, runtime: FunctionSpec.Runtime, format: FunctionSpec.Format?
    ) throws(Failure) -> Template {
        switch (runtime, format ?? (runtime == .python ? .ttrpc : .default)) {
        case (.python, .ttrpc): plainPython(name)
        case (.python, .httpStream): fdkPython(name)
        case (.shell, .default): shell(name)
        case (.binary, .default): program(name)
        case (.binary, .ttrpc): ttrpcProgram(name)
        case (.shell, let format): throw refusal(format.rawValue, "shell", "default")
        case (.binary, let format): throw refusal(format.rawValue, "binary", "default or ttrpc")
        case (.python, let format):
            throw refusal(format.rawValue, "python", "ttrpc (no library) or http-stream (with fdk)")
        default: throw Failure(.invalid, "--runtime: there is no template for \(quoted(runtime.rawValue))")
        }
    }

    private static func refusal(_ format: String, _ runtime: String, _ use: String) -> Failure {
        Failure(.invalid, "--format: there is no \(format) template for \(runtime); use \(use)")
    }

    /// Writes the folder; refuses one that exists, and leaves nothing behind if it fails.
    func write(to folder: String) throws(Failure) {
        guard mkdir(folder, 0o755) == 0 else {
            if errno == EEXIST {
                throw Failure(.exists, "\(folder) exists already; choose another name, or remove it first")
            }
            throw Self.failure(folder)
        }
        do throws(Failure) {
            for file in files { try Self.write(file, in: folder) }
        } catch {
            for file in files { unlink(folder + "/" + file.name) }
            rmdir(folder)
            throw error
        }
    }

    private static func write(_ file: File, in folder: String) throws(Failure) {
        let path = folder + "/" + file.name
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, file.isExecutable ? 0o755 : 0o644)
        guard descriptor >= 0 else { throw failure(path) }
        defer { close(descriptor) }
        do { try Terminal.write(file.content, to: descriptor) } catch { throw failure(path) }
    }

    private static func failure(_ path: String) -> Failure {
        Failure(.invalid, "\(path): \(String(cString: strerror(errno))); run it where you may write")
    }

    /// The README of every template.
    static func readme(_ name: String, _ text: String, build: String? = nil, body: String) -> File {
        let made = build.map { "    \($0)                      # in this folder\n" } ?? ""
        return File(
            name: "README.md",
            content: """
                # \(name)

                \(text)

                \(made)    fnrpc deploy \(name) --app demo
                    fnrpc invoke demo/\(name) -d '\(body)'
                    fnrpc call list demo/\(name)

                Settings are in `func.yaml`; docs/func.yaml.md of fnrpc explains every key.

                """)
    }
}
