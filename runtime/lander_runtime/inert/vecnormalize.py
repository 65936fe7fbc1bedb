"""The statistics of Stable-Baselines3's VecNormalize, from the pickle that its `save` writes, not unpickled.

`VecNormalize.normalize_obs` is clip((obs - mean) / sqrt(var + epsilon), -clip_obs, clip_obs).
"""

import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import InputRefused
from lander_runtime.inert.pickle_opcodes import Made, entry, read_inert

_CLASS = "stable_baselines3.common.vec_env.vec_normalize.VecNormalize"
_STATISTICS = "stable_baselines3.common.running_mean_std.RunningMeanStd"
_NAMES = frozenset(
    {
        _CLASS,
        _STATISTICS,
        "numpy.dtype",
        "numpy.ndarray",
        "_codecs.encode",
        "copyreg._reconstructor",
        "builtins.object",
        "builtins.slice",
        "collections.OrderedDict",
    }
)
_FAMILIES = re.compile(
    r"numpy\.(_core|core)\.(multiarray\.(_reconstruct|scalar)|numeric\._frombuffer)"
    r"|numpy\.random\.(_pickle\.__((bit_)?generator|randomstate)_ctor|_pcg64\.PCG64|_mt19937\.MT19937"
    r"|bit_generator\.(SeedSequence|__pyx_unpickle_SeedSequence))"
    r"|(gym|gymnasium)\.spaces\.(box\.Box|discrete\.Discrete|multi_discrete\.MultiDiscrete"
    r"|multi_binary\.MultiBinary|dict\.Dict)"
    r"|(gym|gymnasium)\.utils\.seeding\.RandomNumberGenerator"
)
"""A space in the file may carry a random generator; none of it is used."""


@dataclass(frozen=True)
class VecNormalizeStatistics:
    """What VecNormalize does to observations."""

    mean: NDArray[np.float64]
    variance: NDArray[np.float64]
    epsilon: float
    clip: float
    used: bool
    """False where only rewards were normalised."""


def read_vecnormalize(content: bytes, where: str) -> VecNormalizeStatistics:
    """The statistics of observations in a pickle of VecNormalize.

    Raises:
        InputRefused: it is something else, or its observations are dictionaries.
    """
    made = read_inert(content, lambda name: name in _NAMES or bool(_FAMILIES.fullmatch(name)), where)
    try:
        return _statistics(made, where)
    except (ValueError, TypeError, OverflowError) as error:
        raise InputRefused(f"{where}: a damaged pickle of VecNormalize.") from error


def _statistics(made: Any, where: str) -> VecNormalizeStatistics:
    if not isinstance(made, Made) or made.name != _CLASS:
        raise InputRefused(f"{where}: a pickle of something else than Stable-Baselines3's VecNormalize.")
    if entry(made, "norm_obs") is False:
        nothing = np.zeros(0)
        return VecNormalizeStatistics(nothing, nothing, 0.0, 0.0, used=False)
    statistics = entry(made, "obs_rms")
    if isinstance(statistics, dict):
        raise InputRefused(f"{where}: statistics of dictionaries of observations; policies here take a Box.")
    if not isinstance(statistics, Made) or statistics.name != _STATISTICS:
        raise InputRefused(f"{where}: has no statistics of observations (obs_rms).")
    return VecNormalizeStatistics(
        mean=_array(entry(statistics, "mean"), f"{where}: obs_rms.mean"),
        variance=_array(entry(statistics, "var"), f"{where}: obs_rms.var"),
        epsilon=_number(entry(made, "epsilon"), f"{where}: epsilon"),
        clip=_number(entry(made, "clip_obs"), f"{where}: clip_obs"),
        used=True,
    )


def _array(made: Any, where: str) -> NDArray[np.float64]:
    if isinstance(made, Made) and made.name.endswith("._reconstruct") and isinstance(made.state, tuple):
        _, shape, dtype, fortran, raw = made.state
    elif isinstance(made, Made) and made.name.endswith("._frombuffer") and len(made.args) == 4:
        # Protocol 5, which Python 3.14 writes.
        raw, dtype, shape, order = made.args
        fortran = order == "F"
    else:
        raise InputRefused(f"{where}: expected an array.")
    raw, shape, kind = _bytes(raw), _shape(shape, where), _dtype(dtype, where)
    if len(raw) != kind.itemsize * int(np.prod(shape, dtype=object)):
        raise InputRefused(f"{where}: an array of {len(raw)} bytes that says it is {list(shape)}.")
    return np.frombuffer(raw, kind).reshape(shape, order="F" if fortran is True else "C").astype(np.float64)


def _number(value: Any, where: str) -> float:
    if isinstance(value, Made) and value.name.endswith(".scalar") and len(value.args) == 2:
        dtype, raw = value.args
        kind, raw = _dtype(dtype, where), _bytes(raw)
        if len(raw) == kind.itemsize:
            return float(np.frombuffer(raw, kind)[0])
    if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < 1e300:
        return float(value)
    raise InputRefused(f"{where}: expected a number.")


def _dtype(made: Any, where: str) -> np.dtype[Any]:
    described = isinstance(made, Made) and made.name == "numpy.dtype" and made.args[:1]
    little = described and isinstance(made.state, tuple) and made.state[1:2] == ("<",)
    if not little or made.args[0] not in ("f4", "f8", "i8"):
        raise InputRefused(f"{where}: expected little-endian float32, float64 or int64.")
    return np.dtype("<" + made.args[0])


def _shape(shape: Any, where: str) -> tuple[int, ...]:
    if (
        not isinstance(shape, tuple)
        or len(shape) > 8
        or not all(type(n) is int and 0 <= n < 2**31 for n in shape)
    ):
        raise InputRefused(f"{where}: an array without a shape.")
    return shape


def _bytes(raw: Any) -> bytes:
    # Protocol 2 has no bytes and writes them as text.
    if isinstance(raw, Made) and raw.name == "_codecs.encode" and raw.args[1:] == ("latin1",):
        raw = raw.args[0]
        # As it is: a few hundred bytes of pickle can describe tuples in tuples of any number of characters.
        raw = raw.encode("latin1") if isinstance(raw, str) else raw
    if not isinstance(raw, bytes | bytearray):
        raise ValueError("an array without bytes")
    return bytes(raw)
