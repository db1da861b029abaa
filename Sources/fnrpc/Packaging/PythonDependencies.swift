import Archive
import Foundation
import Glibc
import Model

/// The Python packages of a function's requirements.txt, installed as the calling user, the same bytes every time.
struct PythonDependencies {
    /// Where they are in the package.
    static let folder = ".python"
    /// Where the function sees the package.
    static let mountPoint = "/function/" + folder
    /// Debian's own, which also runs the function; not the first on PATH.
    static let interpreter = "/usr/bin/python3"
    /// The file that names them.
    static let fileName = "requirements.txt"
    /// The longest requirements.txt.
    static let maxBytes = 1 << 20

    /// The function's folder.
    let source: String
    /// The content of requirements.txt.
    let requirements: [UInt8]
    /// The caller's environment: pip reads its own variables from it.
    let environment: [String: String]

    /// Installed packages on disk.
    struct Installed {
        let path: String
        /// The folder to remove after use; `nil`: `path` belongs to the cache.
        let temporary: String?

        /// Removes what nobody needs any more.
        func discard() {
            guard let temporary else { return }
            PythonDependencies.remove(temporary)
            Interruption.shared.release(folder: temporary)
        }
    }

    /// `nil` if the folder has no requirements.txt, or one that asks for nothing.
    init?(source: String, environment: [String: String]) throws(Failure) {
        let path = source + "/" + Self.fileName
        guard let data = FileManager.default.contents(atPath: path) else {
            if access(path, F_OK) == 0 { throw Failure(.invalid, "\(path): cannot be read; make it a readable file") }
            return nil
        }
        guard data.count <= Self.maxBytes else {
            throw Failure(.tooLarge, "\(path): \(data.count) bytes are over the limit of \(Self.maxBytes)")
        }
        let lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
        guard lines.contains(where: { !Self.isBlank($0) }) else { return nil }
        self.source = source
        self.requirements = Array(data)
        self.environment = environment
    }

    /// Installs, or finds in the cache.
    ///
    /// - Parameters:
    ///   - useCache: whether an earlier install of the same requirements will do.
    ///   - report: told every line of pip.
    func install(useCache: Bool = true, report: (String) -> Void) throws(Failure) -> Installed {
        let version = try interpreterVersion()
        let cache = isCacheable ? cacheFolder() : nil
        let kept = try cache.map { (folder) throws(Failure) in folder + "/" + (try cacheKey(version)) }
        if useCache, let kept, access(kept, F_OK) == 0 { return Installed(path: kept, temporary: nil) }
        let work = try makeWorkFolder(in: cache ?? temporaryFolder)
        Interruption.shared.guardFolder(work)
        let temporary = Installed(path: work + "/packages", temporary: work)
        do throws(Failure) {
            try runPip(into: temporary.path, report: report)
            try Self.normalise(temporary.path)
            try compile(temporary.path, in: work)
            guard let kept else { return temporary }
            if !useCache { Self.remove(kept) }
            // Another deploy may have been quicker; both have the same bytes.
            guard rename(temporary.path, kept) == 0 || access(kept, F_OK) == 0 else {
                throw Failure(.internalError, "\(kept): \(String(cString: strerror(errno))); make the folder writable")
            }
            temporary.discard()
            return Installed(path: kept, temporary: nil)
        } catch {
            temporary.discard()
            throw error
        }
    }

    // MARK: pip

    private func interpreterVersion() throws(Failure) -> String {
        var lines: [String] = []
        let advice = "install it with: apt-get install python3 python3-pip"
        do throws(Failure) {
            let ending = try Subprocess.run(
                [Self.interpreter, "-I", "-VV"], environment: environment, directory: "/", onLine: { lines.append($0) })
            guard ending == .exit(0) else { throw Failure(.invalid, "it does not run") }
        } catch {
            throw Failure(.invalid, "\(Self.fileName) needs \(Self.interpreter): \(error.message); \(advice)")
        }
        let pip = try Subprocess.run(
            [Self.interpreter, "-I", "-c", "import pip"], environment: environment, directory: "/")
        guard pip == .exit(0) else {
            throw Failure(
                .invalid,
                "\(Self.fileName) needs pip for \(Self.interpreter); install it with: apt-get install python3-pip")
        }
        return lines.joined(separator: " ")
    }

    private func runPip(into packages: String, report: (String) -> Void) throws(Failure) {
        var environment = environment
        // The same wheels from the same sources; zip files know no time before 1980.
        environment["SOURCE_DATE_EPOCH"] = "315532800"
        environment["PIP_DISABLE_PIP_VERSION_CHECK"] = "1"
        environment["PIP_NO_INPUT"] = "1"
        environment["PIP_ROOT_USER_ACTION"] = "ignore"
        environment["PIP_PROGRESS_BAR"] = "off"
        var last = ""
        var reason = ""
        // -I: neither the function's folder nor PYTHONPATH can stand in for pip's own modules.
        let ending = try Subprocess.run(
            [
                Self.interpreter, "-I", "-m", "pip", "install", "--target", packages, "--no-compile", "--requirement",
                Self.fileName,
            ], environment: environment, directory: source
        ) { line in
            last = line
            if line.hasPrefix("ERROR:"), reason.isEmpty { reason = line }
            report(line)
        }
        guard ending == .exit(0) else {
            throw Failure(
                .invalid,
                "\(source)/\(Self.fileName): pip did not install it: \(reason.isEmpty ? last : reason); correct the file, "
                    + "or check the index that pip uses")
        }
        // pip makes no folder for requirements that other platforms need.
        if access(packages, F_OK) != 0, mkdir(packages, 0o755) != 0 {
            throw Failure(.internalError, "\(packages): \(String(cString: strerror(errno)))")
        }
    }

    /// Byte code whose validity does not hang on times, with the paths of the sandbox, and the same in every run.
    private func compile(_ packages: String, in work: String) throws(Failure) {
        var environment = environment.filter { !$0.key.hasPrefix("PYTHON") }
        environment["PYTHONHASHSEED"] = "0"
        environment["SOURCE_DATE_EPOCH"] = "0"
        // Exit 1: some file does not compile (packages carry templates and files for other versions). It runs from
        // source, or not at all, as it would anywhere. The working folder is first on Python's path: it is ours.
        let ending = try Subprocess.run(
            [
                Self.interpreter, "-s", "-m", "compileall", "-qq", "--invalidation-mode", "unchecked-hash", "-s",
                packages,
                "-p", Self.mountPoint, packages,
            ], environment: environment, directory: work)
        guard ending == .exit(0) || ending == .exit(1) else {
            throw Failure(.internalError, "the dependencies' byte code could not be made (\(ending)); try again")
        }
    }

    // MARK: same bytes

    /// Removes what names this machine: where a local package came from; and sorts the lists of installed files.
    static func normalise(_ packages: String) throws(Failure) {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: packages)) ?? []
        for name in names where name.hasSuffix(".dist-info") {
            let folder = packages + "/" + name
            let origin = folder + "/direct_url.json"
            if unlink(origin) != 0 && errno != ENOENT {
                throw Failure(.internalError, "\(origin): \(String(cString: strerror(errno)))")
            }
            let record = folder + "/RECORD"
            guard let data = FileManager.default.contents(atPath: record) else { continue }
            let lines = String(decoding: data, as: UTF8.self).split(whereSeparator: \.isNewline)
                .filter { !$0.contains("/direct_url.json,") }.map(String.init)
                .sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
            let text = lines.map { $0 + "\n" }.joined()
            guard FileManager.default.createFile(atPath: record, contents: Data(text.utf8)) else {
                throw Failure(.internalError, "\(record): cannot be written")
            }
        }
    }

    // MARK: cache

    /// Requirements that point at other files can change while this one stays the same.
    private var isCacheable: Bool {
        String(decoding: requirements, as: UTF8.self).split(whereSeparator: \.isNewline).allSatisfy { line in
            if Self.isBlank(line) { return true }
            let line = line.trimmingPrefix { $0 == " " || $0 == "\t" }
            if line.hasPrefix("--hash") || line.hasPrefix("--index-url") || line.hasPrefix("--extra-index-url") {
                return true
            }
            return !line.hasPrefix("-") && !line.hasPrefix(".") && !line.contains("/") && !line.contains("@")
        }
    }

    private func cacheKey(_ version: String) throws(Failure) -> String {
        let digest = try SHA256.digest(of: Array("1\n\(version)\n".utf8) + requirements)
        return digest.hex
    }

    /// XDG's rule; `nil` if the user has no place for it.
    private func cacheFolder() -> String? {
        let base: String
        if let value = environment["XDG_CACHE_HOME"], value.hasPrefix("/") {
            base = value
        } else if let home = environment["HOME"], home.hasPrefix("/") {
            base = home + "/.cache"
        } else {
            return nil
        }
        let folder = base + "/fnrpc/python"
        let made: Void? = try? FileManager.default.createDirectory(
            atPath: folder, withIntermediateDirectories: true, attributes: [.posixPermissions: 0o700])
        return made != nil && access(folder, W_OK) == 0 ? folder : nil
    }

    private var temporaryFolder: String {
        environment["TMPDIR"].flatMap { $0.hasPrefix("/") ? $0 : nil } ?? "/tmp"
    }

    private func makeWorkFolder(in parent: String) throws(Failure) -> String {
        var template = Array("\(parent)/fnrpc-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else {
            throw Failure(.internalError, "\(parent): \(String(cString: strerror(errno))); make the folder writable")
        }
        return String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func isBlank(_ line: Substring) -> Bool {
        let content = line.trimmingPrefix { $0 == " " || $0 == "\t" }
        return content.isEmpty || content.hasPrefix("#")
    }

    private static func remove(_ path: String) {
        try? FileManager.default.removeItem(atPath: path)
    }
}
