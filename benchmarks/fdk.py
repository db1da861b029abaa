"""Measures what the daemon adds to a call of a function that Fn's own kit for Python serves. Part of benchmarks/run."""

import os
import pathlib
import shutil
import socket
import statistics
import subprocess
import sys
import time

from measure import HERE, daemon_load, median, run_tool, spread

APP, FUNCTION = "fdk", "hello-fdk"
EXAMPLE = HERE.parent / "examples" / FUNCTION
BODY, ANSWER = '{"name":"Ada"}', '{"message": "Hello, Ada!"}'
CALL = ("--data", BODY, "--expect", ANSWER, "--type", "application/json", "--warmup", "0.5")
MOST_MICROS = 60
NOISE = 1.3
START_SECONDS = 30


class Process:
    """The function without a daemon: the package as it was deployed, the same command and environment, no sandbox."""

    def __init__(self, package):
        self.folder = pathlib.Path(os.environ["WORK"], "fdk-alone")
        self.folder.mkdir()
        self.socket = self.folder / "lsnr.sock"
        environment = {
            "PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": "/tmp", "LANG": "C.UTF-8", "PYTHONPATH": f"{package}/.python:{package}",
            "PYTHONUNBUFFERED": "1", "PYTHONDONTWRITEBYTECODE": "1", "FN_FORMAT": "http-stream",
            "FN_LISTENER": f"unix:{self.socket}", "FN_LOGFRAME_NAME": "FNRPC_CALL", "FN_LOGFRAME_HDR": "Fn-Call-Id",
            "FN_PATH": "/invoke", "FN_TYPE": "sync", "FN_MEMORY": "256", "FN_TMPSIZE": "64", "FN_APP_ID": APP, "FN_APP_NAME": APP,
            "FN_FN_ID": FUNCTION, "FN_FN_NAME": FUNCTION,
        }  # fmt: skip
        command = ["/usr/bin/python3", package / ".python/bin/fdk", package / "func.py", "handler"]
        self.process = subprocess.Popen(command, cwd=package, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            self.wait()
        except BaseException:
            self.__exit__()
            raise

    def wait(self):
        end = time.monotonic() + START_SECONDS
        while self.process.poll() is None and time.monotonic() < end:
            with socket.socket(socket.AF_UNIX) as attempt:
                if attempt.connect_ex(str(self.socket)) == 0:
                    return
            time.sleep(0.01)
        sys.exit("the function did not start without the daemon")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        shutil.rmtree(self.folder)


def direct_load(process, seconds):
    return run_tool(HERE / "build/http", "--address", process.socket, "--seconds", seconds, *CALL)


def measure(pairs, seconds):
    """In turns: the process alone, and the same by the daemon, one caller."""
    subprocess.run([os.environ["FNRPC"], "deploy", EXAMPLE, "--app", APP], check=True, capture_output=True)
    target = ("--app", APP, "--function", FUNCTION, *CALL)
    daemon_load(1, 1, 0.5, *target)  # it has a container, and the daemon has unpacked the package
    packages = list(pathlib.Path(os.environ["WORK"], "data/packages/trees").glob("*/*/requirements.txt"))
    direct, daemon = [], []
    for _ in range(pairs):
        with Process(packages[0].parent) as process:
            direct.append(direct_load(process, seconds))
        daemon.append(daemon_load(1, 1, seconds, *target))
    added = [d["p50_us"] - f["p50_us"] for f, d in zip(direct, daemon)]
    return {
        "direct": direct, "daemon": daemon, "void": spread(direct, "p50_us") > NOISE,
        "added_us": {"median": statistics.median(added), "min": min(added), "max": max(added)},
    }  # fmt: skip


def show(result):
    added = result["added_us"]
    print("\nA Python function of Fn's kit, 1 caller\n")
    print(f"p50 alone: {median(result['direct'], 'p50_us'):.1f} us; by the daemon: {median(result['daemon'], 'p50_us'):.1f} us; "
          f"added {added['median']:.1f} us ({added['min']:.1f}-{added['max']:.1f}), goal at most {MOST_MICROS}"
          f"{'; void: the process alone moved' if result['void'] else ''}")  # fmt: skip
