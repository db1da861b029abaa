import CLinux
import Glibc
import Model
import Testing

@testable import Drivers

/// Secrets as functions find them, and nobody else.
@Suite(.serialized) struct SecretTests {
    private func secret(_ name: String, _ value: [UInt8]) throws -> SandboxSecret {
        try SandboxSecret(name: try Name(name, field: "secret"), value: value)
    }

    private func pair() throws -> [SandboxSecret] {
        [try secret("PASSWORD", Array(Workbench.word.utf8)), try secret("key", (0...255).map { UInt8($0) } + [0, 10])]
    }

    @Test(arguments: Variant.all) func areFilesOfTheFunction(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let outcome = try bench.shell(
                """
                cd /run/secrets; cat PASSWORD; echo; cksum key; ls -A; stat -c '%a %u %F' . *; id -u
                awk '$5 == "/run" { print $6; for (i = 7; $i != "-"; i++); print $(i + 1), $(i + 3) }' /proc/self/mountinfo
                awk '$5 ~ "^/run/"' /proc/self/mountinfo; ls -A /run; printenv; cat /proc/self/cmdline | tr '\\0' ' '
                """, secrets: try pair())
            let lines = outcome.lines
            let user = variant.userNamespaces ? "1000" : "\(IdentityRange.defaultBase)"
            let expected = [
                Workbench.word, "3219517335 258 key", "PASSWORD", "key", "500 \(user) directory",
                "400 \(user) regular file",
                "400 \(user) regular file", user,
            ]
            #expect(Array(lines.prefix(8)) == expected, "\(outcome.text)")
            try #require(lines.count > 10)
            let options = lines[8].split(separator: ",")
            for option in ["ro", "nosuid", "nodev", "noexec"] { #expect(options.contains(Substring(option))) }
            #expect(lines[9].hasPrefix("tmpfs ro,") && lines[9].contains("size=8k,nr_inodes=4"), "\(lines[9])")
            #expect(lines[10] == "secrets")
            #expect(lines.dropFirst(11).joined().contains(Workbench.word) == false, "it is in the environment")
        }
    }

    @Test(arguments: Variant.all) func cannotBeChanged(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let outcome = try bench.shell(
                """
                cd /run/secrets
                for line in 'echo x > PASSWORD' 'chmod 600 PASSWORD' 'chmod 700 .' 'rm -f PASSWORD' 'touch PASSWORD' \
                    'echo x > new' 'mkdir new' 'ln PASSWORD new' 'mv PASSWORD new' 'mkdir /run/new' 'rm -rf /run/secrets' \
                    'mv /run/secrets /run/x' 'setfattr -n user.x -v y PASSWORD'; do
                    sh -c "$line" 2> /dev/null && echo "done: $line"
                done
                cat PASSWORD; stat -c ' %a' PASSWORD
                """, secrets: try pair())
            #expect(outcome.text == Workbench.word + " 400\n", "\(outcome.text)")
        }
    }

    @Test(arguments: Variant.all) func areSeenNowhereElse(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let holder = try bench.start("holder", secrets: try pair())
            defer { holder.destroy() }
            try holder.assign(["sh", "-c", "cat /run/secrets/PASSWORD; echo; echo up; sleep 1000"])
            try readUntil(Workbench.word + "\nup", on: holder.log)
            // Those of another sandbox: its own, and none of the first's.
            let other = try bench.start("other", secrets: [try secret("mine", [65])])
            defer { other.destroy() }
            try other.assign([
                "sh", "-c",
                "find / -xdev -name PASSWORD 2>/dev/null; ls /run/secrets; cat /run/secrets/mine; cat /proc/*/mountinfo",
            ])
            #expect(try other.awaitExit().code == 0)
            let text = try readToEnd(other.log)
            #expect(text.hasPrefix("mine\nA"), "\(text)")
            #expect(!text.contains("PASSWORD") && !text.contains("holder"))
            // And with none there is no folder.
            let none = try bench.start("none")
            defer { none.destroy() }
            try none.assign(["sh", "-c", "ls -A /run | wc -l; ls /run/secrets 2>/dev/null || echo none"])
            #expect(try none.awaitExit().code == 0)
            #expect(try readToEnd(none.log) == "0\nnone\n")

            // The daemon's mount is gone, and no file on the disk has the value.
            #expect(MountTable.points().filter { $0.hasPrefix(bench.folder) } == [])
            #expect(Workbench.files(in: bench.folder, containing: Workbench.word) == [])
            let bundle = bench.folder + "/state/sandboxes/holder/config.json"
            #expect(Posix.text(of: bundle)?.contains("/run\"") == true)
            for process in try CgroupLayout().processes(in: "/fnrpc-\(bench.instance)/holder") {
                #expect(Posix.text(of: "/proc/\(process)/environ")?.contains(Workbench.word) == false)
            }
        }
    }

    @Test func theFileSystemHasRoomForThemOnly() throws {
        let folder = try Workbench.makeFolders().folder
        defer { Posix.remove(folder) }
        try Workbench.use { bench in
            // As large and as many as they may be.
            let most = try (0..<SecretLimits.perFunction).map { number in
                try secret("s\(number)", [UInt8](repeating: UInt8(number), count: SecretLimits.valueBytes.upperBound))
            }
            let outcome = try bench.shell(
                "cat /run/secrets/* | wc -c; df --output=avail,iavail /run | tail -n 1; tail -c 1 /run/secrets/s9 | od -An -tu1",
                secrets: most)
            #expect(outcome.lines.map { $0.filter { $0 != " " } } == ["\(32 * 65_536)", "00", "9"], "\(outcome.text)")
            let smallest = try bench.shell("wc -c < /run/secrets/a", secrets: [try secret("a", [0])])
            #expect(smallest.text == "1\n")

            let tooMany = try #require(throws: Failure.self) {
                try bench.start(secrets: most + [try secret("more", [1])])
            }
            #expect(tooMany.code == .invalid && tooMany.message.contains("33 are over the limit of 32"))
            let twice = try #require(throws: Failure.self) { try bench.start(secrets: [most[0], most[1], most[0]]) }
            #expect(twice.message == "secrets: \"s0\" is there twice")
        }
        for count in [0, SecretLimits.valueBytes.upperBound + 1] {
            let failure = try #require(throws: Failure.self) {
                try secret("x", [UInt8](repeating: 1, count: count))
            }
            #expect(failure.message.contains("a value of \(count) bytes is out of range; 1 to 65536"))
        }
    }

    @Test func aFailedStartLeavesNone() throws {
        try Workbench.use { bench in
            let spec = FunctionSpec(runtime: .shell, entry: "x", format: .default)
            let failure = try #require(throws: Failure.self) {
                try bench.driver.start(
                    SandboxSpec(
                        id: "one", spec: spec, packagePath: "/nowhere", usesSocket: true, pipesStandardIO: false,
                        secrets: try pair()))
            }
            #expect(failure.message.contains("/nowhere") && !failure.message.contains(Workbench.word))
            #expect(MountTable.points().filter { $0.hasPrefix(bench.folder) } == [])
            #expect(Posix.names(in: bench.folder + "/state/sandboxes") == [])
        }
    }

    /// What a daemon had mounted when it was killed: its mount namespace is gone then, but here it is this process's.
    @Test func leftoversAreRemoved() throws {
        try Workbench.use { bench in
            let left = OCISandbox(
                id: "left", folder: bench.folder + "/state/sandboxes/left", hasSocket: false, ownRoot: nil,
                group: "/none", runtime: bench.driver.runtime, layout: bench.driver.layout,
                identities: try IdentityRange(base: 100_000, count: 2),
                identity: IdentityRange.Pair(function: 100_000, root: 100_001))
            try Posix.makeFolder(left.folder, mode: 0o700)
            try left.mountSecrets(try pair())
            #expect(Workbench.files(in: bench.folder, containing: Workbench.word).count == 1)
            bench.driver.removeLeftovers()
            bench.expectNothingLeft()
        }
    }
}
