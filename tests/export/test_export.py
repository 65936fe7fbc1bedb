"""The whole export: what it writes, that it can be repeated, and that a failed check writes nothing."""

import dataclasses
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import onnx
import pytest
import torch
from PIL import Image
from torch import nn

from lander_export import Exported, Source, export, load_source
from lander_export.card import render_card
from lander_export.graph import DiscretePolicyGraph
from lander_export.source import RESUMED, Recipe
from lander_runtime import envs
from lander_runtime.episodes.actors import actor_of
from lander_runtime.episodes.episode import Episode
from lander_runtime.errors import CheckFailed, LanderError
from lander_runtime.evaluation.evaluate import evaluate
from lander_runtime.graphs.model import METADATA_KEY
from lander_runtime.graphs.numbers import weights_digest
from lander_runtime.graphs.reading import read_model
from lander_runtime.pictures.record import record_episode
from lander_runtime.policy.policy import Policy
from lander_runtime.seeds import FIRST_EVALUATION_SEED
from lander_runtime.spec import EnvSpec
from lander_trainer import Checkpoint, Progress, TrainConfig, preset
from lander_trainer.networks.build import build_network
from lander_trainer.runs.checkpoint import network_tensors

SEED = 6
EPISODES = 3
CREATED = "2025-01-02T03:04:05+00:00"


def checkpoint_of(env_id: str, **values: Any) -> Checkpoint:
    """An untrained checkpoint: its episodes end within a hundred steps."""
    spec = envs.resolve(env_id)
    env = envs.make(spec)
    observation, action = envs.describe_spaces(env)
    env.close()
    config = preset(env_id).with_values({"seed": SEED, "hidden_sizes": (8,), **values})
    return Checkpoint(
        env=spec,
        observation=observation,
        action=action,
        config=config,
        progress=Progress(updates=3, steps=12_288, episodes=40, seconds=1.5),
        versions={"torch": "2.13.0", "gymnasium": "1.4.0"},
        platform="Linux x86_64",
        created=CREATED,
        tensors=network_tensors(build_network(observation, action, config)),
    )


@dataclass
class Listener:
    """Records stages and episodes."""

    stages: list[str] = dataclasses.field(default_factory=list)
    episodes: list[Episode] = dataclasses.field(default_factory=list)

    def on_episode(self, episode: Episode) -> None:
        self.episodes.append(episode)


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Source:
    path = tmp_path_factory.mktemp("checkpoint") / "best.safetensors"
    checkpoint_of("LunarLander-v3").save(path)
    return load_source(path)


@pytest.fixture(scope="module")
def listener() -> Listener:
    return Listener()


@pytest.fixture(scope="module")
def exported(source: Source, listener: Listener, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    """One export that most tests here use."""
    out = tmp_path_factory.mktemp("export") / "new" / "policy.onnx"
    return export(source, out, episodes=EPISODES, on_stage=listener.stages.append, observer=listener)


@pytest.fixture(scope="module")
def metadata(exported: Exported) -> dict[str, Any]:
    (entry,) = onnx.load(exported.policy).metadata_props
    assert entry.key == METADATA_KEY
    return json.loads(entry.value)


# What it writes.


def test_files_are_in_one_folder_without_others(exported: Exported) -> None:
    folder = exported.policy.parent
    assert sorted(path.name for path in folder.iterdir()) == ["policy.gif", "policy.md", "policy.onnx"]
    assert (exported.card, exported.gif) == (folder / "policy.md", folder / "policy.gif")


def test_file_loads_and_tests_itself(exported: Exported) -> None:
    policy = Policy.load(exported.policy, "cpu")
    assert policy.self_test() <= 1e-5
    assert policy.info == exported.info


def test_policy_acts_like_the_network(exported: Exported, source: Source) -> None:
    obs = np.random.default_rng(SEED).normal(size=(50, 8)).astype(np.float32)
    with torch.no_grad():
        logits = source.graph.actor(torch.from_numpy(obs)).numpy()
    assert np.array_equal(Policy.load(exported.policy, "cpu").act(obs), logits.argmax(-1))


def test_metadata_is_complete(metadata: dict[str, Any], exported: Exported) -> None:
    assert metadata["schema"] == "1.0"
    assert metadata["env"] == {
        "id": "LunarLander-v3",
        "kwargs": {},
        "wrappers": [],
        "max_episode_steps": 1000,
        "reward_threshold": 200.0,
    }
    assert metadata["observation"]["shape"] == [8]
    assert metadata["observation"]["dtype"] == "float32"
    assert len(metadata["observation"]["low"]) == len(metadata["observation"]["high"]) == 8
    assert [item["name"] for item in metadata["observation"]["components"]][:2] == ["x", "y"]
    assert metadata["action"]["n"] == 4
    assert [item["name"] for item in metadata["action"]["components"]] == [
        "coast",
        "left engine",
        "main engine",
        "right engine",
    ]
    training = metadata["training"]
    assert (training["algorithm"], training["steps"], training["seed"]) == ("PPO", 12_288, SEED)
    assert training["config"]["hidden_sizes"] == [8]
    assert training["versions"]["torch"] == "2.13.0"
    assert metadata["weights_sha256"] == weights_digest(read_model(exported.policy.read_bytes(), "policy"))
    assert (metadata["license"], metadata["created"]) == ("MIT", CREATED)


def test_verification_is_reported(metadata: dict[str, Any]) -> None:
    verification = metadata["verification"]
    assert verification["observations"] > 1000
    assert 0 <= verification["max_difference"] <= 1e-5
    assert verification["action_agreement"] >= 0.99


def test_golden_vectors_are_observations_with_all_outputs(metadata: dict[str, Any]) -> None:
    golden = metadata["golden"]
    assert np.shape(golden["observations"]) == (8, 8)
    assert np.shape(golden["outputs"]["logits"]) == (8, 4)
    assert golden["outputs"]["action"] == np.argmax(golden["outputs"]["logits"], axis=1).tolist()
    assert len({tuple(row) for row in golden["observations"]}) == 8


def test_evaluation_is_that_of_the_file_itself(exported: Exported) -> None:
    again = evaluate(Policy.load(exported.policy, "cpu"), episodes=EPISODES)
    assert exported.info.evaluation == again.summary
    assert exported.report is not None
    assert exported.report.results.returns.tolist() == again.results.returns.tolist()
    assert (again.summary.first_seed, again.summary.deterministic) == (FIRST_EVALUATION_SEED, True)


def test_callers_are_called_with_every_stage_and_episode(exported: Exported, listener: Listener) -> None:
    assert listener.stages == ["converting", "verifying", "scoring", "recording"]
    assert exported.report is not None
    returns = sorted(episode.return_ for episode in listener.episodes)
    assert returns == sorted(exported.report.results.returns)


def test_animation_is_the_first_scored_episode(exported: Exported, tmp_path: Path) -> None:
    assert exported.gif is not None
    with Image.open(exported.gif) as gif:
        assert gif.format == "GIF"
        assert gif.n_frames > 50
    policy = Policy.load(exported.policy, "cpu")
    record_episode(actor_of(policy), policy.info.env, FIRST_EVALUATION_SEED, tmp_path / "again.gif")
    assert (tmp_path / "again.gif").read_bytes() == exported.gif.read_bytes()


def test_card_agrees_with_the_file(exported: Exported) -> None:
    card = exported.card.read_text(encoding="utf-8")
    summary = exported.info.evaluation
    assert summary is not None
    assert summary.ci95 is not None
    assert card.startswith("# LunarLander-v3\n")
    assert f"**Mean return {summary.mean_return:.1f} ± {summary.std_return:.1f}**" in card
    assert f"(95% interval {summary.ci95[0]:.1f} to {summary.ci95[1]:.1f})" in card
    assert "over 3 episodes, seeds 1000000 to 1000002, greedy" in card
    assert "](policy.gif)" in card
    assert "12,288 environment steps" in card
    assert exported.info.weights_sha256 in card
    assert "lander eval policy.onnx" in card
    assert "lander train LunarLander-v3 --seed 6 --set hidden_sizes=8" in card
    assert "left engine" in card
    # The checkpoint is of update 3, so the card must not promise the weights at the end of the command.
    assert "Weights after update 3 of the 123 that this command makes" in card
    assert "The same weights" not in card
    assert str(exported.policy.parent) not in card


def test_card_says_what_a_command_needs_or_why_there_is_none(exported: Exported) -> None:
    def card(reproduce: Recipe | str | None, **config: Any) -> str:
        training = dataclasses.replace(exported.info.training, config=config)
        info = dataclasses.replace(exported.info, training=training)
        return render_card(info, file_name="policy.onnx", gif_name=None, reproduce=reproduce)

    own = card(Recipe("lander train Mine-v0 --import MODULE", update=3, updates=3, module=True))
    assert "--import MODULE\n\nMODULE is the module that registers the environment" in own
    assert "No command repeats it: a command cannot hold a network" in card(None, network="mine.Net")
    assert "No command repeats it: it trained until a time limit" in card(None, time_limit=10.0)
    assert "No command" not in card(None)
    resumed = card(RESUMED)
    assert "No command repeats it: the run was resumed with other settings" in resumed
    assert "Settings and versions below are those of its last part." in resumed


def test_card_of_a_complete_run_promises_the_same_weights(exported: Exported) -> None:
    command = "lander train LunarLander-v3"
    card = render_card(
        exported.info,
        file_name="policy.onnx",
        gif_name=None,
        reproduce=Recipe(command, update=245, updates=245),
    )
    assert f"The same weights, bit for bit on the same platform and versions:\n\n    {command}\n" in card
    assert "after update" not in card


def test_card_says_what_the_difference_was_from_and_in_which_units(exported: Exported) -> None:
    check = replace(
        exported.info.verification, observations=1234, max_difference=2.5e-7, action_agreement=1, ties=1
    )
    info = replace(exported.info, verification=check)
    card = render_card(info, file_name="policy.onnx", gif_name=None, reproduce=None)
    assert "each compared with a run in double precision, on 1,234 observations" in card
    assert (
        "The largest difference of a logit from that run is 2.5e-07, in units of the output's scale:" in card
    )
    assert "100.00% of the actions of PyTorch and ONNX Runtime agree (1 tie)." in card


@pytest.mark.parametrize(
    ("env_id", "extras"), [("LunarLander-v3", "cpu,eval"), ("VizdoomBasic-v1", "cpu,eval,doom")]
)
def test_card_names_the_extras_that_the_environment_needs(
    exported: Exported, env_id: str, extras: str
) -> None:
    info = replace(exported.info, env=replace(exported.info.env, id=env_id))
    card = render_card(info, file_name="policy.onnx", gif_name=None, reproduce=None)
    assert f"    pip install 'lander-rl[{extras}]'\n" in card


@pytest.mark.parametrize(("env_id", "explained"), [("LunarLander-v3", True), ("CartPole-v1", False)])
def test_card_explains_the_score_of_a_known_environment(
    exported: Exported, env_id: str, explained: bool
) -> None:
    info = replace(exported.info, env=replace(exported.info.env, id=env_id))
    card = render_card(info, file_name="policy.onnx", gif_name=None, reproduce=None)
    assert ("\n## What the score means\n\nA step earns points for" in card) == explained
    # A run's folder has no pages that a link could lead to.
    assert "docs/score.md" not in card


def test_file_has_no_path_of_this_machine(exported: Exported) -> None:
    content = exported.policy.read_bytes()
    for word in (str(exported.policy.parent), str(Path.cwd()), "site-packages", ".py\0", ".py:"):
        assert word.encode() not in content, word


# Again.


def test_exporting_again_gives_the_same_bytes(exported: Exported, source: Source, tmp_path: Path) -> None:
    again = export(source, tmp_path / "policy.onnx", episodes=EPISODES)
    for name in ("policy.onnx", "policy.md", "policy.gif"):
        assert (tmp_path / name).read_bytes() == (exported.policy.parent / name).read_bytes(), name
    assert again.info == exported.info


# Less than everything, and other environments.


def test_cart_pole_without_score_and_animation(tmp_path: Path) -> None:
    checkpoint_of("CartPole-v1").save(tmp_path / "best.safetensors")
    listener = Listener()
    result = export(
        load_source(tmp_path / "best.safetensors"),
        tmp_path / "out" / "cart.onnx",
        episodes=0,
        gif=False,
        license="CC0-1.0",
        on_stage=listener.stages.append,
    )
    assert sorted(path.name for path in result.policy.parent.iterdir()) == ["cart.md", "cart.onnx"]
    assert (result.gif, result.report, result.info.evaluation) == (None, None, None)
    assert "scoring" not in listener.stages
    card = result.card.read_text(encoding="utf-8")
    assert "Not evaluated." in card
    assert "cart position (m), cart velocity (m/s)" in card
    assert ".gif" not in card
    assert "CC0-1.0" in card
    policy = Policy.load(result.policy, "cpu")
    assert policy.info.license == "CC0-1.0"
    # Bounds that are infinite are no bounds; JSON could not hold them.
    assert policy.info.observation.low == [pytest.approx(-4.8), None, pytest.approx(-0.41887903), None]
    policy.self_test()


def test_state_dict_is_exported_with_what_is_known_of_it(tmp_path: Path, lunar_lander: EnvSpec) -> None:
    network = build_network(
        checkpoint_of("LunarLander-v3").observation,
        checkpoint_of("LunarLander-v3").action,
        TrainConfig(hidden_sizes=(8,)),
    )
    torch.save(network.state_dict(), tmp_path / "LunarLander.pth")
    loaded = load_source(tmp_path / "LunarLander.pth", lunar_lander)
    for name in ("policy.onnx", "policy.md"):
        (tmp_path / name).write_text("an older file, which is replaced")
    result = export(loaded, tmp_path / "policy.onnx", episodes=0, gif=False)
    info = Policy.load(result.policy, "cpu").info
    assert (info.training.steps, info.training.seed, info.created) == (None, None, "unknown")
    card = result.card.read_text(encoding="utf-8")
    assert "an unknown number of environment steps" in card
    assert "lander train" not in card


# A check that fails.


class Differing(nn.Module):
    """Computes something else where it is run than where it is exported."""

    def forward(self, logits: torch.Tensor) -> torch.Tensor:
        return logits if torch.compiler.is_exporting() else logits + 1e-3


def with_last(source: Source, layer: nn.Module) -> Source:
    """`source` with one more layer behind its actor."""
    graph = DiscretePolicyGraph(nn.Sequential(source.graph.actor, layer)).eval()
    return dataclasses.replace(source, graph=graph)


def differing(source: Source) -> Source:
    return with_last(source, Differing())


def unfinite(source: Source, bad: float) -> Source:
    last = nn.Linear(4, 4)
    with torch.no_grad():
        nn.init.eye_(last.weight)
        last.bias[2] = bad
    return with_last(source, last)


def test_disagreement_leaves_older_files_alone(source: Source, tmp_path: Path) -> None:
    for name in ("policy.onnx", "policy.md", "policy.gif"):
        (tmp_path / name).write_text(f"old {name}")
    with pytest.raises(CheckFailed, match=r"Logits differ by 0\.001"):
        export(differing(source), tmp_path / "policy.onnx", episodes=EPISODES)
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        name: f"old {name}" for name in ("policy.onnx", "policy.md", "policy.gif")
    }


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_network_whose_logits_are_not_finite_is_refused(source: Source, tmp_path: Path, bad: float) -> None:
    with pytest.raises(LanderError):
        export(unfinite(source, bad), tmp_path / "policy.onnx", episodes=0, gif=False)
    assert list(tmp_path.iterdir()) == []


def test_export_interrupted_while_scoring_writes_nothing(source: Source, tmp_path: Path) -> None:
    class Impatient:
        def on_episode(self, episode: Episode) -> None:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(source, tmp_path / "policy.onnx", episodes=EPISODES, observer=Impatient())
    assert list(tmp_path.iterdir()) == []


class Undrawable(gymnasium.Env[Any, Any]):
    """Five steps an episode, and no picture of any of them."""

    observation_space = gymnasium.spaces.Box(-1, 1, (3,), np.float32)
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, render_mode: str | None = None) -> None:
        self.render_mode = render_mode

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        super().reset(seed=seed)
        self._step = 0
        return np.zeros(3, np.float32), {}

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        self._step += 1
        return np.full(3, self._step / 5, np.float32), 1.0, self._step == 5, False, {}


@pytest.fixture
def undrawable(tmp_path: Path) -> Any:
    gymnasium.register("Undrawable-v0", entry_point=Undrawable)
    checkpoint_of("Undrawable-v0").save(tmp_path / "best.safetensors")
    yield load_source(tmp_path / "best.safetensors")
    del gymnasium.registry["Undrawable-v0"]


def test_environment_without_pictures_is_exported_without_one(undrawable: Source, tmp_path: Path) -> None:
    result = export(undrawable, tmp_path / "out" / "policy.onnx", episodes=2, gif=False)
    assert result.info.evaluation is not None
    assert result.info.evaluation.mean_return == 5.0


@pytest.mark.filterwarnings("ignore:.*render_mode")  # Gymnasium's own words on the same matter
def test_what_cannot_be_drawn_is_exported_without_its_animation(undrawable: Source, tmp_path: Path) -> None:
    out = tmp_path / "out" / "policy.onnx"
    export(undrawable, out, episodes=2, gif=True)
    assert out.exists()
    assert not out.with_suffix(".gif").exists()
    assert ".gif" not in out.with_suffix(".md").read_text(encoding="utf-8")


@pytest.mark.parametrize("name", ["policy.md", "policy.gif"])
def test_files_do_not_overwrite_each_other(source: Source, tmp_path: Path, name: str) -> None:
    with pytest.raises(LanderError, match=r"\.onnx"):
        export(source, tmp_path / name, episodes=0, gif=False)
