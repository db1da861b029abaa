import ArgumentParser
import Model

/// What an app is told, and where its logs go.
struct AppOptions: ParsableArguments {
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp(
            "A variable of all its functions; may be given several times. An update deletes one whose value is empty.",
            valueName: "key=value"))
    private var configPairs: [String] = []

    @Option(
        name: .customLong("annotation"),
        help: ArgumentHelp(
            "A note; may be given several times. An update deletes one whose value is empty.", valueName: "key=value"))
    private var annotationPairs: [String] = []

    @Option(
        help: ArgumentHelp(
            "Where the logs of its functions go; tcp, udp, unix, unixgram or tcp+tls. Empty: nowhere.",
            valueName: "url"))
    var syslogUrl: String?

    /// By key.
    var config: [String: String] {
        get throws(Failure) { try KeyValues.read(configPairs, option: "--config") }
    }

    /// By key.
    var annotations: [String: String] {
        get throws(Failure) { try KeyValues.read(annotationPairs, option: "--annotation") }
    }

    func validate() throws {
        _ = try usage { () throws(Failure) in (try config, try annotations) }
    }
}
