import Glibc

/// A folder of its own for one test, removed with it.
final class Folder {
    let path: String

    init() throws {
        var template = Array("/tmp/fnrpc-archive-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Problem("mkdtemp") }
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(path) }

    func make(_ name: String) throws {
        guard mkdir(path + "/" + name, 0o755) == 0 else { throw Problem("mkdir \(name)") }
    }

    func write(_ name: String, _ text: String = "", mode: mode_t = 0o644) throws {
        let file = path + "/" + name
        let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, mode)
        guard descriptor >= 0 else { throw Problem("open \(name)") }
        defer { close(descriptor) }
        guard Glibc.write(descriptor, text, text.utf8.count) == text.utf8.count, chmod(file, mode) == 0 else {
            throw Problem("write \(name)")
        }
    }

    func link(_ name: String, to target: String) throws {
        guard symlink(target, path + "/" + name) == 0 else { throw Problem("symlink \(name)") }
    }

    private static func remove(_ path: String) {
        if let stream = opendir(path) {
            while let item = readdir(stream) {
                // By bytes: some tests make names that are not UTF-8.
                let name = withUnsafeBytes(of: &item.pointee.d_name) { Array($0.prefix { $0 != 0 }) }
                if name == Array(".".utf8) || name == Array("..".utf8) { continue }
                removeChild(Array(path.utf8) + Array("/".utf8) + name)
            }
            closedir(stream)
        }
        rmdir(path)
    }

    private static func removeChild(_ child: [UInt8]) {
        let cString = child.map { CChar(bitPattern: $0) } + [0]
        if unlink(cString) != 0, let text = String(validating: child, as: UTF8.self) { remove(text) }
    }
}

/// A step of a test's own setting up that failed.
struct Problem: Error {
    let step: String

    init(_ step: String) {
        self.step = step
    }
}

/// The message of the error that a body throws; empty if it throws none.
func message(_ body: () throws -> Void) -> String {
    do {
        try body()
        return ""
    } catch {
        return "\(error)"
    }
}
