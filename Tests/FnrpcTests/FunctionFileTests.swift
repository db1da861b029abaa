import Model
import Testing

@testable import fnrpc

@Suite struct FunctionFileTests {
    private func read(_ text: String) throws -> FunctionFile {
        try FunctionFile(text, path: "hello/func.yaml", folder: "hello")
    }

    private func message(_ text: String) -> String {
        do throws(Failure) {
            _ = try FunctionFile(text, path: "hello/func.yaml", folder: "hello")
            return "no error"
        } catch {
            #expect(error.code == .invalid || error.code == .tooLarge)
            return error.message
        }
    }

    @Test func theSmallestFileHasEveryDefault() throws {
        let file = try read("runtime: python\nentry: func.handler\n")
        #expect(file.name.text == "hello")
        #expect(file.spec == FunctionSpec(runtime: .python, entry: "func.handler", format: .ttrpc))
        #expect(file.warnings == [])
    }

    @Test func everyKeyIsRead() throws {
        let file = try read(
            """
            name: other
            runtime: binary
            entrypoint: "/function/func --mode 'a b'"
            cmd: [x, "y z"]
            format: ttrpc
            memory: 256
            timeout: 0.5
            idle_timeout: 3600
            concurrency: 64
            max_containers: 3
            min_containers: 2
            max_calls: 1000
            reserved_containers: 3
            max_age: 86400.5
            max_queue: 0
            pids: 99
            tmp_size: 16
            network: host
            services: [pkg.Greeter, pkg.Other]
            descriptor_set: set.pb
            cpu: 1.5
            type: async
            on_success: demo/done
            on_failure: demo/failed
            secrets: [key, other]
            record: errors
            record_input: true
            headers: {X-One: a b, X-Two: [c, 4], X-Empty: , Content-Type: text/plain}
            config: {PORT: 8080, DEBUG: true, EMPTY: }
            annotations:
              team: core
              tags: [1, two, {deep: null}]
            """)
        var spec = FunctionSpec(runtime: .binary, entry: "", format: .ttrpc)
        spec.entrypoint = ["/function/func", "--mode", "a b", "x", "y z"]
        spec.memoryMiB = 256
        spec.timeoutNanos = 500_000_000
        spec.idleTimeoutNanos = 3_600_000_000_000
        spec.concurrency = 64
        spec.maxContainers = 3
        spec.minContainers = 2
        spec.maxCalls = 1000
        spec.reservedContainers = 3
        spec.maxAgeNanos = 86_400_500_000_000
        spec.maxQueue = 0
        spec.pids = 99
        spec.tmpMiB = 16
        spec.network = .host
        spec.services = ["pkg.Greeter", "pkg.Other"]
        spec.descriptorSet = "set.pb"
        spec.cpuMilli = 1500
        spec.callType = .async
        spec.onSuccess = "demo/done"
        spec.onFailure = "demo/failed"
        spec.secrets = ["key", "other"]
        spec.record = .errors
        spec.recordInput = true
        spec.headers = ["X-One": ["a b"], "X-Two": ["c", "4"], "X-Empty": [""], "Content-Type": ["text/plain"]]
        spec.config = ["PORT": "8080", "DEBUG": "true", "EMPTY": ""]
        spec.annotations = ["team": #""core""#, "tags": #"[1,"two",{"deep":null}]"#]
        #expect(file.name.text == "other")
        #expect(file.spec == spec)
    }

    @Test func anImageNeedsNothingElse() throws {
        var spec = FunctionSpec(runtime: .none, entry: "", format: .httpStream)
        spec.image = "registry.example.org/i:1"
        #expect(try read("image: registry.example.org/i:1").spec == spec)
        spec.format = .ttrpc
        spec.entrypoint = ["/bin/x", "-y"]
        spec.cpuMilli = 500
        #expect(
            try read("image: registry.example.org/i:1\nformat: ttrpc\nentrypoint: /bin/x\ncmd: [-y]\ncpu: 500m").spec
                == spec)
    }

    @Test func fnsPythonFileDeploysUnchanged() throws {
        let file = try read(
            """
            schema_version: 20180708
            name: greet
            version: 0.0.12
            runtime: python3.9
            build_image: fnproject/python:3.9-dev
            run_image: fnproject/python:3.9
            entrypoint: /python/bin/fdk /function/func.py handler
            memory: 256
            triggers:
            - name: greet
              type: http
              source: /greet
            """)
        #expect(file.spec.runtime == .python)
        #expect(file.spec.format == .httpStream)
        #expect(
            file.spec.entrypoint
                == ["/usr/bin/python3", "/function/.python/bin/fdk", "/function/func.py", "handler"])
        #expect(file.spec.memoryMiB == 256)
        let keys = ["1: schema_version", "3: version", "4: runtime", "5: build_image", "6: run_image", "9: triggers"]
        #expect(file.warnings.count == keys.count)
        for (warning, key) in zip(file.warnings, keys) { #expect(warning.hasPrefix("hello/func.yaml:\(key): ")) }
    }

    @Test func keysOfTheDaemonAreKeptWithAWarning() throws {
        let file = try read("runtime: shell\nentry: a.sh\nconfig:\n  FN_PATH: x\n  FNRPC_A: y\n  FNX: z\n")
        #expect(file.spec.config == ["FN_PATH": "x", "FNRPC_A": "y", "FNX": "z"])
        #expect(
            file.warnings.map { $0.prefix(30) } == ["hello/func.yaml:4: config: FN_", "hello/func.yaml:5: config: FNR"])
    }

    @Test(arguments: [
        ("runtime: python\nentry: f.h\nmemory: 0", ":3: memory: 0 is out of range; 4 to 65536 MiB"),
        ("runtime: python\nentry: f.h\nmemory: 70000", ":3: memory: 70000 is out of range; 4 to 65536 MiB"),
        ("runtime: python\nentry: f.h\nmemory: -1", ":3: memory: -1 is out of range; 4 to 65536 MiB"),
        ("runtime: python\nentry: f.h\nmemory: 1e99", ":3: memory: 1e99 is out of range; 4 to 65536 MiB"),
        ("runtime: python\nentry: f.h\nmemory: 128MB", ":3: memory: 128MB is not a whole number; 4 to 65536 MiB"),
        ("runtime: python\nentry: f.h\nmemory: \"128\"", ":3: memory: \"128\" is not a whole number; 4 to 65536 MiB"),
        ("runtime: python\nentry: f.h\nmemory: [1]", ":3: memory: a list is not a whole number; 4 to 65536 MiB"),
        ("runtime: python\nentry: f.h\nmemory: 1.5", ":3: memory: 1.5 is not a whole number; 4 to 65536 MiB"),
        ("runtime: python\nentry: f.h\ntimeout: 0", ":3: timeout: 0 is out of range; 0.001 to 3600 seconds"),
        ("runtime: python\nentry: f.h\ntimeout: .nan", ":3: timeout: .nan is not a number; 0.001 to 3600 seconds"),
        ("runtime: python\nentry: f.h\ntimeout: 3601", ":3: timeout: 3601 is out of range; 0.001 to 3600 seconds"),
        ("runtime: python\nentry: f.h\nidle_timeout: 30s", ":3: idle_timeout: 30s is not a number; 1 to 3600 seconds"),
        ("runtime: python\nentry: f.h\npids: 1", ":3: pids: 1 is out of range; 16 to 4096 processes"),
        ("runtime: python\nentry: f.h\ntmp_size: 0", ":3: tmp_size: 0 is out of range; 1 to 16384 MiB"),
        (
            "runtime: python\nentry: f.h\nmax_containers: 1025",
            ":3: max_containers: 1025 is out of range; 0 to 1024 containers"
        ),
        (
            "runtime: python\nentry: f.h\nmin_containers: 17",
            ":3: min_containers: 17 is more than max_containers allows, which is 16"
        ),
        (
            "runtime: python\nentry: f.h\nreserved_containers: 17",
            ":3: reserved_containers: 17 is more than max_containers allows, which is 16"
        ),
        ("runtime: python\nentry: f.h\nreserved_containers: 1025", ":3: reserved_containers: 1025 is out of range"),
        (
            "runtime: python\nentry: f.h\nconcurrency: 2\nqueue_ahead: true",
            ":4: queue_ahead: true needs format ttrpc and concurrency 1; this has ttrpc and 2"
        ),
        ("runtime: python\nentry: f.h\nmax_queue: 65537", ":3: max_queue: 65537 is out of range; 0 to 65536 calls"),
        (
            "runtime: shell\nentry: f.sh\nconcurrency: 2",
            ":3: concurrency: 2 needs format ttrpc or http-stream; default takes 1"
        ),
        (
            "runtime: python\nentry: f.h\nnetwork: bridge",
            ":3: network: \"bridge\" is not known; use one of: none, host"
        ),
        ("runtime: a/b\nentry: f.h", ":1: runtime: \"a/b\" is not known; use one of: python, shell, binary"),
        // The daemon may have one of that name.
        ("runtime: ruby\nentry: f.h", "no error"),
        ("image: i:1\nruntime: shell", ":1: image: is given beside runtime; keep one of them"),
        ("image: \"a b\"", ":1: image: \"a b\" is not a reference"),
        ("image: i:1\ncpu: 0.0001", ":2: cpu: 0.0001 is not a number of cores; 0, or 0.001 to 1024 cores"),
        ("image: i:1\ncpu: 1025", ":2: cpu: 1025 is out of range; 0, or 0.001 to 1024 cores"),
        ("image: i:1\ncpu: -1", ":2: cpu: -1 is not a number of cores"),
        ("image: i:1\ntype: later", ":2: type: \"later\" is not known; use one of: sync, async"),
        ("image: i:1\non_success: hello", ":2: on_success: \"hello\" is not a function"),
        ("image: i:1\non_failure: a/b/c", ":2: on_failure: "),
        ("image: i:1\nsecrets: [a, a]", ":2: secrets: \"a\" is given twice"),
        ("image: i:1\nrecord: some", ":2: record: \"some\" is not known; use one of: all, errors, none"),
        ("image: i:1\nrecord_input: maybe", ":2: record_input: maybe is neither true nor false"),
        ("entry: f.h", ": runtime: missing; use one of: python, shell, binary"),
        ("runtime: shell", ": entry: missing; write entry: func.sh"),
        ("runtime: python\nentry: func.py", "no error"),
        ("runtime: python\nentry: f.h\nheaders: [a]", ":3: headers: a list is not a mapping of keys to values"),
        ("runtime: python\nentry: f.h\nheaders: {a: {b: c}}", ":3: headers: \"a\": a mapping is not text"),
        ("runtime: python\nentry: f.h\nheaders: {a: [[b]]}", ":3: headers: \"a\": a list is not a name"),
        ("runtime: python\nentry: f.h\nheaders: {a b: c}", ":3: headers: \"a b\" is not a header's name"),
        ("runtime: python\nentry: func", ":2: entry: \"func\" is not module.function; write entry: func.handler"),
        ("runtime: python\nentry: ../f.h", ":2: entry: \"../f.h\" is not module.function"),
        ("runtime: python\nentry: 1f.h", ":2: entry: \"1f.h\" is not module.function"),
        ("runtime: shell\nentry: ../f.sh", ":2: entry: \"../f.sh\" is not a file inside the package"),
        ("runtime: shell\nentry: /bin/ls", ":2: entry: \"/bin/ls\" is not a file inside the package"),
        ("runtime: python\nentry: f.h\nentrypoint: x", ":2: entry: is given beside entrypoint"),
        ("runtime: python\nentry: f.h\nformat: default", ":3: format: default needs entrypoint"),
        ("runtime: python\ncmd: x", ":2: cmd: needs entrypoint"),
        ("runtime: python\nentrypoint: 'a \"b'", ":2: entrypoint: \"a \"b\" has a quote without end"),
        ("runtime: python\nentrypoint: {a: b}", ":2: entrypoint: a mapping is not a command line"),
        ("runtime: python\nentrypoint:\n- a\n- [b]", ":4: entrypoint: a list is not a word"),
        ("runtime: python\nentry: f.h\nmemroy: 1", ":3: \"memroy\" is not a known key; did you mean memory?"),
        ("runtime: python\nentry: f.h\nservices: pkg.S", "no error"),
        (
            "runtime: python\nentry: f.h\nservices: [fnrpc.v1.Apps]",
            ":3: services: \"fnrpc.v1.Apps\" is reserved; names that begin with fnrpc."
        ),
        ("runtime: python\nentry: f.h\nservices: [grpc.X]", ":3: services: \"grpc.X\" is reserved"),
        ("runtime: python\nentry: f.h\nservices: ['a b']", ":3: services: \"a b\" is not a service's name"),
        ("runtime: python\nentry: f.h\nservices: ['1.2']", ":3: services: \"1.2\" is not a service's name"),
        ("runtime: python\nentry: f.h\nservices: ['']", ":3: services: a name of 0 bytes; 1 to 255"),
        ("runtime: python\nentry: f.h\nservices: [a.S, a.S]", ":3: services: \"a.S\" is given twice"),
        ("runtime: python\nentry: f.h\nservices: [[a]]", ":3: services: a list is not a name"),
        ("runtime: python\nentry: f.h\nservices: {a: b}", ":3: services: a mapping is not text"),
        ("runtime: python\nentry: f.h\ndescriptor_set: x.pb", ":3: descriptor_set: needs services"),
        (
            "runtime: python\nentry: f.h\nservices: a.S\ndescriptor_set: ../x",
            ":4: descriptor_set: \"../x\" is not a file inside"
        ),
        (
            "runtime: python\nentry: f.h\nservices: a.S\ndescriptor_set: /x",
            ":4: descriptor_set: \"/x\" is not a file inside"
        ),
        ("runtime: shell\nentry: f.sh\nservices: a.S", ":3: services: need format ttrpc; default is called by"),
        ("runtime: python\nentry: f.h\nzzzzzzzzz: 1", ":3: \"zzzzzzzzz\" is not a known key; docs/func.yaml.md"),
        ("runtime: python\nentry: f.h\nconfig: x", ":3: config: x is not a mapping"),
        ("runtime: python\nentry: f.h\nconfig:\n  a: [1]", ":4: config: the value of \"a\" is a list"),
        ("runtime: python\nentry: f.h\nconfig:\n  a=b: c", ":3: config: the key \"a=b\" must not contain ="),
        ("runtime: python\nentry: f.h\nannotations: {\"a b\": 1}", ":3: annotations: the key \"a b\" needs"),
        ("runtime: python\nentry: f.h\nname: a/b", ":3: name: \"a/b\" is not a name"),
        ("runtime: python\nentry: f.h\nname: [a]", ":3: name: a list is not text"),
        ("runtime: python\nentry: f.h\nmemory: 128\nmemory: 256", ":4: memory: given twice"),
        ("runtime: python\nconfig:\n  a: 1\n  a: 2", ":4: a: given twice"),
        ("runtime: python\n  entry: f.h", ":2: is not YAML"),
        ("runtime: \"python", ":1: is not YAML: found unexpected end of stream"),
        ("- a\n- b", ":1: must be keys and values"),
        ("", ": is empty"),
        ("# nothing\n", ": is empty"),
        ("[a]: b", ":1: a key must be plain text"),
    ])
    func errorsNameTheLine(text: String, expected: String) {
        let found = message(text)
        #expect(found == expected || found.hasPrefix("hello/func.yaml" + expected), "\(found)")
    }

    @Test func annotationsThatMultiplyAreRefused() {
        var text = "runtime: python\nentry: f.h\nannotations:\n  a: &a0 [x, x]\n"
        for depth in 1...30 { text += "  b\(depth): &a\(depth) [*a\(depth - 1), *a\(depth - 1)]\n" }
        #expect(message(text).contains("over the limit of 512 bytes"))
    }

    @Test func aHugeFileIsRefused() {
        let text = "runtime: python\nentry: f.h\n" + String(repeating: "# x\n", count: 100_000)
        #expect(message(text).contains("over the limit of 262144"))
    }

    @Test func functionsOfFnWithoutValuesAreRead() throws {
        #expect(try read("runtime: python\nentry: f.h\nmemory:\nconfig: ~\n").spec.memoryMiB == 128)
    }
}

@Suite struct ShellWordsTests {
    @Test(arguments: [
        ("", []), ("  ", []), ("a b", ["a", "b"]), (" a\t b\n", ["a", "b"]), ("'a b' c", ["a b", "c"]),
        ("\"a b\"c", ["a bc"]), ("a\\ b", ["a b"]), ("\"a\\\"b\\x\"", ["a\"b\\x"]), ("''", [""]), ("a''b", ["ab"]),
        ("'\\'", ["\\"]), ("$HOME *", ["$HOME", "*"]), ("é ü", ["é", "ü"]),
    ])
    func splits(text: String, words: [String]) throws {
        #expect(try ShellWords.split(text) == words)
    }

    @Test(arguments: ["'", "\"", "a'b", "a\\", "\"a\\\""])
    func refuses(text: String) {
        #expect(throws: ShellWords.Unterminated.self) { try ShellWords.split(text) }
    }
}
