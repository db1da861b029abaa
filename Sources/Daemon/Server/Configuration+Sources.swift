internal import Foundation
package import Model
internal import Yams

extension Configuration {
    /// The configuration of a file, the environment and the command line, in this order.
    ///
    /// - Parameters:
    ///   - file: path of a YAML file, or `nil`.
    ///   - environment: all variables; those that begin with `FNRPCD_` must be known.
    ///   - flags: values by key.
    package static func load(
        file: String?, environment: [String: String], flags: [String: [String]]
    ) throws(Failure) -> Configuration {
        var configuration = Configuration()
        if let file { try configuration.apply(file: file) }
        try configuration.apply(environment: environment)
        for setting in Setting.all {
            guard let values = flags[setting.key], !values.isEmpty else { continue }
            do throws(Failure) { try setting.write(&configuration, values) } catch {
                throw Failure(.invalid, "--\(error.message)")
            }
        }
        return try configuration.validated()
    }

    private mutating func apply(environment: [String: String]) throws(Failure) {
        for (variable, value) in environment.sorted(by: { $0.key < $1.key }) where variable.hasPrefix("FNRPCD_") {
            if variable == "FNRPCD_CONFIG" { continue }
            guard let setting = Setting.all.first(where: { $0.variable == variable }) else {
                throw Failure(.invalid, "environment: \(variable) is not a setting; see fnrpcd --help")
            }
            let values = setting.isList ? value.split(separator: ",").map(String.init) : [value]
            do throws(Failure) { try setting.write(&self, values) } catch {
                throw Failure(.invalid, "environment: \(variable): \(error.message)")
            }
        }
    }

    private mutating func apply(file: String) throws(Failure) {
        guard let data = FileManager.default.contents(atPath: file) else {
            throw Failure(.invalid, "config: \(quoted(file)) cannot be read")
        }
        guard let text = String(data: data, encoding: .utf8) else {
            throw Failure(.invalid, "config: \(quoted(file)) is not UTF-8")
        }
        let root: Node?
        do { root = try Yams.compose(yaml: text) } catch {
            throw Failure(.invalid, "\(file): does not parse as YAML: \(error)")
        }
        guard let root else { return }
        guard case .mapping(let mapping) = root else {
            throw Failure(.invalid, "\(file): must hold settings as `key: value` lines")
        }
        for (key, value) in mapping {
            let line = "\(file):\(key.mark?.line ?? 0)"
            guard let name = key.string, let setting = Setting.all.first(where: { $0.key == name }) else {
                throw Failure(.invalid, "\(line): \(quoted(key.string ?? "?")) is not a setting; see fnrpcd --help")
            }
            let values: [String]
            switch value {
            case .scalar(let scalar): values = [scalar.string]
            case .sequence(let sequence):
                values = sequence.compactMap { if case .scalar(let scalar) = $0 { scalar.string } else { nil } }
                guard values.count == sequence.count else {
                    throw Failure(.invalid, "\(line): \(name) must be a list of plain values")
                }
            default: throw Failure(.invalid, "\(line): \(name) must be a plain value or a list of them")
            }
            do throws(Failure) { try setting.write(&self, values) } catch {
                throw Failure(.invalid, "\(line): \(error.message)")
            }
        }
    }

    /// The whole configuration as a file that would give it.
    package var yaml: String {
        Setting.all.map { setting in
            let values = setting.read(self).map {
                "\"" + $0.replacing("\\", with: "\\\\").replacing("\"", with: "\\\"") + "\""
            }
            return "\(setting.key): " + (setting.isList ? "[" + values.joined(separator: ", ") + "]" : values.joined())
        }.joined(separator: "\n")
    }
}
