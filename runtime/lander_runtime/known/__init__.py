"""What is known about particular environments beyond what Gymnasium says: names, units, outcomes.

The rest of the runtime knows no environment by heart; it asks here. A new environment is one file
in this folder and one line in `_KNOWN`.
"""

from lander_runtime.known import lunar_lander
from lander_runtime.known.knowledge import Knowledge

_KNOWN: dict[str, Knowledge] = {
    "LunarLander-v3": lunar_lander.DISCRETE,
    "LunarLanderContinuous-v3": lunar_lander.CONTINUOUS,
}

_NOTHING = Knowledge()


def knowledge_of(env_id: str) -> Knowledge:
    """What is known about `env_id`; an empty `Knowledge` for an environment that nobody described."""
    return _KNOWN.get(env_id, _NOTHING)
