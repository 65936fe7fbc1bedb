"""Texts from files of strangers: in every field of every kind of file, through every command that reads it.

Whatever a command says, writes or draws has no control character of the file in it, no line of its own, no
markup, and no more than 200 characters of one text.
"""

import gzip
import json
import re
import shutil
import struct
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import onnx
import pytest

import lander_rl
from lander_runtime.errors import LanderError
from lander_runtime.graphs.model import METADATA_KEY
from lander_runtime.json_data.digest import digest
from lander_runtime.scores.report import NO_FINDINGS, RUN_KEYS

Planted = tuple[str | int, ...]
"""The way to a text inside of JSON: keys and indices. A key itself where the last one is `KEY`."""

KEY = "the key itself"

HALF = "\udcff"
"""Half of a surrogate pair: JSON can hold it, UTF-8 cannot."""

EVIL = (
    "\x1b[2J\x1b]8;;http://evil.example\x07\r\n\n# Evil\n\n<script>alert(1)</script><img src=x>\t\x00\x7f"
    "\x85\x9b31m\u200f\u202e\u2066\u2028\ufeff`` ``` ~~~ | [bold red]a[/] [a](http://evil.example) "
    "![a](b) ${a} %s {0} $\\frac{a}$ \U000e0041" + "Q" * 5000
)
MARKED = "# [bold]<b>`|`</b>[/] [a](http://evil.example)"
"""Printable, so no reader refuses or changes it."""


GYMNASIUM = "](https://gymnasium.farama.org)"
"""The one link in every card."""


def check_shown(text: str) -> None:
    """A terminal's output, or a text in JSON."""
    bad = {c for c in text if not c.isprintable() and c != "\n"}
    assert not bad, f"{bad!r} in {text[:2000]!r}"
    assert "Q" * 201 not in text


def check_lines(text: str) -> None:
    check_shown(text)
    assert not re.search(r"^\s*# Evil", text, re.MULTILINE)


def check_json(text: str) -> None:
    """As it stands on the terminal, and each text in it as a program gets it."""
    assert all(c.isprintable() or c == "\n" for c in text)
    for value in texts_of(json.loads(text)):
        assert value.isprintable(), value[:200]


class Tags(HTMLParser):
    """Refuses the elements that the texts of this test would make."""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag not in ("script", "b", "a")
        assert tag != "img" or (dict(attrs)["src"] or "").startswith("data:image/")


def check_html(text: str) -> None:
    check_lines(text)
    Tags().feed(text)


def texts_of(data: Any) -> Iterator[str]:
    """All texts and keys in `data`."""
    if isinstance(data, str):
        yield data
    elif isinstance(data, dict):
        for key, value in data.items():
            yield key
            yield from texts_of(value)
    elif isinstance(data, list):
        for value in data:
            yield from texts_of(value)


def places_in(data: Any, way: Planted = ()) -> Iterator[Planted]:
    """The way to each text in `data`, and to one key of each object; of a list's entries only the first."""
    if isinstance(data, str):
        yield way
    elif isinstance(data, dict):
        if data and way:
            yield (*way, next(iter(data)), KEY)
        for key, value in data.items():
            yield from places_in(value, (*way, key))
    elif isinstance(data, list) and data:
        yield from places_in(data[0], (*way, 0))


def planted(data: Any, way: Planted, text: str) -> Any:
    """A copy of `data` with `text` there."""
    if not way:
        return text
    first, *rest = way
    if rest == [KEY]:
        return {text if key == first else key: value for key, value in data.items()}
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[first] = planted(data[first], tuple(rest), text)
    return copy


def named(way: Planted) -> str:
    return ".".join(map(str, way))


def tried(lander: Callable[..., Any], *arguments: object) -> Any:
    """Run the command, which may succeed or refuse, and check what it says."""
    outcome = lander(*arguments)
    assert outcome.code in (0, 1, 2, 3), outcome
    check_lines(outcome.err)
    if "--json" in arguments:
        if outcome.code == 0:
            check_json(outcome.out)
    else:
        check_lines(outcome.out)
    return outcome


# Policies

FREE: tuple[Planted, ...] = (
    ("observation", "components", 0, "name"), ("observation", "components", 0, "unit"),
    ("action", "components", 0, "name"), ("training", "algorithm"), ("training", "platform"),
    ("training", "config", "text"), ("training", "config", "text", KEY),
    ("training", "versions", "numpy"), ("training", "versions", "numpy", KEY),
    ("evaluation", "outcome_counts", "landed", KEY), ("evaluation", "mean_measures", "x", KEY),
    ("license",), ("created",),
)  # fmt: skip
"""What a policy file may say as it likes."""


@pytest.fixture(scope="module")
def told(tiny_path: Path) -> dict[str, Any]:
    """The metadata of a policy file, with something in every field."""
    [entry] = onnx.load(tiny_path).metadata_props
    data = json.loads(entry.value)
    data["env"]["kwargs"] = {"enable_wind": True}
    data["training"].update(config={"text": "a", "list": [["a"]]}, versions={"numpy": "2"})
    figures = dict.fromkeys(("mean_return", "iqm_return", "min_return", "max_return", "mean_length"), 9.0)
    data["evaluation"] = {
        **figures, "episodes": 1, "first_seed": 0, "deterministic": True, "std_return": 0.0, "ci95": None,
        "success_rate": 0.0, "cvar05_return": 9.0, "mean_minus_std": 9.0,
        "outcome_counts": {"landed": 1}, "mean_measures": {"x": 1.0},
    }  # fmt: skip
    data["golden"]["scale"] = {name: _ones(values) for name, values in data["golden"]["outputs"].items()}
    return data


def _ones(values: Any) -> Any:
    return [_ones(value) for value in values] if isinstance(values, list) else 1.0


@pytest.fixture(scope="module")
def tiny_path() -> Path:
    return Path(__file__).parents[1] / "data" / "tiny-discrete.onnx"


def write_policy(tiny_path: Path, data: dict[str, Any], path: Path) -> Path:
    model = onnx.load(tiny_path)
    onnx.helper.set_model_props(model, {METADATA_KEY: "{}"})
    # Not through protobuf's text, which takes no halves of surrogate pairs: JSON writes them in ASCII.
    model.metadata_props[0].value = json.dumps(data)
    path.write_bytes(model.SerializeToString())
    return path


def test_every_text_of_a_policy(lander: Any, tiny_path: Path, told: dict[str, Any], tmp_path: Path) -> None:
    ways = list(places_in(told))
    assert {"env.id", "golden.outputs.action." + KEY, "training.config.list.0.0"} <= set(map(named, ways))
    for text in (EVIL, MARKED):
        for way in ways:
            path = write_policy(tiny_path, planted(told, way, text), tmp_path / "p.onnx")
            outcome = tried(lander, "inspect", path)
            tried(lander, "verify", path)
            assert (outcome.code == 0) >= (way in FREE), (way, outcome)
            if outcome.code == 0:
                tried(lander, "inspect", path, "--json")
                tried(lander, "verify", path, "--json")
                policy = lander_rl.Policy.load(path)
                check_lines(repr(policy))
                check_html(policy._repr_html_())


def test_half_a_surrogate_pair_is_no_text(
    lander: Any, tiny_path: Path, told: dict[str, Any], tmp_path: Path
) -> None:
    path = write_policy(tiny_path, planted(told, ("license",), HALF), tmp_path / "p.onnx")
    assert tried(lander, "inspect", path).code == 3


@pytest.fixture
def hostile_policy(tiny_path: Path, told: dict[str, Any], tmp_path: Path) -> Path:
    """Hostile wherever it may be."""
    data: Any = told
    for way in FREE:
        data = planted(data, way, EVIL if KEY in way or "name" in way else MARKED)
    return write_policy(tiny_path, data, tmp_path / "[bold]p`<b>.onnx")


def test_an_argument_that_is_text_is_refused_in_plain_words(
    lander: Any, told: dict[str, Any], tiny_path: Path, tmp_path: Path
) -> None:
    for text in (EVIL, MARKED):
        data = planted(told, ("env", "kwargs", "enable_wind"), text)
        assert tried(lander, "eval", write_policy(tiny_path, data, tmp_path / "p.onnx")).code == 3


def test_a_hostile_policy_is_scored(lander: Any, hostile_policy: Path, tmp_path: Path) -> None:
    page, report = tmp_path / "page", tmp_path / "report.json"
    few = ("--episodes", 2, "--workers", 1)
    scored = tried(
        lander, "eval", hostile_policy, *few, "--gif-episodes", "none", "--report", page, "--out", report
    )
    assert scored.code == 0
    check_html((page / "index.html").read_text())
    check_json((page / "report.json").read_text())
    check_json(report.read_text())
    assert tried(lander, "eval", hostile_policy, *few, "--json").code == 0
    assert tried(lander, "compare", hostile_policy, hostile_policy, *few).code == 0
    assert tried(lander, "compare", hostile_policy, report, "--json").code == 0


# Reports


@pytest.fixture(scope="module")
def report_of(tiny_path: Path) -> dict[str, Any]:
    found = lander_rl.evaluate(tiny_path, episodes=3, workers=1, env_args={"enable_wind": True})
    data = found.to_json()
    data["env"]["kwargs"]["enable_wind"] = "yes"
    data["policy"]["assumptions"] = ["Something."]
    return data


def write_report(data: dict[str, Any], path: Path) -> Path:
    """The report with the digest that a forger would give it."""
    findings = {k: v for k, v in data.items() if k not in {*RUN_KEYS, *NO_FINDINGS}}
    findings["policy"] = {k: v for k, v in data["policy"].items() if k != "path"}
    # Reports of older versions have no digest of the episodes alone.
    rest = {k: v for k, v in data.items() if k != "episodes_sha256"}
    path.write_text(json.dumps({**rest, "report_sha256": digest(findings)}))
    return path


def test_every_text_of_a_report(lander: Any, report_of: dict[str, Any], tmp_path: Path) -> None:
    taken = 0
    for text in (EVIL, MARKED):
        for way in places_in(report_of):
            try:
                path = write_report(planted(report_of, way, text), tmp_path / "r.json")
            except (KeyError, AttributeError):  # Without `policy` there is no digest to forge.
                continue
            outcome = tried(lander, "merge", path)
            tried(lander, "compare", path, path)
            if outcome.code == 0:
                taken += 1
                tried(lander, "merge", path, "--json")
                tried(lander, "compare", path, path, "--json")
                merged = lander_rl.merge(path)
                check_lines(repr(merged))
                check_html(merged._repr_html_())
                for comparison in (lander_rl.compare(path, path), lander_rl.compare(merged, merged)):
                    check_lines(repr(comparison))
                    check_html(comparison._repr_html_())
    assert taken > 10


def test_parts_that_differ_in_hostile_ways(lander: Any, tiny_path: Path, tmp_path: Path) -> None:
    parts = []
    for shard in ("1/2", "2/2"):
        part = lander_rl.evaluate(tiny_path, episodes=4, workers=1, shard=shard)
        data = part.to_json()
        data["versions"] = {"numpy": EVIL + shard, EVIL: "1"}
        parts.append(write_report(data, tmp_path / f"{shard[0]}.json"))
    outcome = tried(lander, "merge", *parts)
    assert outcome.code == 0
    assert "differ" in outcome.err


# Replays


@pytest.fixture(scope="module")
def replay_lines(tiny_path: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    path = tmp_path_factory.mktemp("replays") / "r.jsonl.gz"
    lander_rl.evaluate(tiny_path, episodes=2, workers=1, save_replay=path, env_args={"enable_wind": True})
    header, *episodes = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
    header["policy"]["assumptions"] = ["Something."]
    return [header, *episodes]


def test_every_text_of_a_replay(lander: Any, replay_lines: list[dict[str, Any]], tmp_path: Path) -> None:
    header, first, second = replay_lines
    path = tmp_path / "r.jsonl.gz"
    for text in (EVIL, MARKED):
        for way in places_in({"header": header, "episode": first}):
            data = planted({"header": header, "episode": first}, way, text)
            lines = (data.get("header", {}), data.get("episode", {}), second)
            path.write_bytes(gzip.compress("".join(json.dumps(line) + "\n" for line in lines).encode()))
            tried(lander, "replay", path)
            tried(lander, "replay", path, "--json")
            try:
                shown = lander_rl.replay(path)
            except LanderError as error:
                check_lines(str(error))
            else:
                check_lines(repr(shown))
                check_html(shown._repr_html_())


# Runs


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "run"
    lander_rl.train(
        "CartPole-v1", steps=1000, backend="gymnasium", device="cpu", out=folder, progress=False,
        env_args={"sutton_barto_reward": True},
        lanes=8, rollout_steps=32, selection_episodes=2,
    )  # fmt: skip
    return folder


def read_checkpoint(path: Path) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """The header, what `lander` says in it, and the tensors."""
    content = path.read_bytes()
    [size] = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + size])
    return header, json.loads(header["__metadata__"]["lander.checkpoint"]), content[8 + size :]


def write_checkpoint(path: Path, header: dict[str, Any], told: Any, tensors: bytes) -> None:
    header["__metadata__"]["lander.checkpoint"] = json.dumps(told)
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + tensors)


def test_every_text_of_a_checkpoint(lander: Any, run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    header, told, tensors = read_checkpoint(run / "checkpoint.safetensors")
    written, exported = folder / "checkpoint.safetensors", ("--out", tmp_path / "p.onnx")
    taken: Any = told
    for way in places_in({"all": told}):
        data = planted({"all": told}, way, EVIL).get("all", {})
        write_checkpoint(written, header, data, tensors)
        tried(lander, "train", "--resume", folder, "--steps", 1)
        outcome = tried(lander, "export", written, *exported, "--episodes", 0, "--no-gif")
        if outcome.code == 0:
            check_card(tmp_path / "p.md")
            taken = planted({"all": taken}, way, MARKED)["all"] if KEY not in way else taken
    assert taken != told
    write_checkpoint(written, header, taken, tensors)
    assert tried(lander, "export", written, *exported, "--episodes", 1, "--no-gif").code == 0
    check_card(tmp_path / "p.md")
    assert tried(lander, "inspect", tmp_path / "p.onnx", "--json").code == 0


def check_card(path: Path) -> None:
    """Its headings and blocks of code are those that every card has."""
    text = path.read_text()
    check_lines(text)
    assert not re.search("<[a-z]", text)
    lines = text.split("\n")
    headings = [line for line in lines if line.startswith("#")]
    assert headings[0] == "# CartPole-v1"
    known = ("Score", "Training", "Verification", "Run it", "Licence", "What the score means")
    assert set(headings[1:]) <= {f"## {name}" for name in known}
    for line in lines:
        assert line.startswith("    ") or not re.search(r"(?<!\\)\]\(http", line.replace(GYMNASIUM, "")), line


def test_every_text_of_the_settings_beside_a_run(lander: Any, run: Path, tmp_path: Path) -> None:
    import tomllib

    import tomli_w

    folder = Path(shutil.copytree(run, tmp_path / "run"))
    settings = tomllib.loads((run / "config.toml").read_text())
    for way in places_in(settings):
        (folder / "config.toml").write_text(tomli_w.dumps(planted(settings, way, EVIL)))
        tried(lander, "plot", folder, run, "--out", "p.png")
    (folder / "config.toml").write_text(tomli_w.dumps({**settings, "env": EVIL}))
    tried(lander, "plot", folder, "--out", "p.svg")
    tried(lander, "plot", folder, "--json", "--out", "p.png")


def test_every_text_of_the_metrics(lander: Any, run: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(run, tmp_path / "run"))
    first = json.loads((run / "metrics.jsonl").read_text().splitlines()[0])
    for key in first:
        (folder / "metrics.jsonl").write_text(json.dumps({**first, key: EVIL}) + "\n")
        tried(lander, "plot", folder)
    (folder / "metrics.jsonl").write_text(json.dumps({**first, EVIL: 1}) + "\n")
    tried(lander, "plot", folder)


# Other files, and nothing that is a file of ours


def test_names_in_a_strangers_graph(lander: Any, tiny_path: Path, tmp_path: Path) -> None:
    """Every name in an ONNX file, without metadata and with `--env`."""
    evil = EVIL.replace("\x00", "")
    for where in range(9):
        model = onnx.load(tiny_path)
        del model.metadata_props[:]
        graph = model.graph
        renamed = [
            *(graph.input[0], graph.output[0], graph.output[1], graph.initializer[0], graph.node[0], graph),
        ]
        if where < len(renamed):
            rename(model, renamed[where].name, evil)
            renamed[where].name = evil
        elif where == 6:
            graph.node[0].op_type = evil
        elif where == 7:
            graph.node[0].domain = evil
        else:
            graph.input[0].type.tensor_type.shape.dim[0].dim_param = evil
        path = tmp_path / "f.onnx"
        path.write_bytes(model.SerializeToString())
        tried(lander, "inspect", path)
        tried(lander, "eval", path, "--env", "LunarLander-v3", "--episodes", 1, "--workers", 1, "--json")
        tried(lander, "compare", path, path, "--env", "LunarLander-v3", "--episodes", 1, "--workers", 1)


def rename(model: onnx.ModelProto, old: str, new: str) -> None:
    """Every use of a value's name."""
    for node in model.graph.node:
        for names in (node.input, node.output):
            for place, name in enumerate(names):
                if name == old:
                    names[place] = new


@pytest.mark.parametrize("command", ["inspect", "eval", "replay", "merge", "export", "plot"])
def test_a_file_whose_name_and_content_are_hostile(lander: Any, tmp_path: Path, command: str) -> None:
    name = EVIL[:60].replace("/", "").replace("\x00", "") + "[bold]"
    for suffix in (".onnx", ".json", ".safetensors", ".zip", ".pth", ".jsonl.gz"):
        path = tmp_path / f"{name}{suffix}"
        path.write_bytes(EVIL.encode("utf-8", "replace"))
        tried(lander, command, path)
        path.unlink()
        tried(lander, command, path)
