"""The policies under models/: whole, sound, and and scored as their cards say."""

import math
from dataclasses import replace
from pathlib import Path

import pytest

from lander_export import export, load_source
from lander_runtime import Policy, evaluate
from lander_runtime.envs import resolve
from lander_runtime.envs.known import knowledge_of
from lander_runtime.policy.agreement import tolerance_for
from lander_runtime.scores.summary import Summary
from lander_runtime.shipped import shipped_policies
from lander_trainer import Checkpoint, TrainConfig

MODELS = Path(__file__).parents[2] / "models"
FOLDERS = sorted(path for path in MODELS.iterdir() if path.is_dir())


def test_there_are_policies_and_lander_finds_them() -> None:
    assert FOLDERS
    assert shipped_policies() == {folder.name: folder / "policy.onnx" for folder in FOLDERS}


@pytest.fixture(params=FOLDERS, ids=lambda folder: folder.name)
def folder(request: pytest.FixtureRequest) -> Path:
    return request.param


@pytest.fixture
def policy(folder: Path) -> Policy:
    return Policy.load(folder / "policy.onnx", "cpu")


@pytest.fixture
def score(policy: Policy) -> Summary:
    assert policy.info.evaluation is not None
    return policy.info.evaluation


def test_everything_lies_beside_it(folder: Path) -> None:
    names = {path.name for path in folder.iterdir()}
    assert names >= {"policy.onnx", "policy.md", "policy.gif", "checkpoint.safetensors"}
    assert (folder / "policy.gif").read_bytes().startswith(b"GIF89a")


def test_it_passes_its_self_test(policy: Policy) -> None:
    allowed = tolerance_for(policy.observation)
    assert policy.self_test() <= allowed
    assert policy.info.verification.observations > 1000
    assert policy.info.verification.max_difference <= allowed


def test_the_folder_is_named_after_its_environment(folder: Path, policy: Policy) -> None:
    env = resolve(policy.info.env.id)
    assert folder.name in (env.id.lower(), "doom-" + env.id.lower().removeprefix("vizdoom"))
    # Gymnasium's own limit and threshold, and nothing that changes what is paid: an easier environment would
    # flatter it. How it is seen and steered is each policy's own affair.
    asked = {name for name, value in policy.info.env.kwargs.items() if env.kwargs.get(name) != value}
    assert asked <= {"frame_skip", "max_buttons_pressed", "render_hud", "render_minimal_hud"}
    assert [wrapper.name for wrapper in policy.info.env.wrappers] == [
        wrapper.name for wrapper in env.wrappers
    ]
    assert policy.info.env.max_episode_steps == env.max_episode_steps
    assert policy.info.env.reward_threshold == env.reward_threshold


def test_it_was_scored_on_the_scoring_seeds(policy: Policy, score: Summary) -> None:
    assert score.deterministic
    assert score.first_seed == 1_000_000
    assert score.episodes >= (100 if policy.observation.dtype == "uint8" else 1000)


def test_its_checkpoint_gives_the_same_weights(folder: Path, policy: Policy, tmp_path: Path) -> None:
    source = load_source(folder / "checkpoint.safetensors")
    again = export(source, tmp_path / "policy.onnx", episodes=0, gif=False)
    assert again.info.weights_sha256 == policy.info.weights_sha256
    # A setting that is younger than the policy is not in its file, and has its default in a new one.
    assert again.info.training is not None
    assert policy.info.training is not None
    known = policy.info.training.config
    defaults = TrainConfig().to_dict()
    younger = {name: v for name, v in again.info.training.config.items() if name not in known}
    assert younger == {name: defaults[name] for name in younger}
    kept = {name: v for name, v in again.info.training.config.items() if name in known}
    assert replace(again.info.training, config=kept) == policy.info.training
    # Scale and tolerance are younger than some policies that ship.
    found, shipped = again.info.golden, policy.info.golden
    assert (found.observations, found.outputs) == (shipped.observations, shipped.outputs)
    assert again.info.created == policy.info.created


def test_its_first_episodes_are_like_its_recorded_score(policy: Policy, score: Summary) -> None:
    # An episode of Doom takes a second, one of the lander a hundredth.
    episodes = 10 if policy.observation.dtype == "uint8" else 50
    found = evaluate(policy, episodes=episodes, first_seed=score.first_seed).summary
    standard_error = score.std_return / math.sqrt(episodes)
    assert abs(found.mean_return - score.mean_return) < 4 * standard_error
    assert score.min_return <= found.min_return
    assert found.max_return <= score.max_return


def test_its_card_says_what_its_metadata_says(folder: Path, policy: Policy, score: Summary) -> None:
    card = (folder / "policy.md").read_text(encoding="utf-8")
    info = policy.info
    assert score.ci95 is not None
    last = score.first_seed + score.episodes - 1
    for figure in [
        f"# {info.env.id}\n",
        f"Mean return {score.mean_return:.1f} ± {score.std_return:.1f}",
        f"95% interval {score.ci95[0]:.1f} to {score.ci95[1]:.1f}",
        f"{score.episodes:,} episodes, seeds {score.first_seed} to {last}",
        *([] if score.success_rate is None else [f"{score.success_rate:.2%}"]),
        f"lowest {score.min_return:.1f}, highest {score.max_return:.1f}",
        f"{info.training.steps:,} environment steps",
        f"{info.verification.observations:,} observations",
        info.weights_sha256,
        info.created,
        "](policy.gif)",
        *(f"| {name} | {value} |" for name, value in info.training.config.items()),
    ]:
        assert figure in card, figure


def test_its_card_explains_the_score_and_leads_to_the_page(folder: Path, policy: Policy) -> None:
    note = knowledge_of(policy.env.id).score_note
    card = (folder / "policy.md").read_text(encoding="utf-8")
    assert note in card
    link = "../../docs/score.md"
    assert (f"]({link})" in card) == bool(note)
    assert (folder / link).is_file()


def test_its_card_says_how_to_train_it_again(folder: Path) -> None:
    reproduce = load_source(folder / "checkpoint.safetensors").reproduce
    assert reproduce is not None
    assert reproduce.command.startswith("lander train")
    card = (folder / "policy.md").read_text(encoding="utf-8")
    assert f"    {reproduce.command}\n" in card
    if reproduce.update == reproduce.updates:
        assert "The same weights, bit for bit" in card
    else:
        assert f"after update {reproduce.update:,} of the {reproduce.updates:,} " in card
    # Weights that went through an interruption cannot be had again from their settings.
    assert not Checkpoint.load(folder / "checkpoint.safetensors").progress.resumed
