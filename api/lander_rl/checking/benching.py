"""`bench`: how fast a policy acts in each runtime that is here, and whether it acts in the same way."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.inputs.filenames import Filename, path_of
from lander_rl.outputs.checks import check_all_writable
from lander_rl.showing import said_before_an_error
from lander_rl.wording import names_arguments
from lander_runtime.errors import LanderError, UsageError
from lander_runtime.text import columns, html_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lander_rl.checking.bench_runtimes import Bind
    from lander_runtime.policy.policy import Policy
    from lander_runtime.scores.report import Report

    Array = NDArray[Any]

BATCHES = (1, 16, 256, 4096)

_MOST_NUMBERS = 20_000_000
"""In a batch of observations; beyond it a row is left out, since activations take many times as much."""

_CLOSE = 1e-4
"""How far the scores of two actions may be apart, where 1 is their size, so that either is right."""

EPISODES = 10

_HEADINGS = ("runtime", "batch", "p50", "p99", "actions/s", "agreement", "score")


@dataclass(frozen=True)
class BenchRequest:
    """The arguments of `bench`, checked when the request is made.

    Raises:
        UsageError: there is no batch, or a number out of range.
    """

    policy: Filename | None = None
    """A policy file, or a folder with one; by default the newest run's, else the one that ships."""
    batches: "Sequence[int]" = BATCHES
    """How many observations are given at once."""
    plot: Filename | None = None
    """A .png or .svg file for a picture of the speeds."""
    episodes: int = EPISODES
    """Episodes that each runtime runs for the column `score`; 0 leaves it out."""
    large: bool = False
    """Open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual."""

    def __post_init__(self) -> None:
        if not self.batches or min(self.batches) < 1 or max(self.batches) > 1 << 20:
            raise UsageError(f"--batch should be from 1 to {1 << 20:,}, such as --batch 1 --batch 256.")
        if self.episodes < 0:
            raise UsageError(f"--episodes {self.episodes} should be 0 or more.")


@dataclass(frozen=True)
class BenchRow:
    """One runtime at one batch size."""

    runtime: str
    batch: int
    p50: float
    """Median wall-clock seconds of a call."""
    p99: float
    actions_per_second: float
    """At the median."""
    actions_equal: float
    """The share of observations with the action of ONNX Runtime on the CPU."""
    agrees: bool
    """Whether every other action is as good, within rounding."""
    score: float | None = None
    """Mean return of the runtime's own episodes; None where none were run."""
    worse: bool = False
    """Whether it is shown to score worse than ONNX Runtime on the CPU, on the same seeds."""

    @property
    def right(self) -> bool:
        """Whether it acts as the file says."""
        return self.agrees and not self.worse


@dataclass(frozen=True, repr=False)
class Benchmark:
    """What was measured."""

    path: Path
    rows: tuple[BenchRow, ...]
    missing: Mapping[str, str]
    """Runtimes that are not here or cannot run the policy, and why."""
    picture: Path | None

    @property
    def failure(self) -> str | None:
        """One sentence where a runtime acts in another way; a fast wrong row is of no use."""
        wrong = dict.fromkeys(row.runtime for row in self.rows if not row.right)
        if not wrong:
            return None
        return f"{self.path.name}: other actions than in ONNX Runtime on the CPU: {', '.join(wrong)}."

    def table(self) -> list[tuple[str, ...]]:
        """A row a runtime and batch size, as text."""
        return [
            (
                row.runtime,
                f"{row.batch:,}",
                _duration(row.p50),
                _duration(row.p99),
                f"{row.actions_per_second:,.0f}",
                f"{row.actions_equal:.2%}{'' if row.agrees else ' WRONG'}",
                "-" if row.score is None else f"{row.score:.1f}{' WORSE' if row.worse else ''}",
            )
            for row in self.rows
        ]

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `lander bench --json` prints it."""
        return {
            "schema": "lander.bench/1",
            "policy": str(self.path),
            "rows": [asdict(row) for row in self.rows],
            "missing": dict(self.missing),
            "picture": None if self.picture is None else str(self.picture),
        }

    def __repr__(self) -> str:
        lines = [f"{name}: {why}" for name, why in self.missing.items()]
        return "\n".join([columns(_HEADINGS, self.table()), *lines])

    def _repr_html_(self) -> str:
        return html_table(self.table(), _HEADINGS)


@names_arguments
def bench(
    policy: Filename | None = None,
    *,
    batches: "Sequence[int]" = BATCHES,
    plot: Filename | None = None,
    episodes: int = EPISODES,
    large: bool = False,
) -> Benchmark:
    """Time a policy in PyTorch, ONNX Runtime and C, one batch size after the other.

    Every runtime's actions are compared with those of ONNX Runtime on the CPU, whose golden vectors are
    checked first, and it runs the same episodes. The runtimes take turns, on one thread each.

    Args:
        policy: a policy file, or a folder with one; by default the newest run's, else the one that ships.
        batches: how many observations are given at once.
        plot: a .png or .svg file for a picture of the speeds.
        episodes: that each runtime runs for the column `score`; 0 leaves it out.
        large: open a file of 64 to 512 MB too, and a graph that takes more memory and work than is usual.

    Raises:
        CheckFailed: the golden vectors do not pass.
        InputRefused: the file is missing, corrupt or hostile.
        UsageError: a number is out of range, or `plot` cannot be written.
    """
    return run_bench(BenchRequest(policy, batches, plot, episodes, large))


def run_bench(request: BenchRequest, say: Callable[[str], None] = lambda text: None) -> Benchmark:
    """`bench` with its arguments as a request, and with `say` for lines to the user; raises the same."""
    from lander_rl.checking.bench_runtimes import find_runtimes
    from lander_rl.inputs.finding import find_policy
    from lander_runtime.policy.policy import Policy

    picture = path_of(request.plot)
    check_all_writable(picture, say=say)
    if picture is not None:
        from lander_trainer.plots.style import check_picture

        check_picture(picture)
    path, origin = find_policy(path_of(request.policy))
    say(f"Measuring {path} ({origin})")
    policy = Policy.load(path, "cpu", large=request.large)
    with ExitStack() as stack:
        runtimes, missing = find_runtimes(policy, stack, large=request.large)
        rows = [row for batch in request.batches for row in _measured(policy, runtimes, batch)]
        if request.episodes:
            rows = _scored(rows, policy, runtimes, request.episodes, missing)
    found = Benchmark(path, tuple(rows), missing, picture)
    if picture is not None:
        with said_before_an_error(say, found):
            _draw(rows, path, picture)
    return found


def _measured(policy: "Policy", runtimes: "Mapping[str, Bind]", batch: int) -> list[BenchRow]:
    from lander_export.c_header.golden import trial_observations
    from lander_runtime.checks.timing import timings

    observations = trial_observations(policy.observation, batch)
    if observations.size > _MOST_NUMBERS:
        return []
    calls = {name: bind(observations) for name, bind in runtimes.items()}
    expected = policy.act(observations)
    rows = []
    for name, timing in timings(calls).items():
        equal, agrees = _agreement(policy, observations, calls[name](), expected)
        rows.append(BenchRow(name, batch, timing.p50, timing.p99, batch / timing.p50, equal, agrees))
    return rows


def _scored(
    rows: list[BenchRow],
    policy: "Policy",
    runtimes: "Mapping[str, Bind]",
    episodes: int,
    missing: dict[str, str],
) -> list[BenchRow]:
    """The rows with the score of each runtime; where the environment does not run, `missing` says why."""
    from lander_runtime.scores.paired import is_worse, paired_difference

    try:
        reports = {name: _report(policy, bind, episodes) for name, bind in runtimes.items()}
    except LanderError as error:
        missing["score"] = str(error)
        return rows
    baseline = next(iter(reports.values())).results.returns
    scores: dict[str, tuple[float, bool]] = {}
    for name, report in reports.items():
        first_seed, others = report.summary.first_seed, len(reports) - 1
        found = paired_difference(report.results.returns, baseline, first_seed=first_seed, comparisons=others)
        scores[name] = (report.summary.mean_return, is_worse(found, baseline))
    return [replace(row, score=scores[row.runtime][0], worse=scores[row.runtime][1]) for row in rows]


def _report(policy: "Policy", bind: "Bind", episodes: int) -> "Report":
    import numpy as np

    from lander_runtime.episodes.fleet import LANES
    from lander_runtime.evaluation.evaluate import evaluate

    # One batch size throughout, as in every evaluation, and as a captured graph needs.
    batch = np.zeros((LANES, *policy.observation.shape), policy.observation.dtype)
    run = bind(batch)

    def act(observations: "Array") -> "Array":
        batch[: len(observations)] = observations
        return run()[: len(observations)].copy()

    return evaluate(act, policy.env, episodes=episodes)


def _agreement(
    policy: "Policy", observations: "Array", found: "Array", expected: "Array"
) -> tuple[float, bool]:
    """The share of equal actions, and whether the others are as good."""
    import numpy as np

    from lander_runtime.policy.agreement import among_best, usual_scale

    if found.shape != expected.shape:
        return 0.0, False
    if policy.action.type == "Box":
        gaps = np.abs(found - expected).reshape(len(found), -1).max(axis=1)
        close = gaps <= _close(policy) * usual_scale(expected).reshape(len(found), -1).max(axis=1)
        return float(np.mean(close)), bool(close.all())
    same = np.equal(found, expected).reshape(len(found), -1).all(axis=1)
    logits = policy.outputs(observations)["logits"]
    ends = np.cumsum(policy.action.blocks)[:-1]
    choices = zip(found.reshape(len(found), -1).T, np.split(logits, ends, axis=1), strict=True)
    as_good = [among_best(chosen, block, _close(policy) * usual_scale(block)) for chosen, block in choices]
    return float(np.mean(same)), bool(np.all(as_good))


def _close(policy: "Policy") -> float:
    """How far apart, where 1 is their size, two runs may be so that either is right.

    A file of smaller numbers says how far processors are apart, by the room in its golden scale.
    """
    import numpy as np

    from lander_runtime.policy.agreement import usual_scale

    golden = policy.info.golden
    if policy.info.precision is None or golden.scale is None:
        return _CLOSE
    name = "mean" if policy.action.type == "Box" else "logits"
    room = np.asarray(golden.scale[name], np.float64) / usual_scale(np.asarray(golden.outputs[name]))
    return max(_CLOSE, policy.golden_tolerance * float(room.min()))


def _draw(rows: list[BenchRow], path: Path, picture: Path) -> None:
    from lander_trainer.plots.speed import draw_speeds

    lines: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        lines.setdefault(row.runtime, []).append((row.batch, row.actions_per_second))
    draw_speeds(lines, f"Actions per second of {path.name}", picture)


def _duration(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"
