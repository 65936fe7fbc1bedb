"""`bench`: how fast a policy acts in each runtime that is here, and whether it acts in the same way."""

import os
import tempfile
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lander_rl.outputs.checks import check_all_writable
from lander_rl.wording import names_arguments
from lander_runtime.errors import InputRefused, MachineLacks, UsageError
from lander_runtime.text import columns, html_table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from lander_runtime.policy.base import PolicyFile

    Array = NDArray[Any]
    Act = Callable[[Array], Array]
    Bind = Callable[[Array], Callable[[], Array]]

BATCHES = (1, 16, 256, 4096)

_MOST_NUMBERS = 20_000_000
"""In a batch of observations; beyond it a row is left out, since activations take many times as much."""

_CLOSE = 1e-4
"""How far the scores of two actions may be apart, where 1 is their size, so that either is right."""

_HEADINGS = ("runtime", "batch", "p50", "p99", "actions/s", "agreement")


@dataclass(frozen=True)
class BenchRequest:
    """The arguments of `bench`, checked when the request is made.

    Raises:
        UsageError: there is no batch, or one below 1.
    """

    policy: str | os.PathLike[str] | None = None
    """A policy file, or a folder with one; by default the newest run's, else the one that ships."""
    batches: "Sequence[int]" = BATCHES
    """How many observations are given at once."""
    plot: str | os.PathLike[str] | None = None
    """A .png or .svg file for a picture of the speeds."""

    def __post_init__(self) -> None:
        if not self.batches or min(self.batches) < 1 or max(self.batches) > 1 << 20:
            raise UsageError(f"--batch should be from 1 to {1 << 20:,}, such as --batch 1 --batch 256.")


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
        wrong = dict.fromkeys(row.runtime for row in self.rows if not row.agrees)
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
    policy: str | os.PathLike[str] | None = None,
    *,
    batches: "Sequence[int]" = BATCHES,
    plot: str | os.PathLike[str] | None = None,
) -> Benchmark:
    """Time a policy in PyTorch, ONNX Runtime and C, one batch size after the other.

    Every runtime's actions are compared with those of ONNX Runtime on the CPU, whose golden vectors are
    checked first. The runtimes take turns, on one thread each.

    Args:
        policy: a policy file, or a folder with one; by default the newest run's, else the one that ships.
        batches: how many observations are given at once.
        plot: a .png or .svg file for a picture of the speeds.

    Raises:
        CheckFailed: the golden vectors do not pass.
        InputRefused: the file is missing, corrupt or hostile.
        UsageError: a batch is out of range, or `plot` cannot be written.
    """
    return run_bench(BenchRequest(policy, batches, plot))


def run_bench(request: BenchRequest, say: Callable[[str], None] = lambda text: None) -> Benchmark:
    """`bench` with its arguments as a request, and with `say` for lines to the user; raises the same."""
    from lander_rl.inputs.opening import find_policy
    from lander_runtime.policy.policy import Policy

    picture = None if request.plot is None else Path(request.plot)
    check_all_writable(*([] if picture is None else [picture]))
    path, origin = find_policy(None if request.policy is None else Path(request.policy))
    say(f"Measuring {path} ({origin})")
    policy = Policy.load(path, "cpu")
    with ExitStack() as stack:
        runtimes, missing = _runtimes(policy, stack)
        rows = [row for batch in request.batches for row in _measured(policy, runtimes, batch)]
    if picture is not None:
        _draw(rows, path, picture)
    return Benchmark(path, tuple(rows), missing, picture)


def _runtimes(policy: "PolicyFile", stack: ExitStack) -> "tuple[dict[str, Bind], dict[str, str]]":
    """What is here, and why the rest is not."""
    found: dict[str, Bind] = {
        "ONNX Runtime CPU": lambda batch: lambda: policy.act(batch),
        "ONNX Runtime CPU, bound": policy.bind,
    }
    missing: dict[str, str] = {}
    others: dict[str, Callable[[], Act]] = {
        "ONNX Runtime CUDA": lambda: _on_cuda(policy),
        "PyTorch CPU": lambda: _in_torch(policy, stack),
        "C": lambda: _in_c(policy, stack),
    }
    for name, make in others.items():
        try:
            act = make()
        except MachineLacks as error:
            missing[name] = str(error)
        except InputRefused:
            missing[name] = "not for this policy: its network is no plain multilayer perceptron."
        else:
            found[name] = lambda batch, act=act: lambda: act(batch)
    return found, missing


def _on_cuda(policy: "PolicyFile") -> "Act":
    from lander_runtime.policy.policy import Policy

    return Policy.load(policy.path, "cuda").act


def _in_torch(policy: "PolicyFile", stack: ExitStack) -> "Act":
    if find_spec("torch") is None:
        raise MachineLacks("PyTorch is not installed. Type: pip install 'lander-rl[train]'")
    from lander_export.twins.in_torch import torch_twin
    from lander_trainer.threads import cpu_threads

    # As ONNX Runtime is opened here: for small networks more threads only wait for each other.
    stack.enter_context(cpu_threads(1))
    return torch_twin(_material(policy))


def _in_c(policy: "PolicyFile", stack: ExitStack) -> "Act":
    from lander_export.c_header import write_header
    from lander_export.twins.compiled import compiled_twin

    folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lander-bench-"))
    return compiled_twin(write_header(_material(policy), "policy"), Path(folder))


def _material(policy: "PolicyFile") -> Any:
    from lander_export.c_header import material_of
    from lander_runtime.graphs.reading import read_model
    from lander_runtime.policy.content import read_policy_file

    return material_of(policy, read_model(read_policy_file(policy.path), policy.path.name))


def _measured(policy: "PolicyFile", runtimes: "Mapping[str, Bind]", batch: int) -> list[BenchRow]:
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


def _agreement(
    policy: "PolicyFile", observations: "Array", found: "Array", expected: "Array"
) -> tuple[float, bool]:
    """The share of equal actions, and whether the others are as good."""
    import numpy as np

    from lander_runtime.policy.agreement import among_best, usual_scale

    if found.shape != expected.shape:
        return 0.0, False
    if policy.action.type == "Box":
        gaps = np.abs(found - expected).reshape(len(found), -1).max(axis=1)
        close = gaps <= _CLOSE * usual_scale(expected).reshape(len(found), -1).max(axis=1)
        return float(np.mean(close)), bool(close.all())
    same = np.equal(found, expected).reshape(len(found), -1).all(axis=1)
    logits = policy.outputs(observations)["logits"]
    ends = np.cumsum(policy.action.blocks)[:-1]
    choices = zip(found.reshape(len(found), -1).T, np.split(logits, ends, axis=1), strict=True)
    as_good = [among_best(chosen, block, _CLOSE * usual_scale(block)) for chosen, block in choices]
    return float(np.mean(same)), bool(np.all(as_good))


def _draw(rows: list[BenchRow], path: Path, picture: Path) -> None:
    from lander_trainer.plots.speed import draw_speeds

    lines: dict[str, list[tuple[int, float]]] = {}
    for row in rows:
        lines.setdefault(row.runtime, []).append((row.batch, row.actions_per_second))
    draw_speeds(lines, f"Actions per second of {path.name}", picture)


def _duration(seconds: float) -> str:
    return f"{seconds * 1e6:.1f} us" if seconds < 1e-3 else f"{seconds * 1e3:.2f} ms"
