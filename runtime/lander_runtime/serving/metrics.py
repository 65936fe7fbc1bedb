"""What `GET /metrics` tells Prometheus: requests by status, their time, batch sizes, what waits."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 2.5)
_SIZES = (1, 2, 4, 8, 16, 32, 64, 128, 256, 1024)


class Metrics:
    """Counters of one server; names and labels are part of its interface."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._requests = Counter(
            "lander_requests", "Inference requests.", ["policy", "status"], registry=self._registry
        )
        self._seconds = Histogram(
            "lander_request_seconds",
            "Seconds from a complete request to its answer.",
            ["policy"],
            buckets=_SECONDS,
            registry=self._registry,
        )
        self._sizes = Histogram(
            "lander_batch_observations",
            "Observations that ran together.",
            ["policy"],
            buckets=_SIZES,
            registry=self._registry,
        )
        self._waiting = Gauge(
            "lander_waiting_observations",
            "Observations that wait for their batch.",
            ["policy"],
            registry=self._registry,
        )

    def on_batch(self, policy: str) -> Callable[[int], None]:
        """A function to be told the size of every batch of `policy`."""
        return self._sizes.labels(policy).observe

    def watch_waiting(self, policy: str, waiting: Callable[[], int]) -> None:
        """Ask `waiting` whenever the metrics are read."""
        self._waiting.labels(policy).set_function(waiting)

    def count(self, policy: str, status: int, seconds: float | None) -> None:
        """One request was answered; `seconds` is None where nothing ran."""
        self._requests.labels(policy, status).inc()
        if seconds is not None:
            self._seconds.labels(policy).observe(seconds)

    def text(self) -> bytes:
        """All of it, in Prometheus's text format."""
        return generate_latest(self._registry)
