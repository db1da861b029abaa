import Model
import Testing

@Suite struct SyslogAddressTests {
    @Test func urlsAreRead() throws {
        let good: [(String, SyslogAddress.Transport, String, UInt16)] = [
            ("udp://logs", .udp, "logs", 514), ("udp://10.0.0.1:1514", .udp, "10.0.0.1", 1514),
            ("tcp://logs.example", .tcp, "logs.example", 601), ("tcp+tls://logs", .tls, "logs", 6514),
            ("tcp://[::1]:7", .tcp, "::1", 7), ("udp://[fe80::1]", .udp, "fe80::1", 514),
            ("unix:///run/log", .unix, "/run/log", 0), ("unixgram:///dev/log", .unixgram, "/dev/log", 0),
            ("tcp://h:65535", .tcp, "h", 65_535), ("tcp://h:1", .tcp, "h", 1),
        ]
        for (url, transport, host, port) in good {
            let address = try SyslogAddress(url)
            #expect(address.transport == transport && address.host == host && address.port == port, "\(url)")
        }
    }

    @Test(arguments: [
        "", "udp", "udp:logs", "http://logs", "UDP://logs", "udp://", "tcp://:514", "tcp://h:", "tcp://h:0",
        "tcp://h:65536", "tcp://h:x", "tcp://u@h", "tcp://h/path", "tcp://[::1", "tcp://[::1]x", "unix://run/log",
        "unix://", "unixgram:///" + String(repeating: "x", count: 107),
    ])
    func mistakesAreNamed(_ url: String) {
        let refusal = #expect(throws: Failure.self) { try SyslogAddress(url) }
        #expect(refusal?.code == .invalid && refusal?.message.hasPrefix("syslog_url: ") == true)
    }
}
