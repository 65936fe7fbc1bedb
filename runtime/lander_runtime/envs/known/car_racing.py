"""CarRacing-v3: actions and how an episode ends; the observation is a picture.

Source: gymnasium/envs/box2d/car_racing.py.
"""

from lander_runtime.envs.known.knowledge import Knowledge
from lander_runtime.spec import Component

_LEFT_FIELD = -100.0
"""The last reward if the car leaves the playfield."""


def _outcome(last_reward: float, last_obs: object, terminated: bool) -> str:
    if not terminated:
        return "timed out"
    return "left the field" if last_reward == _LEFT_FIELD else "finished the lap"


RACING = Knowledge(
    controls=(Component("steering"), Component("gas"), Component("brake")),
    # With the argument continuous=False.
    actions=(
        Component("coast"),
        Component("steer right"),
        Component("steer left"),
        Component("gas"),
        Component("brake"),
    ),
    outcome=_outcome,
)
