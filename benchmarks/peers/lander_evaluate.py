"""`lander_runtime.evaluate` as a contender of `eval_speed.py`.

    python benchmarks/peers/lander_evaluate.py POLICY --episodes 10_000 --workers 2

Only `evaluate` is timed, including the start and end of its workers. One JSON object on stdout.
"""

import argparse
import json
import resource
import time
from pathlib import Path

from lander_runtime import Policy, evaluate
from measure import cpu_seconds, peak_rss_mb


def main() -> None:
    """Score, print."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("policy", type=Path)
    parser.add_argument("--episodes", type=int, default=10_000)
    parser.add_argument("--workers", type=int, default=1)
    options = parser.parse_args()

    policy = Policy.load(options.policy, "cpu")
    cpu, started = cpu_seconds(), time.perf_counter()
    report = evaluate(policy, episodes=options.episodes, workers=options.workers)
    seconds, cpu = time.perf_counter() - started, cpu_seconds() - cpu
    print(
        json.dumps(
            {
                "steps": int(report.results.lengths.sum()),
                "seconds": seconds,
                "cpu_seconds": cpu,
                "mean_return": report.summary.mean_return,
                "report_sha256": report.sha256,
                "peak_rss_mb": peak_rss_mb(),
                "peak_rss_worker_mb": resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6,
                "versions": report.execution.versions,
            }
        )
    )


if __name__ == "__main__":
    main()
