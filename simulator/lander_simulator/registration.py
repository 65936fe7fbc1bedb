"""The simulator in Gymnasium's registry, where the user asks for it."""

from __future__ import annotations

NAMESPACE = "lander_simulator"


def register() -> None:
    """Adds `lander_simulator/LunarLander-v3` and `.../LunarLanderContinuous-v3` for `gymnasium.make_vec`.

    A second call does nothing. There is no single environment behind these names: `gymnasium.make` is
    Gymnasium's own.
    """
    import gymnasium

    for name, kwargs in (("LunarLander", {}), ("LunarLanderContinuous", {"continuous": True})):
        identifier = f"{NAMESPACE}/{name}-v3"
        if identifier in gymnasium.registry:
            continue
        gymnasium.register(
            id=identifier,
            vector_entry_point="lander_simulator.vector_env:LunarLanderVectorEnv",
            max_episode_steps=1000,
            reward_threshold=200,
            kwargs=kwargs,
        )
