"""Serves a plain Python function, `module.function`, over ttrpc on the Unix socket named by FNRPC_LISTENER.

A JSON object becomes the function's keyword arguments, and the value that it returns becomes the JSON reply. One call at
a time, whichever connection it comes on: streamed calls have their own. Python 3.11, standard library only, and few
imports: every millisecond here is part of every cold start.
"""

import json
import os
import select
import socket
import sys

HEADER_BYTES = 10
REQUEST, RESPONSE, DATA = 1, 2, 3
MAX_FRAME = 4 << 20  # ttrpc's limit
MAX_REPLY = MAX_FRAME - (64 << 10)  # leaves room for the envelope and for what the daemon adds
MAX_MESSAGE = 4096  # characters of an error message
MAX_BODY = 16 << 20  # of a streamed call, either way: it is collected, because it is one JSON value
PART_BYTES = 256 << 10  # of a streamed reply
READ_BYTES = 1 << 16
REMOTE_CLOSED, NO_DATA = 1, 4

UNKNOWN, INVALID_ARGUMENT, RESOURCE_EXHAUSTED, UNIMPLEMENTED = 2, 3, 8, 12

SERVICE, METHOD, STREAM_METHOD = "fnrpc.function.v1.Function", "Call", "CallStream"


class Refusal(Exception):
    """An answer with a status instead of a value."""

    def __init__(self, code, message):
        super().__init__(message)
        self.code = code


# --- protobuf, as much of it as two messages need


def varint(data, at):
    """Returns the number at `at` and the offset behind it."""
    value = shift = 0
    while shift < 70:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
    raise ValueError("a number is longer than 10 bytes")


def fields(data):
    """Yields (field number, bytes) for the length-delimited fields of a message and skips the others."""
    at, end = 0, len(data)
    while at < end:
        key, at = varint(data, at)
        kind = key & 7
        if key < 8:
            raise ValueError("field number 0")
        if kind == 2:
            size, at = varint(data, at)
            if size > end - at:
                raise ValueError("a field is longer than its message")
            yield key >> 3, data[at : at + size]
            at += size
        elif kind == 0:
            _, at = varint(data, at)
        elif kind in (1, 5):
            at += 8 if kind == 1 else 4
            if at > end:
                raise ValueError("a field is longer than its message")
        else:
            raise ValueError(f"wire type {kind}")


def delimited(number, data):
    """One length-delimited field (numbers below 16)."""
    size, head = len(data), bytearray((number << 3 | 2,))
    while size > 0x7F:
        head.append(size & 0x7F | 0x80)
        size >>= 7
    head.append(size)
    return bytes(head) + data


def text(message):
    """UTF-8 of a text that may hold anything, shortened."""
    if len(message) > MAX_MESSAGE:
        message = message[:MAX_MESSAGE] + " …"
    return message.encode("utf-8", "replace")


# --- one call


def refuse_constant(name):
    raise ValueError(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_constant=refuse_constant)
ENCODER = json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=(",", ":"))


def arguments(payload):
    """The keyword arguments in a payload; an empty payload has none."""
    if not payload:
        return {}
    try:
        value = DECODER.decode(str(payload, "utf-8"))
    except (ValueError, RecursionError) as error:
        raise Refusal(INVALID_ARGUMENT, f"the payload is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise Refusal(
            INVALID_ARGUMENT,
            f"the payload must be a JSON object, its keys are the arguments; it is a {type(value).__name__}",
        )
    return value


def refuse_wrong_arguments(function, values):
    """Raises when `values` do not fit the function's parameters. Slow, so only asked after a TypeError."""
    import inspect

    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    try:
        signature.bind(**values)
    except TypeError as error:
        raise Refusal(INVALID_ARGUMENT, f"the arguments do not fit {function.__name__}{signature}: {error}") from None


def describe(error):
    """`Type: message`, whatever the exception's own __str__ does."""
    try:
        message = str(error)
    except Exception:
        message = ""
    name = type(error).__name__
    return f"{name}: {message}" if message else name


def print_traceback(error):
    import traceback

    inner = error.__traceback__.tb_next  # without the frame of this file
    try:
        traceback.print_exception(type(error), error, inner)
    except Exception:
        print(describe(error), file=sys.stderr)


def call(function, payload, limit):
    """Runs the function once; returns the JSON reply, at most `limit` bytes."""
    values = arguments(payload)
    try:
        result = function(**values)
    except Exception as error:
        if isinstance(error, TypeError):
            refuse_wrong_arguments(function, values)
        print_traceback(error)
        raise Refusal(UNKNOWN, describe(error)) from None
    try:
        reply = ENCODER.encode(result).encode()
    except (TypeError, ValueError, RecursionError) as error:
        kind = type(result).__name__
        raise Refusal(UNKNOWN, f"the function returned a {kind} that cannot be written as JSON: {error}") from None
    if len(reply) > limit:
        raise Refusal(UNKNOWN, f"the reply has {len(reply)} bytes, the limit is {limit}")
    return reply


def frame(kind, flags, stream_id, data=b""):
    return len(data).to_bytes(4, "big") + stream_id.to_bytes(4, "big") + bytes((kind, flags)) + data


def refused(refusal):
    """The Response that says so, as bytes."""
    return delimited(1, bytes((8, refusal.code)) + delimited(2, text(str(refusal))))


def first_field(message):
    """The bytes of field 1, the payload of every message here."""
    result = b""
    try:
        for number, value in fields(message):
            if number == 1:
                result = value
    except (ValueError, IndexError) as error:
        raise Refusal(INVALID_ARGUMENT, f"the request does not parse: {error}") from None
    return result


def parse(data):
    """(whether it is a streamed call, payload) of a Request."""
    service = method = payload = b""
    try:
        for number, value in fields(data):
            if number == 1:
                service = value
            elif number == 2:
                method = value
            elif number == 3:
                payload = value
        service, method = str(service, "utf-8"), str(method, "utf-8")
    except (ValueError, IndexError) as error:
        raise Refusal(INVALID_ARGUMENT, f"the request does not parse: {error}") from None
    if service != SERVICE or method not in (METHOD, STREAM_METHOD):
        name = service + "/" + method
        raise Refusal(UNIMPLEMENTED, f"{name} is not served here, only {SERVICE}/{METHOD} and {STREAM_METHOD}")
    return method == STREAM_METHOD, payload


# --- the socket


class Connection:
    """One connection of the daemon: what came in and is not a whole frame yet, and the streamed calls on it."""

    def __init__(self, socket, function):
        self.socket = socket
        self.function = function
        self.input = bytearray()
        self.bodies = {}
        self.last_id = 0

    def receive(self):
        """Answers the requests that one read brings, in order; False when the peer left or broke the framing."""
        data = self.socket.recv(READ_BYTES)
        if not data:
            return False
        self.input += data
        at, end = 0, len(self.input)
        while end - at >= HEADER_BYTES:
            size = int.from_bytes(self.input[at : at + 4], "big")
            if size > MAX_FRAME:
                print(f"fnrpc: a frame of {size} bytes is over the limit of {MAX_FRAME}: closed", file=sys.stderr)
                return False
            if end - at < HEADER_BYTES + size:
                break
            stream_id = int.from_bytes(self.input[at + 4 : at + 8], "big")
            kind, flags = self.input[at + 8], self.input[at + 9]
            data = bytes(self.input[at + HEADER_BYTES : at + HEADER_BYTES + size])
            at += HEADER_BYTES + size
            try:
                if kind == REQUEST:
                    self.requested(stream_id, flags, data)
                elif kind == DATA:
                    self.continued(stream_id, flags, data)
                # Types of the future are to be ignored.
            except Refusal as refusal:
                self.bodies.pop(stream_id, None)
                self.socket.sendall(frame(RESPONSE, 0, stream_id, refused(refusal)))
        del self.input[:at]
        return True

    def requested(self, stream_id, flags, data):
        if stream_id % 2 == 0:
            raise Refusal(INVALID_ARGUMENT, "stream ids of requests are odd")
        self.last_id = max(self.last_id, stream_id)
        is_stream, payload = parse(data)
        if is_stream:
            self.bodies[stream_id] = bytearray()
            if flags & REMOTE_CLOSED:
                self.finish(stream_id)
            return
        reply = call(self.function, first_field(payload), MAX_REPLY)
        message = delimited(2, delimited(1, reply) + delimited(2, b"application/json"))
        self.socket.sendall(frame(RESPONSE, 0, stream_id, message))

    def continued(self, stream_id, flags, data):
        """The next part of a streamed call's body."""
        body = self.bodies.get(stream_id)
        if body is None:
            if stream_id <= self.last_id:
                return  # it crossed the call's end on the way
            raise Refusal(INVALID_ARGUMENT, "no stream is open")
        if not flags & NO_DATA:
            body += first_field(data)
            if len(body) > MAX_BODY:
                raise Refusal(RESOURCE_EXHAUSTED, f"the body is over the limit of {MAX_BODY} bytes")
        if flags & REMOTE_CLOSED:
            self.finish(stream_id)

    def finish(self, stream_id):
        """Runs a streamed call whose body is there; the reply leaves in parts."""
        reply = call(self.function, bytes(self.bodies.pop(stream_id)), MAX_BODY)
        head = delimited(2, b"application/json")
        for at in range(0, len(reply), PART_BYTES):
            part = delimited(1, reply[at : at + PART_BYTES])
            self.socket.sendall(frame(DATA, 0, stream_id, part + (head if at == 0 else b"")))
        self.socket.sendall(frame(DATA, REMOTE_CLOSED | NO_DATA, stream_id))


def serve(listener, function):
    """Serves every connection, one frame at a time, for ever."""
    connections = {}
    ready = select.poll()
    ready.register(listener, select.POLLIN)
    while True:
        for descriptor, _ in ready.poll():
            if descriptor == listener.fileno():
                accepted, _ = listener.accept()
                connections[accepted.fileno()] = Connection(accepted, function)
                ready.register(accepted, select.POLLIN)
                continue
            connection = connections[descriptor]
            try:
                is_open = connection.receive()
            except OSError:
                is_open = False  # the peer went away in the middle; the others are welcome
            if not is_open:
                ready.unregister(descriptor)
                del connections[descriptor]
                connection.socket.close()


def listen(address):
    """Listens at `unix:PATH`. The name appears only when the socket is ready for a connection."""
    if not address.startswith("unix:"):
        sys.exit(f"fnrpc: FNRPC_LISTENER must be unix:PATH, it is {address!r}")
    path = address.removeprefix("unix:")
    listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        listener.bind(path + ".new")
        os.chmod(path + ".new", 0o666)
        listener.listen(16)
        os.rename(path + ".new", path)
    except OSError as error:
        sys.exit(f"fnrpc: cannot listen at {path}: {error}")
    return listener


def load(entry):
    """Imports `module.function`; whatever goes wrong ends the process with status 1 and its reason on stderr."""
    module_name, _, function_name = entry.rpartition(".")
    if not module_name or not function_name:
        sys.exit(f"fnrpc: entry must be module.function, it is {entry!r}")
    import importlib

    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        print_traceback(error)
        sys.exit(f"fnrpc: cannot import {module_name}: {describe(error)}")
    function = getattr(module, function_name, None)
    if function is None:
        sys.exit(f"fnrpc: module {module_name} has no {function_name}")
    if not callable(function):
        sys.exit(f"fnrpc: {entry} is a {type(function).__name__}, not a function")
    return function


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: bootstrap.py module.function")
    entry = sys.argv.pop()
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True, errors="backslashreplace")
    here = os.path.dirname(os.path.abspath(__file__))
    package = os.getcwd()
    sys.path[:] = [package, os.path.join(package, ".python"), *(p for p in sys.path if p not in ("", here, package))]

    function = load(entry)
    listener = listen(os.environ.get("FNRPC_LISTENER", ""))
    serve(listener, function)


if __name__ == "__main__":
    main()
