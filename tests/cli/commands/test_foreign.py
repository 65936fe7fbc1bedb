"""`lander eval --env`: files that do not name their environment, and environments other than the file's."""

import json
import pickle
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from lander_runtime import evaluate
from lander_runtime.envs import resolve
from lander_runtime.foreign.foreign import ForeignPolicy

Lander = Callable[..., Any]

DATA = Path(__file__).parents[2] / "data"


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    """A copy of an agent that Stable-Baselines3 trained and its documentation's recipe exported."""
    return Path(shutil.copy(DATA / "sb3-ppo-discrete.onnx", tmp_path / "sb3.onnx"))


class TestForeignFiles:
    def test_it_is_scored_as_the_runtime_scores_it(self, lander: Lander, foreign: Path) -> None:
        found = lander(
            "eval", foreign, "--env", "LunarLander-v3", "--episodes", "3", "--device", "cpu", "--json"
        )
        assert found.code == 0, found.err
        report = json.loads(found.out)
        expected = evaluate(ForeignPolicy.load(foreign, "LunarLander-v3", "cpu"), episodes=3)
        assert report["returns"] == expected.results.returns.tolist()
        assert report["report_sha256"] == expected.sha256
        assert report["env"] == resolve("LunarLander-v3").to_json()

    def test_what_was_assumed_is_said_and_kept(self, lander: Lander, foreign: Path) -> None:
        found = lander("eval", foreign, "--env", "LunarLander-v3", "--episodes", "1", "--json")
        first, *rest = found.err.splitlines()
        assert first.startswith(f"Evaluating {foreign} (as named) in LunarLander-v3 on ")
        assumptions = json.loads(found.out)["policy"]["assumptions"]
        assert len(assumptions) == 4
        assert [f"Assumed: {sentence}" for sentence in assumptions] == [
            line for line in rest if line.startswith("Assumed: ")
        ]

    def test_workers_change_nothing_that_was_found(self, lander: Lander, foreign: Path) -> None:
        arguments = ["eval", foreign, "--env", "LunarLander-v3", "--episodes", "20", "--json", "--workers"]
        one, two = (json.loads(lander(*arguments, workers).out) for workers in ("1", "2"))
        assert (one["engine"], two["engine"]) == ("1 process", "2 processes")
        assert one["report_sha256"] == two["report_sha256"]

    def test_it_is_recorded(self, lander: Lander, foreign: Path) -> None:
        found = lander(
            "eval", foreign, "--env", "LunarLander-v3", "--episodes", "2", "--gif-episodes", "best"
        )
        assert found.code == 0, found.err
        assert Path("eval.gif").stat().st_size > 1000

    @pytest.mark.parametrize("episodes", ["1", "100"])
    def test_the_next_command_works_as_it_stands(self, lander: Lander, foreign: Path, episodes: str) -> None:
        shared = ["--env", "LunarLander-v3", "--env-arg", "gravity=-9.5", "--output", "48"]
        found = lander("eval", foreign, *shared, "--episodes", episodes, "--json")
        words = shlex.split(found.next)
        assert words[: 3 + len(shared)] == ["lander", "eval", str(foreign), *shared]
        assert lander(*words[1:], "--episodes", "1").code == 0

    @pytest.mark.parametrize("command", ["eval", "inspect"])
    def test_without_an_environment_it_is_refused_with_what_to_type(
        self, lander: Lander, foreign: Path, command: str
    ) -> None:
        found = lander(command, foreign)
        assert (found.code, found.out) == (3, "")
        assert "lander eval FILE --env LunarLander-v3" in found.message

    def test_an_environment_that_it_does_not_fit_is_refused(self, lander: Lander, foreign: Path) -> None:
        found = lander("eval", foreign, "--env", "CartPole-v1")
        assert (found.code, found.out) == (3, "")
        assert found.message.startswith(
            "sb3.onnx in CartPole-v1: expected one input [1 or batch, 4] of floats"
        )

    def test_no_such_environment_is_a_usage_error(self, lander: Lander, foreign: Path) -> None:
        found = lander("eval", foreign, "--env", "LunarLander-v9")
        assert (found.code, found.out) == (2, "")

    def test_sampled_where_there_is_nothing_to_draw_from_is_a_usage_error(
        self, lander: Lander, foreign: Path
    ) -> None:
        found = lander("eval", foreign, "--env", "LunarLander-v3", "--sampled")
        assert (found.code, found.out) == (2, "")
        assert "--sampled" in found.message

    def test_no_such_output_is_a_usage_error(self, lander: Lander, foreign: Path) -> None:
        found = lander("eval", foreign, "--env", "LunarLander-v3", "--output", "logits")
        assert (found.code, found.out) == (2, "")
        assert "no output 'logits'; the file gives '48' int64" in found.message


class TestWhatTheUserSays:
    @pytest.fixture
    def squashed(self, tmp_path: Path) -> Path:
        """A linear layer and tanh, for Pendulum-v1, whose torque goes from -2 to 2."""
        weights = numpy_helper.from_array(np.float32([[0.1], [0.5], [0.2]]), "w")
        nodes = [helper.make_node("MatMul", ["obs", "w"], ["x"]), helper.make_node("Tanh", ["x"], ["a"])]
        made = helper.make_graph(
            nodes,
            "g",
            [helper.make_tensor_value_info("obs", TensorProto.FLOAT, ["n", 3])],
            [helper.make_tensor_value_info("a", TensorProto.FLOAT, ["n", 1])],
            [weights],
        )
        model = helper.make_model(made, ir_version=8, opset_imports=[helper.make_opsetid("", 18)])
        (tmp_path / "squashed.onnx").write_bytes(model.SerializeToString())
        return tmp_path / "squashed.onnx"

    def test_squashed_actions_are_refused_until_told(self, lander: Lander, squashed: Path) -> None:
        shared = ["--env", "Pendulum-v1", "--episodes", "2"]
        refused = lander("eval", squashed, *shared)
        assert (refused.code, refused.out) == (3, "")
        assert "--action-range -1,1" in refused.message
        returns = []
        for said in ("env", "-1,1"):
            found = lander("eval", squashed, *shared, "--json", "--action-range", said)
            assert found.code == 0, found.err
            assert f"--action-range={said}" in shlex.split(found.next)
            returns.append(json.loads(found.out)["returns"])
        assert returns[0] != returns[1]

    def test_it_holds_for_compare_too(self, lander: Lander, squashed: Path) -> None:
        other = Path(shutil.copy(squashed, squashed.with_name("other.onnx")))
        shared = ["compare", squashed, other, "--env", "Pendulum-v1", "--episodes", "2"]
        assert lander(*shared).code == 3
        assert lander(*shared, "--action-range", "-1,1").code == 0

    def test_vecnormalize_goes_in_front_of_a_file(self, lander: Lander, squashed: Path) -> None:
        pickled = DATA / "sb3" / "vecnormalize-Pendulum.pkl"
        shared = ["--env", "Pendulum-v1", "--action-range=-1,1", "--episodes", "2"]
        plain = lander("eval", squashed, *shared, "--json")
        found = lander("eval", squashed, *shared, "--vecnormalize", pickled, "--json")
        assert found.code == 0, found.err
        report = json.loads(found.out)
        assert report["returns"] != json.loads(plain.out)["returns"]
        assert "epsilon 1e-08, clipped to 3." in report["policy"]["assumptions"][1]
        assert shlex.split(found.next)[-4:-2] == ["--normalizer", str(pickled)]
        assert lander("compare", squashed, squashed, *shared, "--normalizer", pickled).code == 0

    @pytest.mark.parametrize(
        "arrays",
        [
            {"mean": np.zeros(4), "var": np.ones(4)},
            {"mean": np.zeros(3), "var": np.array([1.0, np.nan, 1.0])},
            {"mean": np.zeros(3), "var": np.array([1.0, -1.0, 1.0])},
            {"mean": np.zeros(3)},
        ],
        ids=["shape", "nan", "negative", "no variance"],
    )
    def test_statistics_that_cannot_be_are_refused(
        self, lander: Lander, squashed: Path, arrays: dict[str, Any], tmp_path: Path
    ) -> None:
        np.savez(tmp_path / "s.npz", **arrays)
        shared = ["--env", "Pendulum-v1", "--action-range=-1,1", "--normalizer", tmp_path / "s.npz"]
        found = lander("eval", squashed, *shared)
        assert (found.code, found.out) == (3, "")

    def test_an_unknown_pickle_is_refused(self, lander: Lander, squashed: Path, tmp_path: Path) -> None:
        (tmp_path / "s.pkl").write_bytes(pickle.dumps(Path("s")))
        shared = ["--env", "Pendulum-v1", "--action-range=-1,1", "--normalizer", tmp_path / "s.pkl"]
        found = lander("eval", squashed, *shared)
        assert (found.code, found.out) == (3, "")
        assert "which statistics do not need" in found.message

    def test_a_file_of_ours_says_itself_what_it_does(self, lander: Lander, tmp_path: Path) -> None:
        found = lander("eval", DATA / "tiny-discrete.onnx", "--pixel-scale", "255")
        assert (found.code, found.out) == (2, "")
        assert "--pixel-scale" in found.message

    def test_our_own_files_say_it_themselves(self, lander: Lander, tiny: Path) -> None:
        found = lander("eval", tiny, "--action-range", "env")
        assert (found.code, found.out) == (2, "")
        assert "--action-range" in found.message

    def test_a_replay_gives_the_digest_of_a_report_with_actions(self, lander: Lander, squashed: Path) -> None:
        shared = ["--env", "Pendulum-v1", "--episodes", "2", "--output", "x", "--json"]
        model = onnx.load(squashed)
        model.graph.output[0].name = "x"
        del model.graph.node[1]
        squashed.write_bytes(model.SerializeToString())
        found = lander("eval", squashed, *shared, "--save-replay", "it.jsonl.gz")
        assert found.code == 0, found.err
        report = json.loads(found.out)
        assert report["actions"]["count"] == 400
        replayed = json.loads(lander("replay", "it.jsonl.gz", "--json").out)
        assert report["report_sha256"] in json.dumps(replayed)


class TestOurFiles:
    def test_an_argument_of_the_environment_reaches_it_and_the_report(
        self, lander: Lander, tiny: Path
    ) -> None:
        arguments = ["eval", tiny, "--episodes", "3", "--json"]
        calm, windy = json.loads(lander(*arguments).out), lander(*arguments, "--env-arg", "enable_wind=true")
        report = json.loads(windy.out)
        assert report["env"]["kwargs"] == {"enable_wind": True}
        assert report["env"] == {**calm["env"], "kwargs": {"enable_wind": True}}
        assert report["returns"] != calm["returns"]
        assert windy.err.startswith(
            f"Evaluating {tiny} (as named) in LunarLander-v3(enable_wind=true) "
            "(the file says LunarLander-v3) on "
        )
        assert "assumptions" not in report["policy"]

    def test_naming_its_own_environment_changes_nothing(self, lander: Lander, tiny: Path) -> None:
        arguments = ["eval", tiny, "--episodes", "2", "--json"]
        plain, named = lander(*arguments), lander(*arguments, "--env", "LunarLander-v3")
        assert json.loads(plain.out)["report_sha256"] == json.loads(named.out)["report_sha256"]
        assert "the file says" not in named.err

    def test_another_environment_is_refused_where_the_spaces_do_not_fit(
        self, lander: Lander, tiny: Path
    ) -> None:
        for options in (["--env", "CartPole-v1"], ["--env-arg", "continuous=true"]):
            found = lander("eval", tiny, *options)
            assert (found.code, found.out) == (2, "")
            assert "tiny.onnx expects" in found.message

    @pytest.mark.parametrize(
        ("typed", "expected"),
        [
            ("enable_wind=TRUE", True),
            ("enable_wind=false", False),
            ("gravity=-9", -9),
            ("gravity=-9.5", -9.5),
            ("wind_power=1e1", 10.0),
        ],
    )
    def test_values_are_what_they_look_like(
        self, lander: Lander, tiny: Path, typed: str, expected: object
    ) -> None:
        found = lander("eval", tiny, "--episodes", "1", "--json", "--env-arg", typed)
        assert found.code == 0, found.err
        kept = json.loads(found.out)["env"]["kwargs"][typed.partition("=")[0]]
        assert (kept, type(kept)) == (expected, type(expected))

    def test_several_may_be_given(self, lander: Lander, tiny: Path) -> None:
        options = [
            "--env-arg",
            "enable_wind=true",
            "--env-arg",
            "wind_power=5.0",
            "--env-arg",
            "gravity=-9.0",
        ]
        found = lander("eval", tiny, "--episodes", "1", "--json", *options)
        kwargs = json.loads(found.out)["env"]["kwargs"]
        assert kwargs == {"enable_wind": True, "wind_power": 5.0, "gravity": -9.0}
        assert shlex.join(options) in found.next

    @pytest.mark.parametrize("typed", ["enable_wind", "=true", "", "a b=1", "1=2"])
    def test_what_is_no_argument_is_a_usage_error(self, lander: Lander, tiny: Path, typed: str) -> None:
        found = lander("eval", tiny, "--env-arg", typed)
        assert (found.code, found.out) == (2, "")
        assert "NAME=VALUE" in found.message

    @pytest.mark.parametrize("typed", ["enable_wnd=true", "render_mode=human", "gravity=down"])
    def test_an_argument_that_the_environment_refuses_is_a_usage_error(
        self, lander: Lander, tiny: Path, typed: str
    ) -> None:
        found = lander("eval", tiny, "--env-arg", typed)
        assert (found.code, found.out) == (2, "")
        assert "LunarLander-v3" in found.message
