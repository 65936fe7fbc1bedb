"""`Sweep`: what a search for settings returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lander_rl.showing import Listing
from lander_runtime.files import picture_as_html
from lander_runtime.text import aligned, counted, html_table

SHOWN = 10
"""Trials in a table."""

FEWEST_FOR_IMPORTANCE = 10
"""Completed trials. From fewer the shares say how the trials happened to fall."""


@dataclass(frozen=True)
class SweepTrial:
    """A trial that was completed."""

    number: int
    value: float
    """Of the objective."""
    settings: Mapping[str, Any]
    """What was searched, as it was trained with."""
    scores: tuple[float, ...]
    """Mean greedy return of each training seed."""
    lowest: float
    """Lowest return of all scored episodes."""
    success: float | None
    """Share of the scored episodes that reached the threshold; None where there is none."""
    seconds_to_threshold: tuple[float | None, ...]
    """Of each seed, until the training mean reached the threshold; None where it never did."""
    seconds: float
    """Mean training time."""


@dataclass(frozen=True, repr=False)
class Sweep:
    """A search for settings, as far as it has come."""

    env: str
    objective: str
    """What the value of a trial is."""
    trials: tuple[SweepTrial, ...]
    """Completed ones, the best first."""
    pruned: int
    cut_short: int
    """Trials that a stop or the death of a worker ended; a continued sweep repeats them."""
    start: Mapping[str, Any]
    """The settings of the preset that the sweep started from, as far as they are in the space."""
    importance: Mapping[str, float]
    """The share of each setting in how trials differ, the largest first; empty where it is not known."""
    folder: Path
    """With the pictures and the preset."""
    pictures: tuple[Path, ...]
    preset: Path | None
    """The best settings as a preset, ready to paste; None where no trial was completed."""
    command: tuple[str, ...]
    """The `lander train` command with these settings; empty where no trial was completed."""
    interrupted: bool
    running: int = 0
    """Trials that other processes still train."""

    @property
    def best(self) -> SweepTrial | None:
        """The best trial. It is the luckiest of many too: its score is measured anew by other seeds."""
        return self.trials[0] if self.trials else None

    @property
    def table(self) -> Listing[SweepTrial]:
        """The best trials, a row each."""
        names = list(self.trials[0].settings) if self.trials else []
        return Listing.of(
            self.trials[:SHOWN],
            {
                "trial": lambda one: f"{one.number}{' (preset)' if self._is_start(one) else ''}",
                "value": lambda one: f"{one.value:,.1f}",
                "scores": lambda one: ", ".join(f"{score:.1f}" for score in one.scores),
                "lowest": lambda one: f"{one.lowest:.1f}",
                "time a seed": lambda one: f"{one.seconds:.0f} s",
                **{name: lambda one, name=name: _number(one.settings[name]) for name in names},
            },
        )

    def rows(self) -> list[tuple[str, str]]:
        """What was found, as names and values."""
        rows = [
            (
                "trials",
                f"{len(self.trials)} completed, {self.pruned} pruned, {self.cut_short} cut short; "
                f"value: {self.objective}",
            )
        ]
        if self.running:
            still = f"{counted(self.running, 'trial')} in other processes; the last process to end writes"
            rows.append(("running", f"{still} pictures and preset again"))
        if self.importance:
            shares = (f"{name} {share:.0%}" for name, share in self.importance.items())
            rows.append(("importance", ", ".join(shares)))
        elif 0 < len(self.trials) < FEWEST_FOR_IMPORTANCE:
            found = f"{counted(len(self.trials), 'completed trial')}; {FEWEST_FOR_IMPORTANCE} are needed"
            rows.append(("importance", f"not known from {found}"))
        if self.pictures:
            rows.append(("pictures", ", ".join(map(str, self.pictures))))
        if self.preset is not None and self.best is not None:
            so_far = ", the best so far" if self.running else ""
            rows.append(("preset", f"{self.preset}, the settings of trial {self.best.number}{so_far}"))
        return rows

    def to_json(self) -> dict[str, Any]:
        """Plain data, as `lander sweep --json` prints it."""
        return {
            "schema": "lander.sweep/1",
            "env": self.env,
            "objective": self.objective,
            "completed": len(self.trials),
            "pruned": self.pruned,
            "cut_short": self.cut_short,
            "running": self.running,
            "interrupted": self.interrupted,
            "best": [
                {
                    "trial": one.number,
                    "value": one.value,
                    "settings": dict(one.settings),
                    "scores": list(one.scores),
                    "lowest": one.lowest,
                    "success": one.success,
                    "seconds": one.seconds,
                }
                for one in self.trials[:SHOWN]
            ],
            "importance": dict(self.importance),
            "pictures": [str(picture) for picture in self.pictures],
            "preset": None if self.preset is None else str(self.preset),
        }

    def __repr__(self) -> str:
        table = f"{self.table!r}\n\n" if self.trials else ""
        return f"{table}{aligned(self.rows())}"

    def _repr_html_(self) -> str:
        pictures = "".join(picture_as_html(picture, picture.stem) for picture in self.pictures)
        table = self.table._repr_html_() if self.trials else counted(0, "trial")
        return f"<div>{table}{html_table(self.rows())}{pictures}</div>"

    def _is_start(self, one: SweepTrial) -> bool:
        return bool(self.start) and all(
            _number(one.settings[name]) == _number(value) for name, value in self.start.items()
        )


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
