"""LunarLander-v3: components, actions and how an episode ends.

Source: gymnasium/envs/box2d/lunar_lander.py, which scales every component. The unit given here is
what a value of 1 means in Box2D's metres: 1 in `x` is half the picture's width.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.envs.known.knowledge import Knowledge
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
    # The environment replaces the last reward: +100 when the lander has come to rest, -100 when its body
    # touches the ground or it leaves the picture sideways.
    if not terminated:
        return "timed out"
    if last_reward > 0:
        return "landed"
    x = float(np.asarray(last_obs)[0])
    return "flew off" if abs(x) >= 1.0 else "crashed"


_TOUCHDOWN_X = Component("touchdown x", "m from the pad")
_SINKING = Component("touchdown sinking speed", "m/s")
_SIDEWAYS = Component("touchdown sideways speed", "m/s")

_MEASURES = (
    Component("main engine uses", "steps"),
    Component("side engine uses", "steps"),
    _TOUCHDOWN_X,
    _SINKING,
    _SIDEWAYS,
)
"""Uses are the steps for which the environment charges fuel. Touchdown is the first step with a leg on the
ground. The speed is that of the step before: at touchdown the ground has already slowed the lander."""


def _measure_discrete(observations: NDArray[Any], actions: NDArray[Any]) -> Sequence[float | None]:
    main, side = actions == 2, (actions == 1) | (actions == 3)
    return (*_uses(main, side), *_touchdown(observations))


def _measure_continuous(observations: NDArray[Any], actions: NDArray[Any]) -> Sequence[float | None]:
    # At or below these throttles the environment does not fire the engine.
    main, side = actions[:, 0] > 0.0, np.abs(actions[:, 1]) > 0.5
    return (*_uses(main, side), *_touchdown(observations))


def _uses(main: NDArray[np.bool_], side: NDArray[np.bool_]) -> tuple[float, float]:
    return float(np.count_nonzero(main)), float(np.count_nonzero(side))


def _touchdown(observations: NDArray[Any]) -> tuple[float | None, float | None, float | None]:
    touching = (observations[:, 6] != 0.0) | (observations[:, 7] != 0.0)
    step = int(touching.argmax())
    if not touching[step]:
        return None, None, None
    before = observations[max(step - 1, 0)].tolist()
    # 10 m, 7.5 m/s and 5 m/s are the units of these components, see `_OBSERVATION`.
    return float(observations[step, 0]) * 10.0, -before[3] * 7.5, abs(before[2]) * 5.0


_PAIRS = ((_TOUCHDOWN_X, _SINKING), (_TOUCHDOWN_X, _SIDEWAYS))


def _track(observations: NDArray[Any]) -> NDArray[Any]:
    # The picture is 600 x 400 pixels, 30 to a metre. The pad is at a quarter of its height. A lander that
    # stands on it has y = 0, with its centre 18 pixels above the pad.
    x, y = observations[:, 0].astype(np.float64), observations[:, 1].astype(np.float64)
    return np.stack([300.0 + 300.0 * x, 400.0 - (100.0 + 18.0 + 200.0 * y)], axis=1)


_TRACK_NOTE = "The pad is always at the same place; the ground around it differs from episode to episode."

_SCORE_NOTE = (
    "A step earns points for coming closer to the pad, slowing down, standing upright and touching the "
    "ground with a leg, and pays for fuel. "
    "The last step gives 100 points at rest, or -100 for a crash. "
    "A landing on the pad collects about 140 points for the way, 7 to 90 for slowing down, 20 for the legs "
    "and 100 for coming to rest, minus about 20 for fuel. "
    "So even a slow start ends near 250 and the best crash near 150, and 200, which Gymnasium calls a "
    "solution, lies between them. "
    "280 is an ordinary landing: some 160 steps, the main engine on in about 60 of them, and touching down "
    "within 0.4 m of the middle of the pad."
)
"""From docs/score.md, which has every term, its source and the measurements."""

_ENGINES = (
    Component("coast"),
    Component("left engine"),
    Component("main engine"),
    Component("right engine"),
)
_THROTTLES = (Component("main throttle"), Component("side throttle"))

DISCRETE = Knowledge(
    observation=_OBSERVATION,
    actions=_ENGINES,
    controls=_THROTTLES,
    outcome=_outcome,
    measures=_MEASURES,
    measure=_measure_discrete,
    pairs=_PAIRS,
    track=_track,
    track_note=_TRACK_NOTE,
    score_note=_SCORE_NOTE,
    # Two numbers a step: the dispersion of the engines.
    draws_single_uniforms=True,
)

CONTINUOUS = replace(DISCRETE, measure=_measure_continuous)
