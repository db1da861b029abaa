#!/usr/bin/python3
"""A client for fnrpcd, written from PROTOCOL.md: unary calls and server streams. FNRPC_TOKEN may hold a token.

    client.py SOCKET generate N BYTES    fnrpc.v1.Diagnostics/Generate, a server stream
    client.py SOCKET invoke APP/FN BODY  fnrpc.v1.Invocation/Invoke
"""

import io
import os
import socket
import struct
import sys

REQUEST, RESPONSE, DATA = 1, 2, 3  # types of frames
REMOTE_CLOSED, NO_DATA = 0x01, 0x04  # flags


def varint(value):
    low = value & 0x7F
    return bytes([low]) if value < 0x80 else bytes([low | 0x80]) + varint(value >> 7)


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value & (1 << 64) - 1)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(data):
    """The fields of a message: (number, int or bytes)."""
    rest = io.BytesIO(data)

    def read_varint():
        byte = rest.read(1)[0]
        return byte if byte < 0x80 else byte & 0x7F | read_varint() << 7

    while rest.tell() < len(data):
        tag = read_varint()
        kind = tag & 7
        value = read_varint() if kind in (0, 2) else {1: 8, 5: 4}[kind]
        yield tag >> 3, value if kind == 0 else rest.read(value)


class Client:
    def __init__(self, path, token=None):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.input = self.socket.makefile("rb")
        self.metadata = [("authorization", f"Bearer {token}")] if token else []
        self.next_id = 1

    def call(self, service, method, payload=b"", streams=False, timeout=0.0):
        """Yields the messages of the answer: one, or with `streams` any number."""
        stream, self.next_id = self.next_id, self.next_id + 2
        request = field(1, service) + field(2, method) + field(3, payload) + field(4, int(timeout * 1e9))
        for key, value in self.metadata:
            request += field(5, field(1, key) + field(2, value))
        header = struct.pack(">IIBB", len(request), stream, REQUEST, REMOTE_CLOSED if streams else 0)
        self.socket.sendall(header + request)
        while True:
            header = self.input.read(10)
            if len(header) < 10:
                raise ConnectionError("the daemon closed the connection; whether the call ran is not known")
            length, answered, kind, flags = struct.unpack(">IIBB", header)
            data = self.input.read(length)
            if answered != stream:
                continue  # of a call that was given up
            if kind == RESPONSE:
                response = dict(fields(data))
                status = dict(fields(response.get(1, b"")))
                if status.get(1, 0) != 0:
                    raise RuntimeError(f"status {status[1]}: {status.get(2, b'').decode()}")
                yield response.get(2, b"")
                return
            if kind == DATA and not flags & NO_DATA:
                yield data
            if kind == DATA and flags & REMOTE_CLOSED:
                return


def main(path, verb, *words):
    client = Client(path, os.environ.get("FNRPC_TOKEN"))
    if verb == "generate":
        request = field(1, int(words[0])) + field(2, int(words[1]))
        answers = client.call("fnrpc.v1.Diagnostics", "Generate", request, streams=True, timeout=30)
    else:
        app, function = words[0].split("/")
        request = field(1, words[1]) + field(4, app) + field(5, function)
        answers = client.call("fnrpc.v1.Invocation", "Invoke", request)
    for answer in answers:
        print(dict(fields(answer)).get(1, b"").decode())


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (RuntimeError, OSError) as error:
        sys.exit(f"client.py: {error}")
