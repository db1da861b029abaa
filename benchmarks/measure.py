"""What the measurements share: servers to compare with, the load generator, medians of pairs."""

import json
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent
LOAD = HERE / "build/load"


ECHO = HERE.parent / "examples/echo-ttrpc"


def deploy_program(program, name, app, containers=0, concurrency=1, **more):
    """A static or dynamic program as a function of format ttrpc; `more`: further lines of its func.yaml."""
    folder = pathlib.Path(os.environ["WORK"], f"{app}-{name}")
    folder.mkdir()
    shutil.copy(program, folder)
    lines = {
        "name": name, "runtime": "binary", "entry": program.name, "format": "ttrpc", "memory": 32, "timeout": 10,
        "concurrency": concurrency, "max_containers": containers, "max_queue": 1000, **more,
    }  # fmt: skip
    (folder / "func.yaml").write_text("".join(f"{key}: {value}\n" for key, value in lines.items() if value is not None))
    subprocess.run([os.environ["FNRPC"], "deploy", folder, "--app", app], check=True, stdout=subprocess.DEVNULL)


def deploy_echo(name, app, containers=0, concurrency=1, **more):
    """The C echo as a function."""
    deploy_program(ECHO / "echo", name, app, containers, concurrency, **more)


class Server:
    """Something to compare the daemon with; `command` gets its socket's path for SOCKET."""

    def __init__(self, *command):
        self.socket = os.environ["WORK"] + "/other.sock"
        command = [self.socket if word == "SOCKET" else str(word) for word in command]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
        if self.process.stdout.readline() != b"ready\n":
            sys.exit(f"{command[0]} did not start")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


def pin(pid, cpus):
    """Every thread of a process; those of pools come and go meanwhile."""
    for thread in os.listdir(f"/proc/{pid}/task"):
        try:
            os.sched_setaffinity(int(thread), cpus)
        except ProcessLookupError:
            pass


def run_tool(*command):
    """What a program prints as JSON; any error ends the benchmark."""
    result = subprocess.run([str(word) for word in command], stdout=subprocess.PIPE)
    if result.returncode:
        sys.exit(f"{pathlib.Path(command[0]).name} failed: {result.stdout.decode().strip()}")
    return json.loads(result.stdout)


def load(socket, pid, callers, connections, seconds, *more, cpus=None):
    """One run of the generator; any error ends the benchmark. `cpus`: of the server's threads and of the generator."""
    everywhere = os.sched_getaffinity(0)
    if cpus:
        pin(pid, {cpus[0]})
    command = ["taskset", "-c", cpus[1]] if cpus else []
    command += [LOAD, "--address", socket, "--pid", pid, "--callers", callers, "--connections", connections]
    command += ["--seconds", seconds, *more]
    try:
        return run_tool(*command)
    finally:
        if cpus:
            pin(pid, everywhere)


def spread(runs, key="rate"):
    return max(run[key] for run in runs) / min(run[key] for run in runs)


def daemon_load(callers, connections, seconds, *more, cpus=None):
    return load(os.environ["FNRPC_SOCKET"], os.environ["FNRPCD_PID"], callers, connections, seconds, *more, cpus=cpus)


def metrics():
    """The daemon's, by their names with labels."""
    command = [os.environ["FNRPC"], "system", "metrics"]
    lines = subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def median(runs, key):
    return statistics.median(run[key] for run in runs)


def ratio(result, key):
    """daemon / floor of each pair: median, smallest, largest."""
    ratios = [d[key] / f[key] if f[key] else float("nan") for f, d in zip(result["floor"], result["daemon"])]
    return f"{statistics.median(ratios):.2f} ({min(ratios):.2f}-{max(ratios):.2f})"


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.machine()


def commit():
    found = subprocess.run(
        ["git", "-C", HERE, "-c", f"safe.directory={HERE.parent}", "describe", "--always", "--dirty"], capture_output=True, text=True
    )  # fmt: skip
    return found.stdout.strip() or "unknown"
