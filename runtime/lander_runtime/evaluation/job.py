"""An evaluation that can be sent to another process and run in parts."""

import signal
from dataclasses import dataclass

from lander_runtime import envs
from lander_runtime.episodes.actors import AnyPolicy, actor_of
from lander_runtime.episodes.episode import NOTHING, Episode, Keep
from lander_runtime.episodes.fleet import LANES, Fleet
from lander_runtime.spec import EnvSpec


@dataclass(frozen=True)
class Job:
    """Everything that decides the result of an episode, and the number of lanes.

    It can be pickled if the policy can: a policy file always, a function if it is at the top of a module.
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
    """A job with its environments open, to run one shard after another."""

    def __init__(self, job: Job, registration: envs.Registration | None = None) -> None:
        """Open the environments; `registration` is the environment's in the sending process."""
        if registration is not None:
            registration.adopt()
        self._first_seed = job.first_seed
        self._fleet = Fleet(
            actor_of(job.policy, sampled=job.sampled),
            job.env,
            lanes=job.lanes,
            render_mode=job.render_mode,
            keep=job.keep,
        )

    def run(self, shard: range) -> list[Episode]:
        """The episodes with these numbers, in order; each depends on the job and its number only."""
        seeds = range(self._first_seed + shard.start, self._first_seed + shard.stop)
        return self._fleet.run(seeds, first_index=shard.start)

    def run_until_interrupted(self, shard: range) -> list[Episode]:
        """`run` in a worker process; SIGINT ends it with the first episodes of the shard.

        Elsewhere a worker ignores that signal, so that it never ends one.
        """
        before = signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            return self.run(shard)
        except KeyboardInterrupt:
            return self.finished()
        finally:
            signal.signal(signal.SIGINT, before)

    def finished(self) -> list[Episode]:
        """The first episodes of a shard that was interrupted."""
        return self._fleet.finished()

    def close(self) -> None:
        self._fleet.close()
