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

    /// The name in the lines by which functions of format `http-stream` say in their log where a call begins.
    package static let logFrameName = "FNRPC_CALL"

    /// The plan of a version. The function's config wins over its app's. Keys are passed as they are written, but those
    /// of the daemon's own names are left out, so that a function cannot be pointed elsewhere.
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
        for config in [runnable.appConfig, spec.config] {
            variables.merge(config.filter { !FunctionSpec.isOwnKey($0.key) }) { _, config in config }
        }
        variables.merge(Self.own(runnable)) { _, own in own }
        environment = variables.map { "\($0.key)=\($0.value)" }.sorted()
    }

    private static func own(_ runnable: Runnable) -> [String: String] {
        let spec = runnable.version.spec
        var variables = [
            "FN_FORMAT": spec.format.rawValue, "FN_MEMORY": String(spec.memoryMiB), "FN_TMPSIZE": String(spec.tmpMiB),
            "FN_TYPE": "sync", "FN_APP_ID": runnable.function.appID.description,
            "FN_FN_ID": runnable.function.meta.id.description, "FN_APP_NAME": runnable.function.appName.text,
            "FN_FN_NAME": runnable.function.name.text, "FNRPC_VERSION": String(runnable.version.number),
        ]
        if spec.cpuMilli > 0 { variables["FN_CPUS"] = "\(spec.cpuMilli)m" }
        // With format `default` it is the call's; other containers answer many paths.
        if spec.format != .default { variables["FN_PATH"] = FunctionSpec.invokePath }
        switch spec.format {
        case .httpStream:
            variables["FN_LISTENER"] = "unix:" + socketPath
            variables["FN_LOGFRAME_NAME"] = logFrameName
            variables["FN_LOGFRAME_HDR"] = "Fn-Call-Id"
        case .ttrpc: variables["FNRPC_LISTENER"] = "unix:" + socketPath
        case .default, .http, .json, .cloudevent: break
        }
        return variables
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
