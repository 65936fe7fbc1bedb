"""What is known about particular environments beyond what Gymnasium says: names, units, outcomes.

The rest of the runtime knows no environment by heart; it asks here. A new environment is one file
in this folder and one line in `_KNOWN`. Environments that come from another package than Gymnasium are
a `Family`: one more line in `_FAMILIES`.
"""

from lander_runtime.envs.known import bipedal_walker, doom, lunar_lander
from lander_runtime.envs.known.family import Family
from lander_runtime.envs.known.knowledge import Knowledge

_KNOWN: dict[str, Knowledge] = {
    "LunarLander-v3": lunar_lander.DISCRETE,
    "LunarLanderContinuous-v3": lunar_lander.CONTINUOUS,
    "BipedalWalker-v3": bipedal_walker.WALKER,
    **doom.KNOWN,
}

_FAMILIES = (doom.FAMILY,)

_NOTHING = Knowledge()


def knowledge_of(env_id: str) -> Knowledge:
    """What is known about `env_id`; an empty `Knowledge` for an environment that nobody described."""
    return _KNOWN.get(env_id, _NOTHING)


def family_of(env_id: str) -> Family | None:
    """The family that `env_id` belongs to; None for Gymnasium's own and for what its user has registered."""
    return next((family for family in _FAMILIES if env_id.startswith(family.prefix)), None)
