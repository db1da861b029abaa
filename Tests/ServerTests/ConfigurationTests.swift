import Glibc
import Model
import Testing

@testable import Server

@Suite struct ConfigurationTests {
    private func load(
        yaml: String? = nil, environment: [String: String] = [:], flags: [String: [String]] = [:]
    ) throws -> Configuration {
        guard let yaml else { return try Configuration.load(file: nil, environment: environment, flags: flags) }
        var template = Array("/tmp/fnrpc-config-XXXXXX".utf8CString)
        let descriptor = mkstemp(&template)
        let path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        defer {
            close(descriptor)
            unlink(path)
        }
        let bytes = Array(yaml.utf8)
        #expect(write(descriptor, bytes, bytes.count) == bytes.count)
        return try Configuration.load(file: path, environment: environment, flags: flags)
    }

    @Test func laterSourcesWin() throws {
        let yaml = "drain-timeout: 1\nloops: 1\nlisten: [unix:/a]\n"
        let configuration = try load(
            yaml: yaml, environment: ["FNRPCD_DRAIN_TIMEOUT": "2", "FNRPCD_LOOPS": "2", "OTHER": "x"],
            flags: ["drain-timeout": ["3s"]])
        #expect(configuration.drainTimeout == 3)
        #expect(configuration.loops == 2)
        #expect(configuration.listen == [.unix("/a")])
        #expect(try load().listen == [.unix("/run/fnrpc/fnrpc.sock")])
    }

    @Test func printedConfigurationReadsBackTheSame() throws {
        var configuration = Configuration()
        configuration.listen = [.unix("/a b"), .tcp(host: "::1", port: 7)]
        configuration.hiddenPaths = ["/usr/local"]
        configuration.initTimeout = 2.5
        #expect(try load(yaml: configuration.yaml) == configuration)
    }

    @Test(arguments: [
        ("nonsense: 1\n", ":1: \"nonsense\" is not a setting"), ("loops: 1\nloops: 2\n", "duplicated key(s): 'loops'"),
        ("drain-timeout: -1\n", "drain-timeout: \"-1\" is out of range; 0 to 3600 seconds"),
        ("loops: 257\n", "out of range; 0 to 256"), ("listen: [tcp:x]\n", "is no address"),
        ("data-dir: var\n", "is not an absolute path"), ("- a\n", "must hold settings"), ("a: [", "does not parse"),
    ])
    func badFilesNameLineAndRange(yaml: String, message: String) {
        let failure = #expect(throws: Failure.self) { try load(yaml: yaml) }
        #expect(failure?.message.contains(message) == true, "\(failure?.message ?? "")")
    }

    @Test func unknownVariablesAreRefused() {
        let failure = #expect(throws: Failure.self) { try load(environment: ["FNRPCD_LOPS": "1"]) }
        #expect(failure?.message.contains("FNRPCD_LOPS is not a setting") == true)
    }

    /// For settings whose default is nothing; what depends on others comes alone in its own test.
    private static let examples = [
        "peer-scopes": "uid:1=read", "metrics-listen": "tcp:127.0.0.1:9464", "extension": "a=unix:/s",
    ]

    @Test func extensionsAreReadFromEverySource() throws {
        let entries = ["a=unix:/a,timeout=1s,fail=open", "b=unix:/b"]
        let whole = ["a=unix:/a,timeout=1000ms,fail=open", "b=unix:/b,timeout=500ms,fail=closed"]
        let variable = try load(environment: ["FNRPCD_EXTENSION": entries.joined(separator: ",")])
        #expect(variable.extensions.map(\.description) == whole)
        let file = try load(yaml: "extension: [\(entries.joined(separator: ", "))]\n")
        #expect(file.extensions.map(\.description) == whole)
        let command = try DaemonCommand.parse(["--extension", entries[0], "--extension", entries[1]])
        #expect(try command.configuration(environment: [:]).extensions.map(\.description) == whole)
        #expect(try load(yaml: variable.yaml).extensions == variable.extensions)
        #expect(throws: Failure.self) { try load(yaml: "extension: [\"a=tcp:127.0.0.1:1\"]\n") }
    }

    @Test func testVersionsAreAllowedInDebugBuilds() throws {
        #if DEBUG
            #expect(Configuration().allowTestVersions)
        #else
            #expect(!Configuration().allowTestVersions)
        #endif
        for value in [true, false] {
            let configuration = try load(flags: ["allow-test-versions": ["\(value)"]])
            #expect(configuration.allowTestVersions == value)
        }
    }

    @Test func everySettingHasAFlag() throws {
        for setting in Setting.all {
            let value = setting.read(Configuration()).first ?? ""
            let flag = "--\(setting.key)"
            let words =
                setting.isFlag ? [flag] : value.isEmpty ? [flag, Self.examples[setting.key] ?? "/x"] : [flag, value]
            let command = try DaemonCommand.parse(words)
            guard !["tls-certificate", "tls-key", "tls-client-certificate"].contains(setting.key) else { continue }
            _ = try command.configuration(environment: [:])
        }
    }
}
