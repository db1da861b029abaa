internal import Extensions
internal import Logging
internal import Loop
internal import Model

extension Server {
    /// Begins to connect to the plug-ins; which of them can be reached, the log says.
    static func startPlugIns(_ configuration: Configuration, _ loops: [EventLoop], _ log: Logger) -> [PlugIn] {
        configuration.extensions.enumerated().map { index, setting in
            PlugIn(setting, loop: loops[index % loops.count], daemonVersion: DaemonVersion.text) {
                log.warning("\($0)")
            }
        }
    }
}
