"""Replay files that are not as documented are refused with the line and the reason, whatever is in them."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lander_runtime import EnvSpec, InputRefused, Policy
from lander_runtime.replays import Header, ReplayFile, ReplayVerifier
from lander_runtime.replays.reader import MAX_LINE_BYTES
from recorded_files import FINITE, SPACES, Change, Lines, saved

PROPERTY = settings(settings.get_profile("lander"), max_examples=100)


@pytest.mark.parametrize(
    ("change", "line", "match"),
    [
        (lambda lines: lines[0].update(schema="lander.replay/2"), 1, "pip install --upgrade"),
        (lambda lines: lines[0].update(schema="lander.evaluation/1"), 1, "schema"),
        (lambda lines: lines[0].pop("schema"), 1, "schema"),
        (lambda lines: lines[0].update(episodes=0), 1, "episodes"),
        (lambda lines: lines[0].update(first_seed=-1), 1, "first_seed"),
        (lambda lines: lines[0].update(first_seed=2**63), 1, "first_seed"),
        (lambda lines: lines[0]["policy"].update(sha256="x" * 64), 1, "sha256"),
        (lambda lines: lines[0]["policy"].update(assumptions=[1]), 1, "assumptions"),
        (lambda lines: lines[0]["versions"].update(numpy=2), 1, "versions"),
        (lambda lines: lines[0]["env"].update(id="os:system-v0"), 1, None),
        (lambda lines: lines[0].update(episodes=6), 7, "ends here"),
        (lambda lines: lines[0].update(episodes=4), 6, "more episodes"),
        (lambda lines: lines[2].update(seed=99), 3, "seed"),
        (lambda lines: lines[2]["actions"].__setitem__(1, 4), 3, "step': 2"),
        (lambda lines: lines[2]["actions"].__setitem__(1, -1), 3, "actions"),
        (lambda lines: lines[2]["actions"].__setitem__(1, 1.0), 3, "actions"),
        (lambda lines: lines[2]["actions"].__setitem__(1, True), 3, "actions"),
        (lambda lines: lines[2]["actions"].__setitem__(1, 10**30), 3, "actions"),
        (lambda lines: lines[2]["actions"].__setitem__(1, [0]), 3, "actions"),
        (lambda lines: lines[2]["actions"].__setitem__(1, "0"), 3, "actions"),
        (lambda lines: lines[2]["actions"].pop(), 3, "length"),
        (lambda lines: lines[2]["rewards"].pop(), 3, "length"),
        (lambda lines: lines[2].update(length=0, actions=[], rewards=[]), 3, "actions"),
        (lambda lines: lines[2]["rewards"].__setitem__(1, None), 3, "rewards"),
        (lambda lines: lines[2]["rewards"].__setitem__(1, float("nan")), 3, "JSON"),
        (lambda lines: lines[2].update(seed="71"), 3, "seed"),
        # As long as a line may be, times every episode of a small file, it would fill the memory.
        (lambda lines: lines[2].update(outcome="x" * 1001), 3, "outcome"),
        (lambda lines: lines.__setitem__(2, []), 3, "JSON object"),  # type: ignore[call-overload]
    ],
)
def test_what_is_not_as_documented_is_refused_with_its_line(
    changed: Callable[[Change], Path], change: Change, line: int, match: str | None
) -> None:
    path = changed(change)
    with pytest.raises(InputRefused) as refused:
        list(ReplayFile(path))
    if match is not None:
        assert f"changed.jsonl.gz, line {line}" in str(refused.value)
        assert match in str(refused.value)


@pytest.mark.parametrize(
    "item", [[0.5], [0.5, 2.0], [0.5, None], [0.5, 1e39], [0.5, "0"], 0.5, [[0.5, 0.5]]], ids=repr
)
def test_a_throttle_out_of_the_space_is_refused(
    tmp_path: Path, continuous: Policy, drifting_continuous: EnvSpec, item: Any
) -> None:
    saved(tmp_path / "r.jsonl.gz", continuous, drifting_continuous, episodes=1)
    with gzip.open(tmp_path / "r.jsonl.gz") as file:
        header, line = (json.loads(line) for line in file)
    line["actions"][2] = item
    (tmp_path / "r.jsonl.gz").write_bytes(gzip.compress(f"{json.dumps(header)}\n{json.dumps(line)}".encode()))
    with pytest.raises(InputRefused, match=r"line 2: 'actions' should be float32 actions.*'step': 3"):
        list(ReplayFile(tmp_path / "r.jsonl.gz"))


def test_actions_of_another_space_than_the_environments_are_refused(
    changed: Callable[[Change], Path],
) -> None:
    """The claim of the file about its action space is not trusted."""

    def widen(lines: Lines) -> None:
        lines[0]["action"]["n"] = 9
        lines[1]["actions"][0] = 8

    replay = ReplayFile(changed(widen))
    assert len(list(replay)) == 5
    with pytest.raises(InputRefused, match="action space"):
        ReplayVerifier(replay.header)


def test_a_file_cut_anywhere_is_refused(tmp_path: Path, discrete: Policy, drifting: EnvSpec) -> None:
    saved(tmp_path / "r.jsonl.gz", discrete, drifting)
    whole = (tmp_path / "r.jsonl.gz").read_bytes()
    for length in [*range(0, len(whole) - 1, 37), len(whole) - 1]:
        (tmp_path / "cut").write_bytes(whole[:length])
        with pytest.raises(InputRefused, match=r"cut(, line| is empty)"):
            list(ReplayFile(tmp_path / "cut"))


def test_a_flipped_bit_is_refused(tmp_path: Path, discrete: Policy, drifting: EnvSpec) -> None:
    """gzip has a checksum; the header's bytes for time and system mean nothing."""
    saved(tmp_path / "r.jsonl.gz", discrete, drifting)
    whole = (tmp_path / "r.jsonl.gz").read_bytes()
    for position in range(10, len(whole), 41):
        flipped = bytearray(whole)
        flipped[position] ^= 4
        (tmp_path / "flipped").write_bytes(flipped)
        with pytest.raises(InputRefused):
            list(ReplayFile(tmp_path / "flipped"))


@pytest.mark.parametrize(
    "content",
    [b"GIF89a", b"{}\n", *map(gzip.compress, (b"\xff\xfe\n", b"[" * 100_000, b"{}\n"))],
    ids=["gif", "plain", "bytes", "deep", "no entries"],
)
def test_garbage_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "garbage").write_bytes(content)
    with pytest.raises(InputRefused, match="garbage, line 1"):
        ReplayFile(tmp_path / "garbage")


@pytest.mark.parametrize("content", [b"", gzip.compress(b"")])
def test_an_empty_file_is_called_empty(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "nothing").write_bytes(content)
    with pytest.raises(InputRefused, match=r"nothing is empty\.$"):
        ReplayFile(tmp_path / "nothing")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | FINITE | st.text(max_size=5) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where something stands in nested lists and dictionaries."""
    if isinstance(value, dict):
        entries = list(value.items())
    else:
        entries = list(enumerate(value)) if isinstance(value, list) else []
    return [path, *(place for key, entry in entries for place in places(entry, (*path, key)))]


@PROPERTY
@given(st.data())
def test_any_entry_may_be_anything(tmp_path_factory: pytest.TempPathFactory, data: st.DataObject) -> None:
    """It is read or refused; no other error is raised."""
    space = data.draw(st.sampled_from(SPACES))
    header = Header(
        EnvSpec("Some-v0", {"gravity": -10.0}), space, "a" * 64, (), True, 7, 1, {"python": "3"}, "here"
    )
    actions = np.zeros((2, *space.shape)).tolist() if space.dtype.startswith("f") else None
    if actions is None:
        actions = np.zeros((2, *space.shape), np.int64).tolist()
    episode = {
        "seed": 7,
        "return": 1.5,
        "length": 2,
        "outcome": "x",
        "actions": actions,
        "rewards": [1.0, 0.5],
    }
    lines: list[Any] = json.loads(json.dumps([header.to_json(), episode]))
    *parents, last = data.draw(st.sampled_from([place for place in places(lines) if place]))
    target = lines
    for key in parents:
        target = target[key]
    target[last] = data.draw(JSON)
    path = tmp_path_factory.getbasetemp() / "any.jsonl.gz"
    path.write_bytes(gzip.compress("".join(f"{json.dumps(line)}\n" for line in lines).encode()))
    try:
        replay = ReplayFile(path)
        assert [recorded.length for recorded in replay] == [2]
        replay.header.elsewhere()
    except InputRefused:
        pass


def test_what_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "nothere", tmp_path):
        with pytest.raises(InputRefused, match=r"nothere does not exist\.|cannot be read"):
            ReplayFile(path)


def test_a_gzip_bomb_is_unpacked_to_one_line_only(tmp_path: Path) -> None:
    """Some 100 kB of zeros that would be 100 MB: no more than one line's worth is unpacked."""
    with gzip.open(tmp_path / "bomb", "wb") as file:
        for _ in range(100):
            file.write(bytes(1_000_000))
    assert (tmp_path / "bomb").stat().st_size < 200_000
    with pytest.raises(InputRefused, match=f"longer than {MAX_LINE_BYTES:,} bytes"):
        ReplayFile(tmp_path / "bomb")


def test_long_texts_among_actions_take_no_room(changed: Callable[[Change], Path]) -> None:
    """NumPy would pad every entry to the longest text: 2 MB times a thousand entries."""

    def texts(lines: Lines) -> None:
        lines[1]["actions"] = ["x" * 2_000_000, *[0] * 1000]

    with pytest.raises(InputRefused, match="actions"):
        list(ReplayFile(changed(texts)))
