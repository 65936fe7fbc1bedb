"""Files of recorded episodes, made by an evaluation; what a change of one takes; spaces of such files."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from lander_runtime import EnvSpec, evaluate
from lander_runtime.replays import ReplayWriter, header_for
from lander_runtime.spec import Space

SPACES = [
    Space("Discrete", (), "int64", n=4),
    Space("Box", (2,), "float32", low=-1.0, high=1.0),
    Space("Box", (2, 3), "float32"),
    Space("Box", (1,), "float64", low=[-1e300], high=[None]),
    Space("Box", (3,), "uint8", low=0.0, high=255.0),
]

FINITE = st.floats(allow_nan=False, allow_infinity=False)

Lines = list[dict[str, Any]]
Change = Callable[[Lines], object]


def saved(path: Path, policy: Any, env: EnvSpec, episodes: int = 5, **options: Any) -> Any:
    """Evaluate, with a replay at `path`; gives the report."""
    header = header_for(
        env, policy_sha256=getattr(policy, "sha256", None), deterministic=not options.get("sampled", False),
        first_seed=70, episodes=episodes,
    )  # fmt: skip
    with ReplayWriter(path, header) as writer:
        return evaluate(
            policy, env, episodes=episodes, first_seed=70, keep=writer.keep, observer=writer, **options
        )
