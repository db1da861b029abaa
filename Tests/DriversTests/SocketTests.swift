import CLinux
import Drivers
import Glibc
import Model
import Testing

/// The function's socket: readiness, and what a hostile function makes of it.
@Suite(.serialized) struct SocketTests {
    /// Binds as Fn's contract says, then answers one byte to each connection; swaps its name when it is told to.
    static let server = """
        import os, socket, sys
        s = socket.socket(socket.AF_UNIX)
        s.bind("/tmp/iofs/real.sock")
        s.listen()
        os.symlink("real.sock", "/tmp/iofs/lsnr.sock")
        while True:
            c, _ = s.accept()
            c.settimeout(10)
            target = c.recv(200).decode()
            if target.startswith("/"):
                os.symlink(target, "/tmp/iofs/next")
                os.rename("/tmp/iofs/next", "/tmp/iofs/lsnr.sock")
            c.send(b"!")
        """

    @Test(arguments: Variant.all) func listensAndSwapsItsName(variant: Variant) throws {
        try Workbench.use(variant) { bench in
            let (listener, path) = try Self.hostListener(bench)
            defer { close(listener) }
            try bench.put("server.py", Self.server)
            let sandbox = try bench.start(socket: true)
            defer { sandbox.destroy() }
            try sandbox.assign(["/usr/bin/python3", "/function/server.py"])
            try sandbox.awaitSocket(until: inSeconds(20))
            let first = try sandbox.connect()
            defer { close(first) }
            #expect(fcntl(first, F_GETFL) & O_NONBLOCK != 0)
            #expect(fcntl(first, F_GETFD) & FD_CLOEXEC != 0)
            try exchange(first, path)

            let failure = try #require(throws: Failure.self) { try sandbox.connect() }
            #expect(failure.code == .functionFailed)
            #expect(failure.message.contains("a link that leaves its directory"), "\(failure)")
            #expect(Posix.wait(for: [listener], until: .now()) == [], "the daemon was led to a socket of the host")
        }
    }

    /// A line of shell that makes something wrong under the socket's name, and what the error calls it.
    @Test(arguments: [
        (": > /tmp/iofs/lsnr.sock", "a regular file"), ("mkdir /tmp/iofs/lsnr.sock", "a directory"),
        ("mkfifo /tmp/iofs/lsnr.sock", "not a socket"),
        ("ln -s real.sock /tmp/iofs/lsnr.sock", "a link to a name that does not exist"),
        ("ln -s /etc/passwd /tmp/iofs/lsnr.sock", "a link that leaves its directory"),
        ("ln -s ../../etc/passwd /tmp/iofs/lsnr.sock", "a link that leaves its directory"),
        ("ln -s lsnr.sock /tmp/iofs/lsnr.sock", "a link that leads round in a circle or into /proc"),
        (": > /tmp/iofs/f; ln -s f/x /tmp/iofs/lsnr.sock", "a link through something that is not a directory"),
    ]) func listensWrongly(line: String, what: String) throws {
        try Workbench.use { bench in
            let failure = try Self.failure(bench, ["sh", "-c", line + "; sleep 1000"], seconds: 20)
            #expect(failure.code == .functionFailed)
            #expect(failure.message.contains("lsnr.sock is \(what);"), "\(failure)")
        }
    }

    @Test func exitsOrNeverListens() throws {
        try Workbench.use { bench in
            var failure = try Self.failure(bench, ["sh", "-c", "exit 3"], seconds: 20)
            #expect(failure.code == .functionFailed)
            #expect(failure.message == "the function exited with code 3 before it listened")

            failure = try Self.failure(bench, ["sh", "-c", "kill -11 $$"], seconds: 20)
            #expect(failure.message == "the function was ended by signal 11 before it listened")

            failure = try Self.failure(bench, ["/nowhere"], seconds: 20)
            #expect(failure.code == .functionFailed)
            #expect(failure.message.contains("cannot be started: No such file"))

            failure = try Self.failure(bench, ["sleep", "1000"], seconds: 0.2)
            #expect(failure.code == .timeout)

            let hungry = ["/usr/bin/python3", "-c", "x = b'x' * (500 << 20)"]
            failure = try Self.failure(bench, hungry, seconds: 20)
            #expect(failure.message == "the function ran out of memory before it listened")
        }
    }

    @Test func bindsLongBeforeItListens() throws {
        try Workbench.use { bench in
            let program = """
                import os, signal, socket, sys
                s = socket.socket(socket.AF_UNIX)
                signal.signal(signal.SIGTERM, lambda *_: s.listen())
                s.bind("/tmp/iofs/lsnr.sock")
                while True: signal.pause()
                """
            let sandbox = try bench.start(socket: true)
            defer { sandbox.destroy() }
            try sandbox.assign(["/usr/bin/python3", "-c", program])
            try sandbox.awaitSocket(until: inSeconds(20))
            #expect(throws: Failure.self) { try sandbox.connect() }
            let failure = try #require(throws: Failure.self) {
                try sandbox.awaitConnection(until: inSeconds(0.1))
            }
            #expect(failure.code == .timeout)
            sandbox.terminate()
            close(try sandbox.awaitConnection(until: inSeconds(20)))
        }
    }

    @Test func theDirectoryIsSmallAndPrivate() throws {
        try Workbench.use { bench in
            let sandbox = try bench.start(socket: true)
            defer { sandbox.destroy() }
            var status = stat()
            #expect(stat(bench.folder + "/state/sandboxes/one/socket", &status) == 0)
            #expect(status.st_mode & 0o777 == 0o700 && status.st_uid == IdentityRange.defaultBase)
            try sandbox.assign([
                "sh", "-c",
                """
                cd /tmp/iofs; i=0; while echo > f$i; do i=$((i+1)); done 2>/dev/null; echo $i; rm f*
                head -c 1M /dev/zero 2>/dev/null > big; stat -c %s big; rm big
                cp /bin/true run && ./run || echo noexec; rmdir /tmp/iofs || mv /tmp/iofs /tmp/x || echo stays
                """,
            ])
            #expect(try sandbox.awaitExit().code == 0)
            let lines = try readToEnd(sandbox.log).split(separator: "\n")
            #expect(lines.contains("15") && lines.contains("65536"), "\(lines)")
            #expect(lines.contains("noexec") && lines.contains("stays"), "\(lines)")
        }
    }

    private static func failure(_ bench: Workbench, _ command: [String], seconds: Double) throws -> Failure {
        let sandbox = try bench.start(socket: true) { $0.memoryMiB = 64 }
        defer { sandbox.destroy() }
        try sandbox.assign(command)
        return try #require(throws: Failure.self) { try sandbox.awaitSocket(until: inSeconds(seconds)) }
    }

    /// A socket of the host that no function may lead the daemon to.
    private static func hostListener(_ bench: Workbench) throws -> (Int32, String) {
        let path = bench.folder + "/host.sock"
        let listener = socket(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0)
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path.utf8) }
        let bound = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(listener, $0, socklen_t(MemoryLayout<sockaddr_un>.size)) == 0 && listen(listener, 8) == 0
            }
        }
        try #require(bound)
        return (listener, path)
    }

    private func exchange(_ connection: Int32, _ text: String) throws {
        #expect(write(connection, text, text.utf8.count) == text.utf8.count)
        try #require(!Posix.wait(for: [connection], until: inSeconds(20)).isEmpty)
        #expect(Posix.read(descriptor: connection, limit: 1) == Array("!".utf8))
    }
}
