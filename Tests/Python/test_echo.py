"""Drives examples/echo-ttrpc over its socket: every kind of call, several connections, a peer that does not read."""

import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "Sources/Sandbox/python"))
import bootstrap as wire  # noqa: E402

REQUEST, RESPONSE, DATA = wire.REQUEST, wire.RESPONSE, wire.DATA
OPEN, CLOSED, END = 2, 1, 5  # flags
ECHO, FUNCTION = b"echo.v1.Echo", b"fnrpc.function.v1.Function"


def number(field, value):
    """A varint field."""
    out = bytearray((field << 3,))
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out) + bytes((value,))


def request(service, method, payload=b""):
    return wire.delimited(1, service) + wire.delimited(2, method) + wire.delimited(3, payload)


def failed(code, message):
    return wire.delimited(1, bytes((8, code)) + wire.delimited(2, message))


class Peer:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(20)
        self.socket.connect(path)
        self.input = self.socket.makefile("rb")

    def send(self, kind, flags, stream, data=b""):
        self.socket.sendall(wire.frame(kind, flags, stream, data))

    def receive(self):
        """(type, flags, stream id, data)"""
        header = self.input.read(10)
        assert len(header) == 10, header
        stream = int.from_bytes(header[4:8], "big")
        return header[8], header[9], stream, self.input.read(int.from_bytes(header[:4], "big"))

    def close(self):
        self.input.close()
        self.socket.close()


class EchoTests(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.folder.cleanup)
        program, cls.path = os.path.join(cls.folder.name, "echo"), os.path.join(cls.folder.name, "lsnr.sock")
        source = ROOT / "examples/echo-ttrpc/echo.c"
        subprocess.run(["cc", "-std=c11", "-Wall", "-Wextra", "-Werror", "-O1", "-o", program, source], check=True)
        cls.process = subprocess.Popen([program], env={"FNRPC_LISTENER": "unix:" + cls.path})
        cls.addClassCleanup(cls.process.wait)
        cls.addClassCleanup(cls.process.kill)
        deadline = time.monotonic() + 10
        while not os.path.exists(cls.path) and time.monotonic() < deadline:
            time.sleep(0.005)

    def connect(self):
        peer = Peer(self.path)
        self.addCleanup(peer.close)
        return peer

    def test_unary(self):
        peer = self.connect()
        message = wire.delimited(1, b"hi")
        peer.send(REQUEST, 0, 1, request(ECHO, b"Unary", message))
        self.assertEqual(peer.receive(), (RESPONSE, 0, 1, wire.delimited(2, message)))
        call = wire.delimited(1, b"body") + wire.delimited(2, b"a/b")
        peer.send(REQUEST, 0, 3, request(FUNCTION, b"Call", call + wire.delimited(4, b"app")))
        self.assertEqual(peer.receive(), (RESPONSE, 0, 3, wire.delimited(2, call)))
        peer.send(REQUEST, 0, 5, request(ECHO, b"Call"))
        self.assertEqual(peer.receive()[3], failed(12, b"no such service or method"))
        peer.send(REQUEST, 0, 7, b"\x0a")
        self.assertEqual(peer.receive()[3], failed(3, b"malformed request"))

    def test_server_stream(self):
        peer = self.connect()
        text = wire.delimited(1, b"x")
        peer.send(REQUEST, CLOSED, 1, request(ECHO, b"ServerStream", text + number(2, 3)))
        expected = [(DATA, 0, 1, text + number(2, index)) for index in (1, 2, 3)] + [(DATA, END, 1, b"")]
        self.assertEqual([peer.receive() for _ in expected], expected)
        peer.send(REQUEST, CLOSED, 3, request(ECHO, b"ServerStream"))
        self.assertEqual(peer.receive(), (DATA, END, 3, b""))

    def test_client_stream(self):
        peer = self.connect()
        peer.send(REQUEST, OPEN, 1, request(ECHO, b"ClientStream"))
        for data in (wire.delimited(1, b"ab"), b"", wire.delimited(1, b"c")):
            peer.send(DATA, 0, 1, data)
        peer.send(DATA, END, 1)
        summary = number(1, 3) + number(2, 3)
        self.assertEqual(peer.receive(), (RESPONSE, 0, 1, wire.delimited(2, summary)))
        peer.send(REQUEST, CLOSED, 3, request(ECHO, b"ClientStream"))
        self.assertEqual(peer.receive(), (RESPONSE, 0, 3, b""))
        peer.send(REQUEST, OPEN, 5, request(ECHO, b"ClientStream"))
        peer.send(DATA, 0, 5, b"\x0a")
        self.assertEqual(peer.receive(), (RESPONSE, 0, 5, failed(3, b"malformed message")))

    def test_bidi(self):
        peer = self.connect()
        peer.send(REQUEST, OPEN, 1, request(ECHO, b"Bidi"))
        peer.send(REQUEST, OPEN | 4, 3, request(ECHO, b"Bidi"))
        for stream, flags, data in ((1, 0, b"one"), (3, 0, b"two"), (1, CLOSED, b"last"), (3, 0, b""), (3, END, b"")):
            peer.send(DATA, flags, stream, data)
        self.assertEqual(
            [peer.receive() for _ in range(6)],
            [
                (DATA, 0, 1, b"one"),
                (DATA, 0, 3, b"two"),
                (DATA, 0, 1, b"last"),
                (DATA, END, 1, b""),
                (DATA, 0, 3, b""),
                (DATA, END, 3, b""),
            ],
        )
        # What crossed the end on the way is dropped.
        peer.send(DATA, 0, 1, b"late")
        peer.send(REQUEST, 0, 5, request(ECHO, b"Unary"))
        self.assertEqual(peer.receive(), (RESPONSE, 0, 5, b""))

    def test_parts_come_back_without_what_is_the_daemons(self):
        peer = self.connect()
        part = wire.delimited(1, b"part") + wire.delimited(2, b"a/b")
        peer.send(REQUEST, OPEN, 1, request(FUNCTION, b"CallStream"))
        peer.send(DATA, 0, 1, part + wire.delimited(4, b"app") + number(7, 5))
        peer.send(DATA, 0, 1, wire.delimited(5, b"function"))
        peer.send(DATA, END, 1)
        self.assertEqual([peer.receive() for _ in range(2)], [(DATA, 0, 1, part), (DATA, END, 1, b"")])

    def test_a_stream_that_is_not_read_holds_nobody_up(self):
        slow, other = self.connect(), self.connect()
        count = 100_000
        message = wire.delimited(1, b"y" * 1000) + number(2, count)
        slow.send(REQUEST, CLOSED, 1, request(ECHO, b"ServerStream", message))
        slow.receive()
        other.send(REQUEST, 0, 1, request(ECHO, b"Unary", b"\x0a\x00"))
        self.assertEqual(other.receive()[0], RESPONSE)
        slow.send(REQUEST, 0, 3, request(ECHO, b"Unary"))
        frames = [slow.receive()[:3] for _ in range(count + 1)]
        self.assertEqual(frames.count((DATA, 0, 1)), count - 1)
        self.assertEqual((frames.count((RESPONSE, 0, 3)), frames[-1]), (1, (DATA, END, 1)))
        pages = int(pathlib.Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        self.assertLess(pages, 16 << 20 >> 12)


if __name__ == "__main__":
    unittest.main()
