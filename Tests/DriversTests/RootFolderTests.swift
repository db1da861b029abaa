import CLinux
import Drivers
import Glibc
import Model
import Testing

/// An administrator's folder as the root of sandboxes.
@Suite(.serialized) struct RootFolderTests {
    /// A shell and what it needs to run, with links at the top as Debian has them.
    private static func build(_ folder: String) throws {
        try Workbench.runOnHost([
            "/bin/sh", "-ec",
            """
            umask 022
            mkdir -p "$0/usr/bin" "$0/usr/lib" "$0/usr/lib64" "$0/etc" "$0/opt" "$0/tmp" "$0/proc" "$0/run/secrets"
            for link in bin lib lib64; do ln -s usr/$link "$0/$link"; done
            ln -s opt/x "$0/shortcut"
            cp -L /bin/sh /bin/cat /bin/ls "$0/usr/bin/"
            for file in /bin/sh /bin/cat /bin/ls; do ldd $file; done | grep -o '/[^ ]*' | sort -u | while read -r file; do
                mkdir -p "$0$(dirname "$file")"
                cp -L "$file" "$0$file"
            done
            echo theirs > "$0/etc/passwd"; echo note > "$0/note.txt"; echo 4711 > "$0/opt/x"; echo old > "$0/tmp/old"
            echo old > "$0/run/secrets/old"; mkfifo "$0/pipe"
            """,
            folder,
        ])
    }

    private func use(
        _ variant: Variant = Variant(), configure: (inout OCIDriver.Configuration) -> Void = { _ in },
        _ body: (Workbench, String) throws -> Void
    ) throws {
        try Workbench.use(variant, configure: configure) { bench in
            let folder = bench.folder + "/their root"
            try Self.build(folder)
            try body(bench, folder)
        }
    }

    @Test(arguments: Variant.all) func isAllThatIsSeen(variant: Variant) throws {
        try use(variant) { bench, folder in
            let secret = try SandboxSecret(name: try Name("s", field: "secret"), value: [65])
            let outcome = try bench.shell(
                """
                ls -A /; cat /etc/passwd /note.txt /shortcut /run/secrets/s; echo; ls -A /usr/bin /tmp /etc
                for f in /usr/bin/python3 /usr/bin/env /etc/group /tmp/old /run/secrets/old /pipe; do
                    [ -e $f ] && echo "there is $f"
                done
                for f in /new /usr/new /opt/x /note.txt /etc/passwd /run/new /function/new; do
                    (echo x > $f) 2>/dev/null && echo "wrote $f"
                done
                echo x > /tmp/new && cat /tmp/new /function/open.txt
                """, root: .folder(folder), secrets: [secret])
            #expect(
                outcome.text == """
                    .fnrpc
                    bin
                    dev
                    etc
                    function
                    lib
                    lib64
                    note.txt
                    opt
                    proc
                    run
                    shortcut
                    sys
                    tmp
                    usr
                    theirs
                    note
                    4711
                    A
                    /etc:
                    passwd

                    /tmp:

                    /usr/bin:
                    cat
                    ls
                    sh
                    x
                    as it was
                    """)
            #expect(outcome.exit.code == 0)
            let mounts = try bench.run(["/bin/cat", "/proc/self/mountinfo"], root: .folder(folder))
            for path in ["/usr", "/opt", "/etc", "/note.txt"] {
                let line = try #require(mounts.lines.first { $0.split(separator: " ")[4] == path }, "\(mounts.text)")
                let options = line.split(separator: " ")[5].split(separator: ",")
                for option in ["ro", "nosuid", "nodev"] { #expect(options.contains(Substring(option)), "\(line)") }
            }
            #expect(Posix.text(of: folder + "/opt/x") == "4711\n")
            #expect(Posix.names(in: folder + "/tmp") == ["old"])
        }
    }

    @Test(arguments: Variant.all) func mountsInItAreReadOnlyToo(variant: Variant) throws {
        try use(variant) { bench, folder in
            let inner = folder + "/opt/inner"
            try Posix.makeFolder(inner, mode: 0o755)
            // After the driver looked at the mounts.
            try #require(fnrpc_mount_tmpfs(inner, "size=64k,mode=0777") == 0)
            defer { _ = fnrpc_unmount(inner) }
            try Posix.write(inner + "/file", Array("inner\n".utf8), mode: 0o666)
            // One below, and one that is covered by a second on the same path.
            let deep = inner + "/deep"
            for text in ["covered\n", "deep\n"] {
                try Posix.makeFolder(deep, mode: 0o755)
                try #require(fnrpc_mount_tmpfs(deep, "size=64k,mode=0777") == 0)
                if text == "covered\n" {
                    try Posix.makeFolder(deep + "/unseen", mode: 0o755)
                    try #require(fnrpc_mount_tmpfs(deep + "/unseen", "size=64k,mode=0777") == 0)
                }
                try Posix.write(deep + "/file", Array(text.utf8), mode: 0o666)
            }
            defer {
                _ = fnrpc_unmount(deep)
                _ = fnrpc_unmount(deep + "/unseen")
                _ = fnrpc_unmount(deep)
            }
            let outcome = try bench.shell(
                """
                cd /opt/inner; cat file deep/file; ls deep
                for f in file new deep/file deep/new; do (echo x > $f) 2>/dev/null && echo "wrote $f"; done; ls
                """, root: .folder(folder))
            #expect(outcome.lines == ["inner", "deep", "file", "deep", "file"], "\(outcome.text)")
        }
    }

    @Test func withoutEtcOneIsMade() throws {
        try use { bench, folder in
            Posix.remove(folder + "/etc")
            let outcome = try bench.shell("ls /etc; cat /etc/hostname", root: .folder(folder))
            #expect(outcome.lines == ["group", "hostname", "hosts", "nsswitch.conf", "passwd", "resolv.conf", "fnrpc"])
        }
    }

    /// With the machine's network its resolver is seen, if the folder has a file to put it over.
    @Test(arguments: [Variant(), Variant(runtime: "runc", userNamespaces: false)])
    func resolverOfTheMachine(variant: Variant) throws {
        try use(variant) { bench, folder in
            let machine = try #require(Posix.text(of: "/etc/resolv.conf"))
            let path = folder + "/etc/resolv.conf"
            let command = ["/bin/cat", "/etc/resolv.conf"]
            let none = try bench.run(command, root: .folder(folder)) { $0.network = .host }
            #expect(none.exit.code == 1)
            try Posix.write(path, Array("theirs".utf8), mode: 0o644)
            let covered = try bench.run(command, root: .folder(folder)) { $0.network = .host }
            #expect(covered.text == machine)
            #expect(try bench.run(command, root: .folder(folder)).text == "theirs")
            unlink(path)
            #expect(symlink("passwd", path) == 0)
            let linked = try bench.run(command, root: .folder(folder)) { $0.network = .host }
            #expect(linked.text == "theirs\n")
        }
    }

    /// Hidden paths are those of the machine.
    @Test func hiddenPathsAreTheMachines() throws {
        try use(configure: { $0.hiddenPaths = ["/usr/bin/cat", "/usr/share/doc"] }) { bench, folder in
            let outcome = try bench.run(["/usr/bin/cat", "/note.txt"], root: .folder(folder))
            #expect(outcome.text == "note\n")
        }
    }

    @Test func refused() throws {
        let hidden = "/tmp/fnrpc-hidden-\(getpid())"
        try use(configure: { $0.hiddenPaths = [hidden + "/a"] }) { bench, folder in
            defer { Posix.remove(hidden) }
            let bad = bench.folder + "/bad"
            try Posix.makeFolder(bad + "/below", mode: 0o755)
            try Posix.makeFolder(hidden + "/a/b", mode: 0o755)
            #expect(symlink(bench.folder + "/state", bench.folder + "/link") == 0)
            let cases: [(String, Failure.Code, String, () -> Void)] = [
                ("", .invalid, "is not an absolute path", {}), ("usr", .invalid, "\"usr\" is not an absolute path", {}),
                ("/a\0b", .invalid, "is not an absolute path", {}),
                ("/" + String(repeating: "x", count: 4096), .invalid, "at most 4096 bytes", {}),
                (bad + "/none", .precondition, "cannot be found: No such file", {}),
                (folder + "/note.txt", .precondition, "is not a folder", {}),
                ("/", .precondition, "contains the data directory", {}),
                (bench.folder + "/state", .precondition, "contains the data directory", {}),
                (bench.folder, .precondition, "contains the data directory", {}),
                (bench.folder + "/link", .precondition, "contains the data directory", {}),
                (bench.folder + "/link/runtime", .precondition, "is inside the data directory", {}),
                (hidden, .precondition, "contains a hidden path, \"\(hidden)/a\"", {}),
                (hidden + "/a/b", .precondition, "is inside a hidden path", {}),
                (bad, .precondition, "so others than its owner can change", { chmod(bad, 0o775) }),
                (bad, .precondition, "run: chmod go-w \(bad)", { chmod(bad, 0o757) }),
                (bad, .precondition, "root: \(bad) has mode 0700, so containers cannot", { chmod(bad, 0o700) }),
                (bad + "/below", .precondition, "root: \(bad) has mode 0750", { chmod(bad, 0o750) }),
                (bad + "/below", .precondition, "and has mode 0757, so others can replace", { chmod(bad, 0o757) }),
                (
                    bad + "/below", .precondition, "belongs to user 12345",
                    {
                        chmod(bad, 0o755); chown(bad, 12_345, 0)
                    }
                ),
            ]
            for (path, code, message, prepare) in cases {
                prepare()
                let failure = try #require(throws: Failure.self, "\(path)") { try bench.driver.check(.folder(path)) }
                #expect(failure.code == code && failure.message.contains(message), "\(failure)")
                #expect(failure.message.hasPrefix("root: "), "\(failure)")
                let started = try #require(throws: Failure.self) { try bench.start(root: .folder(path)) }
                #expect(started.message == failure.message)
            }
            chown(bad, 0, 0)
            chmod(bad, 0o1777)
            try bench.driver.check(.folder(bad + "/below"))
            let image = try #require(throws: Failure.self) { try bench.driver.check(.image("debian:12")) }
            #expect(image.code == .precondition && image.message.contains("not supported by this daemon yet"))
            #expect(throws: Failure.self) { try bench.start(root: .image("debian:12")) }
            try bench.driver.check(.host)
        }
    }

    @Test func entriesHaveALimit() throws {
        try use { bench, folder in
            // proc, run and tmp are not counted.
            let present = Posix.names(in: folder).count - 3
            for number in present..<256 { try Posix.write("\(folder)/e\(number)", [65], mode: 0o644) }
            #expect(try bench.run(["/bin/cat", "/e200"], root: .folder(folder)).text == "A")
            try Posix.write(folder + "/more", [65], mode: 0o644)
            let failure = try #require(throws: Failure.self) { try bench.start(root: .folder(folder)) }
            #expect(failure.message.contains("has 257 entries at its top, over the limit of 256"), "\(failure)")
        }
    }
}
