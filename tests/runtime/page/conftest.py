"""Pages parsed without a browser, and an environment in which every name is an attack."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest

from lander_runtime import EnvSpec, Policy
from lander_runtime.envs import known as known_environments
from lander_runtime.envs.known.knowledge import Knowledge
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.page import PageObserver, write_page
from lander_runtime.spec import Component

HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(2)>&lt;\x1b[2J</style></title>"
"""Ways to break out of an attribute, a text, a title or a style sheet, and characters no file may contain."""

_VOID = {"meta", "img", "source", "link", "br", "hr", "input", "base", "embed", "area", "col", "track", "wbr"}


class PageReader(HTMLParser):
    """Reads a page strictly: every element that opens closes, in order, and nothing else does."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.styles = ""
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len({name for name, _ in attrs}) == len(attrs)
        self.elements.append((tag, dict(attrs)))
        if tag not in _VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self._open and self._open[-1] == "style":
            self.styles += data
        else:
            self.text += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)

    def attributes(self, name: str) -> list[str]:
        return [value for _, attrs in self.elements if (value := attrs.get(name)) is not None]

    def references(self) -> list[str]:
        """All that a browser might fetch."""
        names = (
            "src",
            "href",
            "xlink:href",
            "srcset",
            "action",
            "formaction",
            "data",
            "poster",
            "background",
        )
        return [value for name in names for value in self.attributes(name)] + re.findall(
            r"url\(.*?\)|@import.*|@font-face", self.styles + "".join(self.attributes("style"))
        )


@dataclass(frozen=True)
class Written:
    """A page on the disk."""

    path: Path
    html: str = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "html", self.path.read_text(encoding="utf-8"))

    def read(self) -> PageReader:
        return PageReader(self.html)


Write = Callable[..., Written]


@pytest.fixture(scope="session")
def write() -> Write:
    """(folder, policy, environment, episodes, change of the report) -> the page of an evaluation."""

    def one(
        folder: Path,
        policy: Any,
        spec: EnvSpec,
        episodes: int,
        change: Callable[[Any], Any] = lambda report: report,
        command: str = "lander eval",
    ) -> Written:
        observed = PageObserver(spec)
        report = evaluate(policy, spec, episodes=episodes, lanes=8, keep=observed.keep, observer=observed)
        return Written(write_page(folder, policy, change(report), observed, command))

    return one


@pytest.fixture(scope="session")
def lander_page(tmp_path_factory: pytest.TempPathFactory, tiny_discrete: Path, write: Write) -> Written:
    """Of three crashes of the lander. Shared between tests, so do not change it."""
    policy = Policy.load(tiny_discrete, "cpu")
    return write(tmp_path_factory.mktemp("lander") / "page", policy, policy.info.env, 3)


@pytest.fixture
def hostile_page(
    tmp_path: Path, discrete: Policy, drifting: EnvSpec, write: Write, monkeypatch: pytest.MonkeyPatch
) -> Written:
    """Every name that an untrusted file can contain is an attack, and every picture is drawn."""
    measures = (Component(f"x{HOSTILE}", HOSTILE), Component(f"y{HOSTILE}", HOSTILE))
    knowledge = Knowledge(
        actions=(Component(HOSTILE), Component(HOSTILE), Component("a"), Component("b")),
        outcome=lambda reward, obs, terminated: HOSTILE if reward > 0 else f"other{HOSTILE}",
        measures=measures,
        measure=lambda observations, actions: (float(observations[0, 0]), float(len(actions))),
        pairs=(measures,),
        track=lambda observations: observations[:, :2] * 20 + 40,
        track_note=HOSTILE,
    )
    monkeypatch.setitem(known_environments._KNOWN, drifting.id, knowledge)

    def spoil(report: Any) -> Any:
        return replace(
            report,
            policy_path=f"folder/{HOSTILE.replace('/', '')}\ud800.onnx",
            policy_sha256=HOSTILE,
            execution=replace(
                report.execution, provider=HOSTILE, engine=HOSTILE, versions={HOSTILE: HOSTILE, "numpy": "2"}
            ),
        )

    folder = tmp_path / "hostile"
    return write(folder, discrete, drifting, 12, spoil, command=f"lander eval {HOSTILE}\ud800")


@pytest.fixture
def silent_env(register: Callable[..., str]) -> EnvSpec:
    """Cannot be drawn, and an episode that is run again has another return."""
    return EnvSpec(register(RestlessEnv), max_episode_steps=5)


class RestlessEnv(gymnasium.Env[Any, Any]):
    """Rewards more in every episode than in the one before; drawn `in colour`, `in grey` or not at all."""

    metadata = {"render_modes": ["rgb_array"], "render_fps": 25}  # noqa: RUF012
    observation_space = gymnasium.spaces.Box(-np.inf, np.inf, (8,), np.float32)
    action_space = gymnasium.spaces.Discrete(4)
    episodes = 0

    def __init__(self, drawn: str = "", render_mode: str | None = None) -> None:
        self.render_mode, self._drawn = render_mode, drawn

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        RestlessEnv.episodes += 1
        self._number = float(RestlessEnv.episodes)
        return np.zeros(8, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        return np.zeros(8, np.float32), self._number, False, False, {}

    def render(self) -> Any:
        if not self._drawn:
            raise RuntimeError("no pictures here")
        return np.zeros((20, 20, 3), np.uint8) if self._drawn == "in colour" else np.zeros((20, 20), np.uint8)
