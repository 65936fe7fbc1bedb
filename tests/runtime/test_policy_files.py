"""Files that are corrupt, hostile or simply not policies: each is refused in words, none gets through.

Whatever a stranger's file holds, `Policy.load` either works or raises one of our own errors.
"""

import copy
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import InputRefused, LanderError, Policy

Load = Callable[[bytes], Policy]
Rebuild = Callable[[Path, Callable[[Any], object]], bytes]

PROPERTY = settings(settings.get_profile("lander"), max_examples=150)


# Files that are no policies


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"absent\.onnx: cannot be read \(No such file or directory\)"):
        Policy.load(tmp_path / "absent.onnx")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match=r"expected a file, found a folder"):
        Policy.load(tmp_path)


def test_a_path_through_a_file_is_refused(tiny_discrete: Path) -> None:
    with pytest.raises(InputRefused, match="cannot be read"):
        Policy.load(tiny_discrete / "policy.onnx")


def test_a_path_that_no_file_can_have_is_refused() -> None:
    with pytest.raises(InputRefused, match="cannot be read"):
        Policy.load("policy\0.onnx")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes on this system")
def test_a_pipe_is_refused_rather_than_waited_for(tmp_path: Path) -> None:
    """Devices such as /dev/zero too: they have size 0 and no end."""
    os.mkfifo(tmp_path / "policy.onnx")
    code = """if True:
        import sys
        from lander_runtime import InputRefused, Policy
        try:
            Policy.load(sys.argv[1])
        except InputRefused:
            sys.exit(3)
    """
    child = subprocess.run([sys.executable, "-c", code, tmp_path / "policy.onnx"], timeout=10)
    assert child.returncode == 3


def test_a_file_too_large_is_refused_unread(tmp_path: Path) -> None:
    """One byte more than 512 MiB, all of it a hole that takes no space on the disk."""
    with (tmp_path / "policy.onnx").open("wb") as file:
        file.truncate(512 * 1024 * 1024 + 1)
    with pytest.raises(InputRefused, match=r"policy\.onnx: 537 MB is too large for a policy"):
        Policy.load(tmp_path / "policy.onnx")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0",
        b"\0" * 10_000,
        np.random.default_rng(1).bytes(10_000),
        b"\x80\x04\x95" + b"a pickle" * 20,
        b"PK\x03\x04" + b"a zip archive, as PyTorch writes them" * 20,
        b'{"lander.policy": {}}',
        b"GIF89a",
    ],
    ids=["empty", "one zero", "zeros", "noise", "pickle", "zip", "JSON", "GIF"],
)
def test_other_content_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "policy.onnx").write_bytes(content)
    with pytest.raises(InputRefused, match=r"^policy\.onnx: "):
        Policy.load(tmp_path / "policy.onnx", "cpu")


def test_every_truncation_is_refused(tiny_discrete: Path, load: Load) -> None:
    content = tiny_discrete.read_bytes()
    for length in range(0, len(content) - 1, 13):
        with pytest.raises(InputRefused, match=r"^stranger\.onnx: "):
            load(content[:length])


def test_onnx_runtimes_own_format_is_refused(tmp_path: Path, tiny_discrete: Path) -> None:
    """It is no ONNX: another application could not read it, and sizes in it are taken on trust."""
    options = onnxruntime.SessionOptions()
    options.add_session_config_entry("session.save_model_format", "ORT")
    options.optimized_model_filepath = str(tmp_path / "policy.onnx")
    onnxruntime.InferenceSession(tiny_discrete, options, providers=["CPUExecutionProvider"])
    with pytest.raises(InputRefused, match=r"^policy\.onnx: "):
        Policy.load(tmp_path / "policy.onnx", "cpu")


def test_an_onnx_file_of_somebody_else_is_refused(
    tiny_discrete: Path, with_metadata: Callable[..., bytes], load: Load
) -> None:
    with pytest.raises(InputRefused, match=r"without the entry 'lander\.policy'.* lander export"):
        load(with_metadata(tiny_discrete, None))


# Metadata that is not what the schema says


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
        InputRefused, match=r"^stranger\.onnx: observation: .*'Dict'; known are Box and Discrete"
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


# Graphs that do not fit their metadata


def rename_output(model: onnx.ModelProto) -> None:
    model.graph.output[1].name = model.graph.node[-3].output[0] = model.graph.node[-2].input[0] = "scores"


def rename_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = model.graph.node[0].input[0] = "observation"


def swap_outputs(model: onnx.ModelProto) -> None:
    first, second = list(model.graph.output)
    del model.graph.output[:]
    model.graph.output.extend([second, first])


def drop_logits(model: onnx.ModelProto) -> None:
    del model.graph.output[1]


def add_an_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["batch", 16]))


def add_an_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("temperature", TensorProto.FLOAT, [1]))


def feed_doubles(model: onnx.ModelProto) -> None:
    """What a model trained in float64 looks like; the metadata still says float32."""
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.DOUBLE
    model.graph.node[0].input[0] = "single"
    model.graph.node.insert(0, helper.make_node("Cast", ["obs"], ["single"], to=TensorProto.FLOAT))


def fix_the_batch(model: onnx.ModelProto) -> None:
    """What a converter gives that was not told of a dynamic axis."""
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1


def give_three_logits(model: onnx.ModelProto) -> None:
    """The metadata says four actions."""
    for tensor in model.graph.initializer:
        if tensor.name.startswith("head."):
            tensor.CopyFrom(
                numpy_helper.from_array(numpy_helper.to_array(tensor)[..., :3].copy(), tensor.name)
            )
    model.graph.output[1].type.tensor_type.shape.dim[1].dim_value = 3


def give_float_actions(model: onnx.ModelProto) -> None:
    model.graph.node[-1].output[0] = "index"
    model.graph.node.append(helper.make_node("Cast", ["index"], ["action"], to=TensorProto.FLOAT))
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT


def leave_an_axis_on_actions(model: onnx.ModelProto) -> None:
    """`[batch, 1]` instead of `[batch]`: the Squeeze that everybody forgets."""
    del model.graph.node[-1]
    model.graph.node[-1].output[1] = "action"
    dims = model.graph.output[0].type.tensor_type.shape.dim
    dims.add().dim_value = 1


@pytest.mark.parametrize(
    "change",
    [
        rename_output,
        rename_input,
        swap_outputs,
        drop_logits,
        add_an_output,
        add_an_input,
        feed_doubles,
        fix_the_batch,
        give_three_logits,
        give_float_actions,
        leave_an_axis_on_actions,
    ],
)
def test_a_graph_that_does_not_fit_its_metadata_is_refused(
    tiny_discrete: Path, with_changed_graph: Rebuild, load: Load, change: Callable[[Any], None]
) -> None:
    content = with_changed_graph(tiny_discrete, change)
    onnx.checker.check_model(onnx.load_from_string(content), full_check=True)
    with pytest.raises(InputRefused, match=r"^stranger\.onnx: .*expected .*found"):
        load(content)


@pytest.mark.parametrize(
    ("space", "entries"),
    [
        ("observation", {"shape": [7]}),
        ("observation", {"shape": [2, 4]}),
        ("observation", {"shape": []}),
        ("observation", {"dtype": "uint8"}),
        ("observation", {"dtype": "float64"}),
        ("observation", {"type": "Discrete", "n": 8}),
        ("action", {"n": 3}),
        ("action", {"shape": [4]}),
        ("action", {"dtype": "float32"}),
        ("action", {"type": "Box", "shape": [4], "dtype": "float32", "n": None}),
    ],
    ids=repr,
)
def test_spaces_that_do_not_fit_the_graph_are_refused(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load, space: str, entries: dict[str, Any]
) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx"):
        load(with_changed_metadata(tiny_discrete, lambda metadata: metadata[space].update(entries)))


@pytest.mark.parametrize(
    "entries",
    [{"shape": [3]}, {"shape": []}, {"dtype": "float64"}, {"low": [0.0]}, {"high": "none"}],
    ids=repr,
)
def test_a_continuous_action_that_does_not_fit_the_graph_is_refused(
    tiny_continuous: Path, with_changed_metadata: Rebuild, load: Load, entries: dict[str, Any]
) -> None:
    with pytest.raises(InputRefused, match=r"^stranger\.onnx"):
        load(with_changed_metadata(tiny_continuous, lambda metadata: metadata["action"].update(entries)))


def test_golden_outputs_of_other_names_are_refused(
    tiny_discrete: Path, with_changed_metadata: Rebuild, load: Load
) -> None:
    with pytest.raises(InputRefused, match="golden"):
        load(
            with_changed_metadata(tiny_discrete, lambda metadata: metadata["golden"]["outputs"].pop("logits"))
        )


@pytest.mark.parametrize(
    ("rows", "batch"), [([1, 8], 2), ([-1, 16], 3)], ids=["always one row", "rows in pairs"]
)
def test_a_graph_with_a_batch_fixed_inside_is_refused(
    tiny_discrete: Path, with_changed_graph: Rebuild, load: Load, rows: list[int], batch: int
) -> None:
    """The commonest slip of a converter; the first is seen in the outputs, the second when it runs."""

    def fix_inside(model: onnx.ModelProto) -> None:
        for name, shape in (("rows", rows), ("back", [-1, 8])):
            model.graph.initializer.append(numpy_helper.from_array(np.array(shape, np.int64), name))
        model.graph.node[0].input[0] = "again"
        model.graph.node.insert(0, helper.make_node("Reshape", ["obs", "rows"], ["reshaped"]))
        model.graph.node.insert(1, helper.make_node("Reshape", ["reshaped", "back"], ["again"]))

    content = with_changed_graph(tiny_discrete, fix_inside)
    for rng in (None, np.random.default_rng(0)):
        with pytest.raises(InputRefused, match=r"^stranger\.onnx: "):
            load(content).act(np.zeros((batch, 8), np.float32), rng)


def test_a_graph_that_fails_on_some_observations_says_so(
    tiny_discrete: Path, with_changed_graph: Rebuild, load: Load
) -> None:
    """Nothing to be seen while loading: the largest component is an index into a table of three."""

    def look_up(model: onnx.ModelProto) -> None:
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float32), "table"))
        head = next(node for node in model.graph.node if "logits" in node.output)
        head.output[0] = "scores"
        at = list(model.graph.node).index(head) + 1
        for node in (
            helper.make_node("Add", ["scores", "entry"], ["logits"]),
            helper.make_node("Gather", ["table", "index"], ["entry"]),
            helper.make_node("Cast", ["largest"], ["index"], to=TensorProto.INT64),
            helper.make_node("ReduceMax", ["obs"], ["largest"], keepdims=0),
        ):
            model.graph.node.insert(at, node)

    policy = load(with_changed_graph(tiny_discrete, look_up))
    assert policy.self_test() <= 1e-5
    for rng in (None, np.random.default_rng(0)):
        with pytest.raises(LanderError, match=r"stranger\.onnx"):
            policy.act(np.full(8, 5, np.float32), rng)


# External data: a file may not make us read another


def point_outside(location: str, *, as_constant: bool = False) -> Callable[[onnx.ModelProto], None]:
    """Let the head's weights come from the file at `location`."""

    def change(model: onnx.ModelProto) -> None:
        tensor = next(item for item in model.graph.initializer if item.name == "head.weight")
        tensor.ClearField("raw_data")
        tensor.data_location = TensorProto.EXTERNAL
        for key, value in (("location", location), ("offset", "0"), ("length", "256")):
            entry = tensor.external_data.add()
            entry.key, entry.value = key, value
        if as_constant:
            moved = TensorProto()
            moved.CopyFrom(tensor)
            model.graph.initializer.remove(tensor)
            model.graph.node.insert(0, helper.make_node("Constant", [], ["head.weight"], value=moved))

    return change


@pytest.mark.parametrize("as_constant", [False, True], ids=["initialiser", "constant"])
@pytest.mark.parametrize(
    "location",
    ["weights.bin", "./weights.bin", "../secret.bin", "folder/../../secret.bin", "{absolute}", "absent.bin"],
)
def test_external_data_is_refused(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    tiny_discrete: Path,
    with_changed_graph: Rebuild,
    location: str,
    as_constant: bool,
) -> None:
    """All of these but the last exist and are long enough, beside the policy and above it."""
    home = tmp_path / "home"
    (home / "folder").mkdir(parents=True)
    secret = np.full((16, 4), 0.5, np.float32).tobytes()
    (tmp_path / "secret.bin").write_bytes(secret)
    (home / "weights.bin").write_bytes(secret)
    location = location.format(absolute=tmp_path / "secret.bin")
    change = point_outside(location, as_constant=as_constant)
    (home / "policy.onnx").write_bytes(with_changed_graph(tiny_discrete, change))
    monkeypatch.chdir(home)
    for path in (Path("policy.onnx"), home / "policy.onnx"):
        with pytest.raises(InputRefused, match=r"^policy\.onnx: "):
            Policy.load(path, "cpu")


# Whatever else


@PROPERTY
@given(data=st.data())
def test_any_damage_to_the_bytes_is_survived(
    data: st.DataObject, tiny_discrete: Path, tiny_continuous: Path, load: Load
) -> None:
    content = bytearray(data.draw(st.sampled_from([tiny_discrete, tiny_continuous])).read_bytes())
    for _ in range(data.draw(st.integers(1, 4))):
        start = data.draw(st.integers(0, len(content) - 1))
        length = data.draw(st.integers(0, 8))
        content[start : start + length] = data.draw(st.binary(max_size=8))
    check_that_it_works_or_is_refused(lambda: load(bytes(content)))


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)


def every_path(data: Any) -> list[tuple[Any, ...]]:
    """The path of every entry and every list item."""
    items = (
        list(data.items())
        if isinstance(data, dict)
        else list(enumerate(data))
        if isinstance(data, list)
        else []
    )
    return [path for key, value in items for path in [(key,), *((key, *rest) for rest in every_path(value))]]


@PROPERTY
@given(data=st.data())
def test_any_change_of_the_metadata_is_survived(
    data: st.DataObject,
    tiny_discrete: Path,
    tiny_continuous: Path,
    metadata_of: Callable[[Path], Any],
    with_metadata: Callable[..., bytes],
    load: Load,
) -> None:
    source = data.draw(st.sampled_from([tiny_discrete, tiny_continuous]))
    metadata = copy.deepcopy(metadata_of(source))
    # The golden vectors hold most paths; drawn from the rest half of the time, else they get it all.
    paths = every_path(metadata)
    outer = [path for path in paths if path[0] != "golden"]
    path = data.draw(st.sampled_from(outer) | st.sampled_from(paths))
    if data.draw(st.booleans()):
        inside(metadata, path)[path[-1]] = data.draw(JSON_VALUES)
    else:
        del inside(metadata, path)[path[-1]]
    check_that_it_works_or_is_refused(lambda: load(with_metadata(source, json.dumps(metadata))))


def check_that_it_works_or_is_refused(load_it: Callable[[], Policy]) -> None:
    """To work is to act, to test itself and to say what it is; an error of our own may end each."""
    try:
        policy = load_it()
    except LanderError as error:
        assert str(error)
        return
    policy.info.to_json()
    shape, dtype = policy.info.observation.shape, policy.info.observation.dtype
    for use in (
        lambda: policy.act(np.zeros(shape, dtype)),
        lambda: policy.act(np.zeros((2, *shape), dtype), np.random.default_rng(0)),
        policy.self_test,
    ):
        try:
            use()
        except LanderError as error:
            assert str(error)


def test_a_refused_file_prints_nothing(
    tiny_discrete: Path, load: Load, capfd: pytest.CaptureFixture[str]
) -> None:
    """ONNX Runtime announces on stdout that it tries again elsewhere, which would spoil `--json`."""
    content = tiny_discrete.read_bytes()
    for spoilt in (
        content.replace(b"TopK", b"To\xffK"),
        content[:500],
        b"",
        content.replace(b"TopK", b"TopQ"),
    ):
        with pytest.raises(LanderError):
            load(spoilt)
    assert capfd.readouterr() == ("", "")


def inside(data: Any, path: Any) -> Any:
    """What holds the last entry of `path`."""
    for key in path[:-1]:
        data = data[key]
    return data
