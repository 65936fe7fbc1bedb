"""Writes the page: `index.html` with everything in it, and `report.json` beside it.

The page needs no script and no network. Its content security policy makes the browser enforce that.
"""

from importlib.resources import files
from pathlib import Path, PurePath

from lander_runtime.episodes.actors import AnyPolicy, actor_of
from lander_runtime.files import atomic_writes
from lander_runtime.page.charts.outcomes import slots_of
from lander_runtime.page.elements import Element, document, element
from lander_runtime.page.figures import headline, making, meaning, outcome_table, statistics_table
from lander_runtime.page.observer import PageObserver
from lander_runtime.page.pictures import overview, single
from lander_runtime.scores.report import Report
from lander_runtime.text import json_text

PAGE, DATA = "index.html", "report.json"

_ALLOWED = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"


def write_page(folder: Path, policy: AnyPolicy, report: Report, observed: PageObserver, command: str) -> Path:
    """Write the page of an evaluation and its data; returns the page's path.

    Args:
        folder: of the two files; made if it is missing.
        policy: the evaluated policy, which runs the best and the worst episode again to record them.
        report: the result of `evaluate` with `observer=observed` and `keep=observed.keep`.
        observed: the observer of that evaluation.
        command: to be shown on the page: what to type to make it again.

    Raises:
        OSError: the folder cannot be written.
    """
    path = folder / PAGE
    page = document(_page(policy, report, observed, command))
    # Together, so that of two evaluations at a time the data are the page's own.
    with atomic_writes(folder / DATA, path) as (data, written):
        data.write_text(json_text(report.to_json(), indent=2) + "\n", encoding="utf-8")
        written.write_text(page, encoding="utf-8")
    return path


def _page(policy: AnyPolicy, report: Report, observed: PageObserver, command: str) -> Element:
    actor = actor_of(policy, sampled=not report.summary.deterministic)
    name = PurePath(report.policy_path).name if report.policy_path else "A function"
    title = f"{name} in {report.env.id}"
    episodes = [("The worst episode", observed.worst), ("The best episode", observed.best)]
    if observed.best is observed.worst:
        alone = "The episode" if report.summary.episodes == 1 else "The first episode: all returned the same"
        episodes = [(alone, observed.best)]
    body = element(
        "body",
        element("header", element("p", "lander evaluation", class_="kind"), element("h1", title)),
        element(
            "main",
            headline(report),
            overview(report, observed, slots_of(report.results)),
            *(single(heading, one, actor, report) for heading, one in episodes if one is not None),
            meaning(report),
            element(
                "section",
                element("h2", "In figures"),
                element("div", outcome_table(report), statistics_table(report), class_="grid"),
            ),
            making(report, command),
        ),
    )
    return element("html", _head(title), body, lang="en")


def _head(title: str) -> Element:
    return element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_ALLOWED),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", files("lander_runtime.page").joinpath("style.css").read_text(encoding="utf-8")),
    )
