import Foundation
import Model
import Testing

@testable import fnrpc

@Suite struct TemplateTests {
    static let all: [(FunctionSpec.Runtime, FunctionSpec.Format?)] = [
        (.python, nil), (.python, .ttrpc), (.python, .httpStream), (.shell, nil), (.shell, .default), (.binary, nil),
        (.binary, .ttrpc),
    ]

    @Test(arguments: all)
    func everyTemplateIsAFunction(runtime: FunctionSpec.Runtime, format: FunctionSpec.Format?) throws {
        let scratch = try Scratch()
        let folder = scratch.path + "/hello"
        let template = try Template.make(name: "hello", runtime: runtime, format: format)
        try template.write(to: folder)
        if let build = template.build {
            #expect(try run(["sh", "-c", build + " -Wextra -Werror"], directory: folder).status == 0)
        }
        let read = try FunctionFolder(folder)
        #expect(read.file.name.text == "hello")
        #expect(read.file.warnings == [])
        #expect(read.file.spec.runtime == runtime)
        #expect(read.file.spec.format == format ?? (runtime == .python ? .ttrpc : .default))
        let readme = try String(contentsOfFile: folder + "/README.md", encoding: .utf8)
        #expect(readme.contains("fnrpc deploy hello --app demo"))
    }

    @Test func theFunctionsAnswer() throws {
        let scratch = try Scratch()
        try Template.make(name: "p", runtime: .python, format: nil).write(to: scratch.path + "/p")
        try Template.make(name: "s", runtime: .shell, format: nil).write(to: scratch.path + "/s")
        let program = try Template.make(name: "b", runtime: .binary, format: nil)
        try program.write(to: scratch.path + "/b")
        let python = ["/usr/bin/python3", "-B", "-c", "import func; print(func.handler(), func.handler(name='Ada'))"]
        #expect(
            try run(python, directory: scratch.path + "/p").output
                == "{'message': 'Hello World'} {'message': 'Hello Ada'}\n")
        #expect(try run(["./func.sh"], directory: scratch.path + "/s", input: "Ada").output == "Hello Ada\n")
        #expect(try run(["./func.sh"], directory: scratch.path + "/s").output == "Hello World\n")
        let build = try #require(program.build)
        #expect(try run(["sh", "-c", build], directory: scratch.path + "/b").status == 0)
        #expect(try run(["./func"], directory: scratch.path + "/b", input: "Ada").output == "Hello Ada\n")
    }

    @Test func nothingIsOverwritten() throws {
        let scratch = try Scratch()
        try scratch.write("hello/mine", "x")
        let template = try Template.make(name: "hello", runtime: .python, format: nil)
        let error = #expect(throws: Failure.self) { try template.write(to: scratch.path + "/hello") }
        #expect(error?.code == .exists)
        #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path + "/hello") == ["mine"])
    }

    @Test(arguments: [
        (FunctionSpec.Runtime.python, FunctionSpec.Format.default), (.shell, .ttrpc), (.shell, .httpStream),
        (.binary, .httpStream),
    ])
    func othersAreRefused(runtime: FunctionSpec.Runtime, format: FunctionSpec.Format) {
        let error = #expect(throws: Failure.self) { try Template.make(name: "x", runtime: runtime, format: format) }
        #expect(error?.code == .invalid)
    }
}
