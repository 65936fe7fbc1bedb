"""The first line of a replay file: environment, policy, seeds, versions and machine."""

import re
from dataclasses import dataclass
from typing import Any

from lander_runtime import envs
from lander_runtime.errors import InputRefused, UsageError
from lander_runtime.json_data.fields import Fields
from lander_runtime.kernels import KERNEL, kernels_here, other_kernel
from lander_runtime.seeds import MAX_SEED
from lander_runtime.spec import EnvSpec, Space
from lander_runtime.versions import installed_versions, platform_name, replay_packages

FORMAT = "lander.replay"
SCHEMA = f"{FORMAT}/1"


@dataclass(frozen=True)
class Header:
    """The facts that all episodes of a file share; episode i has the seed `first_seed + i`."""

    env: EnvSpec
    action: Space
    """The space of the actions, as the environment described it when they were taken."""
    policy_sha256: str | None
    """Digest of the policy file that chose the actions; None for a plain function."""
    assumptions: tuple[str, ...]
    """What was assumed about a policy file without metadata, a sentence each."""
    deterministic: bool
    """Whether actions were greedy, not sampled."""
    first_seed: int
    episodes: int
    """How many lines follow."""
    versions: dict[str, str]
    platform: str
    """Operating system and processor; Box2D rounds differently on another."""
    counts_actions: bool = False
    """Whether the report says what the actions were, because the file does not say their units."""

    def to_json(self) -> dict[str, Any]:
        return {
            "schema": SCHEMA,
            "env": self.env.to_json(),
            "action": self.action.to_json(),
            "policy": {
                "sha256": self.policy_sha256,
                "assumptions": list(self.assumptions),
                **({"counts_actions": True} if self.counts_actions else {}),
            },
            "deterministic": self.deterministic,
            "first_seed": self.first_seed,
            "episodes": self.episodes,
            "versions": self.versions,
            "platform": self.platform,
        }

    @classmethod
    def from_json(cls, fields: Fields) -> "Header":
        """Read it from an untrusted file.

        Raises:
            InputRefused: not a replay, an unknown version, or an entry that is missing or malformed.
        """
        name, slash, version = fields.text("schema").partition("/")
        if name != FORMAT or not slash:
            raise fields.wrong("schema", SCHEMA, fields.text("schema"))
        if version.split(".")[0] != "1":
            raise InputRefused(
                f"{fields.where}: written in schema {name}/{version[:20]}, this version of lander reads "
                f"{SCHEMA}. Type: pip install --upgrade lander-rl"
            )
        policy = fields.child("policy")
        digest = policy.optional_text("sha256")
        if digest is not None and not re.fullmatch("[0-9a-f]{64}", digest):
            raise policy.wrong("sha256", "64 hexadecimal digits, or null", digest)
        first_seed, episodes = fields.integer("first_seed"), fields.integer("episodes")
        if episodes < 1:
            raise fields.wrong("episodes", "at least 1", episodes)
        if not 0 <= first_seed <= MAX_SEED - episodes:
            raise fields.wrong("first_seed", f"a number from 0 to {MAX_SEED - episodes}", first_seed)
        return cls(
            env=EnvSpec.from_json(fields.child("env")),
            action=Space.from_json(fields.child("action")),
            policy_sha256=digest,
            assumptions=policy.sentences("assumptions"),
            counts_actions="counts_actions" in policy.data and policy.boolean("counts_actions"),
            deterministic=fields.boolean("deterministic"),
            first_seed=first_seed,
            episodes=episodes,
            versions=fields.texts("versions"),
            platform=fields.text("platform"),
        )

    def elsewhere(self) -> list[str]:
        """The differences between this machine and the one that recorded the file, an entry each."""
        differences = [
            f"{name} {here} here, {self.versions.get(name, 'unknown')[:40]} there"
            for name, here in versions_here(self.env.id).items()
            if here != self.versions.get(name)
        ]
        kernel = other_kernel(self.versions)
        if kernel is not None:
            differences.append(f"{kernels_here()[KERNEL]} here, {kernel[:40]} there")
        if self.platform != platform_name():
            differences.append(f"{platform_name()} here, {self.platform[:40]} there")
        return differences


def header_for(
    env: EnvSpec | str,
    *,
    policy_sha256: str | None,
    deterministic: bool,
    first_seed: int,
    episodes: int,
    assumptions: tuple[str, ...] = (),
    counts_actions: bool = False,
) -> Header:
    """The header of a replay file that is recorded on this machine; the arguments are `Header`'s fields.

    Raises:
        UsageError: the seeds are larger than a replay may have; otherwise as `envs.make` and
            `envs.describe_spaces`.
    """
    if first_seed > MAX_SEED - episodes:
        raise UsageError(
            f"A replay takes seeds up to {MAX_SEED}, and these go up to {first_seed + episodes - 1}. "
            "Take smaller seeds, or leave out --save-replay."
        )
    spec = envs.recipe_of(env)
    action = action_space(spec)
    # Checked before the first episode: a reader would refuse the file otherwise.
    Space.from_json(Fields(action.to_json(), f"{spec.id}: action"))
    return Header(
        env=spec,
        action=action,
        policy_sha256=policy_sha256,
        assumptions=assumptions,
        counts_actions=counts_actions,
        deterministic=deterministic,
        first_seed=first_seed,
        episodes=episodes,
        versions={**versions_here(spec.id), **kernels_here()},
        platform=platform_name(),
    )


def action_space(spec: EnvSpec) -> Space:
    """The environment's action space on this machine; raises like `envs.make` and `envs.describe_spaces`."""
    probe = envs.make(spec)
    try:
        return envs.describe_spaces(probe)[1]
    finally:
        probe.close()


def versions_here(env_id: str) -> dict[str, str]:
    """The installed versions that decide the rewards of recorded actions in `env_id`."""
    return installed_versions(*replay_packages(env_id))
