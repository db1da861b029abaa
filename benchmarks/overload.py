"""Measures what a function still serves when twice as many calls come as it can take. Part of benchmarks/run."""

import json
import os
import statistics
import subprocess
import sys
import time

from measure import ECHO, HERE, daemon_load, deploy_program, median, metrics, spread

APP = "overload"
QUEUE = 100
SOCKET = "/tmp/iofs/lsnr.sock"
# name, what it is, program, its arguments, containers of one call each, callers of the peak, the generator's tick in
# microseconds (so that it costs about as much for each answer as at the peak), whether it is judged
FUNCTIONS = (
    ("burn", "a function of 1 ms of processor time", HERE / "build/echo", ("--burn", "1000"), os.cpu_count(), 64, 1000, True),
    ("echo", "the C echo", ECHO / "echo", None, 8, 64, 200, False),
)
CONNECTIONS, OUTSTANDING = 8, 1024
LEAST_GOODPUT = 0.9
MOST_MICROS = 1000
NOISE = 1.3
START_SECONDS = 60


def fnrpc(*words):
    command = [os.environ["FNRPC"], *(str(word) for word in words)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def deploy(name, program, arguments, containers):
    """All its containers are there before the first call: busy processors would hold them up."""
    words = [f"/function/{program.name}", "--listen", SOCKET, *arguments] if arguments else None
    entry = {"entry": None, "entrypoint": json.dumps(words)} if words else {}
    deploy_program(program, name, APP, containers, 1, min_containers=containers, max_queue=QUEUE, **entry)
    target, end = f"{APP}/{name}", time.monotonic() + START_SECONDS
    while missing := containers - (len(fnrpc("worker", "list", target).splitlines()) - 1):
        if time.monotonic() > end:
            sys.exit(f"{target} misses {missing} of {containers} containers")
        time.sleep(0.2)


def refusals():
    """How many the daemon has counted, by the upper bounds of its buckets in microseconds."""
    name = 'fnrpc_refusal_seconds_bucket{le="'
    found = {key[len(name) : -2]: value for key, value in metrics().items() if key.startswith(name)}
    return {float(bound) * 1e6: count for bound, count in found.items()}


def quantile(before, after, q):
    """The upper bound of the bucket that has it, microseconds."""
    counts = {bound: after[bound] - before[bound] for bound in after}
    return min(bound for bound, count in counts.items() if count >= q * counts[float("inf")])


def flood(name, rate, tick, seconds):
    """Twice the peak, with what the daemon says of how long a refusal took."""
    before = refusals()
    options = ("--warmup", 0, "--rate", 2 * rate, "--tick", tick, "--accept-busy")
    run = daemon_load(OUTSTANDING, CONNECTIONS, seconds, "--app", APP, "--function", name, *options)
    after = refusals()
    counted = after[float("inf")] - before[float("inf")]
    if counted != run["refused"]:
        sys.exit(f"the daemon counted {counted:.0f} refusals, and {run['refused']} came")
    run["daemon_p50_us"], run["daemon_p99_us"] = (quantile(before, after, q) for q in (0.5, 0.99))
    return run


def measure_one(name, what, program, arguments, containers, callers, tick, judged, pairs, seconds):
    deploy(name, program, arguments, containers)
    peaks, floods = [], []
    for _ in range(pairs):
        peaks.append(daemon_load(callers, CONNECTIONS, seconds / 5, "--app", APP, "--function", name, "--warmup", "0.5"))
        floods.append(flood(name, peaks[-1]["rate"], tick, seconds))
    ratios = [f["rate"] / p["rate"] for p, f in zip(peaks, floods)]
    return {
        "name": what, "judged": judged, "peak": peaks, "overload": floods, "void": spread(peaks) > NOISE,
        "goodput": {"median": statistics.median(ratios), "min": min(ratios), "max": max(ratios)},
    }  # fmt: skip


def measure(pairs, seconds):
    """The row that is only beside the judged one gets a third of the time."""
    return [measure_one(*function, pairs, seconds if function[-1] else seconds / 3) for function in FUNCTIONS]


def show(results):
    print(f"\nTwice as many calls as can be served, max_queue {QUEUE}; ratios are overload / peak, median (min-max)\n")
    for result in results:
        peaks, floods, goodput = result["peak"], result["overload"], result["goodput"]
        goal = f", goal at least {LEAST_GOODPUT}" if result["judged"] else ""
        print(f"{result['name']}: peak {median(peaks, 'rate'):.0f} calls/s; at {median(floods, 'rate_asked'):.0f} "
              f"{median(floods, 'rate'):.0f} are served: {goodput['median']:.2f} ({goodput['min']:.2f}-{goodput['max']:.2f})"
              f"{goal}{'; void: the peak moved' if result['void'] else ''}")  # fmt: skip
        worst = max(run["daemon_p99_us"] for run in floods)
        goal = f", goal at most {MOST_MICROS}" if result["judged"] else ""
        print(f"    refused in the daemon: p50 under {median(floods, 'daemon_p50_us'):.0f} us, p99 under "
              f"{median(floods, 'daemon_p99_us'):.0f} (at worst {worst:.0f}) us{goal}; as the caller sees it p99 "
              f"{median(floods, 'refused_p99_us'):.0f} us")  # fmt: skip
        print(f"    of an answer: the daemon's CPU {median(peaks, 'cpu_us_per_call'):.1f} us at the peak and "
              f"{median(floods, 'cpu_us_per_call'):.1f} us with refusals, the generator's "
              f"{median(peaks, 'client_cpu_us_per_call'):.1f} and {median(floods, 'client_cpu_us_per_call'):.1f} us; calls that "
              f"could not be sent: {max(run['unsent'] for run in floods)}")  # fmt: skip
