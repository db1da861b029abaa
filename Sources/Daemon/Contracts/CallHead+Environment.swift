internal import Drivers
internal import Model
internal import Wire

extension CallHead {
    /// The assignment of a container of format `default`, with the call that it is started for in its environment.
    ///
    /// - Parameter plan: command line and environment without what belongs to the call.
    func assignment(_ plan: Assignment) -> Assignment {
        var environment = plan.environment
        environment.append("FN_CALL_ID=\(id)")
        environment.append("FN_DEADLINE=\(deadlineText)")
        environment.append("FN_METHOD=\(method)")
        environment.append("FN_REQUEST_URL=\(url)")
        environment.append("FN_PATH=\(path?.source ?? FunctionSpec.invokePath)")
        environment += path?.environment(url: url) ?? []
        var values: [String: String] = contentType.isEmpty ? [:] : ["CONTENT_TYPE": contentType]
        for header in headers {
            let key = Self.key(header.name)
            values[key] = values[key].map { $0 + ", " + header.value } ?? header.value
        }
        for entry in metadata {
            let key = Self.key(entry.name)
            if key == "TRACEPARENT" || key == "TRACESTATE" { values[key] = entry.value }
        }
        for (key, value) in values.sorted(by: { $0.key < $1.key }) { environment.append("FN_HEADER_\(key)=\(value)") }
        return Assignment(
            arguments: plan.arguments, environment: environment, workingDirectory: plan.workingDirectory)
    }

    /// A header's name in the letters that every shell can read.
    private static func key(_ name: String) -> String {
        String(
            decoding: name.utf8.map { byte -> UInt8 in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"): byte - 32
                case UInt8(ascii: "A")...UInt8(ascii: "Z"), UInt8(ascii: "0")...UInt8(ascii: "9"): byte
                default: UInt8(ascii: "_")
                }
            }, as: UTF8.self)
    }
}
