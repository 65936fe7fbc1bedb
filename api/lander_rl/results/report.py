"""`Report` with its display: the report of an evaluation.

Apart from `lander_runtime.scores.report`, which has all the figures and must not load what draws.
"""

from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

from lander_runtime.scores.report import Report as PlainReport
from lander_runtime.scores.words import report_rows, report_title
from lander_runtime.text import html_table, html_text, printable

if TYPE_CHECKING:
    from lander_runtime.page.elements import Element

_CHART_STYLE = """
.lander-report{--ink:#1b2430;--soft:#56616f;--rule:#d8dee5;--band:#1b2430;--o0:#0072b2;--o1:#d55e00;
--o2:#009e73;--o3:#b0508a;--o4:#b87d00;--o5:#3f8fbf;--o6:#7a7a7a;background:#fff;color:var(--ink);
max-width:44rem;padding:.5rem}
.lander-report>svg{display:block;width:100%;height:auto}
.lander-report .legend{display:flex;flex-wrap:wrap;gap:.15rem 1rem;margin:.4rem 0 0;padding:0;list-style:none}
.lander-report .legend li{display:flex;align-items:center;gap:.4rem;margin:0}
.lander-report text{fill:var(--soft);font-size:11.5px}
.lander-report line,.lander-report path{fill:none;stroke:var(--rule)}
.lander-report .axis{stroke:var(--soft)}
.lander-report .mean{stroke:var(--ink);stroke-width:1.5}
.lander-report .threshold{stroke:var(--ink);stroke-width:1.5;stroke-dasharray:5 3}
.lander-report .band{fill:var(--band);fill-opacity:.28}
""" + "".join(f".lander-report .bar.o{slot}{{fill:var(--o{slot})}}\n" for slot in range(7))
"""For the histogram, in the colours of `lander eval --report`; every rule stays inside the report."""


@dataclass(frozen=True, repr=False, eq=False)
class Report(PlainReport):
    """What was scored, how, and the result of every episode. Its `repr` is what `lander eval` prints."""

    remarks: tuple[str, ...] = ()
    """What is no finding but should be known, a sentence each: in what merged parts differed, or that the
    file claims another score. The digest does not cover it."""

    @classmethod
    def of(cls, report: PlainReport, **changes: Any) -> "Report":
        """`report` with a display, and with `changes`."""
        return cls(**{entry.name: getattr(report, entry.name) for entry in fields(report)} | changes)

    def __repr__(self) -> str:
        return "\n".join([super().__repr__(), *map(printable, self.remarks)])

    def _repr_html_(self) -> str:
        """For a notebook: the figures, and a histogram of the returns."""
        sentences = "".join(f"<p>{html_text(text)}</p>" for text in (*self.warnings, *self.remarks))
        drawn = "".join(ElementTree.tostring(part, "unicode", method="html") for part in self._histogram())
        return (
            f'<div class="lander-report"><style>{_CHART_STYLE}</style>'
            f"<strong>{html_text(report_title(self))}</strong>"
            f"{html_table(report_rows(self))}{sentences}{drawn}</div>"
        )

    def _histogram(self) -> "list[Element]":
        """The picture and its legend; empty if no return is finite."""
        # Imported only here, because scripts draw nothing.
        from lander_runtime.page.charts.histogram import histogram, histogram_legend
        from lander_runtime.page.charts.outcomes import slots_of

        threshold, slots = self.env.reward_threshold, slots_of(self.results)
        drawn = histogram(self.results, self.summary, threshold, slots)
        return [] if drawn is None else [drawn, histogram_legend(drawn, self.summary, threshold, slots)]
