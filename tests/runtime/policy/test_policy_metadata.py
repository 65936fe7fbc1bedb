"""Metadata that is not what the schema says is refused by the name of the entry; what is new is ignored."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from lander_runtime import InputRefused, Policy

Load = Callable[[bytes], Policy]
Rebuild = Callable[[Path, Callable[[Any], object]], bytes]


@pytest.mark.parametrize(
    "text",
    ["", "{", "null", "[]", '"text"', "3", "not JSON", '{"schema": "1.0"', "[" * 100_000, "{}" * 2, "\0"],
    ids=lambda text: repr(text)[:20],
)
def test_metadata_that_is_no_json_object_is_refused(
    tiny_discrete: Path, with_metadata: Callable[..., bytes], load: Load, text: str
) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: "):
        load(with_metadata(tiny_discrete, text))


@pytest.mark.parametrize("name", ["lander.policy", '"license"', "logits", "obs", "batch", "TopK"])
def test_text_that_is_not_utf8_is_refused(tiny_discrete: Path, load: Load, name: str) -> None:
    """In the metadata's key, in its value, and in the names that are looked at."""
    content = tiny_discrete.read_bytes()
    spoilt = content.replace(name.encode(), name.encode()[:-1] + b"\xff")
    assert spoilt != content
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: "):
        load(spoilt)


def every_key(data: Any) -> list[tuple[str, ...]]:
    """The path of every entry of nested objects, without what the schema leaves open."""
    if not isinstance(data, dict):
        return []
    paths: list[tuple[str, ...]] = []
    for key, value in data.items():
        paths.append((key,))
        if key not in ("config", "versions", "kwargs", "outputs"):
            paths += [(key, *rest) for rest in every_key(value)]
    return paths


OPTIONAL = {
    ("evaluation",),
    ("training", "steps"),
    ("training", "seed"),
    ("env", "max_episode_steps"),
    ("env", "reward_threshold"),
    *((space, bound) for space in ("observation", "action") for bound in ("low", "high")),
    ("observation", "n"),
}
"""What may be null may be missing."""


def test_every_required_entry_is_missed_by_name(
    tiny_discrete: Path,
    metadata_of: Callable[[Path], Any],
    with_changed_metadata: Rebuild,
    load: Load,
) -> None:
    paths = [path for path in every_key(metadata_of(tiny_discrete)) if path not in OPTIONAL]
    assert len(paths) > 30
    for path in paths:

        def drop(metadata: Any, path: tuple[str, ...] = path) -> None:
            del inside(metadata, path)[path[-1]]

        with pytest.raises(InputRefused, match=rf"^stranger\.onnx.*'{path[-1]}'"):
            load(with_changed_metadata(tiny_discrete, drop))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", 1.0),
        ("schema", None),
        ("env", "LunarLander-v3"),
        ("env", []),
        ("env.id", 3),
        ("env.id", None),
        ("env.kwargs", []),
        ("env.kwargs.gravity", [1]),
        ("env.kwargs.gravity", {"a": 1}),
        ("env.wrappers", {}),
        ("env.wrappers", ["TimeAwareObservation"]),
        ("env.wrappers", [{"name": "TimeAwareObservation"}]),
        ("env.max_episode_steps", "1000"),
        ("env.max_episode_steps", 1000.5),
        ("env.max_episode_steps", True),
        ("env.max_episode_steps", 0),
        ("env.max_episode_steps", -1),
        ("env.reward_threshold", "200"),
        ("observation.type", 1),
        ("observation.shape", 8),
        ("observation.shape", [0]),
        ("observation.shape", [-8]),
        ("observation.shape", [8.0]),
        ("observation.shape", [True]),
        ("observation.shape", ["8"]),
        ("observation.dtype", "complex64"),
        ("observation.dtype", "O"),
        ("observation.dtype", None),
        ("observation.components", None),
        ("observation.components", ["x"]),
        ("observation.components", [{"name": 1, "unit": ""}]),
        ("observation.low", "abc"),
        ("observation.low", {}),
        ("observation.low", [1.0, 2.0]),
        ("observation.low", [[["x"]]]),
        ("action.n", 0),
        ("action.n", -4),
        ("action.n", None),
        ("action.n", "4"),
        ("training.algorithm", None),
        ("training.steps", "many"),
        ("training.steps", 1.5),
        ("training.config", []),
        ("verification.observations", 1.5),
        ("verification.max_difference", "small"),
        ("verification.max_difference", None),
        ("verification.ties", False),
        ("evaluation", 200.0),
        ("evaluation", {}),
        ("golden.observations", "abc"),
        ("golden.outputs", []),
        ("weights_sha256", 12),
        ("license", None),
        ("created", 2024),
    ],
)
def test_an_entry_of_the_wrong_type_is_refused_by_name(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, path: str, value: Any
) -> None:
    *_, last = keys = path.split(".")

    def change(metadata: Any) -> None:
        inside(metadata, keys)[last] = value

    with pytest.raises(InputRefused, match=last):
        load(with_changed_metadata(tiny_discrete, change))


NUMBERS = ["verification.max_difference", "verification.action_agreement", "env.reward_threshold"]


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
@pytest.mark.parametrize(
    "path", [*NUMBERS, "observation.low", "training.config.learning_rate", "env.kwargs.gravity"]
)
def test_a_number_that_is_not_finite_is_refused(
    tiny_discrete: Path,
    metadata_of: Callable[[Path], Any],
    with_metadata: Callable[..., bytes],
    load: Load,
    path: str,
    number: str,
) -> None:
    """Where the schema leaves the entries open too: what is read goes into reports, which are strict JSON."""
    metadata = metadata_of(tiny_discrete)
    *_, last = keys = path.split(".")
    inside(metadata, keys)[last] = "the number"
    text = json.dumps(metadata).replace('"the number"', number)
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: "):
        load(with_metadata(tiny_discrete, text))


@pytest.mark.parametrize("path", NUMBERS)
def test_an_integer_too_large_for_a_float_is_refused_by_name(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, path: str
) -> None:
    *_, last = keys = path.split(".")

    def change(metadata: Any) -> None:
        inside(metadata, keys)[last] = 10**400

    with pytest.raises(InputRefused, match=last):
        load(with_changed_metadata(tiny_discrete, change))


def test_a_space_of_another_kind_is_refused_by_name(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load
) -> None:
    with pytest.raises(
        InputRefused,
        match=r"^stranger\.onnx: observation: .*'Dict'; known are Box, Discrete and MultiDiscrete",
    ):
        load(
            with_changed_metadata(tiny_discrete, lambda metadata: metadata["observation"].update(type="Dict"))
        )


def test_an_unknown_major_version_is_refused_with_what_to_do(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load
) -> None:
    expected = (
        r"^stranger\.onnx: written in schema 2\.0, this version of lander reads 1\.x\. Upgrade with: pip"
    )
    with pytest.raises(InputRefused, match=expected):
        load(with_changed_metadata(tiny_discrete, lambda metadata: metadata.update(schema="2.0")))


@pytest.mark.parametrize("schema", ["2", "0.9", "10.0", "", "one", "v1.0"])
def test_other_schemas_are_refused(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, schema: str
) -> None:
    with pytest.raises(InputRefused, match="reads 1"):
        load(with_changed_metadata(tiny_discrete, lambda metadata: metadata.update(schema=schema)))


def test_a_later_minor_version_with_unknown_keys_is_read(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load
) -> None:
    def modernise(metadata: Any) -> None:
        metadata.update(schema="1.7", novelty={"a": [1, None]})
        for child in ("env", "observation", "action", "training", "verification", "golden"):
            metadata[child]["novelty"] = "ignored"

    policy = load(with_changed_metadata(tiny_discrete, modernise))
    assert policy.info.schema == "1.7"
    assert policy.self_test() <= 1e-5


@pytest.mark.parametrize(
    "env_id",
    [
        "os:system-v0",
        "module:Env-v0",
        "a.b:c",
        "",
        "a b-v0",
        "../../x-v0",
        "LunarLander-v3\n",
        "LunarLander-v3;",
        "a/b/c-v0",
    ],
)
def test_an_id_that_is_more_than_a_name_is_refused(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, env_id: str
) -> None:
    """`module:Name-v0` would make Gymnasium import the module, hence run a stranger's choice of code."""
    with pytest.raises(InputRefused, match="not an environment id"):
        load(with_changed_metadata(tiny_discrete, lambda metadata: metadata["env"].update(id=env_id)))


def inside(data: Any, path: Any) -> Any:
    """What holds the last entry of `path`."""
    for key in path[:-1]:
        data = data[key]
    return data


def test_more_golden_observations_than_a_batch_are_refused(
    tiny_discrete: Path, with_changed_metadata: Callable[..., bytes], load: Load
) -> None:
    def many(data: Any) -> None:
        data["golden"]["observations"] = data["golden"]["observations"][:1] * 33

    with pytest.raises(InputRefused, match="at most 32 golden observations, found 33"):
        load(with_changed_metadata(tiny_discrete, many))


def test_metadata_above_8_mb_is_refused(
    tiny_discrete: Path, with_changed_metadata: Callable[..., bytes], load: Load
) -> None:
    with pytest.raises(InputRefused, match=r"at most 8,388,608 are read"):
        load(with_changed_metadata(tiny_discrete, lambda data: data.update(more="x" * (8 << 20))))
