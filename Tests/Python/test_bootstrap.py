"""Drives the real bootstrap over its socket, byte by byte."""

import json
import os
import pathlib
import socket
import stat
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
BOOTSTRAP = ROOT / "Sources/Sandbox/python/bootstrap.py"
sys.dont_write_bytecode = True
sys.path.insert(0, str(BOOTSTRAP.parent))
import bootstrap as wire  # noqa: E402  (its protobuf functions are the subject and the tool)

MODULE = '''
import helper
import os
import sys

def hello(name="world"):
    print("greeting", name)
    return {"message": f"Hello, {name}!", "é": [1, 2.5, None, True]}

def need(a, *, b): return a + b

def pick(value=None, what="value"):
    if what == "value": return value
    if what == "bytes": return b"raw"
    if what == "nan": return float("nan")
    if what == "surrogate": return "\\ud800"
    if what == "big": return "x" * (4 << 20)
    if what == "edge": return "x" * ((4 << 20) - (64 << 10) - 2)
    if what == "raise": raise KeyError("no such thing")
    if what == "type": return len(5)
    if what == "long": raise ValueError("é" * 100000)
    if what == "unprintable": raise Unprintable()
    if what == "exit": sys.exit(3)
    if what == "helper": return helper.VALUE
    if what == "path": return sys.path[:2]
    if what == "argv": return sys.argv[1:]

class Unprintable(Exception):
    def __str__(self): raise RuntimeError("no")

number = 5
'''


class Running:
    """A bootstrap process and a connection to it."""

    def __init__(self, folder, entry="main.pick", wait=True, **environment):
        self.path = os.path.join(folder, "lsnr.sock")
        self.logs = tempfile.TemporaryFile("w+b"), tempfile.TemporaryFile("w+b")
        self.process = subprocess.Popen(
            ["/usr/bin/python3", "-B", str(BOOTSTRAP), entry],
            cwd=folder,
            env={"PATH": "/usr/bin", "FNRPC_LISTENER": "unix:" + self.path, **environment},
            stdin=subprocess.DEVNULL,
            stdout=self.logs[0],
            stderr=self.logs[1],
        )
        self.connection = None
        if wait:
            self.connection = self.connect()

    def connect(self):
        if self.connection:
            self.connection.close()
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            connection = socket.socket(socket.AF_UNIX)
            connection.settimeout(10)
            try:
                connection.connect(self.path)
                return connection
            except OSError:
                connection.close()
                if self.process.poll() is not None:
                    raise AssertionError(self.log()) from None
                time.sleep(0.005)
        raise AssertionError("the bootstrap never listened")

    def send(self, data, stream=1, kind=1, flags=0):
        self.connection.sendall(wire.frame(kind, flags, stream, data))

    def frame(self):
        """(type, flags, stream id, data) of whatever comes next."""
        header = self.exactly(10)
        data = self.exactly(int.from_bytes(header[:4], "big"))
        return header[8], header[9], int.from_bytes(header[4:8], "big"), data

    def stream(self, parts, stream=1):
        """Makes a streamed call and returns (the reply's parts, content type)."""
        self.send(request(b"", method="CallStream"), stream, flags=2)
        for part in parts:
            self.send(wire.delimited(1, part) + wire.delimited(4, b"app"), stream, kind=3)
        self.send(b"", stream, kind=3, flags=5)
        reply, kinds = [], []
        while True:
            kind, flags, stream_id, data = self.frame()
            assert (kind, stream_id) == (3, stream), (kind, stream_id, data)
            if flags == 5:
                return reply, b"".join(kinds).decode()
            inner = dict(wire.fields(data))
            reply.append(inner[1])
            kinds.append(inner.get(2, b""))

    def receive(self):
        """(stream id, code, message, payload, content type) of the next Response."""
        header = self.exactly(10)
        assert header[8:] == b"\x02\x00", header
        code, message, payload, content_type = 0, "", b"", ""
        for number, value in wire.fields(self.exactly(int.from_bytes(header[:4], "big"))):
            if number == 1:
                assert value[0] == 8, value
                code = value[1]
                message = dict(wire.fields(value))[2].decode()
            elif number == 2:
                inner = dict(wire.fields(value))
                payload, content_type = inner[1], inner[2].decode()
        return int.from_bytes(header[4:8], "big"), code, message, payload, content_type

    def exactly(self, count):
        data = b""
        while len(data) < count:
            part = self.connection.recv(count - len(data))
            if not part:
                raise EOFError
            data += part
        return data

    def call(self, payload=b"", stream=1):
        self.send(request(payload), stream)
        return self.receive()

    def stop(self):
        if self.connection:
            self.connection.close()
        self.process.terminate()
        self.process.wait(timeout=10)
        return self.log()

    def log(self):
        """What the process has written to stdout and stderr."""
        texts = []
        for file in self.logs:
            file.seek(0)
            texts.append(file.read().decode())
        return tuple(texts)

    def close(self):
        if self.process.poll() is None:
            self.stop()
        for file in self.logs:
            file.close()


def request(payload, service=wire.SERVICE, method=wire.METHOD):
    inner = wire.delimited(1, payload) + wire.delimited(2, b"application/json")
    inner += wire.delimited(3, wire.delimited(1, b"k") + wire.delimited(2, b"v")) + wire.delimited(4, b"app")
    metadata = wire.delimited(5, wire.delimited(1, b"fn-call-id") + wire.delimited(2, b"01"))
    timeout = b"\x20\x80\x94\xeb\xdc\x03"
    return wire.delimited(1, service.encode()) + wire.delimited(2, method.encode()) + wire.delimited(3, inner) + timeout + metadata


class BootstrapTests(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.write("main.py", MODULE)
        self.write(".python/helper.py", "VALUE = 'from .python'\n")

    def write(self, name, content):
        path = pathlib.Path(self.folder, name)
        path.parent.mkdir(exist_ok=True)
        path.write_text(content)

    def start(self, entry="main.pick", **options):
        running = Running(self.folder, entry, **options)
        self.addCleanup(running.close)
        return running

    def fails(self, entry, **environment):
        """The process must end by itself with status 1; returns its stderr."""
        running = self.start(entry, wait=False, **environment)
        status = running.process.wait(timeout=10)
        err = running.log()[1]
        self.assertEqual(status, 1, err)
        self.assertFalse(os.path.exists(running.path))
        return err

    def value(self, running, **arguments):
        _, code, message, payload, _ = running.call(json.dumps(arguments).encode())
        self.assertEqual(code, 0, message)
        return json.loads(payload)

    def refused(self, running, payload):
        _, code, message, _, _ = running.call(payload)
        return code, message

    def test_object_becomes_keyword_arguments(self):
        running = self.start("main.hello")
        reply = running.call(b'{"name":"Ada"}', stream=7)
        self.assertEqual(
            reply, (7, 0, "", '{"message":"Hello, Ada!","é":[1,2.5,null,true]}'.encode(), "application/json")
        )
        out, err = running.stop()
        self.assertEqual((out, err), ("greeting Ada\n", ""))

    def test_empty_payload_is_no_arguments(self):
        running = self.start("main.hello")
        self.assertIn(b"Hello, world!", running.call(b"")[3])
        running.send(wire.delimited(1, wire.SERVICE.encode()) + wire.delimited(2, b"Call"))
        self.assertIn(b"Hello, world!", running.receive()[3])

    def test_log_lines_arrive_while_it_runs(self):
        running = self.start("main.hello")
        running.call(b'{"name":"now"}')
        self.assertEqual(running.log()[0], "greeting now\n")

    def test_dependencies_come_from_the_package(self):
        running = self.start()
        self.assertEqual(self.value(running, what="helper"), "from .python")
        folder = os.path.realpath(self.folder)
        self.assertEqual(self.value(running, what="path"), [folder, folder + "/.python"])
        self.assertEqual(self.value(running, what="argv"), [])

    def test_every_json_value_is_a_reply(self):
        running = self.start()
        for value in (None, True, 0, -1.5, "", "ü\n\u2028", [], {}, [1, {"a": [None]}], 1 << 80):
            self.assertEqual(self.value(running, value=value), value)

    def test_bad_payloads_are_invalid_arguments(self):
        running = self.start("main.need")
        for payload, part in (
            (b"{", "not JSON"),
            (b"\xff\xfe", "not JSON"),
            (b"[" * 100_000, "not JSON"),
            (b'{"a":NaN}', "NaN is not JSON"),
            (b"[1,2]", "a JSON object, its keys are the arguments; it is a list"),
            (b'"x"', "it is a str"),
            (b"null", "it is a NoneType"),
            (b'{"a":1}', "missing a required argument: 'b'"),
            (b'{"a":1,"b":2,"c":3}', "unexpected keyword argument 'c'"),
        ):
            with self.subTest(payload[:20]):
                code, message = self.refused(running, payload)
                self.assertEqual(code, wire.INVALID_ARGUMENT, message)
                self.assertIn(part, message)
        self.assertEqual(running.call(b'{"a":1,"b":2}')[3], b"3")
        self.assertEqual(running.stop()[1], "", "a caller's mistake is not the function's log")

    def test_exceptions_are_reported_and_logged(self):
        running = self.start()
        self.assertEqual(self.refused(running, b'{"what":"raise"}'), (2, "KeyError: 'no such thing'"))
        code, message = self.refused(running, b'{"what":"type"}')
        self.assertEqual((code, message), (2, "TypeError: object of type 'int' has no len()"))
        self.assertEqual(self.refused(running, b'{"what":"unprintable"}'), (2, "Unprintable"))
        code, message = self.refused(running, b'{"what":"long"}')
        self.assertEqual((code, len(message)), (2, wire.MAX_MESSAGE + 2))
        self.assertEqual(self.value(running, value=1), 1)
        err = running.stop()[1]
        self.assertIn("Traceback", err)
        self.assertIn("main.py", err)
        self.assertNotIn("bootstrap.py", err)

    def test_replies_that_are_not_json(self):
        running = self.start()
        for what, part in (("bytes", "returned a bytes"), ("nan", "returned a float"), ("surrogate", "returned a str")):
            with self.subTest(what):
                code, message = self.refused(running, json.dumps({"what": what}).encode())
                self.assertEqual(code, 2)
                self.assertIn(part, message)

    def test_reply_limit(self):
        running = self.start()
        code, message = self.refused(running, b'{"what":"big"}')
        self.assertEqual((code, message), (2, f"the reply has {(4 << 20) + 2} bytes, the limit is {wire.MAX_REPLY}"))
        self.assertEqual(len(running.call(b'{"what":"edge"}')[3]), wire.MAX_REPLY)

    def test_large_payload(self):
        running = self.start()
        value = "y" * 3_000_000
        self.assertEqual(self.value(running, value=value), value)

    def test_many_requests_in_one_write_are_answered_in_order(self):
        running = self.start()
        frames = b""
        for index in range(200):
            data = request(json.dumps({"value": index}).encode())
            frames += len(data).to_bytes(4, "big") + (2 * index + 1).to_bytes(4, "big") + b"\x01\x00" + data
        running.connection.sendall(frames)
        for index in range(200):
            self.assertEqual(running.receive()[::3], (2 * index + 1, str(index).encode()))

    def test_streamed_calls_are_collected(self):
        running = self.start()
        self.assertEqual(running.stream([b'{"val', b'ue":[1,', b"2]}"]), ([b"[1,2]"], "application/json"))
        value = "y" * 6_000_000
        body = json.dumps({"value": value}).encode()
        reply, _ = running.stream([body[at : at + 262144] for at in range(0, len(body), 262144)], 3)
        self.assertEqual(json.loads(b"".join(reply)), value)
        self.assertTrue(all(len(part) <= 262144 for part in reply))
        running.send(request(b"", method="CallStream"), 5, flags=1)
        self.assertEqual([running.frame()[:3] for _ in range(2)], [(3, 0, 5), (3, 5, 5)])
        self.assertEqual(self.value(running, value=1), 1)

    def test_streamed_calls_fail_like_others(self):
        running = self.start()
        for stream, parts, code in ((1, [b'{"what":"raise"}'], 2), (3, [b"{"], 3), (5, [b" " * 262144] * 65, 8)):
            with self.subTest(stream):
                running.send(request(b"", method="CallStream"), stream, flags=2)
                for part in parts:
                    running.send(wire.delimited(1, part), stream, kind=3)
                running.send(b"", stream, kind=3, flags=5)
                self.assertEqual(running.receive()[:2], (stream, code))
        running.send(request(b"", method="CallStream"), 7, flags=2)
        running.send(b"\x0a", 7, kind=3)
        self.assertEqual(running.receive()[:2], (7, 3))
        # What crossed the call's end on the way is dropped.
        running.send(b"", 7, kind=3, flags=5)
        self.assertEqual(self.value(running, value=1), 1)

    def test_connections_are_served_side_by_side(self):
        running = self.start()
        first, other = running.connection, socket.socket(socket.AF_UNIX)
        self.addCleanup(first.close)
        other.settimeout(10)
        other.connect(running.path)
        running.connection = other
        running.send(request(b"", method="CallStream"), 1, flags=2)
        running.send(wire.delimited(1, b'{"value"'), 1, kind=3)
        other.sendall(b"\0\0")  # half a header
        running.connection = first
        self.assertEqual(self.value(running, value=1), 1)
        running.connection = other
        data = wire.delimited(1, b":2}")
        other.sendall(wire.frame(3, 0, 1, data)[2:] + wire.frame(3, 5, 1))
        self.assertEqual([running.frame()[:3] for _ in range(2)], [(3, 0, 1), (3, 5, 1)])
        other.close()
        running.connection = first
        self.assertEqual(self.value(running, value=3), 3)

    def test_dribbled_request(self):
        running = self.start()
        data = request(b'{"value":1}')
        for byte in len(data).to_bytes(4, "big") + b"\0\0\0\x01\x01\x00" + data:
            running.connection.sendall(bytes((byte,)))
        self.assertEqual(running.receive()[3], b"1")

    def test_protocol_mistakes_keep_the_connection(self):
        running = self.start()
        for data, stream, kind, code in (
            (request(b"", service="some.Other"), 1, 1, 12),
            (request(b"", method="Other"), 3, 1, 12),
            (b"", 5, 1, 12),
            (b"\xff\xff", 7, 1, 3),
            (b"\x0a\x7fshort", 9, 1, 3),
            (b"\x0a" + b"\xff" * 20, 11, 1, 3),
            (b"\x0b", 11, 1, 3),
            (wire.delimited(1, b"\xff"), 13, 1, 3),
            (request(b""), 2, 1, 3),
            (b"data", 15, 3, 3),
        ):
            with self.subTest(data=data[:12], stream=stream, kind=kind):
                running.send(data, stream, kind)
                self.assertEqual(running.receive()[:2], (stream, code))
        running.send(b"from the future", 17, 9)
        self.assertEqual(self.value(running, value="fine"), "fine")

    def test_broken_framing_closes_and_the_next_connection_works(self):
        running = self.start()
        running.connection.sendall(b"GET / HTTP/1.1\r\n\r\n")
        with self.assertRaises((EOFError, ConnectionError)):
            running.receive()
        running.connection = running.connect()
        self.assertEqual(self.value(running, value=1), 1)
        running.connection.sendall(b"\0\0\0\x09short")  # and leaves in the middle of a frame
        running.connection.close()
        running.connection = running.connect()
        self.assertEqual(self.value(running, value=2), 2)
        running.send(request(b'{"what":"edge"}'))  # and does not wait for the reply
        running.connection.close()
        running.connection = running.connect()
        self.assertEqual(self.value(running, value=3), 3)

    def test_socket_is_open_to_the_daemon(self):
        running = self.start()
        mode = os.stat(running.path).st_mode
        self.assertTrue(stat.S_ISSOCK(mode))
        self.assertEqual(stat.S_IMODE(mode), 0o666)
        self.assertFalse(os.path.exists(running.path + ".new"))

    def test_exit_of_the_function_ends_the_process(self):
        running = self.start()
        running.send(request(b'{"what":"exit"}'))
        with self.assertRaises(EOFError):
            running.receive()
        self.assertEqual(running.process.wait(10), 3)
        running.stop()

    def test_start_failures_say_why(self):
        self.write("broken.py", "import nothing_of_this_name\n")
        self.write("syntax.py", "def (:\n")
        err = self.fails("broken.run")
        self.assertIn("Traceback", err)
        self.assertIn("cannot import broken: ModuleNotFoundError: No module named 'nothing_of_this_name'", err)
        self.assertIn("SyntaxError", self.fails("syntax.run"))
        self.assertIn("cannot import absent", self.fails("absent.run"))
        self.assertIn("module main has no absent", self.fails("main.absent"))
        self.assertIn("main.number is a int, not a function", self.fails("main.number"))
        self.assertIn("entry must be module.function", self.fails("main"))
        self.assertIn("must be unix:PATH", self.fails("main.hello", FNRPC_LISTENER="tcp:1"))
        self.assertIn("cannot listen", self.fails("main.hello", FNRPC_LISTENER="unix:" + self.folder + "/no/such"))

    def test_runs_isolated(self):
        """`-I` drops the script's folder from the path; the package must still be found."""
        out = subprocess.run(
            ["/usr/bin/python3", "-I", "-B", str(BOOTSTRAP), "main.absent"],
            cwd=self.folder, capture_output=True, check=False, timeout=10,
        )  # fmt: skip
        self.assertIn(b"module main has no absent", out.stderr)


if __name__ == "__main__":
    unittest.main()
