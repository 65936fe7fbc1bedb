"""Gymnasium's classic control: components, actions and how an episode ends.

Source: gymnasium/envs/classic_control/*.py. Their observations are in the units of the simulation. Time
limits differ in meaning: CartPole's is the aim, Pendulum's is the only end there is, and at those of Acrobot
and MountainCar the time has run out.
"""

from collections.abc import Callable

import numpy as np

from lander_runtime.envs.known.knowledge import Knowledge
from lander_runtime.spec import Component

_POLE_FALLS = 12 * 2 * np.pi / 360
"""Radians; CartPole's `theta_threshold_radians`. Beyond it the pole counts as fallen."""

_UPRIGHT = 0.95
"""Least cosine of an upright pendulum's angle: 18 degrees to either side."""


def _cart_pole(last_reward: float, last_obs: object, terminated: bool) -> str:
    if not terminated:
        return "balanced to the end"
    seen = np.asarray(last_obs)
    # A wrapper can change what is observed; that the pole fell is the usual reason.
    stands = seen.shape == (4,) and abs(float(seen[2])) <= _POLE_FALLS
    return "left the track" if stands else "fell"


def _pendulum(last_reward: float, last_obs: object, terminated: bool) -> str:
    seen = np.asarray(last_obs)
    if terminated or seen.shape != (3,):
        return "ended"
    return "upright at the end" if float(seen[0]) >= _UPRIGHT else "not upright at the end"


def _reaching(goal: str) -> Callable[[float, object, bool], str]:
    return lambda last_reward, last_obs, terminated: goal if terminated else "timed out"


_CART_POLE = Knowledge(
    observation=(
        Component("cart position", "m"),
        Component("cart velocity", "m/s"),
        Component("pole angle", "rad"),
        Component("pole angular velocity", "rad/s"),
    ),
    actions=(Component("push left"), Component("push right")),
    outcome=_cart_pole,
)

_CAR = (Component("position"), Component("velocity", "per step"))

KNOWN = {
    "CartPole-v0": _CART_POLE,
    "CartPole-v1": _CART_POLE,
    "Acrobot-v1": Knowledge(
        observation=(
            Component("cosine of angle 1"),
            Component("sine of angle 1"),
            Component("cosine of angle 2"),
            Component("sine of angle 2"),
            Component("angular velocity 1", "rad/s"),
            Component("angular velocity 2", "rad/s"),
        ),
        actions=(Component("torque -1"), Component("no torque"), Component("torque +1")),
        outcome=_reaching("swung up"),
    ),
    "MountainCar-v0": Knowledge(
        observation=_CAR,
        actions=(Component("push left"), Component("coast"), Component("push right")),
        outcome=_reaching("reached the flag"),
    ),
    "MountainCarContinuous-v0": Knowledge(
        observation=_CAR, controls=(Component("push"),), outcome=_reaching("reached the flag")
    ),
    "Pendulum-v1": Knowledge(
        observation=(
            Component("cosine of the angle"),
            Component("sine of the angle"),
            Component("angular velocity", "rad/s"),
        ),
        controls=(Component("torque", "N m"),),
        outcome=_pendulum,
    ),
}
