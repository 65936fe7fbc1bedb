"""Environments whose own code fails: the error names environment, step and seed, in every engine."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from lander_runtime import Policy, evaluate
from lander_runtime.episodes.actors import actor_of
from lander_runtime.errors import EnvironmentFailed
from lander_runtime.pictures.record import record_episode
from lander_runtime.spec import EnvSpec

SENTENCES = {
    "step raises": r"raised RuntimeError in step 3 {episode}: the simulator went away\.",
    "step exits": r"raised SystemExit in step 3 {episode}: 1\.",
    "reset raises": r"raised KeyError in the reset {episode}: 'terrain'\.",
    "reward array": r"returned an array of shape \[1\] as its reward in step 3 {episode}\.",
    "reward nan": r"returned nan as its reward in step 3 {episode}\.",
    "reward text": r"returned an object of str, which is no number, as its reward in step 3 {episode}\.",
    "observation nan": r"returned NaN in observation\[5\] in step 3 {episode}\.",
    "observation shape": r"observation of shape \[3\], where its Box declares \[8\], in step 3 {episode}",
    "observation text": r"returned an object of str as its observation, where the Box declares float32",
}


@pytest.fixture
def faulty(register: Callable[..., str]) -> Callable[[str], EnvSpec]:
    return lambda fault: EnvSpec(register("worker_environments:FaultyEnv"), {"fault": fault})


def sentence(fault: str, seed: int = 7) -> str:
    return r"^FaultyEnv\d+-v0 .*" + SENTENCES[fault].format(episode=rf"of the episode of seed {seed}")


def still(obs: NDArray[Any]) -> NDArray[Any]:
    return np.zeros(len(obs), np.int64)


@pytest.mark.parametrize("fault", SENTENCES)
def test_in_this_process(faulty: Callable[[str], EnvSpec], fault: str) -> None:
    with pytest.raises(EnvironmentFailed, match=sentence(fault)) as caught:
        evaluate(still, faulty(fault), episodes=1, first_seed=7)
    assert caught.value.exit_code == 5
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fault", ["step raises", "observation nan"])
def test_with_workers(faulty: Callable[[str], EnvSpec], tiny: Path, fault: str) -> None:
    with pytest.raises(EnvironmentFailed, match=sentence(fault)):
        evaluate(Policy.load(tiny), faulty(fault), episodes=40, first_seed=7, lanes=1, workers=2)


@pytest.mark.parametrize("fault", ["step raises", "observation nan"])
def test_while_it_is_recorded(faulty: Callable[[str], EnvSpec], tmp_path: Path, fault: str) -> None:
    with pytest.raises(EnvironmentFailed, match=sentence(fault)):
        record_episode(actor_of(still), faulty(fault), 7, tmp_path / "a.gif")
    assert list(tmp_path.iterdir()) == []


def test_a_picture_that_cannot_be_drawn(faulty: Callable[[str], EnvSpec], tmp_path: Path) -> None:
    expected = r"raised OSError while it was drawn in the reset of the episode of seed 7: no colours left"
    with pytest.raises(EnvironmentFailed, match=expected):
        record_episode(actor_of(still), faulty("render raises"), 7, tmp_path / "a.gif")


def test_an_error_while_it_closes_loses_no_score(faulty: Callable[[str], EnvSpec]) -> None:
    assert evaluate(still, faulty("close raises"), episodes=2, first_seed=7).summary.episodes == 2


def test_an_environment_that_cannot_be_made_without_arguments_is_at_fault(
    register: Callable[..., str],
) -> None:
    """With arguments it may be these."""

    def unmade() -> Any:
        raise ConnectionError("the simulator does not answer")

    with pytest.raises(EnvironmentFailed, match="raised ConnectionError when it was made: the simulator"):
        evaluate(still, EnvSpec(register(type("Unmade", (), {"__new__": lambda cls: unmade()}))), episodes=1)
