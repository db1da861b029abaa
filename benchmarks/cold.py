"""Measures how fast a function that has no container serves many callers. Part of benchmarks/run."""

import os
import statistics
import subprocess

from measure import daemon_load, deploy_echo, median, spread

APP = "cold"
CALLERS = 64
MOST_CONTAINERS = 4
LEAST_RATIO = 0.7
NOISE = 1.3


def containers(function):
    """How many it has, from the table that the command prints."""
    command = [os.environ["FNRPC"], "worker", "list", f"{APP}/{function}"]
    return len(subprocess.run(command, check=True, capture_output=True, text=True).stdout.splitlines()) - 1


def measure(pairs, seconds):
    """Each pair is a new function: its calls from the second second after the first on, and then again."""
    cold, warm, counts = [], [], []
    for number in range(pairs):
        name = f"cold{number}"
        deploy_echo(name, APP)
        target = ("--app", APP, "--function", name, "--warmup")
        cold.append(daemon_load(CALLERS, CALLERS, seconds, *target, 1))
        warm.append(daemon_load(CALLERS, CALLERS, seconds, *target, 1))
        counts.append(containers(name))
    ratios = [c["rate"] / w["rate"] for c, w in zip(cold, warm)]
    return {
        "cold": cold, "warm": warm, "containers": counts, "void": spread(warm) > NOISE,
        "ratio": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
    }  # fmt: skip


def show(result):
    ratio = result["ratio"]
    print(f"\nA cold function, {CALLERS} callers, one call at a time in a container\n")
    print(f"from 1 s after the first call: {median(result['cold'], 'rate'):.0f} calls/s; later: "
          f"{median(result['warm'], 'rate'):.0f}; ratio {ratio['median']:.2f} ({ratio['min']:.2f}-{ratio['max']:.2f}), "
          f"goal at least {LEAST_RATIO}{'; void: the later rate moved' if result['void'] else ''}")  # fmt: skip
    print(f"containers: {max(result['containers'])}, goal at most {MOST_CONTAINERS}")
