"""`Comparison` with its display: several policies on the same seeds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from lander_rl.results.names import short_names
from lander_rl.results.verdicts import Table, differences_table, in_a_sentence, policies_table
from lander_runtime.scores.comparison import Comparison as PlainComparison
from lander_runtime.scores.merge import called, known
from lander_runtime.scores.report import Report
from lander_runtime.scores.words import env_in_words
from lander_runtime.text import columns, counted, html_table, html_text, printable, printable_lines, shortened

_PATH = 200
"""Characters of a path that are shown; a report from elsewhere may hold any text."""


@dataclass(frozen=True, repr=False, eq=False)
class Comparison(PlainComparison):
    """The first policy is the one to beat; each other one is compared with it, episode by episode."""

    names: tuple[str, ...] = ()
    """Short names of the policies, each different from the others."""
    trained: tuple[str, ...] = ()
    """For each policy the settings in which its training differed, as the files claim, such as `seed 2`."""

    @classmethod
    def of(
        cls, comparison: PlainComparison, names: Sequence[str] = (), trained: Sequence[str] = ()
    ) -> "Comparison":
        """`comparison` with a display; without `names` the policies are named by their paths."""
        called = names or short_names([Path(report.policy_path or "") for report in comparison.reports])
        return cls(comparison.reports, comparison.differences, tuple(called), tuple(trained))

    @property
    def trainings(self) -> list[str]:
        """A line for each policy whose training differed, such as `002 was trained with seed 2`."""
        trained = self.trained or ("",) * len(self.names)
        return [
            f"{name} was trained with {how}" for name, how in zip(self.names, trained, strict=True) if how
        ]

    @property
    def files(self) -> list[str]:
        """A line for each name that is not the whole path, such as `002 is runs/L/002/policy.onnx`."""
        paths = [report.policy_path for report in self.reports]
        return [
            f"{name} is {shortened(path, _PATH)}"
            for name, path in zip(self.names, paths, strict=True)
            if path is not None and path != name
        ]

    @property
    def verdicts(self) -> list[str]:
        """For each policy but the first a sentence: better, worse, alike, or no difference shown."""
        return [in_a_sentence(self, number, self.names) for number in range(1, len(self.names))]

    @property
    def notes(self) -> list[str]:
        """Cautions about the verdicts, a sentence each."""
        return [*version_remarks(self.reports), *self.cautions(self.names)]

    def __repr__(self) -> str:
        one, two = (columns(table.headings, table.rows) for table in self._tables)
        below = [f"compared with {self.names[0]}", two, *self.verdicts, *self.notes]
        below = [*self.files, *self.trainings, *below]
        return "\n".join([self._title, one, *map(printable_lines, below)])

    def _repr_html_(self) -> str:
        """For a notebook: the verdicts and their tables."""
        verdicts = "".join(f"<p><strong>{html_text(text)}</strong></p>" for text in self.verdicts)
        drawn = "".join(html_table(table.rows, table.headings) for table in self._tables)
        notes = "".join(f"<p>{html_text(text)}</p>" for text in (*self.files, *self.trainings, *self.notes))
        return f"<div><p>{html_text(self._title)}</p>{verdicts}{drawn}{notes}</div>"

    @property
    def _tables(self) -> tuple[Table, Table]:
        return policies_table(self, self.names), differences_table(self, self.names)

    @property
    def _title(self) -> str:
        episodes = counted(self.episodes, "episode")
        return printable(
            f"Comparison in {env_in_words(self.env)}, {episodes} each from seed {self.first_seed}"
        )


def version_remarks(reports: Sequence[Report]) -> list[str]:
    """A sentence for each version that differs between reports and may have changed their results."""
    found = []
    for name in dict.fromkeys(name for report in reports for name in report.execution.versions):
        column = known([report.execution.versions.get(name) for report in reports], name)
        values = dict.fromkeys(value or "unknown" for value in column)
        if len(values) > 1:
            found.append(
                f"The reports differ in their {called(name)} ({shortened(', '.join(values))}): that may be "
                "the difference, or part of it."
            )
    return found
