import ArgumentParser
import Glibc
import Model

/// `fnrpc init`.
struct Init: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Makes a folder with a function that works.",
        discussion: "Example: fnrpc init hello --runtime python")

    @Argument(help: "The function's name; also the folder's.")
    var name: String

    @Option(help: "What runs it: \(FunctionSpec.Runtime.allCases.map(\.rawValue).joined(separator: ", ")).")
    var runtime: String

    @Option(help: "How it is called: default, http-stream or ttrpc. Default: ttrpc for python, default for the others.")
    var format: String?

    func validate() throws {
        _ = try usage { () throws(Failure) in
            _ = try Name(name, field: "name")
            _ = try template()
        }
    }

    func run() throws {
        let template = try template()
        try template.write(to: name)
        try Terminal.print("made \(name)/ with \(template.files.map(\.name).joined(separator: ", "))")
        if let build = template.build { try Terminal.print("build it:  (cd \(name) && \(build))") }
        try Terminal.print("next:      fnrpc deploy \(name) --app demo")
    }

    private func template() throws(Failure) -> Template {
        guard let runtime = FunctionSpec.Runtime(rawValue: runtime) else {
            let known = FunctionSpec.Runtime.allCases.map(\.rawValue).joined(separator: ", ")
            throw Failure(.invalid, "--runtime: \(quoted(self.runtime)) is not known; use one of: \(known)")
        }
        var chosen: FunctionSpec.Format?
        if let format {
            guard let known = FunctionSpec.Format(rawValue: format) else {
                let all = FunctionSpec.Format.allCases.map(\.rawValue).joined(separator: ", ")
                throw Failure(.invalid, "--format: \(quoted(format)) is not known; use one of: \(all)")
            }
            chosen = known
        }
        return try Template.make(name: name, runtime: runtime, format: chosen)
    }
}
