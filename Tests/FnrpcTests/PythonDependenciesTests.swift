import Archive
import Foundation
import Model
import Testing

@testable import fnrpc

/// With a wheel made here: no index is asked.
@Suite struct PythonDependenciesTests {
    /// Makes demo-1.0-py3-none-any.whl, with a set whose order hangs on the hash seed and a script.
    private func makeWheel(in folder: String) throws {
        let program = """
            import zipfile
            files = {
                "demo/__init__.py": "NAMES = {'a', 'b', 'c', 'd', 'e'}\\ndef has(x): return x in {'k', 'l', 'm', 'n'}\\n",
                "demo/broken.py": "this is not python\\n",
                "demo-1.0.dist-info/METADATA": "Metadata-Version: 2.1\\nName: demo\\nVersion: 1.0\\n",
                "demo-1.0.dist-info/WHEEL":
                    "Wheel-Version: 1.0\\nGenerator: hand\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
                "demo-1.0.dist-info/entry_points.txt": "[console_scripts]\\ndemo = demo:has\\n",
            }
            record = "".join(name + ",,\\n" for name in files) + "demo-1.0.dist-info/RECORD,,\\n"
            with zipfile.ZipFile("demo-1.0-py3-none-any.whl", "w") as wheel:
                for name, text in list(files.items()) + [("demo-1.0.dist-info/RECORD", record)]:
                    wheel.writestr(name, text)
            """
        let made = try run(["/usr/bin/python3", "-c", program], directory: folder)
        try #require(made.status == 0)
    }

    private func environment(_ extra: [String: String]) -> [String: String] {
        ["PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1"].merging(extra) { _, new in new }
    }

    private func install(_ source: String, _ environment: [String: String]) throws -> PythonDependencies.Installed {
        try #require(try PythonDependencies(source: source, environment: environment)).install { _ in }
    }

    @Test func twoInstallsHaveTheSameBytes() throws {
        var digests: [Digest] = []
        for name in ["one", "another-longer-name"] {
            let scratch = try Scratch()
            let folder = scratch.path + "/" + name
            try scratch.write("\(name)/requirements.txt", "./demo-1.0-py3-none-any.whl\n")
            try scratch.write("\(name)/func.py", "import demo\n")
            try makeWheel(in: scratch.path)
            // The wheel's own bytes hold its time; it is not part of the package.
            let wheel = "demo-1.0-py3-none-any.whl"
            try FileManager.default.moveItem(atPath: "\(scratch.path)/\(wheel)", toPath: "\(folder)/\(wheel)")
            try scratch.write("\(name)/.fnrpcignore", "*.whl\n")
            let installed = try install(folder, environment(["TMPDIR": scratch.path]))
            #expect(installed.temporary != nil)
            let files = try FileManager.default.subpathsOfDirectory(atPath: installed.path)
            #expect(files.contains("bin/demo"))
            #expect(files.contains { $0.hasPrefix("demo/__pycache__/__init__.") })
            #expect(!files.contains { $0.hasSuffix("direct_url.json") })
            digests.append(try FunctionPackage(folder: folder, dependencies: installed.path).digest)
            installed.discard()
            #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path) == [name])
        }
        #expect(digests[0] == digests[1])
    }

    @Test func byteCodeNamesTheSandboxAndNeedsNoTimes() throws {
        let scratch = try Scratch()
        try makeWheel(in: scratch.path)
        try scratch.write("requirements.txt", "./demo-1.0-py3-none-any.whl\n")
        let installed = try install(scratch.path, environment(["TMPDIR": scratch.path]))
        defer { installed.discard() }
        let program = """
            import sys, glob, marshal
            data = open(glob.glob(sys.argv[1] + "/demo/__pycache__/__init__.*.pyc")[0], "rb").read()
            print(data[4:8].hex(), marshal.loads(data[16:]).co_filename)
            """
        let shown = try run(["/usr/bin/python3", "-c", program, installed.path], directory: scratch.path)
        // Flags 1: hash-based, not checked (PEP 552).
        #expect(shown.output == "01000000 /function/.python/demo/__init__.py\n")
    }

    @Test func anUnchangedFileIsInstalledOnce() throws {
        let scratch = try Scratch()
        try makeWheel(in: scratch.path)
        try scratch.write("f/requirements.txt", "# pinned\ndemo==1.0\n")
        let cache = scratch.path + "/cache"
        let first = try install(
            scratch.path + "/f", environment(["XDG_CACHE_HOME": cache, "PIP_FIND_LINKS": scratch.path]))
        #expect(first.temporary == nil)
        #expect(first.path.hasPrefix(cache + "/fnrpc/python/"))
        // pip could not find it any more.
        let second = try install(scratch.path + "/f", environment(["XDG_CACHE_HOME": cache]))
        #expect(second.path == first.path)
        try scratch.write("f/requirements.txt", "demo==1.0  # other bytes\n")
        let error = #expect(throws: Failure.self) {
            try install(scratch.path + "/f", environment(["XDG_CACHE_HOME": cache]))
        }
        #expect(error?.code == .invalid)
        #expect(error?.message.contains("demo==1.0") == true, "\(error?.message ?? "")")
        // The failed install left nothing.
        #expect(try FileManager.default.contentsOfDirectory(atPath: cache + "/fnrpc/python").count == 1)
    }

    @Test func codeBesideItCannotStandInForPip() throws {
        let scratch = try Scratch()
        try makeWheel(in: scratch.path)
        try scratch.write("requirements.txt", "./demo-1.0-py3-none-any.whl\n")
        for name in ["re", "logging", "pip", "compileall", "sitecustomize"] {
            try scratch.write("\(name).py", "open('\(scratch.path)/ran', 'w')\n")
        }
        let installed = try install(
            scratch.path, environment(["TMPDIR": scratch.path, "PYTHONPATH": scratch.path]))
        installed.discard()
        #expect(!FileManager.default.fileExists(atPath: scratch.path + "/ran"))
    }

    @Test func nothingToInstall() throws {
        let scratch = try Scratch()
        #expect(try PythonDependencies(source: scratch.path, environment: [:]) == nil)
        try scratch.write("requirements.txt", "\n  # only words\n")
        #expect(try PythonDependencies(source: scratch.path, environment: [:]) == nil)
    }

    @Test func theFolderOfTheDependenciesIsOurs() throws {
        let scratch = try Scratch()
        try scratch.write("f/.python/x", "")
        try scratch.write("deps/y", "")
        let error = #expect(throws: Failure.self) {
            try FunctionPackage(folder: scratch.path + "/f", dependencies: scratch.path + "/deps")
        }
        #expect(error?.message.contains(".python") == true)
        let package = try FunctionPackage(folder: scratch.path + "/f", dependencies: nil)
        let bytes = try package.read(at: 0, count: Int(package.byteCount))
        #expect(try SHA256.digest(of: bytes) == package.digest)
    }
}
