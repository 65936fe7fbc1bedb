"""`lander export`: what it takes, what it writes, what it refuses."""

import dataclasses
import json
import os
import random
import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import onnx
import pytest
import torch

from lander_runtime import Policy
from lander_runtime.graphs.model import METADATA_KEY
from lander_trainer import Checkpoint

Lander = Callable[..., Any]
AddRun = Callable[..., Path]
Tree = Callable[[], set[str]]

QUICK = ["--episodes", "1", "--no-gif"]


@pytest.fixture
def state_dict(add_run: AddRun) -> Callable[[str], Path]:
    """(name) -> a bare state dict of the actor of runs/CartPole-v1/001, as people share them."""

    def save(name: str) -> Path:
        actor = Checkpoint.load(add_run() / "best.safetensors").network().actor
        torch.save({f"actor.{key}": tensor for key, tensor in actor.state_dict().items()}, name)
        return Path(name)

    return save


@dataclasses.dataclass(frozen=True)
class Exported:
    """The export of a run and what the command printed. Not to be changed."""

    outcome: Any
    policy: Path


@pytest.fixture(scope="module")
def exported(lander: Lander, barely_trained: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """One for all tests, because each conversion takes a second or two."""
    run = tmp_path_factory.mktemp("exported") / "run"
    shutil.copytree(barely_trained, run)
    return Exported(lander("export", run, "--episodes", "2"), run / "policy.onnx")


class TestWhichCheckpoint:
    """Seen from the first line of its talk; the files are empty, so that it goes no further."""

    def put_run(self, name: str, age: float, *files: str) -> Path:
        """A run whose files were written `age` seconds before some moment."""
        folder = Path("runs/CartPole-v1") / name
        folder.mkdir(parents=True)
        for file in files:
            (folder / file).touch()
            os.utime(folder / file, (1_700_000_000 - age, 1_700_000_000 - age))
        return folder

    def test_the_newest_runs_by_default(self, lander: Lander) -> None:
        newest = self.put_run("001", 10, "checkpoint.safetensors", "best.safetensors")
        self.put_run("002", 50, "checkpoint.safetensors", "best.safetensors")
        found = lander("export")
        assert found.code == 3
        assert found.err.splitlines()[0] == f"Exporting {newest / 'best.safetensors'}"

    def test_the_best_of_a_folder(self, lander: Lander) -> None:
        self.put_run("001", 10, "checkpoint.safetensors", "best.safetensors")
        older = self.put_run("002", 50, "checkpoint.safetensors", "best.safetensors")
        found = lander("export", older)
        assert found.err.splitlines()[0] == f"Exporting {older / 'best.safetensors'}"

    def test_the_last_where_none_was_selected(self, lander: Lander) -> None:
        run = self.put_run("001", 0, "checkpoint.safetensors")
        found = lander("export", run)
        assert found.err.splitlines()[0] == f"Exporting {run / 'checkpoint.safetensors'}"


class TestWhatItTakes:
    def test_a_state_dict_with_its_environment(
        self, lander: Lander, state_dict: Callable[[str], Path], exported: Any
    ) -> None:
        """The same weights give the same network; of their training it says that it is not known."""
        options = ["--env", "CartPole-v1", "--episodes", "0", "--no-gif", "--license", "CC-BY-4.0"]
        found = lander("export", state_dict("theirs.pth"), "--out", "new/theirs.onnx", *options)
        assert found.code == 0
        ours, theirs = Policy.load(exported.policy, "cpu").info, Policy.load("new/theirs.onnx", "cpu").info
        assert theirs.weights_sha256 == ours.weights_sha256
        assert theirs.golden == ours.golden
        assert (theirs.training.steps, theirs.created) == (None, "unknown")
        # No score, no picture, the licence that was named.
        assert (theirs.evaluation, theirs.license) == (None, "CC-BY-4.0")
        assert re.search(r"^score +not evaluated$", found.out, re.MULTILINE)
        assert {path.name for path in Path("new").iterdir()} == {"theirs.onnx", "theirs.md"}
        assert "CC-BY-4.0" in Path("new/theirs.md").read_text(encoding="utf-8")

    def test_arguments_and_time_limit_of_the_environment_that_was_named(
        self, lander: Lander, state_dict: Callable[[str], Path]
    ) -> None:
        """Where only a fall is rewarded, with -1, seven steps are worth nothing."""
        said = ["--env-arg", "sutton_barto_reward=true", "--max-episode-steps", "7"]
        words = ["--env", "CartPole-v1", *said, "--episodes", "2", "--no-gif", "--out", "new/theirs.onnx"]
        found = lander("export", state_dict("theirs.pth"), *words)
        assert found.code == 0, found.err
        info = Policy.load("new/theirs.onnx", "cpu").info
        assert (info.env.kwargs, info.env.max_episode_steps) == ({"sutton_barto_reward": True}, 7)
        assert info.evaluation is not None
        assert (info.evaluation.mean_return, info.evaluation.mean_length) == (0.0, 7.0)

    @pytest.mark.parametrize(
        ("said", "message"),
        [
            (["--env-arg", "sutton_barto_reward=true"], "--env-arg goes with --env"),
            (["--max-episode-steps", "7"], "--max-episode-steps goes with --env"),
            (["--env", "CartPole-v1", "--env-arg", "wind=1"], "wind"),
            (
                ["--format", "c", "--env", "CartPole-v1", "--max-episode-steps", "7"],
                "goes with --format onnx",
            ),
        ],
    )
    def test_what_is_said_of_no_environment_is_refused(
        self, lander: Lander, state_dict: Callable[[str], Path], said: list[str], message: str
    ) -> None:
        found = lander("export", state_dict("theirs.pth"), *said)
        assert (found.code, found.out) == (2, "")
        assert message in found.err

    def test_a_state_dict_alone_does_not_name_its_environment(
        self, lander: Lander, state_dict: Callable[[str], Path]
    ) -> None:
        found = lander("export", state_dict("theirs.pth"))
        assert (found.code, found.out) == (2, "")
        assert "theirs.pth" in found.message
        assert "--env" in found.message
        assert not Path("policy.onnx").exists()

    @pytest.mark.parametrize("env", ["LunarLander-v3", "Pendulum-v1", "CartPol-v1"])
    def test_a_state_dict_for_another_environment_is_refused(
        self, lander: Lander, state_dict: Callable[[str], Path], env: str
    ) -> None:
        found = lander("export", state_dict("theirs.pth"), "--env", env)
        assert found.code in (2, 3)
        assert env in found.message
        assert not Path("policy.onnx").exists()

    @pytest.mark.parametrize("option", [["--env", "CartPole-v1"], ["--activation", "relu"]])
    def test_a_checkpoint_names_its_environment_itself(
        self, lander: Lander, add_run: AddRun, option: list[str]
    ) -> None:
        found = lander("export", add_run(), *option)
        assert (found.code, found.out) == (2, "")
        assert option[0] in found.message


class TestWhatItWrites:
    def test_policy_card_and_animation_beside_the_checkpoint(self, exported: Any) -> None:
        assert exported.outcome.code == 0
        run, found = exported.policy.parent, exported.outcome
        assert found.err.splitlines()[0] == f"Exporting {run / 'best.safetensors'}"
        policy = Policy.load(exported.policy, "cpu")
        assert policy.self_test() <= 1e-5
        score = policy.info.evaluation
        assert score is not None
        assert (score.episodes, score.first_seed, score.deterministic) == (2, 1_000_000, True)
        assert policy.info.license == "MIT"
        assert (run / "policy.gif").read_bytes().startswith(b"GIF89a")
        assert "](policy.gif)" in (run / "policy.md").read_text(encoding="utf-8")
        rows = dict(re.findall(r"^(\w+) +(.*)$", found.out, re.MULTILINE))
        assert rows["policy"].startswith(f"{exported.policy} (")
        assert (rows["card"], rows["animation"]) == (str(run / "policy.md"), str(run / "policy.gif"))
        assert rows["score"].startswith(f"{score.mean_return:.1f} ± {score.std_return:.1f}")
        assert f"{policy.info.verification.observations:,} observations" in rows["verified"]
        assert shlex.split(found.next) == ["lander", "eval", str(exported.policy), "--episodes", "10"]

    def test_json_is_one_object_and_the_same_checkpoint_gives_the_same_bytes(
        self, lander: Lander, exported: Any
    ) -> None:
        checkpoint = exported.policy.with_name("best.safetensors")
        options = ["--episodes", "2", "--json"]
        folder = Path("a b/着陆")
        folder.parent.mkdir()
        found = lander("export", checkpoint, "--out", folder / "policy.onnx", *options)
        assert found.code == 0
        assert {path.name for path in folder.iterdir()} == {"policy.onnx", "policy.md", "policy.gif"}
        for path in folder.iterdir():
            assert path.read_bytes() == exported.policy.with_name(path.name).read_bytes()
        info = Policy.load(exported.policy, "cpu").info
        assert info.evaluation is not None
        assert json.loads(found.out) == {
            "schema": "lander.export/1",
            "policy": str(folder / "policy.onnx"),
            "card": str(folder / "policy.md"),
            "gif": str(folder / "policy.gif"),
            "weights_sha256": info.weights_sha256,
            "verification": dataclasses.asdict(info.verification),
            "evaluation": info.evaluation.to_json(),
        }
        assert shlex.split(found.next)[2] == str(folder / "policy.onnx")

    def test_what_it_writes_eval_and_inspect_read(self, lander: Lander, exported: Any) -> None:
        run = Path("runs/CartPole-v1/001")
        shutil.copytree(exported.policy.parent, run)
        evaluated = json.loads(lander("eval", "--episodes", "2", "--json").out)
        assert evaluated["policy"]["path"] == str(run / "policy.onnx")
        stored = json.loads(lander("inspect", "--json").out)
        assert evaluated["mean_return"] == stored["evaluation"]["mean_return"]
        [entry] = onnx.load(exported.policy).metadata_props
        assert (entry.key, json.loads(entry.value)) == (METADATA_KEY, stored)


class TestWhatItRefuses:
    def test_no_run_at_all_says_what_to_type(self, lander: Lander, tree: Tree) -> None:
        found = lander("export")
        assert (found.code, found.out) == (3, "")
        assert found.message.endswith("lander train")
        assert tree() == set()

    def test_a_folder_without_a_checkpoint(self, lander: Lander) -> None:
        Path("empty").mkdir()
        found = lander("export", "empty")
        assert (found.code, found.out) == (3, "")
        assert "empty" in found.message

    @pytest.mark.parametrize("name", ["nothere", "nothere.safetensors", "nothere.pth", "no/run/here"])
    def test_a_missing_file(self, lander: Lander, tree: Tree, name: str) -> None:
        found = lander("export", name)
        assert (found.code, found.out) == (3, "")
        assert name in found.message
        assert tree() == set()

    @pytest.mark.parametrize("damage", ["empty", "half", "random"])
    @pytest.mark.parametrize("name", ["c.safetensors", "c.pth"])
    def test_a_damaged_file(
        self, lander: Lander, state_dict: Callable[[str], Path], tree: Tree, name: str, damage: str
    ) -> None:
        weights = state_dict("whole.pth")
        whole = (Path("runs/CartPole-v1/001/best.safetensors") if "safe" in name else weights).read_bytes()
        content = {"empty": b"", "half": whole[: len(whole) // 2], "random": random.Random(2).randbytes(2000)}
        Path(name).write_bytes(content[damage])
        before = tree()
        found = lander("export", name, *(["--env", "CartPole-v1"] if name.endswith(".pth") else []))
        assert (found.code, found.out) == (3, "")
        assert name in found.message
        # What torch's own message would have people do instead: run a stranger's code.
        assert "weights_only" not in found.message
        assert tree() == before

    def test_a_pickle_that_would_run_code(self, lander: Lander) -> None:
        class Hostile:
            def __reduce__(self) -> Any:
                return os.mkdir, ("owned",)

        torch.save({"actor.0.weight": Hostile()}, "hostile.pth")
        found = lander("export", "hostile.pth", "--env", "CartPole-v1")
        assert (found.code, found.out) == (3, "")
        assert "weights_only" not in found.message
        assert not Path("owned").exists()

    def test_weights_that_are_not_finite(self, lander: Lander, add_run: AddRun, tree: Tree) -> None:
        run = add_run()
        checkpoint = Checkpoint.load(run / "best.safetensors")
        checkpoint.tensors["network.actor.0.weight"][0, 0] = float("nan")
        checkpoint.save(run / "best.safetensors")
        before = tree()
        found = lander("export", run, *QUICK)
        assert found.code in (1, 3)
        assert found.out == ""
        assert tree() == before

    @pytest.mark.parametrize("out", ["p.gif", "p.md", "p", "p.safetensors"])
    def test_a_name_that_is_not_a_policys(
        self, lander: Lander, add_run: AddRun, tree: Tree, out: str
    ) -> None:
        """Card and animation take its name with other endings, and would be written over it."""
        run = add_run()
        before = tree()
        found = lander("export", run, "--out", out)
        assert (found.code, found.out) == (2, "")
        assert ".onnx" in found.message
        assert tree() == before

    @pytest.mark.parametrize(
        ("out", "named"),
        [
            ("file/policy.onnx", "file"),
            ("file/new/policy.onnx", "file"),
            ("folder.onnx", "folder.onnx"),
            ("card.onnx", "card.md"),
            ("picture.onnx", "picture.gif"),
        ],
    )
    def test_a_place_that_cannot_be_written_is_refused_before_the_work(
        self, lander: Lander, add_run: AddRun, tree: Tree, out: str, named: str
    ) -> None:
        """By the exit code: what fails only when it writes is an OSError, hence 3."""
        run = add_run()
        Path("file").write_text("mine")
        for folder in ("folder.onnx", "card.md", "picture.gif"):
            Path(folder).mkdir()
        before = tree()
        found = lander("export", run, "--out", out, "--episodes", "1")
        assert (found.code, found.out) == (2, "")
        assert named in found.message
        assert "Errno" not in found.message
        assert tree() == before
        assert Path("file").read_text() == "mine"

    @pytest.mark.parametrize(
        ("arguments", "named"),
        [
            (["--episodes", "-1"], "--episodes"),
            (["--episodes", "1.5"], "--episodes"),
            (["--license", "MIT\n\n# A card of its own"], "licence"),
            (["--license", " "], "licence"),
            (["--activation", "sine"], "sine"),
            (["--out"], "--out"),
        ],
    )
    def test_bad_values(
        self,
        lander: Lander,
        state_dict: Callable[[str], Path],
        arguments: list[str],
        named: str,
    ) -> None:
        found = lander("export", state_dict("theirs.pth"), "--env", "CartPole-v1", *arguments)
        assert (found.code, found.out) == (2, "")
        assert named in found.err
