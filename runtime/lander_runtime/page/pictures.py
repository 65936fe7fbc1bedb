"""The pictures of the page, each with its legend and a sentence on how to read it."""

from collections import Counter

import numpy as np

from lander_runtime.envs.known import knowledge_of
from lander_runtime.episodes.episode import Episode
from lander_runtime.episodes.fleet import Actor
from lander_runtime.page.charts.histogram import histogram, histogram_legend
from lander_runtime.page.charts.outcomes import Slots, by_outcome, legend, swatch_of_line, swatch_of_mark
from lander_runtime.page.charts.scatter import MOST, scatter
from lander_runtime.page.charts.timeline import STEPS, timeline
from lander_runtime.page.charts.trajectories import trajectories
from lander_runtime.page.elements import Element, element
from lander_runtime.page.films import background, film
from lander_runtime.page.observer import PageObserver
from lander_runtime.scores.report import Report


def overview(report: Report, observed: PageObserver, slots: Slots) -> Element:
    """The section on all episodes: their returns, their paths, and pairs of measures."""
    figures = [_returns(report, slots), _paths(report, observed, slots), *_pairs(report, slots)]
    return element("section", element("h2", "All episodes"), element("div", *figures, class_="grid"))


def single(heading: str, episode: Episode, actor: Actor, report: Report) -> Element:
    """The section on one episode: its film, and its actions step by step."""
    text = (
        f"episode {episode.index}, seed {episode.seed}: {episode.outcome} after {episode.length} steps "
        f"with a return of {episode.return_:.1f}"
    )
    names = _action_names(report.env.id, episode)
    figures = [_film(text, actor, report, episode)]
    drawn = timeline(f"{heading}, step by step", episode, names)
    if drawn is not None:
        cut = f", of which the last {STEPS:,} are shown" if episode.length > STEPS else ""
        reading = f"The action of each step{cut}; below, the return so far, up to its final value."
        figures.append(_figure(drawn, "Step by step.", None, reading))
    return element(
        "section",
        element("h2", heading),
        element("p", f"{text[0].upper()}{text[1:]}."),
        element("div", *figures, class_="grid"),
        class_="single",
    )


def _action_names(env_id: str, episode: Episode) -> list[str]:
    """Of the discrete actions or of the continuous one's components, whichever the episode has."""
    known = knowledge_of(env_id)
    discrete = episode.trajectory is not None and episode.trajectory.actions.ndim == 1
    return [component.name for component in (known.actions if discrete else known.controls)]


def _returns(report: Report, slots: Slots) -> Element | None:
    summary, threshold = report.summary, report.env.reward_threshold
    drawn = histogram(report.results, summary, threshold, slots)
    if drawn is None:
        return None
    reading = (
        "The number of episodes by return. A bar is always high enough to be visible, even for one episode."
    )
    if summary.ci95 is not None:
        reading += " The interval is that of the mean, not of single episodes."
    return _figure(drawn, "Returns.", histogram_legend(drawn, summary, threshold, slots), reading)


def _paths(report: Report, observed: PageObserver, slots: Slots) -> Element | None:
    under = background(report.env, report.summary.first_seed) if observed.tracks else None
    if under is None:
        return None
    source, size = under
    counts = Counter(outcome for outcome, _ in observed.tracks)
    reading = (
        f"The paths of the first {len(observed.tracks)} episodes, over the first picture of the first "
        f"episode. {knowledge_of(report.env.id).track_note}"
    )
    drawn = trajectories(observed.tracks, size, source, slots)
    return _figure(drawn, "Trajectories.", legend(by_outcome(counts, slots, swatch_of_line)), reading)


def _pairs(report: Report, slots: Slots) -> list[Element]:
    results, figures = report.results, []
    for across, up in knowledge_of(report.env.id).pairs:
        drawn = scatter(results, across, up, slots)
        if drawn is None:
            continue
        there = (np.isfinite(results.measures[across]) & np.isfinite(results.measures[up]))[:MOST]
        codes = results.outcome_codes[:MOST][there]
        counts = Counter(results.outcome_names[code] for code in codes.tolist())
        reading = f"A mark for each of {len(codes):,} episodes; the horizontal axis is {across.name}."
        if len(results) > MOST:
            reading += f" The first {MOST:,} episodes are drawn."
        missing = len(there) - len(codes)
        if missing:
            reading += f" {missing:,} have no such value and are left out."
        entries = by_outcome(counts, slots, swatch_of_mark)
        figures.append(_figure(drawn, f"{up.name[0].upper()}{up.name[1:]}.", legend(entries), reading))
    return figures


def _film(text: str, actor: Actor, report: Report, episode: Episode) -> Element:
    made = film(actor, report.env, episode)
    if isinstance(made, str):
        return element("p", made, class_="note")
    width, height = (str(length) for length in made.size)
    # The style sheet shows one of the two; screen readers skip the hidden one.
    film_and_still = element(
        "div",
        element("img", src=made.gif, alt=f"Film of {text}", width=width, height=height, class_="film moving"),
        element("img", src=made.still, alt=f"End of {text}", width=width, height=height, class_="film still"),
    )
    reading = "The episode was run again to record it; it returned exactly the same."
    return _figure(film_and_still, "Film.", None, reading)


def _figure(picture: Element, title: str, key: Element | None, reading: str) -> Element:
    return element("figure", picture, key, element("figcaption", element("strong", title), f" {reading}"))
