"""What Gymnasium does not say about particular environments: names, units, outcomes.

This is the only place in the runtime with facts about single environments. A new environment is one file
in this folder and one line in `_KNOWN`. Environments of a package other than Gymnasium also need a
`Family`: one line in `_FAMILIES`.

knowledge.py        the record of one environment
family.py           the record of a package's environments
lunar_lander.py     LunarLander, discrete and continuous
bipedal_walker.py   BipedalWalker
car_racing.py       CarRacing
classic_control.py  CartPole, Acrobot, MountainCar, Pendulum
doom/               Doom, from the package vizdoom
"""

from collections.abc import Iterable

from lander_runtime.envs.known import bipedal_walker, car_racing, classic_control, doom, lunar_lander
from lander_runtime.envs.known.family import Family
from lander_runtime.envs.known.knowledge import Knowledge

_KNOWN: dict[str, Knowledge] = {
    "LunarLander-v3": lunar_lander.DISCRETE,
    "LunarLanderContinuous-v3": lunar_lander.CONTINUOUS,
    "BipedalWalker-v3": bipedal_walker.WALKER,
    "CarRacing-v3": car_racing.RACING,
    **classic_control.KNOWN,
    **doom.KNOWN,
}

_FAMILIES = (doom.FAMILY,)

_NOTHING = Knowledge()


def knowledge_of(env_id: str) -> Knowledge:
    """What is known about `env_id`; an empty `Knowledge` for any other environment."""
    return _KNOWN.get(env_id, _NOTHING)


def known_ids() -> Iterable[str]:
    """The environments about which something is known, whether their package is installed or not."""
    return _KNOWN.keys()


def family_of(env_id: str) -> Family | None:
    """The family of `env_id`; None for Gymnasium's own environments and those that the user registered."""
    return next((family for family in _FAMILIES if env_id.startswith(family.prefix)), None)
