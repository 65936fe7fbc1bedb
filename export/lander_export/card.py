"""The card beside a policy file: what it is, how it was trained, what it scores, how to run it."""

import shlex
from collections.abc import Sequence
from urllib.parse import quote

from lander_export.peers.peer import BARE_STATE_DICT, GREEDY_LOG_STD, GREEDY_ONLY
from lander_export.source import Recipe
from lander_runtime.envs.known import family_of, knowledge_of
from lander_runtime.policy.metadata import PolicyInfo, Precision, Training
from lander_runtime.scores.summary import Summary
from lander_runtime.scores.words import mean_in_words
from lander_runtime.spec import Component
from lander_runtime.text import counted, markdown_code, markdown_line, markdown_text

_LONGEST_SETTING = 1000
"""Characters: wrappers with their arguments take some hundred."""


def render_card(
    info: PolicyInfo, *, file_name: str, gif_name: str | None, reproduce: Recipe | str | None
) -> str:
    """The card as Markdown; the same policy gives the same text.

    Args:
        info: the file's metadata.
        file_name: the policy file, in the card's folder.
        gif_name: an animation in the same folder; None without one.
        reproduce: how to train the same weights again, or why no command does; None if that is unknown.
    """
    sections = [
        f"# {markdown_text(info.env.id)}",
        *([f"![One episode of this policy]({quote(gif_name)})"] if gif_name else []),
        _what(info, file_name),
        _claims(file_name),
        _score(info),
        *_meaning(info.env.id),
        _training(info, reproduce),
        _verification(info),
        _run(info, file_name),
        f"## Licence\n\n{markdown_text(info.license)}",
    ]
    return "\n\n".join(sections) + "\n"


def _what(info: PolicyInfo, file_name: str) -> str:
    observation, action = info.observation, info.action
    lines = [
        f"`{markdown_code(file_name)}` is a policy for [Gymnasium](https://gymnasium.farama.org)'s "
        f"`{markdown_code(info.env.id)}`: "
        "one ONNX file (opset 18) that takes the environment's observations and returns the action.",
        "",
        "| | name | shape and type | meaning |",
        "|---|---|---|---|",
        f"| input | `obs` | {observation.dtype} [batch, {', '.join(map(str, observation.shape))}] | "
        f"{_names(observation.components) or 'raw units'} |",
    ]
    if action.type == "Discrete":
        names = ", ".join(f"{i} {markdown_text(c.name)}" for i, c in enumerate(action.components))
        lines += [
            f"| output | `action` | int64 [batch] | greedy action{': ' + names if names else ''} |",
            f"| output | `logits` | float32 [batch, {action.n}] | unnormalised log-probabilities |",
        ]
    elif action.type == "MultiDiscrete":
        blocks = " + ".join(map(str, action.nvec))
        lines += [
            f"| output | `action` | int64 [batch, {len(action.nvec)}] | greedy action |",
            f"| output | `logits` | float32 [batch, {sum(action.nvec)}] | unnormalised log-probabilities, "
            f"one block after another: {blocks} |",
        ]
    else:
        shape = ", ".join(map(str, ("batch", *action.shape)))
        names = _names(action.components)
        mean, log_std = (
            "mean of the Gaussian, which `action` is clipped from",
            "logarithm of its standard deviations",
        )
        if info.training.config.get("sampling") == GREEDY_ONLY:
            mean, log_std = "the greedy action", f"{GREEDY_LOG_STD:g}: a draw is the greedy action too"
        lines += [
            f"| output | `action` | float32 [{shape}] | greedy action{': ' + names if names else ''} |",
            f"| output | `mean` | float32 [{shape}] | {mean} |",
            f"| output | `log_std` | float32 [{shape}] | {log_std} |",
        ]
    return "\n".join(lines)


def _claims(file_name: str) -> str:
    """A reader cannot know who wrote the card, so it says itself how to check it."""
    return (
        f"Score, training and verification are what the file claims. `lander inspect "
        f"{markdown_code(file_name)}` checks its weights and golden vectors, `lander eval "
        f"{markdown_code(file_name)}` the score."
    )


def _names(components: Sequence[Component]) -> str:
    names = (markdown_text(f"{c.name} ({c.unit})" if c.unit else c.name) for c in components)
    return ", ".join(names)


def _is_known(training: Training) -> bool:
    """Whether it was a training of `lander`, of which the file knows everything."""
    return training.platform != "unknown"


def _score(info: PolicyInfo) -> str:
    summary = info.evaluation
    if summary is None:
        return "## Score\n\nNot evaluated."
    interval = (
        "" if summary.ci95 is None else f" (95% interval {summary.ci95[0]:.1f} to {summary.ci95[1]:.1f})"
    )
    success = (
        "" if summary.success_rate is None else f" {summary.success_rate:.2%} reached the reward threshold."
    )
    first, last = summary.first_seed, summary.first_seed + summary.episodes - 1
    seeds = f"seed {first}" if first == last else f"seeds {first} to {last}"
    return (
        "## Score\n\n"
        f"**Mean return {mean_in_words(summary)}**{interval} over "
        f"{counted(summary.episodes, 'episode')}, {seeds}, "
        f"{'greedy' if summary.deterministic else 'sampled'}.{success} "
        f"Interquartile mean {summary.iqm_return:.1f}, lowest {summary.min_return:.1f}, "
        f"highest {summary.max_return:.1f}, {summary.mean_length:.0f} steps an episode. "
        f"{_details(summary)}"
    ).rstrip() + (
        " The seeds were used neither for training nor for choosing the weights."
        if _is_known(info.training)
        else " Which seeds it was trained with is not known."
    )


def _details(summary: Summary) -> str:
    """Figures that older versions did not write into a file; empty for those files."""
    if summary.cvar05_return is None or summary.mean_minus_std is None:
        return ""
    outcomes = summary.outcome_counts.items()
    counts = ", ".join(f"{count:,} {markdown_text(outcome)}" for outcome, count in outcomes)
    means = summary.mean_measures.items()
    measures = "".join(f" {markdown_text(name)} {round(value, 1) + 0.0:.1f}," for name, value in means)
    return (
        f"Worst 5% {summary.cvar05_return:.1f} on average, mean minus std {summary.mean_minus_std:.1f}. "
        f"Outcomes: {counts}.{f' On average:{measures[:-1]}.' if measures else ''} "
    )


def _meaning(env_id: str) -> list[str]:
    note = knowledge_of(env_id).score_note
    return [f"## What the score means\n\n{note}"] if note else []


def _training(info: PolicyInfo, reproduce: Recipe | str | None) -> str:
    training = info.training
    lines = ["## Training", "", _origin(info)]
    # Not every program that shows Markdown keeps to it that a block of code holds no HTML.
    if isinstance(reproduce, Recipe) and "<" not in reproduce.command:
        lines += ["", _which_weights(reproduce), "", f"    {markdown_line(reproduce.command)}"]
        if reproduce.module:
            lines += [
                "",
                "MODULE is the module that registers the environment: a policy file carries no import.",
            ]
    elif _is_known(training):
        why = reproduce if isinstance(reproduce, str) else _unrepeatable(training)
        lines += [] if why is None else ["", f"No command repeats it: {why}"]
    versions = ", ".join(markdown_text(f"{name} {number}") for name, number in training.versions.items())
    if _is_known(training):
        lines += ["", f"On {markdown_text(training.platform)} with {versions}."]
    elif versions:
        lines += ["", f"Saved by {versions}."]
    if training.config:
        lines += ["", "| setting | value |", "|---|---|"]
        lines += [
            f"| {markdown_text(name)} | {markdown_text(str(value), _LONGEST_SETTING)} |"
            for name, value in training.config.items()
        ]
    return "\n".join(lines)


def _unrepeatable(training: Training) -> str | None:
    """Why there is no command; None where that is not known."""
    if training.config.get("network") is not None:
        return "a command cannot hold a network of the user's own. The settings below are those of the run."
    if training.config.get("time_limit") is not None:
        return "it trained until a time limit, so it depends on the speed of the machine."
    return None


def _origin(info: PolicyInfo) -> str:
    """Who trained it for how long, as far as that is known."""
    training = info.training
    if training.algorithm == BARE_STATE_DICT:
        return "The weights are from a bare state dict, after an unknown number of environment steps."
    if training.steps is None:
        return f"{markdown_text(training.algorithm)}."
    saved = f", weights of {markdown_text(info.created)}" if info.created != "unknown" else ""
    return f"{markdown_text(training.algorithm)}, {training.steps:,} environment steps{saved}."


def _which_weights(reproduce: Recipe) -> str:
    if reproduce.update == reproduce.updates:
        return "The same weights, bit for bit on the same platform and versions:"
    return (
        f"Weights after update {reproduce.update:,} of the {reproduce.updates:,} that this command makes; "
        "up to there it repeats them bit for bit on the same platform and versions:"
    )


def _verification(info: PolicyInfo) -> str:
    check = info.verification
    if info.precision is not None:
        return _smaller_numbers(info, info.precision)
    what = "a logit" if info.action.blocks else "an action, mean or deviation"
    return (
        "## Verification\n\n"
        "PyTorch and ONNX Runtime were each compared with a run in double precision, on "
        f"{check.observations:,} observations (from episodes, random and extreme), ONNX Runtime at batch "
        f"sizes 1, 2, 7 and 64. The largest difference of {what} from that run is "
        f"{check.max_difference:.1e}, in units of the output's scale: the largest of 1, its value, and "
        "the sum of the absolute products behind it. "
        f"{check.action_agreement:.2%} of the actions of PyTorch and ONNX Runtime agree "
        f"({counted(check.ties, 'tie')}).\n\n"
        f"SHA-256 of the weights: `{info.weights_sha256}`"
    )


def _smaller_numbers(info: PolicyInfo, precision: Precision) -> str:
    check = info.verification
    vector = precision.format == "int8" and len(info.observation.shape) == 1
    spared = ", but for the first one, whose inputs have units of their own" if vector else ""
    return (
        "## Verification\n\n"
        f"Its layers compute in {markdown_text(precision.format)}{spared}; inputs and outputs are as before. "
        "The file was compared with the one in float32 on "
        f"{check.observations:,} observations of other episodes than those it is scored on: "
        f"{check.action_agreement:.2%} of the actions agree, and the outputs behind them differ by at most "
        f"{check.max_difference:.1e}, divided by their size where that exceeds 1. On the same seeds its "
        "score is not shown to be worse.\n\n"
        f"SHA-256 of the weights: `{info.weights_sha256}`, made from `{precision.made_from}`"
    )


def _run(info: PolicyInfo, file_name: str) -> str:
    family = family_of(info.env.id)
    extras = ",".join(["cpu", "eval", *([family.extra] if family else [])])
    return f"""## Run it

    pip install 'lander-rl[{extras}]'
    lander eval {markdown_line(shlex.quote(file_name))} --episodes 100

or in Python, with numpy and onnxruntime alone:

    from lander_runtime import Policy

    policy = Policy.load({_literal(file_name)})
    action = policy.act(observation)"""


def _literal(text: str) -> str:
    """A string of Python in double quotes, on one line."""
    return '"' + markdown_line(text).replace("\\", "\\\\").replace('"', '\\"') + '"'
