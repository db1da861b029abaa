import Foundation
import Testing

/// Authorities and a certificate for localhost, made by the openssl command.
struct Certificates {
    let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "syslog-tls-\(getpid())-\(UInt32.random(in: 0...UInt32.max))"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: false)
        for name in ["ca", "foreign-ca"] {
            try openssl(["-subj", "/CN=\(name)", "-keyout", key(name), "-out", pem(name)])
        }
        try openssl([
            "-CA", pem("ca"), "-CAkey", key("ca"), "-subj", "/CN=server", "-addext",
            "subjectAltName=DNS:localhost,IP:127.0.0.1", "-addext", "basicConstraints=critical,CA:FALSE", "-keyout",
            key("server"), "-out", pem("server"),
        ])
    }

    func remove() { try? FileManager.default.removeItem(atPath: folder) }
    func pem(_ name: String) -> String { "\(folder)/\(name).pem" }
    func key(_ name: String) -> String { "\(folder)/\(name).key" }

    private func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
        process.arguments =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"]
            + arguments
        process.standardError = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        try #require(process.terminationStatus == 0)
    }

    /// `openssl s_server`, which prints what it is sent.
    final class Server {
        let process = Process()
        private(set) var port = 0
        private let output = Pipe()
        private var text = ""

        init(_ certificates: Certificates) throws {
            process.executableURL = URL(fileURLWithPath: "/usr/bin/openssl")
            process.arguments = [
                "s_server", "-accept", "127.0.0.1:0", "-cert", certificates.pem("server"), "-key",
                certificates.key("server"),
            ]
            process.standardInput = Pipe()
            process.standardOutput = output
            process.standardError = FileHandle.nullDevice
            try process.run()
            try read(until: "ACCEPT 127.0.0.1:")
            try read(until: "\n")
            let line = text.components(separatedBy: "ACCEPT 127.0.0.1:").last ?? ""
            port = try #require(Int(line.prefix { $0.isNumber }))
        }

        func read(until wanted: String) throws {
            while !text.contains(wanted) {
                let data = output.fileHandleForReading.availableData
                try #require(!data.isEmpty, "the server has ended: \(text)")
                text += String(decoding: data, as: UTF8.self)
            }
        }
    }

    func serve() throws -> Server { try Server(self) }
}
