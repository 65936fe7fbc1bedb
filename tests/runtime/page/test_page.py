"""The page as a file: well-formed, without network access, safe from attacks, with the results."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from lander_runtime import EnvSpec, Policy, envs

Written = Any
Write = Callable[..., Written]


@pytest.fixture(params=["lander_page", "hostile_page"])
def page(request: pytest.FixtureRequest) -> Written:
    return request.getfixturevalue(request.param)


def picture(uri: str) -> Image.Image:
    kind, _, data = uri.partition(";base64,")
    image = Image.open(BytesIO(base64.b64decode(data, validate=True)))
    assert kind == f"data:{image.get_format_mimetype()}"
    return image


def test_it_is_well_formed_and_needs_no_network(page: Written) -> None:
    assert page.html.startswith("<!DOCTYPE html>\n<html")
    found = page.read()
    assert found.references() != []
    assert all(reference.startswith("data:image/") for reference in found.references())
    assert found.count("script") == found.count("link") == found.count("iframe") == found.count("a") == 0
    assert not any(name.startswith("on") for _, attributes in found.elements for name in attributes)
    [policy] = [
        attributes["content"]
        for tag, attributes in found.elements
        if tag == "meta" and attributes.get("http-equiv") == "Content-Security-Policy"
    ]
    assert policy is not None
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_every_picture_can_be_opened(page: Written) -> None:
    found = page.read()
    opened = [picture(uri) for name in ("src", "href") for uri in found.attributes(name)]
    # The film and its still of the worst and of the best episode, and the picture below the trajectories.
    assert sorted(image.format for image in opened) == ["GIF", "GIF", "PNG", "PNG", "PNG"]  # type: ignore[type-var]


def test_every_picture_has_a_description_for_screen_readers(page: Written) -> None:
    found = page.read()
    charts = [attributes for tag, attributes in found.elements if attributes.get("role") == "img"]
    assert len(charts) >= 5
    assert all(chart["aria-label"] for chart in charts)
    assert found.count("title") == len(charts) + 1
    assert found.count("desc") == len(charts)
    assert all(attributes["alt"] for tag, attributes in found.elements if tag == "img")


def test_attacks_are_text(hostile_page: Written) -> None:
    found = hostile_page.read()
    attack = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;[2J</style></title>"
    # Named among others: outcome, measure, unit, note, provider, versions, digest and command.
    assert found.text.count(attack) > 20
    assert found.attributes("onerror") == []
    assert "x" not in found.attributes("src")
    assert "\x1b" not in hostile_page.html
    assert found.count("style") == 1


def test_the_results_are_on_the_page(lander_page: Written) -> None:
    report = json.loads((lander_page.path.parent / "report.json").read_text(encoding="utf-8"))
    found = lander_page.read()
    order = [
        f"{report['mean_return']:.1f}",
        f"95% interval {report['ci95'][0]:.1f} to {report['ci95'][1]:.1f}",
        "seeds 1000000 to 1000002",
        "Success: 200 or more",
        "3 episodes says little",
        "Returns.",
        "Trajectories. The paths of the first 3 episodes",
        "the ground around it differs from episode to episode",
        "The worst episode",
        f"with a return of {min(report['returns']):.1f}",
        "The best episode",
        f"with a return of {max(report['returns']):.1f}",
        "What the score means",
        "So even a slow start ends near 250",
        "docs/score.md",
        "In figures",
        "How it was made",
        report["policy"]["sha256"],
        report["provider"],
        f"gymnasium {report['versions']['gymnasium']}",
        report["report_sha256"],
    ]
    places = [found.text.find(words) for words in order]
    assert -1 not in places, order[places.index(-1)]
    assert places == sorted(places)
    assert {path.name for path in lander_page.path.parent.iterdir()} == {"index.html", "report.json"}


def test_the_page_of_an_unknown_environment_has_the_other_parts(
    tmp_path: Path, write: Write, register: Callable[..., str]
) -> None:
    spec = envs.resolve(register("gymnasium.envs.classic_control:CartPoleEnv", max_episode_steps=30))
    page = write(tmp_path / "page", lambda obs: (obs[:, 2] > 0).astype(np.int64), spec, 4)
    found = page.read()
    for there in ("A function in CartPoleEnv0-v0", "Returns.", "The worst episode", "action 1", "a function"):
        assert there in found.text
    for absent in ("Trajectories", "ouchdown", "What the score means", "None", "nan"):
        assert absent not in found.text
    # The returns, and the step by step of the worst and the best one.
    assert len([attributes for _, attributes in found.elements if attributes.get("role") == "img"]) == 3


def test_continuous_actions_have_a_curve_each(
    tmp_path: Path, continuous: Policy, drifting_continuous: EnvSpec, write: Write
) -> None:
    found = write(tmp_path / "page", continuous, drifting_continuous, 3).read()
    assert found.count("polyline") == 2 * (2 + 1)
    assert "component 1" in found.text


def test_one_episode_is_shown_once(tmp_path: Path, discrete: Policy, drifting: EnvSpec, write: Write) -> None:
    found = write(tmp_path / "page", discrete, drifting, 1).read()
    assert found.count("img") == 2, "a film and its end"
    assert "The worst episode" not in found.text
    assert "one episode has no interval" in found.text
    assert "95% interval of it" not in found.text


@pytest.mark.parametrize(
    ("drawn", "reason"),
    [
        ("", "raised RuntimeError while it was drawn"),
        ("in grey", "found uint8 [20, 20]"),
        ("in colour", "does not always give the same"),
    ],
)
def test_an_episode_that_cannot_be_recorded_says_why(
    tmp_path: Path, discrete: Policy, silent_env: EnvSpec, write: Write, drawn: str, reason: str
) -> None:
    spec = replace(silent_env, kwargs={"drawn": drawn})
    found = write(tmp_path / "page", discrete, spec, 3).read()
    assert found.count("img") == 0
    assert found.text.count(reason) == 2
