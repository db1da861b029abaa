import Access
import Model
import Testing

@testable import Server

@Suite struct AccessSettingsTests {
    private func load(_ flags: [String: [String]]) throws -> Configuration {
        try Configuration.load(file: nil, environment: [:], flags: flags)
    }

    private func refusal(_ flags: [String: [String]]) -> String {
        #expect(throws: Failure.self) { try load(flags) }?.message ?? ""
    }

    @Test(
        arguments: [
            ("unix:/a", ListenAddress.unix("/a")),
            ("unix:/a?app=shop", try? ListenAddress(.unix("/a"), app: name("shop"))),
            ("tcp:127.0.0.1:0", .tcp(host: "127.0.0.1", port: 0)), ("tcp:[::1]:7433", .tcp(host: "::1", port: 7433)),
            ("tls:example.org:7434", .tls(host: "example.org", port: 7434)),
            ("tls:[::]:1?app=a-b", try? ListenAddress(.tls(host: "::", port: 1), app: name("a-b"))),
        ] as [(String, ListenAddress?)])
    func addressesReadBackTheSame(text: String, address: ListenAddress?) throws {
        #expect(try ListenAddress(text) == address)
        #expect(try ListenAddress(text).description == text)
    }

    private static func name(_ text: String) throws -> Name { try Name(text, field: "app") }

    @Test(arguments: [
        "", "unix", "unix:a", "unix:/" + String(repeating: "a", count: 107), "tcp:", "tcp:7433", "tcp::7433",
        "tcp:[]:1",
        "tcp:host:65536", "tcp:host:x", "tcp:host", "tcp:::1:7433", "tls:ho st:1", "quic:host:1", "unix:/a?",
        "unix:/a?b=c",
        "unix:/a?app=", "unix:/a?app=a/b", "tcp:127.0.0.1:1?app=x?app=y", "unix:/a\0b",
    ])
    func badAddressesAreRefused(text: String) {
        let failure = #expect(throws: Failure.self) { try ListenAddress(text) }
        #expect(
            failure?.code == .invalid && failure?.message.hasPrefix("listen: ") == true, "\(failure?.message ?? "")")
    }

    @Test(arguments: [
        ("tcp:127.0.0.1:1", true), ("tcp:127.8.9.1:1", true), ("tcp:[::1]:1", true), ("tcp:localhost:1", true),
        ("unix:/a", true), ("tcp:0.0.0.0:1", false), ("tcp:[::]:1", false), ("tcp:10.0.0.1:1", false),
        ("tcp:127.0.0.1.example.org:1", false), ("tcp:[::ffff:127.0.0.1]:1", false), ("tls:example.org:1", false),
        ("tcp:0127.0.0.1:1", false), ("tcp:2130706433:1", false),
    ])
    func loopbackIsKnownByItsText(text: String, isLoopback: Bool) throws {
        #expect(try ListenAddress(text).isLoopback == isLoopback)
    }

    @Test func plainTCPBeyondLoopbackHasToBeForced() throws {
        #expect(refusal(["listen": ["tcp:0.0.0.0:7433"]]).hasPrefix("listen: \"tcp:0.0.0.0:7433\" is beyond loopback"))
        #expect(refusal(["listen": ["unix:/a", "tcp:host:7433"]]).contains("force-plaintext-tcp"))
        _ = try load(["listen": ["tcp:127.0.0.1:7433"]])
        let forced = try load(["listen": ["tcp:0.0.0.0:7433"], "force-plaintext-tcp": ["true"]])
        #expect(forced.forcePlaintextTCP && !forced.insecureTCP)
    }

    @Test func tlsNeedsCertificateAndKey() throws {
        #expect(refusal(["listen": ["tls:h:1"]]) == "listen: \"tls:h:1\" needs the setting tls-certificate")
        #expect(
            refusal(["listen": ["tls:h:1"], "tls-certificate": ["/c"]])
                == "listen: \"tls:h:1\" needs the setting tls-key")
        #expect(refusal(["tls-key": ["/k"]]).contains("one is set without the other"))
        #expect(refusal(["tls-key": ["k"]]).contains("is not an absolute path"))
        let pair = ["listen": ["tls:h:1"], "tls-certificate": ["/c"], "tls-key": ["/k"]]
        #expect(try load(pair).clientCertificate == .none)
        let asked = try load(pair.merging(["tls-client-ca": ["/ca"]]) { $1 })
        #expect(asked.clientCertificate == .request && asked.tlsClientCertificate == nil)
        for choice in ["none", "request", "require"] {
            let flags = ["tls-client-ca": ["/ca"], "tls-client-certificate": [choice]]
            #expect(try load(pair.merging(flags) { $1 }).clientCertificate.rawValue == choice)
        }
        #expect(refusal(["tls-client-certificate": ["require"]]).contains("needs the setting tls-client-ca"))
        #expect(refusal(["tls-client-certificate": ["maybe"]]).contains("none, request or require"))
    }

    @Test func defaultsAreSafe() throws {
        let configuration = try load([:])
        #expect(configuration.unixMode == 0o600 && configuration.unixGroup.isEmpty && configuration.peerScopes.isEmpty)
        #expect(
            !configuration.insecureTCP && !configuration.forcePlaintextTCP && configuration.clientCertificate == .none)
        #expect(configuration.maxConnections == 16_384 && configuration.maxStreams == 1024)
        #expect(configuration.maxOutputMiB == 8 && configuration.bufferBudgetMiB == 256)
        #expect(configuration.frameTimeout == 30 && configuration.handshakeTimeout == 10)
        #expect(configuration.writeTimeout == 30)
    }

    @Test func everythingIsPrintedAndReadBack() throws {
        let flags = [
            "listen": ["unix:/a?app=shop", "tls:[::]:7434"], "unix-mode": ["660"], "unix-group": ["www-data"],
            "peer-scopes": ["uid:1000=admin", "cert:a=b=invoke:shop+read"], "insecure-tcp": ["true"],
            "force-plaintext-tcp": ["true"], "tls-certificate": ["/c"], "tls-key": ["/k"], "tls-client-ca": ["/ca"],
            "tls-client-certificate": ["require"], "max-streams": ["7"], "max-output-mib": ["9"],
            "buffer-budget-mib": ["99"], "frame-timeout": ["1.5"], "handshake-timeout": ["2s"], "write-timeout": ["3"],
        ]
        let configuration = try load(flags)
        #expect(configuration.unixMode == 0o660 && configuration.peerScopes.count == 2)
        #expect(configuration.yaml.contains("unix-mode: \"0660\""))
        var read: [String: [String]] = [:]
        for setting in Setting.all { read[setting.key] = setting.read(configuration) }
        #expect(try load(read.filter { !$0.value.isEmpty }) == configuration)
    }

    @Test(arguments: [
        ("unix-mode", "0800", "out of range; 0000 to 0777"), ("unix-mode", "01777", "out of range"),
        ("unix-mode", "-1", "out of range"), ("insecure-tcp", "yes", "neither true nor false"),
        ("peer-scopes", "uid:x=admin", "needs a number"), ("max-output-mib", "4", "out of range; 5 to 1024"),
        ("buffer-budget-mib", "15", "out of range"), ("max-streams", "0", "out of range"),
        ("max-connections", "1000001", "out of range"), ("frame-timeout", "0", "out of range; 0.1 to 3600 seconds"),
    ])
    func badValuesNameTheRange(key: String, value: String, message: String) {
        #expect(refusal([key: [value]]).contains(message))
    }

    @Test func theEnvironmentAndFlagsReachThem() throws {
        let environment = [
            "FNRPCD_PEER_SCOPES": "uid:1=read,group:root=invoke:a+invoke:b", "FNRPCD_INSECURE_TCP": "true",
            "FNRPCD_UNIX_MODE": "0666",
        ]
        let configuration = try Configuration.load(file: nil, environment: environment, flags: [:])
        #expect(configuration.peerScopes.map(\.description) == ["uid:1=read", "group:root=invoke:a+invoke:b"])
        #expect(configuration.insecureTCP && configuration.unixMode == 0o666)
        let command = try DaemonCommand.parse([
            "--insecure-tcp", "--peer-scopes", "uid:1=read", "--peer-scopes", "uid:2=admin", "--listen",
            "unix:/a?app=shop",
        ])
        let flags = try command.configuration(environment: [:])
        #expect(flags.insecureTCP && flags.peerScopes.count == 2 && flags.listen[0].app?.text == "shop")
    }
}
