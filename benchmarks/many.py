"""Measures a cold start of the whole catalog: a thousand functions without containers, all called at once. Part of
benchmarks/run."""

import os
import statistics
import subprocess
import sys
import time

from catalog import FUNCTIONS_SERVICE, Client, field, fields, write_requests
from measure import daemon_load, deploy_echo, metrics

FUNCTIONS = 1_000
CONNECTIONS = 4
TIMEOUT_SECONDS = 120
PAYLOAD = "0123456789abcdef" * 4
EMPTY_SECONDS = 60


def spec():
    """A static program in C with as little memory as a function may have."""
    settings = ((1, "binary"), (2, "echo"), (4, "ttrpc"), (5, 16), (6, TIMEOUT_SECONDS * 10**9), (12, 1))
    return b"".join(field(number, value) for number, value in settings)


def create(app):
    """A function that is never called brings the package."""
    deploy_echo(app, app)
    client = Client(os.environ["FNRPC_SOCKET"])
    names = [f"function-{number:04}" for number in range(FUNCTIONS)]
    package = dict(fields(client.call(FUNCTIONS_SERVICE, "Get", field(1, app) + field(2, app))))[6]
    for name in names:
        client.call(FUNCTIONS_SERVICE, "Create", field(1, app) + field(2, name) + field(3, spec()) + field(4, package))
    return names


def call_all(app, names):
    """One call of each, all sent before any answer is awaited; any error ends the benchmark."""
    calls = write_requests("calls", (field(1, PAYLOAD) + field(4, app) + field(5, name) for name in names))
    options = ("--service", "fnrpc.v1.Invocation", "--method", "Invoke", "--requests", calls, "--expect", PAYLOAD)
    return daemon_load(FUNCTIONS, CONNECTIONS, TIMEOUT_SECONDS, *options, "--calls", FUNCTIONS, "--warmup", 0)


def remove(app):
    """Everything of the app; the next ones find an empty machine."""
    subprocess.run([os.environ["FNRPC"], "app", "delete", app, "--force"], check=True, stdout=subprocess.DEVNULL)
    end = time.monotonic() + EMPTY_SECONDS
    while left := metrics()["fnrpc_containers"]:
        if time.monotonic() > end:
            sys.exit(f"{left:.0f} containers of deleted functions are left after {EMPTY_SECONDS} s")
        time.sleep(0.1)


def measure(pairs, seconds):
    runs = []
    for number in range(pairs):
        app = f"many{number}"
        names = create(app)
        evictions = metrics()["fnrpc_evictions_total"]
        run = call_all(app, names)
        run["containers"], run["evictions"] = metrics()["fnrpc_containers"], metrics()["fnrpc_evictions_total"] - evictions
        runs.append(run)
        remove(app)
    return runs


def show(runs):
    def of(key, scale=1):
        values = [run[key] / scale for run in runs]
        return f"{statistics.median(values):.2f} ({min(values):.2f}-{max(values):.2f})"

    print(f"\n{FUNCTIONS} functions without containers, one call of each at once, {CONNECTIONS} connections; median (min-max)\n")
    print(f"all answered after {of('seconds')} s, half after {of('p50_us', 1e6)} s, the last one after {of('max_us', 1e6)} s; "
          f"errors: {sum(run['errors'] for run in runs)}, goal none")  # fmt: skip
    print(f"containers at the end: {of('containers')}, removed for others: {of('evictions')}; the daemon's own processor time "
          f"{of('cpu_us_per_call', 1000)} ms a start")  # fmt: skip
