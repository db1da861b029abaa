internal import Model

/// The command line and environment of a function's container.
package struct LaunchPlan: Sendable {
    package let arguments: [String]
    /// `KEY=value`.
    package let environment: [String]

    /// Where a function's socket is, inside.
    package static let socketPath = "/tmp/iofs/lsnr.sock"
    /// Where its package is, inside; also its working directory.
    package static let packagePath = "/function"
    /// Debian's interpreter, never the first one on PATH.
    package static let python = "/usr/bin/python3"

    /// The plan of a version. The function's config wins over its app's; the daemon's own keys win over both, so that a
    /// function cannot be pointed elsewhere.
    package init(_ runnable: Runnable) {
        let spec = runnable.version.spec
        let template = runnable.template
        arguments = Self.arguments(spec, template)
        var variables: [String: String] = [
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8",
        ]
        if template == nil && spec.runtime == .python {
            variables["PYTHONPATH"] = "/function/.python:/function"
            variables["PYTHONUNBUFFERED"] = "1"
            variables["PYTHONDONTWRITEBYTECODE"] = "1"
        }
        variables.merge(runnable.appConfig) { _, config in config }
        variables.merge(spec.config) { _, config in config }
        variables["FN_FORMAT"] = spec.format.rawValue
        variables["FN_MEMORY"] = String(spec.memoryMiB)
        variables["FN_TMPSIZE"] = String(spec.tmpMiB)
        variables["FN_TYPE"] = "sync"
        variables["FN_APP_ID"] = runnable.function.appID.description
        variables["FN_FN_ID"] = runnable.function.meta.id.description
        variables["FN_APP_NAME"] = runnable.function.appName.text
        variables["FN_FN_NAME"] = runnable.function.name.text
        variables["FNRPC_VERSION"] = String(runnable.version.number)
        switch spec.format {
        case .httpStream: variables["FN_LISTENER"] = "unix:" + Self.socketPath
        case .ttrpc: variables["FNRPC_LISTENER"] = "unix:" + Self.socketPath
        case .default, .http, .json, .cloudevent: break
        }
        environment = variables.map { "\($0.key)=\($0.value)" }.sorted()
    }

    private static func arguments(_ spec: FunctionSpec, _ template: RuntimeTemplate?) -> [String] {
        guard spec.entrypoint.isEmpty else { return spec.entrypoint }
        if let template { return template.command(entry: spec.entry, package: packagePath) }
        switch spec.runtime {
        case .python: return [python, "/.fnrpc/python/bootstrap.py", spec.entry]
        case .shell: return ["/bin/sh", packagePath + "/" + spec.entry]
        case .binary: return [packagePath + "/" + spec.entry]
        default: return []
        }
    }
}
