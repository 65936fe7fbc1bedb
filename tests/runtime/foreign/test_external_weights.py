"""Weights in other files: under the names that a file gives, in its own folder and nowhere else."""

from pathlib import Path

import onnx
import pytest
from onnx import TensorProto, helper

from foreign_files import DATA, DISCRETE, GOLDEN, golden_observations
from lander_runtime import InputRefused
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.files import sha256_of
from lander_runtime.foreign.external_weights import with_weights
from lander_runtime.foreign.foreign import ForeignPolicy
from lander_runtime.foreign.opening import open_policy
from lander_runtime.graphs.reading import read_model


def with_weights_beside(folder: Path) -> Path:
    """A copy of the file that PyTorch wrote in two."""
    for name in ("cleanrl-actor.onnx", "cleanrl-actor.onnx.data"):
        (folder / name).write_bytes((DATA / name).read_bytes())
    return folder / "cleanrl-actor.onnx"


def test_weights_beside_the_file_belong_to_it(tmp_path: Path) -> None:
    path = with_weights_beside(tmp_path)
    policy = open_policy(path, DISCRETE, "cpu")
    both = path.read_bytes() + (tmp_path / "cleanrl-actor.onnx.data").read_bytes()
    assert policy.sha256 == sha256_of(both)
    assert evaluate(policy, episodes=20, workers=2).results.returns.tolist() == (
        evaluate(ForeignPolicy.load(path, DISCRETE, "cpu"), episodes=20).results.returns.tolist()
    )
    path.with_name("cleanrl-actor.onnx.data").unlink()
    for open_it in (open_policy, ForeignPolicy.load):
        with pytest.raises(InputRefused, match=r"another file, and .*\.data does not exist.*external_data"):
            open_it(path, DISCRETE, "cpu")


def test_a_file_with_external_weights_needs_an_environment_first(tmp_path: Path) -> None:
    with pytest.raises(InputRefused, match="--env"):
        open_policy(with_weights_beside(tmp_path), device="cpu")


@pytest.mark.parametrize(
    ("entry", "value"),
    [
        ("location", "folder/secret.bin"),
        ("location", "folder\\secret.bin"),
        ("location", ".."),
        ("location", "../cleanrl-actor.onnx.data"),
        ("location", "./cleanrl-actor.onnx.data"),
        ("location", "/etc/hostname"),
        ("location", ""),
        ("offset", "100000"),
        ("offset", "-4"),
        ("offset", "9" * 400),
        ("length", "100000"),
        ("length", "\u0664"),
        ("length", "0"),
    ],
)
def test_no_other_file_and_no_other_part_is_read(tmp_path: Path, entry: str, value: str) -> None:
    path = with_weights_beside(tmp_path)
    (tmp_path / "secret.bin").write_bytes(bytes(100_000))
    model = onnx.load(path, load_external_data=False)
    found = 0
    for tensor in model.graph.initializer:
        for item in tensor.external_data:
            if item.key == entry:
                item.value = value
                found += 1
    assert found
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InputRefused, match=r"^cleanrl-actor\.onnx: "):
        open_policy(path, DISCRETE, "cpu")


def test_weights_are_not_multiplied_without_end() -> None:
    """A thousand tensors that name the same megabyte."""
    tensors = []
    for number in range(1000):
        tensor = TensorProto(name=str(number), dims=[1 << 18], data_type=TensorProto.FLOAT)
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value="x.onnx.data")
        tensors.append(tensor)
    model = helper.make_model(helper.make_graph([], "g", [], [], tensors)).SerializeToString()
    with pytest.raises(InputRefused, match=r"^x\.onnx: names more weights"):
        with_weights(
            read_model(model, "x.onnx"), {"x.onnx.data": bytes(1 << 20)}, Path("x.onnx"), limit=1 << 24
        )


def in_two_files(folder: Path, name: str) -> Path:
    """The file that PyTorch wrote in two, its weights under another name."""
    folder.mkdir(parents=True, exist_ok=True)
    model = onnx.load(DATA / "cleanrl-actor.onnx", load_external_data=False)
    for tensor in model.graph.initializer:
        for item in tensor.external_data:
            if item.key == "location":
                item.value = name
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    (folder / name).write_bytes((DATA / "cleanrl-actor.onnx.data").read_bytes())
    return folder / "model.onnx"


def test_weights_have_the_name_that_the_file_gives(tmp_path: Path) -> None:
    policy = open_policy(in_two_files(tmp_path, "any weights.bin"), DISCRETE, "cpu")
    assert policy.act(golden_observations()).tolist() == GOLDEN["files"]["cleanrl-actor.onnx"]["actions"]


def test_weights_may_be_in_several_files(tmp_path: Path) -> None:
    model = onnx.load(DATA / "cleanrl-actor.onnx")
    onnx.save(
        model,
        tmp_path / "m.onnx",
        save_as_external_data=True,
        all_tensors_to_one_file=False,
        size_threshold=0,
    )
    assert len(list(tmp_path.iterdir())) > 2
    policy = open_policy(tmp_path / "m.onnx", DISCRETE, "cpu")
    assert policy.act(golden_observations()).tolist() == GOLDEN["files"]["cleanrl-actor.onnx"]["actions"]


def test_links_are_followed_as_download_caches_have_them(tmp_path: Path) -> None:
    """Two links of one folder into another."""
    stored = in_two_files(tmp_path / "blobs", "model.bin")
    shown = tmp_path / "snapshots" / "1"
    shown.mkdir(parents=True)
    (shown / "model.onnx").symlink_to(stored)
    (shown / "model.bin").symlink_to(tmp_path / "blobs" / "model.bin")
    assert open_policy(shown / "model.onnx", DISCRETE, "cpu").act(golden_observations()[0]) in range(4)


@pytest.mark.parametrize("whole", [True, False], ids=["model is a file", "links lead apart"])
def test_other_links_are_not_followed(tmp_path: Path, whole: bool) -> None:
    here = in_two_files(tmp_path / "here", "model.bin")
    secret = tmp_path / "secret.bin"
    (tmp_path / "here" / "model.bin").rename(secret)
    (tmp_path / "here" / "model.bin").symlink_to(secret)
    if not whole:
        (tmp_path / "elsewhere").mkdir()
        here = here.rename(tmp_path / "elsewhere" / "model.onnx")
        (tmp_path / "here" / "model.onnx").symlink_to(here)
        here = tmp_path / "here" / "model.onnx"
    with pytest.raises(InputRefused, match="a link to another place"):
        open_policy(here, DISCRETE, "cpu")
