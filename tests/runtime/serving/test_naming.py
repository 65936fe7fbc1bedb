"""Under which names a server offers policies."""

import shutil
from pathlib import Path

import pytest

from lander_runtime import InputRefused, UsageError
from lander_runtime.serving.naming import named_policies


@pytest.fixture
def put(tmp_path: Path, tiny: Path):
    def one(name: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copy(tiny, path))

    return one


def test_a_file_is_named_after_itself_or_its_folder_or_its_environment(put) -> None:
    paths = [put("good.onnx"), put("lunar/policy.onnx"), put("runs/LunarLander-v3/003/policy.onnx")]

    assert named_policies(paths) == dict(zip(["good", "lunar", "LunarLander-v3"], paths, strict=True))


def test_a_folder_offers_all_policies_in_it(put, tmp_path: Path) -> None:
    put("all/a/policy.onnx")
    put("all/b.onnx")
    put("all/c/other.onnx")

    assert sorted(named_policies([tmp_path / "all"])) == ["a", "b"]


def test_the_folder_of_one_policy(put, tmp_path: Path) -> None:
    path = put("lunar/policy.onnx")
    put("lunar/other.onnx")

    assert named_policies([tmp_path / "lunar"]) == {"lunar": path}


def test_one_name_twice(put) -> None:
    with pytest.raises(UsageError, match="Two policies are called 'a'"):
        named_policies([put("x/a.onnx"), put("y/a.onnx")])


@pytest.mark.parametrize("name", ["a b", "a%2e", "-a", "ä", "a" * 101])
def test_a_name_that_no_address_takes(put, name: str) -> None:
    with pytest.raises(UsageError, match="cannot stand in an address"):
        named_policies([put(f"{name}.onnx")])


def test_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputRefused, match="expected a folder with policies"):
        named_policies([tmp_path / "empty"])
