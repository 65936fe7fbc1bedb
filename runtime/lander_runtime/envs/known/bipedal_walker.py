"""BipedalWalker-v3: components, joints and how an episode ends.

Source: gymnasium/envs/box2d/bipedal_walker.py, which scales most components. The unit given here is what a
value of 1 means in Box2D's metres and radians.
"""

from lander_runtime.envs.known.knowledge import Knowledge
from lander_runtime.spec import Component

_FELL = -100.0
"""The last reward if the hull touches the ground or leaves the picture to the left."""


def _leg(number: int) -> tuple[Component, ...]:
    return (
        Component(f"hip {number} angle", "rad"),
        Component(f"hip {number} speed", "4 rad/s"),
        Component(f"knee {number} angle", "rad, 1 for a straight leg"),
        Component(f"knee {number} speed", "6 rad/s"),
        Component(f"leg {number} contact", "0 or 1"),
    )


_OBSERVATION = (
    Component("hull angle", "rad"),
    Component("hull angular velocity", "25 rad/s"),
    Component("x velocity", "8.33 m/s"),
    Component("y velocity", "12.5 m/s"),
    *_leg(1),
    *_leg(2),
    *(Component(f"lidar {ray}", "5.33 m") for ray in range(10)),
)


def _outcome(last_reward: float, last_obs: object, terminated: bool) -> str:
    if not terminated:
        return "timed out"
    return "fell" if last_reward == _FELL else "arrived"


WALKER = Knowledge(
    observation=_OBSERVATION,
    controls=tuple(Component(f"{joint} {leg}", "torque") for leg in (1, 2) for joint in ("hip", "knee")),
    outcome=_outcome,
)
