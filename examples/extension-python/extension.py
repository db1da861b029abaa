#!/usr/bin/python3
"""An extension of fnrpcd, standard library only: it serves fnrpc.ext.v1.Extension (proto/fnrpc/ext/v1/ext.proto).

    extension.py SOCKET

It refuses apps whose name begins with "forbidden", and gives every call the request metadata x-seen-by.
"""

import io
import os
import socketserver
import struct
import sys

REQUEST, RESPONSE = 1, 2  # types of frames
INVALID_ARGUMENT, UNIMPLEMENTED = 3, 12  # codes of a Status


def varint(value):
    low = value & 0x7F
    return bytes([low]) if value < 0x80 else bytes([low | 0x80]) + varint(value >> 7)


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
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


class Refused(Exception):
    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


def describe(_):
    name = field(1, "extension-python")
    before = field(2, "app.create") + field(2, "call")
    return name + before + field(3, "app.delete")


def before_change(event):
    name = dict(fields(event)).get(3, b"").decode()
    if name.startswith("forbidden"):
        raise Refused(INVALID_ARGUMENT, f"name: {name!r} begins with forbidden; choose another")
    return b""


def after_change(event):
    values = dict(fields(event))
    print(f"{values[1].decode()} {values[3].decode()} {values[2].decode()}", flush=True)
    return b""


def before_call(_):
    entry = field(1, "x-seen-by") + field(2, "extension-python")
    return field(6, entry)  # set_metadata


METHODS = {
    b"Describe": describe,
    b"BeforeChange": before_change,
    b"AfterChange": after_change,
    b"BeforeCall": before_call,
}


def answer(request):
    """The Response to a Request."""
    values = dict(fields(request))
    method = METHODS.get(values.get(2))
    try:
        if values.get(1) != b"fnrpc.ext.v1.Extension" or method is None:
            raise Refused(UNIMPLEMENTED, f"method {values.get(2, b'').decode()} is not served")
        return field(2, method(values.get(3, b"")))
    except Refused as refusal:
        return field(1, field(1, refusal.code) + field(2, str(refusal)))


class Connection(socketserver.StreamRequestHandler):
    def handle(self):
        while len(header := self.rfile.read(10)) == 10:
            length, stream, kind, _ = struct.unpack(">IIBB", header)
            data = self.rfile.read(length)
            if kind == REQUEST:
                response = answer(data)
                self.wfile.write(struct.pack(">IIBB", len(response), stream, RESPONSE, 0) + response)


class Server(socketserver.ThreadingUnixStreamServer):
    daemon_threads = True


def main(path):
    if os.path.exists(path):
        os.unlink(path)  # of a run before
    with Server(path, Connection) as server:
        print("ready", flush=True)
        server.serve_forever()


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except KeyboardInterrupt:
        pass
