"""An evaluation as something that can be sent elsewhere and done in parts."""

from dataclasses import dataclass
from typing import Any

from lander_runtime import envs
from lander_runtime.episodes.actors import AnyPolicy, actor_of
from lander_runtime.episodes.episode import NOTHING, Episode, Keep
from lander_runtime.episodes.fleet import LANES, Fleet
from lander_runtime.spec import EnvSpec


@dataclass(frozen=True)
class Job:
    """Everything that decides what an episode comes to, and how many are flown side by side.

    It can be pickled where the policy can: a policy file always, a function if a module holds it.
    """

    policy: AnyPolicy
    env: EnvSpec
    first_seed: int
    sampled: bool = False
    lanes: int = LANES
    """Environment copies stepped together; no result depends on it."""
    render_mode: str | None = None
    keep: Keep = NOTHING


class JobRunner:
    """A job with its environments open, to fly one shard after another."""

    def __init__(self, job: Job, registered: Any = None) -> None:
        """Open it; `registered` is the environment's entry in Gymnasium's registry elsewhere."""
        if registered is not None:
            envs.adopt(registered)
        self._first_seed = job.first_seed
        self._fleet = Fleet(
            actor_of(job.policy, sampled=job.sampled),
            job.env,
            lanes=job.lanes,
            render_mode=job.render_mode,
            keep=job.keep,
        )

    def run(self, shard: range) -> list[Episode]:
        """The episodes with these numbers, in order; each is a function of the job and its number."""
        seeds = range(self._first_seed + shard.start, self._first_seed + shard.stop)
        return self._fleet.run(seeds, first_index=shard.start)

    def close(self) -> None:
        self._fleet.close()
