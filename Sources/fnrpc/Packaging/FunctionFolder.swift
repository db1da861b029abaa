import Archive
import Foundation
import Glibc
import Model

/// A function's folder on disk.
struct FunctionFolder {
    /// The file names that are looked for.
    static let fileNames = ["func.yaml", "func.yml"]

    /// As the user named it, without a slash at the end.
    let path: String
    /// What its func.yaml says.
    let file: FunctionFile

    /// Reads the func.yaml and checks that what it starts is there.
    init(_ path: String) throws(Failure) {
        var path = path
        while path.count > 1, path.hasSuffix("/") { path.removeLast() }
        var info = stat()
        guard stat(path, &info) == 0 else {
            throw Failure(
                .invalid, "folder \(quoted(path)) does not exist; make one with fnrpc init NAME --runtime python")
        }
        guard info.st_mode & S_IFMT == S_IFDIR else {
            throw Failure(.invalid, "\(quoted(path)) is not a folder; name the folder that holds func.yaml")
        }
        let found = Self.fileNames.filter { access(path + "/" + $0, F_OK) == 0 }
        guard let name = found.first else {
            throw Failure(.invalid, "\(path) has no func.yaml; make one with fnrpc init, or see docs/func.yaml.md")
        }
        guard found.count == 1 else {
            throw Failure(.invalid, "\(path) has both func.yaml and func.yml; keep one of them")
        }
        let filePath = path + "/" + name
        file = try FunctionFile(
            Self.text(filePath), path: filePath, folder: URL(fileURLWithPath: path).standardized.lastPathComponent)
        self.path = path
        try checkEntry()
        try checkDescriptors()
    }

    /// The text of a func.yaml.
    static func text(_ path: String) throws(Failure) -> String {
        var info = stat()
        // A FIFO would block for ever.
        guard stat(path, &info) == 0, info.st_mode & S_IFMT == S_IFREG else {
            throw Failure(.invalid, "\(path): is not a file")
        }
        guard info.st_size <= YAMLDocument.maxBytes else {
            throw Failure(
                .tooLarge, "\(path): \(info.st_size) bytes are over the limit of \(YAMLDocument.maxBytes) for this file"
            )
        }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw Failure(.invalid, "\(path): cannot be read; make it a readable file")
        }
        guard let text = String(validating: data, as: UTF8.self) else {
            throw Failure(.invalid, "\(path): is not UTF-8 text")
        }
        return text
    }

    /// A wrong name shows here in a moment; in the sandbox it would be a function that never gets ready.
    private func checkEntry() throws(Failure) {
        let entry = file.spec.entry
        guard !entry.isEmpty, file.spec.image.isEmpty else { return }
        let files = FunctionSpec.files(ofEntry: entry, file.spec.runtime)
        guard files.isEmpty || files.contains(where: exists) else {
            let advice = file.spec.runtime == .binary ? "; build it first" : ""
            throw file.failure(.entry, "\(quoted(entry)) needs \(files[0]), which does not exist in \(path)\(advice)")
        }
        guard file.spec.runtime != .binary || access(path + "/" + entry, X_OK) == 0 else {
            throw file.failure(.entry, "\(quoted(entry)) is not executable; chmod +x it")
        }
    }

    /// Reflection would show what is wrong only to those who call the function.
    private func checkDescriptors() throws(Failure) {
        let name = file.spec.descriptorSet
        guard !name.isEmpty, file.spec.image.isEmpty else { return }
        let limit = FunctionSpec.Limits.descriptorSetBytes
        guard exists(name) else {
            throw file.failure(
                .descriptorSet,
                "\(quoted(name)) does not exist in \(path); make it with protoc --include_imports "
                    + "--descriptor_set_out=\(name)")
        }
        let rules = try IgnoreRules.load(folder: path)
        var parent = ""
        for part in name.split(separator: "/") {
            parent += parent.isEmpty ? String(part) : "/" + part
            guard !rules.ignores(parent, isFolder: parent != name) else {
                throw file.failure(
                    .descriptorSet, "\(quoted(name)) is not packed, because \(IgnoreRules.fileName) names it")
            }
        }
        guard let data = FileManager.default.contents(atPath: path + "/" + name) else {
            throw file.failure(.descriptorSet, "\(quoted(name)) cannot be read; make it a readable file")
        }
        guard data.count <= limit else {
            throw file.failure(
                .descriptorSet, "\(quoted(name)) has \(data.count) bytes; at most \(limit) are allowed")
        }
        let set: DescriptorSet
        do throws(Failure) { set = try DescriptorSet(Array(data), source: quoted(name)) } catch {
            throw file.failure(.descriptorSet, error.message)
        }
        for service in file.spec.services {
            guard let described = set.services[service] else {
                let known = set.services.keys.sorted().joined(separator: ", ")
                throw file.failure(
                    .descriptorSet, "\(quoted(name)) does not describe \(service); it describes \(known)")
            }
            for type in described.methods.flatMap({ [$0.input, $0.output] }) where set.messages[type] == nil {
                throw file.failure(
                    .descriptorSet, "\(quoted(name)) lacks the message \(type); make it with protoc --include_imports")
            }
        }
    }

    /// Whether there is such a file.
    func exists(_ name: String) -> Bool {
        var info = stat()
        return stat(path + "/" + name, &info) == 0 && info.st_mode & S_IFMT == S_IFREG
    }
}
