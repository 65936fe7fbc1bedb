r"""Builds actors of Unity's ML-Agents and writes them with its own ModelSerializer.

    pip install --ignore-requires-python --no-deps mlagents==1.1.0 mlagents-envs==1.1.0
    pip install 'cattrs<1.7' 'protobuf<3.21' 'onnx<1.15' 'numpy<2' 'setuptools<70' six h5py grpcio \
        pettingzoo cloudpickle pyyaml pillow
    PROTOCOL_BUFFERS_PYTHON_IMPLEMENTATION=python python benchmarks/peers/files/make_ml_agents.py FOLDER

ML-Agents trains inside Unity, so these networks have their first weights: what is seen is the layout of the
file. Its exporter needs torch's older one (dynamo=False), which it used without saying so.
"""

import functools
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import gymnasium
import numpy as np
import torch
from mlagents.trainers.settings import NetworkSettings
from mlagents.trainers.torch_entities.model_serialization import ModelSerializer, exporting_to_onnx
from mlagents.trainers.torch_entities.networks import SimpleActor
from mlagents_envs.base_env import (
    ActionSpec,
    BehaviorSpec,
    DimensionProperty,
    ObservationSpec,
    ObservationType,
)
from numpy.typing import NDArray

from saving import describe


def behavior(env: gymnasium.Env[Any, Any]) -> BehaviorSpec:
    """The environment's spaces as Unity would describe them."""
    shape = env.observation_space.shape or ()
    seen = ObservationSpec(shape, (DimensionProperty.NONE,), ObservationType.DEFAULT, "obs")
    space = env.action_space
    if isinstance(space, gymnasium.spaces.Discrete):
        return BehaviorSpec([seen], ActionSpec.create_discrete((int(space.n),)))
    return BehaviorSpec([seen], ActionSpec.create_continuous(int(np.prod(space.shape or ()))))


RECIPES: dict[str, tuple[str, list[str]]] = {
    "continuous": (
        "Pendulum-v1",
        ["--output", "deterministic_continuous_actions", "--action-range", "-1,1"],
    ),
    "discrete": ("CartPole-v1", ["--output", "deterministic_discrete_actions"]),
}


def main(folder: Path) -> None:
    """Write every file into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    np.float = float  # type: ignore[attr-defined]  # ML-Agents was written for NumPy before 1.24.
    torch.onnx.export = functools.partial(torch.onnx.export, dynamo=False)
    for name, (env_id, options) in RECIPES.items():
        torch.manual_seed(1)
        env = gymnasium.make(env_id)
        spec = behavior(env)
        actor = SimpleActor(spec.observation_specs, NetworkSettings(hidden_units=32), spec.action_spec)
        policy: Any = SimpleNamespace(behavior_spec=spec, export_memory_size=0, actor=actor)
        serializer = ModelSerializer(policy)
        path = folder / f"ml_agents-{name}.onnx"
        serializer.export_policy_model(str(path.with_suffix("")))
        space: Any = env.action_space

        def act(obs: NDArray[np.float32], actor: Any = actor, space: Any = space) -> NDArray[Any]:
            masks = torch.ones(len(obs), getattr(space, "n", 0))
            with torch.no_grad(), exporting_to_onnx():
                found = actor([torch.from_numpy(obs)], masks, torch.zeros(len(obs), 1, 0))
            last = found[-1].numpy()
            if isinstance(space, gymnasium.spaces.Discrete):
                return last
            # Unity's agents get actions in [-1, 1]; here they are rescaled to the bounds.
            return space.low + (np.clip(last, -1.0, 1.0) + 1.0) * (space.high - space.low) / 2.0

        describe(
            path, library="ML-Agents", package="mlagents", recipe=f"SimpleActor, {name}", env_id=env_id,
            options=options, act=act, note="first weights: ML-Agents trains inside Unity",
        )  # fmt: skip


if __name__ == "__main__":
    torch.set_num_threads(1)
    main(Path(sys.argv[1]))
