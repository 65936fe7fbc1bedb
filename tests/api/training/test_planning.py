"""What a request becomes: the simulator where it is compiled, with the preset's settings for it."""

from dataclasses import replace
from typing import Any

import pytest

import lander_trainer.backends
import lander_trainer.plan
from lander_rl import ResumeRequest, Run, TrainRequest
from lander_rl.training.planning import prepare_training
from lander_simulator import why_unavailable
from lander_trainer import RunDirectory, TrainConfig, preset
from trainer_helpers import settings, train_until

compiled = pytest.mark.skipif(why_unavailable() is not None, reason=str(why_unavailable()))

TINY: dict[str, Any] = {"lanes": 4, "rollout_steps": 16, "minibatches": 2}


def prepared(**request: Any) -> tuple[TrainConfig, list[str]]:
    """The settings that `request` gives for LunarLander-v3, and what the user is told."""
    said: list[str] = []
    return prepare_training(TrainRequest(**request), said.append, said.append).plan.config, said


@compiled
def test_lunar_lander_trains_in_the_simulator_with_settings_for_it() -> None:
    config, said = prepared()
    assert config.backend == "native"
    assert config.steps == preset("LunarLander-v3", backend="native").steps
    assert config.selection_backend == "native"
    assert len(said) == 1


@compiled
def test_what_is_given_replaces_the_settings_for_the_simulator() -> None:
    config, _ = prepared(steps=64, settings={**TINY, "epochs": 7}, env_args={"gravity": -9.0})
    assert (config.steps, config.epochs, config.lanes) == (64, 7, 4)
    assert (config.backend, config.env_kwargs) == ("native", {"gravity": -9.0})


@pytest.mark.parametrize("given", [{"backend": "gymnasium"}, {"settings": {"backend": "gymnasium"}}], ids=str)
def test_another_backend_has_the_settings_of_the_preset(given: dict[str, Any]) -> None:
    config, said = prepared(**given)
    wanted = preset("LunarLander-v3").with_values({"backend": "gymnasium"})
    chosen_here = ("workers", "critic_process", "device", "learner")
    assert replace(config, **{name: getattr(wanted, name) for name in chosen_here}) == wanted
    assert len(said) == 1


def test_without_the_compiled_library_it_is_said_first(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lander_trainer.backends, lander_trainer.plan):
        monkeypatch.setattr(module, "why_unavailable", lambda: "it is not compiled (x is missing)")
    config, said = prepared(env_args={"enable_wind": True})
    assert (config.backend, config.selection_backend) == ("gymnasium", "gymnasium")
    assert config.steps == preset("LunarLander-v3").steps
    assert said[0].startswith("Training on gymnasium")
    assert "x is missing" in said[0]


@compiled
def test_a_resumed_run_may_need_selections_by_gymnasium() -> None:
    run = RunDirectory.create("LunarLander-v3")
    values = {"backend": "native", "selection_backend": "native"}
    train_until(settings("LunarLander-v3", **values), run, 3)
    assert "in the simulator" in repr(Run.open(run.path))
    plan = prepare_training(
        ResumeRequest(run=run.path, backend="gymnasium"), lambda text: None, lambda text: None
    ).plan
    assert plan.config.selection_backend == "gymnasium"
