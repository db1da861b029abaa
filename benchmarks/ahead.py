"""Measures what `queue_ahead` is worth. Part of benchmarks/run."""

from measure import daemon_load, deploy_echo, median, ratio, spread

APP = "ahead"
SHAPES = ((64, 64), (64, 1), (8, 8))  # callers, connections
NOISE = 1.3


def measure(pairs, seconds):
    """One container that takes one call at a time, with and without a call behind it."""
    for name in ("false", "true"):
        deploy_echo("queue-" + name, APP, containers=1, concurrency=1, queue_ahead=name)
    results = []
    for callers, connections in SHAPES:
        runs = {"floor": [], "daemon": []}
        for _ in range(pairs):
            for side, name in (("floor", "false"), ("daemon", "true")):
                target = ("--app", APP, "--function", "queue-" + name, "--warmup", "0.5")
                runs[side].append(daemon_load(callers, connections, seconds, *target))
        results.append({"callers": callers, "connections": connections, "void": spread(runs["floor"]) > NOISE, **runs})
    return results


def show(results):
    print("\nqueue_ahead, one container, one call at a time; ratios are with / without, median (min-max)\n")
    for result in results:
        rates = [f"{median(result[side], 'rate'):.0f}" for side in ("floor", "daemon")]
        print(f"{result['callers']} callers, {result['connections']} connections: {rates[0]} and {rates[1]} calls/s, "
              f"ratio {ratio(result, 'rate')}; p50 {ratio(result, 'p50_us')}; CPU per call "
              f"{ratio(result, 'cpu_us_per_call')}{'; void' if result['void'] else ''}")  # fmt: skip
