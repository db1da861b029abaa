import Model

extension FailureKind {
    /// The files of a function that fails as `act` says: at its start, or in calls whose body has `fail` in it. It answers
    /// others with `ok`.
    func files(as function: String, _ format: FunctionSpec.Format) -> [String: String] {
        [
            "func.yaml": """
            name: \(function)
            runtime: python
            entrypoint: [\(program), /function/func.py]
            format: \(format.rawValue)
            memory: 64
            tmp_size: 16
            idle_timeout: 60
            max_containers: 1
            config: {ACT: \(act)}
            \(yaml)

            """,
            "func.py": Self.program,
        ]
    }

    private static let program = #"""
        import json, os, signal, socket, struct, sys, threading, time, traceback

        act, form = os.environ["ACT"], os.environ["FN_FORMAT"]
        path = "/tmp/iofs/lsnr.sock"
        # Each connection has a thread.
        now = threading.local()

        def say(text):
            print(text, file=sys.stderr, flush=True)

        # What calls and answers are in each format.

        def http_call(file):
            length, line, chunked = 0, file.readline(), False
            if not line: return None
            while line.strip():
                line = file.readline().lower()
                if line.startswith(b"content-length:"): length = int(line[15:])
                if line.startswith(b"transfer-encoding:"): chunked = True
            now.length = length
            if act == "early": return b""
            if not chunked: return file.read(length)
            body = b""
            while size := int(file.readline() or b"0", 16):
                body += file.read(size)
                file.readline()
            file.readline()
            return body

        def http_answer(body, status=200, header=b"X-A: b"):
            head = b"HTTP/1.1 %d X\r\nContent-Length: %d\r\n%s\r\n\r\n"
            return head % (status, len(body), header) + body

        def varint(number):
            low = [number & 127] if number < 128 else [number & 127 | 128]
            return bytes(low) + (varint(number >> 7) if number > 127 else b"")

        def field(number, data): return varint(number << 3 | 2) + varint(len(data)) + data

        def ttrpc_call(file):
            data = b""
            while len(header := file.read(10)) == 10:
                now.length, now.stream, frame, flags = struct.unpack(">IIBB", header)
                if act == "early": return data
                data += file.read(now.length)
                # A unary call, or the end of a streamed one.
                if frame == 1 and flags & 2 == 0 or flags & 1: return data

        def ttrpc_answer(body, status=None, header=None):
            data = field(2, field(1, body))
            if status is not None: data = field(1, b"\x08" + varint(status) + field(2, b"mine"))
            return struct.pack(">IIBB", len(data), now.stream, 2, 0) + data

        def json_call(file): return b"" if act == "early" and file.read(1) else file.readline() or None

        def json_answer(body, status=200, header=b"X-A: b"):
            key, value = header.decode().split(": ")
            answer = {"body": body.decode(), "protocol": {"status_code": status, "headers": {key: [value]}}}
            return json.dumps(answer).encode() + b"\n"

        def default_call(file): return b"" if act == "early" else file.read()

        def default_answer(body, status=200, header=None): return body

        kind = form.split("-")[0]
        call, answer = globals()[kind + "_call"], globals()[kind + "_answer"]

        # What goes wrong.

        def crash():
            os.kill(os.getpid(), signal.SIGSEGV)
            time.sleep(60)

        def fork():
            while True:
                try: os.fork()
                except OSError: pass

        def fill():
            with open("/tmp/big", "wb") as file:
                while True: file.write(bytes(1 << 20))

        def write():
            while True: os.write(2, b"x" * 65535 + b"\n")

        failures = {
            "crash": crash, "exit": lambda: os._exit(3), "eat": lambda: bytearray(300 << 20),
            "sleep": lambda: time.sleep(60), "garbage": lambda: b"garbage, nothing else\r\n\r\n",
            "status": lambda: answer(b"", status=418 if kind == "http" else 99),
            "header": lambda: answer(b"", header=b"X-Long: " + b"x" * 70_000),
            "body": lambda: answer(b"x" * 4_128_769), "longer": lambda: answer(b"x" * 5_000_000),
            "write": write, "fork": fork, "fill": fill, "swear": lambda: answer(b"sorry", status=502), "slow": lambda: time.sleep(1) or answer(b"ok"),
        }

        def serve(file, send):
            while (data := call(file)) is not None:
                if b"fail" in data and act in failures:
                    say("failing")
                    send(failures[act]())
                else:
                    send(answer(b"ok"))
                if act == "early":
                    if form == "http-stream": return
                    if form == "json": file.readline()
                    if form in ("ttrpc", "http"): file.read(now.length)
                if act == "idle": threading.Timer(0.1, os._exit, [0]).start()
                if form == "default": return

        def write_all(data):
            while data: data = data[os.write(1, data):]

        if act == "ignore":
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            failures["ignore"] = failures["sleep"]
        starts = {
            "leave": lambda: sys.exit(3), "hunger": lambda: bytearray(300 << 20), "silence": lambda: time.sleep(60),
            "file": lambda: open(path, "w"), "dangling": lambda: os.symlink("nowhere", path),
            "outside": lambda: os.symlink("../../etc/passwd", path), "folder": lambda: os.mkdir(path),
            "bind": lambda: socket.socket(socket.AF_UNIX).bind(path),
        }
        if act in starts:
            say("starting")
            starts[act]()
            time.sleep(60)
        if kind in ("ttrpc", "http") and form != "http":
            server = socket.socket(socket.AF_UNIX)
            server.bind(path + ".new")
            server.listen(16)
            os.symlink("lsnr.sock.new", path)
            def attend(peer):
                try: serve(peer.makefile("rb"), peer.sendall)
                except OSError:
                    if act == "fill":
                        traceback.print_exc()
                        os._exit(1)
                peer.shutdown(socket.SHUT_RDWR)
            while True: threading.Thread(target=attend, args=[server.accept()[0]]).start()
        serve(open(0, "rb", buffering=0 if act == "early" else -1), write_all)

        """#
}
