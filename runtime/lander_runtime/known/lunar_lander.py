"""LunarLander-v3: components, actions and how an episode ends.

Source: gymnasium/envs/box2d/lunar_lander.py, which scales every component. The unit given here is
what a value of 1 means in Box2D's metres: 1 in `x` is half the picture's width.
"""

import numpy as np

from lander_runtime.known.knowledge import Knowledge
from lander_runtime.spec import Component

_OBSERVATION = (
    Component("x", "10 m from the pad"),
    Component("y", "6.67 m above the pad"),
    Component("x velocity", "5 m/s"),
    Component("y velocity", "7.5 m/s"),
    Component("angle", "rad"),
    Component("angular velocity", "2.5 rad/s"),
    Component("left leg contact", "0 or 1"),
    Component("right leg contact", "0 or 1"),
)


def _outcome(last_reward: float, last_obs: object, terminated: bool) -> str:
    # The environment overwrites the last reward: +100 when the lander has come to rest, -100 when
    # it touches the ground with its body or leaves the picture sideways.
    if not terminated:
        return "timed out"
    if last_reward > 0:
        return "landed"
    x = float(np.asarray(last_obs)[0])
    return "flew off" if abs(x) >= 1.0 else "crashed"


DISCRETE = Knowledge(
    observation=_OBSERVATION,
    actions=(
        Component("coast"),
        Component("left engine"),
        Component("main engine"),
        Component("right engine"),
    ),
    outcome=_outcome,
)

CONTINUOUS = Knowledge(
    observation=_OBSERVATION,
    actions=(Component("main throttle"), Component("side throttle")),
    outcome=_outcome,
)
