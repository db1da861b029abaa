"""Measures the catalog: reads, creates, pages, memory, and calls while the catalog changes. Part of benchmarks/run.

All of it in one daemon, in this order: creates beside SQLite alone (commit.c); calls of a function with and without creates;
then the catalog is filled to 100,000 functions, and there reads, pages and memory are measured; at last a daemon is started
on a copy of that data.
"""

import json
import os
import pathlib
import random
import shutil
import socket
import sqlite3
import statistics
import struct
import subprocess
import sys
import time

from measure import HERE, daemon_load, deploy_echo, median, spread

APP = "catalog"
FUNCTIONS = 100_000
CALLERS = 8
CREATES = 8_000  # in one run of creates
CREATE_RATE = 1_000  # a second, beside hot calls
HOT_RATE = 2_000
PAGE = 100
PAGES = 4_000
NOISE = 1.3
FUNCTIONS_SERVICE = "fnrpc.v1.Functions"
DIAGNOSTICS = ("--service", "fnrpc.v1.Diagnostics", "--method", "Echo")


# --- protobuf and ttrpc: just enough


def varint(value):
    result = bytearray()
    while value > 0x7F:
        result.append(value & 0x7F | 0x80)
        value >>= 7
    result.append(value)
    return bytes(result)


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fields(message):
    """(number, value) of each field; numbers and byte strings only."""
    at = 0

    def number():
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        key = number()
        value = number()
        if key & 7 == 2:
            at += value
            value = message[at - value : at]
        yield key >> 3, value


class Client:
    """One call after the other."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.connect(path)
        self.stream = 1

    def call(self, service, method, message):
        request = field(1, service) + field(2, method) + field(3, message)
        self.socket.sendall(struct.pack(">IIBB", len(request), self.stream, 1, 0) + request)
        self.stream += 2
        size = struct.unpack(">IIBB", self.read(10))[0]
        response = dict(fields(self.read(size)))
        if code := dict(fields(response.get(1, b""))).get(1):
            sys.exit(f"{service}/{method} answered {code}: {response[1]}")
        return response.get(2, b"")

    def read(self, size):
        result = b""
        while len(result) < size:
            part = self.socket.recv(size - len(result))
            if not part:
                sys.exit("the daemon closed the connection")
            result += part
        return result


def write_requests(name, messages):
    """A file for load --requests."""
    path = pathlib.Path(os.environ["WORK"], name)
    path.write_bytes(b"".join(struct.pack(">I", len(message)) + message for message in messages))
    return path


# --- the catalog


class Creates:
    """Requests for functions that are not there yet."""

    def __init__(self, digest):
        self.made = 0  # names that are used up
        self.stored = 0
        self.rest = field(3, field(1, "binary") + field(2, "echo") + field(4, "ttrpc")) + field(4, digest)

    def file(self, count):
        numbers = range(self.made, self.made + count)
        self.made += count
        return write_requests("creates", (field(1, APP) + field(2, f"function-{n:06}") + self.rest for n in numbers))

    def took(self, result):
        """What a run of the generator created."""
        self.stored += result["calls"]
        return result

    def options(self, count):
        return ("--service", FUNCTIONS_SERVICE, "--method", "Create", "--requests", self.file(count), "--warmup", 0)


def prepare():
    """The app, and a package that is stored already: that of the function that is called."""
    deploy_echo("hot", APP, containers=1, concurrency=64)
    client = Client(os.environ["FNRPC_SOCKET"])
    function = dict(fields(client.call(FUNCTIONS_SERVICE, "Get", field(1, APP) + field(2, "hot"))))
    return Creates(function[6].decode())


def row_bytes():
    """Of a function's row in the database, without the lengths that SQLite keeps."""
    path = pathlib.Path(os.environ["WORK"], "data/fnrpc.db")
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as database:
        columns = "length(id) + length(kind) + length(parent) + length(key) + length(refs) + length(claims) + length(body) + 40"
        return round(database.execute(f"SELECT avg({columns}) FROM entities WHERE kind = 'function'").fetchone()[0])


def sqlite_alone(rows, size):
    path = os.environ["WORK"] + "/commits.db"
    result = subprocess.run(
        [HERE / "build/commit", path, str(CALLERS), str(rows), str(size)], stdout=subprocess.PIPE, check=True
    )
    for end in ("", "-wal", "-shm"):
        pathlib.Path(path + end).unlink(missing_ok=True)
    return json.loads(result.stdout)


def memory(pid):
    """Resident and proportional, MiB."""
    lines = pathlib.Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    sizes = {line.split(":")[0]: int(line.split()[1]) / 1024 for line in lines}
    return {"rss_mib": round(sizes["Rss"], 1), "pss_mib": round(sizes["Pss"], 1)}


def pairs_of(count, first, second, key, goal, name, names):
    """Both in turns; the ratio is second / first."""
    firsts, seconds = [], []
    for _ in range(count):
        firsts.append(first())
        seconds.append(second())
    ratios = [b[key] / a[key] for a, b in zip(firsts, seconds)]
    return {
        "name": name, "names": names, "first": firsts, "second": seconds, "compared": key, "goal": goal,
        "ratio": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
        "floor_spread": spread(firsts, key), "void": spread(firsts, key) > NOISE,
    }  # fmt: skip


def measure_creates(creates, pairs):
    size = row_bytes()

    def daemon():
        return creates.took(daemon_load(CALLERS, CALLERS, 60, *creates.options(CREATES), "--calls", CREATES))

    daemon()  # the first commits make the files grow
    return pairs_of(
        pairs, lambda: sqlite_alone(CREATES, size), daemon, "rate", "at least 1.4",
        f"Creates, {CALLERS} callers", (f"SQLite, {size} bytes", "daemon"),
    )  # fmt: skip


def hot(seconds):
    target = ("--app", APP, "--function", "hot", "--warmup", "0.5", "--rate", HOT_RATE)
    return daemon_load(8, 1, seconds, *target)


def measure_hot(creates, pairs, seconds):
    beside = []

    def busy():
        count = int(CREATE_RATE * (seconds + 1) * 1.2)
        command = [HERE / "build/load", "--address", os.environ["FNRPC_SOCKET"], "--callers", 64, "--connections", 1]
        command += [*creates.options(count), "--rate", CREATE_RATE, "--seconds", seconds + 1]
        process = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE)
        result = hot(seconds)
        output = process.communicate()[0]
        if process.returncode:
            sys.exit(f"creates failed: {output.decode().strip()}")
        beside.append(creates.took(json.loads(output)))
        return result

    hot(1)
    name = f"Hot calls at {HOT_RATE}/s beside {CREATE_RATE} creates/s"
    result = pairs_of(pairs, lambda: hot(seconds), busy, "p99_us", "at most 1.5", name, ("quiet", "creates"))
    return {**result, "creates": beside}


def fill(creates):
    count = FUNCTIONS - creates.stored - 1  # and the one that is called
    result = daemon_load(64, CALLERS, 600, *creates.options(count), "--calls", count)
    return {"functions": FUNCTIONS, "creates": count, "rate": result["rate"], "p99_us": result["p99_us"]}


def walk():
    """Every function's id and name, and where every page starts."""
    client, functions, cursors = Client(os.environ["FNRPC_SOCKET"]), [], [""]
    while True:
        answer = client.call(FUNCTIONS_SERVICE, "List", field(1, APP) + field(2, field(1, cursors[-1]) + field(2, PAGE)))
        cursor = ""
        for number, value in fields(answer):
            if number == 1:
                function = dict(fields(value))
                functions.append((dict(fields(function[1]))[2].decode(), function[4].decode()))
            elif number == 2:
                cursor = value.decode()
        if not cursor:
            break
        cursors.append(cursor)
    if len(set(functions)) != FUNCTIONS:
        sys.exit(f"the pages have {len(set(functions))} functions, not {FUNCTIONS}")
    return functions, cursors


def measure_gets(functions, pairs, seconds):
    def echo():
        return daemon_load(CALLERS, CALLERS, seconds, *DIAGNOSTICS, "--warmup", "0.5")

    chosen = random.sample(functions, 10_000)
    results = []
    for name, column in (("id", 0), ("name", 1)):
        file = write_requests("gets", (field(1, APP) + field(2, function[column]) for function in chosen))
        options = ("--service", FUNCTIONS_SERVICE, "--method", "Get", "--requests", file, "--warmup", "0.5")
        results.append(
            pairs_of(
                pairs, echo, lambda: daemon_load(CALLERS, CALLERS, seconds, *options), "rate", "at least 0.7",
                f"Get by {name}, {CALLERS} connections", ("echo", "get"),
            )
        )  # fmt: skip
    return results


def measure_pages(cursors, runs):
    order = [random.choice(cursors) for _ in range(PAGES)]
    file = write_requests("pages", (field(1, APP) + field(2, field(1, cursor) + field(2, PAGE)) for cursor in order))
    options = ("--service", FUNCTIONS_SERVICE, "--method", "List", "--requests", file, "--warmup", 0)
    return [daemon_load(1, 1, 60, *options, "--calls", PAGES) for _ in range(runs)]


def restart():
    """A daemon on a copy of the data: how long it takes to be ready, and its memory then."""
    work = pathlib.Path(os.environ["WORK"], "again")
    work.mkdir()
    shutil.copytree(pathlib.Path(os.environ["WORK"], "data"), work / "data", ignore=shutil.ignore_patterns("run"))
    program = pathlib.Path(os.environ["FNRPC"]).parent / "fnrpcd"
    begin = time.monotonic()
    command = [program, "--data-dir", work / "data", "--listen", f"unix:{work}/fnrpc.sock"]
    environment = {key: value for key, value in os.environ.items() if not key.startswith("FNRPCD_")}
    daemon = subprocess.Popen([str(word) for word in command], stdout=subprocess.PIPE, env=environment)
    try:
        if not daemon.stdout.readline().startswith(b"ready"):
            sys.exit("the second daemon did not become ready")
        return {"ready_seconds": round(time.monotonic() - begin, 2), **memory(daemon.pid)}
    finally:
        daemon.terminate()
        daemon.wait()
        daemon.stdout.close()


def measure(pairs, seconds):
    creates = prepare()
    result = {"memory": {"before": memory(os.environ["FNRPCD_PID"])}}
    result["pairs"] = [measure_creates(creates, pairs), measure_hot(creates, pairs, seconds)]
    result["fill"] = fill(creates)
    result["memory"]["filled"] = memory(os.environ["FNRPCD_PID"])
    functions, cursors = walk()
    result["pairs"] += measure_gets(functions, pairs, seconds)
    result["pages"] = measure_pages(cursors, pairs)
    result["memory"]["restarted"] = restart()
    return result


def show(result):
    print("The catalog; ratios are second / first, median (min-max)\n")
    row = "{:<44} {:<20} {:>10} {:>10} {:>10}  {}".format
    print(row("", "", "a second", "p50 us", "p99 us", ""))
    for pair in result["pairs"]:
        for name, runs in zip((pair["name"], ""), (pair["first"], pair["second"])):
            values = [f"{median(runs, key):.0f}" for key in ("rate", "p50_us", "p99_us")]
            print(row(name, pair["names"][0 if name else 1], *values, ""))
        ratio = pair["ratio"]
        void = f"; void: the first moved by {pair['floor_spread']:.2f}" if pair["void"] else ""
        print(f"    {pair['compared']}: {ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f}), goal {pair['goal']}{void}")
    pages = [run["p99_us"] for run in result["pages"]]
    print(f"Page of {PAGE} of {FUNCTIONS}: p50 {median(result['pages'], 'p50_us'):.0f} us, p99 {statistics.median(pages):.0f} us "
          f"({min(pages):.0f}-{max(pages):.0f}), goal at most 2000")  # fmt: skip
    for name, sizes in result["memory"].items():
        print(f"Memory, {name}: " + ", ".join(f"{key} {value}" for key, value in sizes.items()))
    print("    goal: at most 200 MB")
    print(f"Filled at {result['fill']['rate']} creates a second from 64 callers\n")
