"""`lander inspect`: what a policy file says about itself, as text."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from lander_cli.arguments import options as given
from lander_cli.outputs.waiting import print_next_unless_waiting
from lander_cli.terminal.console import print_json, print_rows
from lander_runtime.errors import CheckFailed
from lander_runtime.policy.display import claimed_score, claimed_verification
from lander_runtime.text import LONGEST, shortened

if TYPE_CHECKING:
    from collections.abc import Mapping

    from lander_runtime.policy.metadata import Precision
    from lander_runtime.policy.policy import Policy
    from lander_runtime.spec import Space


def inspect_command(
    policy: given.PolicyFile = None,
    large: given.Large = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the metadata as JSON.")] = False,
) -> None:
    """Show what a policy file says about itself, and test it with the golden vectors in it."""
    from lander_rl.inputs.finding import find_policy
    from lander_runtime.policy.policy import NotAsClaimed, Policy

    path, _ = find_policy(policy)
    try:
        loaded = Policy.load(path, "cpu", large=large)
        worst = loaded.self_test()
    except NotAsClaimed as error:  # Elsewhere a file that is refused; here the answer to what was asked.
        raise CheckFailed(str(error)) from error
    if as_json:
        print_json(json.loads(loaded.info.to_json()))
        return
    print_rows([("policy", str(path)), *_rows(loaded, worst)])
    print_next_unless_waiting(
        policy, "lander", "eval", path, *(["--large"] if large else []), "--episodes", "10"
    )


def _rows(policy: "Policy", worst: float) -> list[tuple[str, str]]:
    from lander_runtime.policy.display import space_in_words
    from lander_runtime.scores.words import env_in_words

    info = policy.info
    training = info.training
    return [
        ("environment", env_in_words(info.env)),
        ("time limit", f"{info.env.max_episode_steps} steps" if info.env.max_episode_steps else "none"),
        ("observation", space_in_words(info.observation)),
        *_components(info.observation),
        ("action", space_in_words(info.action)),
        *_components(info.action),
        ("trained by", training.algorithm),
        ("steps", "unknown" if training.steps is None else f"{training.steps:,}"),
        ("seed", "unknown" if training.seed is None else str(training.seed)),
        *_listed("settings", training.config),
        *_listed("versions", training.versions),
        ("platform", training.platform),
        ("created", info.created),
        *([] if info.precision is None else [("precision", _in_words(info.precision))]),
        ("score", claimed_score(info.evaluation)),
        ("verified", claimed_verification(info.verification, "logits" if info.action.blocks else "outputs")),
        ("self-test", f"passed here, largest difference {worst:.1e}"),
        ("licence", info.license),
        ("file", f"{policy.path.stat().st_size:,} bytes, sha256 {policy.sha256}"),
        ("weights", f"sha256 {info.weights_sha256}, as the file claims"),
        ("schema", info.schema),
    ]


def _in_words(precision: "Precision") -> str:
    made_from = f"{precision.made_from[:12]}..."
    return f"{shortened(precision.format, 40)}, made from the weights {made_from}, as the file claims"


def _listed(name: str, values: "Mapping[str, Any]") -> list[tuple[str, str]]:
    """The values in as many rows as they take, each value cut."""
    rows = [""]
    for key, value in values.items():
        typed = str(value).lower() if isinstance(value, bool) else str(value)
        item = f"{shortened(key, 60)} {shortened(typed, 100)}"
        separator = ", " if rows[-1] else ""
        if len(rows[-1]) + len(separator) + len(item) > LONGEST:
            rows.append("")
            separator = ""
        rows[-1] += separator + item
    return [(name if number == 0 else "", row) for number, row in enumerate(rows)]


def _components(space: "Space") -> list[tuple[str, str]]:
    return [
        ("", f"{index}  {component.name}" + (f"  ({component.unit})" if component.unit else ""))
        for index, component in enumerate(space.components)
    ]
