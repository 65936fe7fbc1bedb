"""`lander inspect`: what a policy file says about itself, as text."""

import json
from typing import TYPE_CHECKING, Annotated

import typer

from lander_cli.arguments import options as given
from lander_cli.terminal.console import print_json, print_next, print_rows
from lander_runtime.policy.display import verification_in_words
from lander_runtime.scores.words import score_in_words

if TYPE_CHECKING:
    from lander_runtime.policy.policy import Policy
    from lander_runtime.spec import Space


def inspect_command(
    policy: given.PolicyFile = None,
    large: given.Large = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the metadata as JSON.")] = False,
) -> None:
    """Show what a policy file says about itself, and test it with the golden vectors in it."""
    from lander_rl.inputs.opening import find_policy
    from lander_runtime.policy.policy import Policy

    path, _ = find_policy(policy)
    loaded = Policy.load(path, "cpu", large=large)
    worst = loaded.self_test()
    if as_json:
        print_json(json.loads(loaded.info.to_json()))
        return
    print_rows([("policy", str(path)), *_rows(loaded, worst)])
    print_next("lander", "eval", path, *(["--large"] if large else []), "--episodes", "10")


def _rows(policy: "Policy", worst: float) -> list[tuple[str, str]]:
    from lander_runtime.policy.display import space_in_words

    info = policy.info
    training = info.training
    return [
        ("environment", f"{info.env.id} {dict(info.env.kwargs) or ''}".strip()),
        ("time limit", f"{info.env.max_episode_steps} steps" if info.env.max_episode_steps else "none"),
        ("observation", space_in_words(info.observation)),
        *_components(info.observation),
        ("action", space_in_words(info.action)),
        *_components(info.action),
        ("trained by", training.algorithm),
        ("steps", "unknown" if training.steps is None else f"{training.steps:,}"),
        ("seed", "unknown" if training.seed is None else str(training.seed)),
        ("settings", ", ".join(f"{name} {value}" for name, value in training.config.items())),
        ("versions", ", ".join(f"{name} {value}" for name, value in training.versions.items())),
        ("platform", training.platform),
        ("created", info.created),
        ("score", score_in_words(info.evaluation)),
        ("verified", verification_in_words(info.verification, "logits" if info.action.blocks else "outputs")),
        ("self-test", f"passed here, largest difference {worst:.1e}"),
        ("licence", info.license),
        ("file", f"{policy.path.stat().st_size:,} bytes, sha256 {policy.sha256}"),
        ("weights", f"sha256 {info.weights_sha256}"),
        ("schema", info.schema),
    ]


def _components(space: "Space") -> list[tuple[str, str]]:
    return [
        ("", f"{index}  {component.name}" + (f"  ({component.unit})" if component.unit else ""))
        for index, component in enumerate(space.components)
    ]
