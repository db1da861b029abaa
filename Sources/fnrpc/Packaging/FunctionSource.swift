import ArgumentParser
import FnrpcClient
import Foundation
import Glibc
import Model

/// How a function's source is read.
struct SourceOptions: ParsableArguments {
    @Flag(help: "Install the dependencies again, although requirements.txt is unchanged.")
    var freshDependencies = false

    @Option(
        help: ArgumentHelp("The func.yaml of an archive. Default: the one in it.", valueName: "file"),
        completion: .file())
    var spec: String?
}

/// What a function is made from: a folder, or an archive of one.
struct FunctionSource {
    /// What its func.yaml says.
    let file: FunctionFile
    private let content: Content

    private enum Content {
        case folder(FunctionFolder)
        /// The path.
        case archive(String)
    }

    /// Reads the func.yaml, and says what it warns about.
    init(_ path: String, _ options: SourceOptions) throws(Failure) {
        var info = stat()
        if stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG {
            file = try Self.file(ofArchive: path, options)
            content = .archive(path)
        } else {
            let folder = try FunctionFolder(path)
            guard options.spec == nil else {
                throw Failure(.invalid, "--spec: is for archives; \(folder.path) has a func.yaml of its own")
            }
            file = folder.file
            content = .folder(folder)
        }
        for warning in file.warnings { Terminal.warn(warning) }
    }

    /// Packs and uploads.
    ///
    /// - Parameter client: is connected: whoever has no daemon should not wait for pip to learn it.
    /// - Returns: the package's digest; `nil` if it is an image.
    func upload(to client: Client, _ options: SourceOptions) async throws -> String? {
        guard file.spec.image.isEmpty else { return nil }
        let package = try package(options)
        var line = ProgressLine()
        defer { line.end() }
        let uploaded = try await client.upload(package) { held in
            line.show("uploading \(held >> 10) of \(package.byteCount >> 10) KiB")
        }
        return uploaded.digest
    }

    private func package(_ options: SourceOptions) throws(Failure) -> FunctionPackage {
        let folder: FunctionFolder
        switch content {
        case .archive(let path): return try FunctionPackage(archive: path)
        case .folder(let found): folder = found
        }
        let environment = ProcessInfo.processInfo.environment
        let temporary = environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
        var installed: PythonDependencies.Installed?
        defer { installed?.discard() }
        if folder.file.spec.runtime == .python,
            let dependencies = try PythonDependencies(source: folder.path, environment: environment)
        {
            var line = ProgressLine()
            installed = try dependencies.install(useCache: !options.freshDependencies) { line.show("pip: \($0)") }
            line.end()
        }
        try checkScripts(folder, installed?.path)
        return try FunctionPackage(folder: folder.path, dependencies: installed?.path, temporary: temporary)
    }

    /// An entrypoint in the dependencies, such as Fn's, needs them.
    private func checkScripts(_ folder: FunctionFolder, _ dependencies: String?) throws(Failure) {
        let prefix = PythonDependencies.mountPoint + "/"
        for word in folder.file.spec.entrypoint where word.hasPrefix(prefix) {
            let name = String(word.dropFirst(prefix.count))
            guard let dependencies, access(dependencies + "/" + name, F_OK) == 0 else {
                let package = name.split(separator: "/").last.map(String.init) ?? name
                throw folder.file.failure(
                    .entrypoint,
                    "\(quoted(name)) is not among the dependencies; add a line \(package) to \(folder.path)/"
                        + PythonDependencies.fileName)
            }
        }
    }
}

extension FunctionSource {
    /// Programs that every distribution has for these formats; they are asked for one file.
    private enum Program {
        static let tar = "/usr/bin/tar"
        static let unzip = "/usr/bin/unzip"
    }

    private static let endings = [".tar.gz", ".tgz", ".tar", ".zip"]

    private static func file(ofArchive path: String, _ options: SourceOptions) throws(Failure) -> FunctionFile {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        guard let ending = endings.first(where: { name.lowercased().hasSuffix($0) }) else {
            throw Failure(
                .invalid,
                "\(path): is neither a folder nor an archive; it must end in one of "
                    + endings.joined(separator: ", "))
        }
        let stem = String(name.dropLast(ending.count))
        if let spec = options.spec { return try FunctionFile(FunctionFolder.text(spec), path: spec, folder: stem) }
        let absolute = URL(fileURLWithPath: path).path
        var found: (text: String, path: String)?
        for name in FunctionFolder.fileNames {
            guard let text = try text(name, in: absolute, isZip: ending == ".zip") else { continue }
            guard found == nil else {
                throw Failure(.invalid, "\(path) has both func.yaml and func.yml; keep one of them")
            }
            found = (text, "\(path)/\(name)")
        }
        guard let found else {
            throw Failure(
                .invalid,
                "\(path): no func.yaml at its top could be read; pack the folder's content, or give --spec FILE")
        }
        return try FunctionFile(found.text, path: found.path, folder: stem)
    }

    /// One file of an archive; `nil`: it has none of that name, or is broken, which the daemon says best.
    private static func text(_ name: String, in archive: String, isZip: Bool) throws(Failure) -> String? {
        let program = isZip ? Program.unzip : Program.tar
        let options =
            isZip
            ? ["-p", archive] : ["--extract", "--to-stdout", "--force-local", "--file=\(archive)", "--occurrence=1"]
        guard access(program, X_OK) == 0 else {
            throw Failure(.invalid, "\(program) is missing, which reads func.yaml; install it, or give --spec FILE")
        }
        for member in [name, "./" + name] {
            let result = try Subprocess.output(
                [program] + options + [member], environment: ["LC_ALL": "C"], directory: "/",
                limit: YAMLDocument.maxBytes)
            guard !result.bytes.isEmpty else { continue }
            guard result.bytes.count <= YAMLDocument.maxBytes else {
                throw Failure(
                    .tooLarge, "\(archive)/\(name): is over the limit of \(YAMLDocument.maxBytes) bytes for this file")
            }
            guard let text = String(validating: result.bytes, as: UTF8.self) else {
                throw Failure(.invalid, "\(archive)/\(name): is not UTF-8 text")
            }
            return text
        }
        return nil
    }
}
