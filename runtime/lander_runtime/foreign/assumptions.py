"""What is assumed of a file that does not say it, in sentences. A report's digest covers these words."""

from collections.abc import Sequence

from lander_runtime.foreign.analysis.memory import State
from lander_runtime.foreign.feeding import Feeding
from lander_runtime.foreign.plan import Plan
from lander_runtime.foreign.preparation import Preparation
from lander_runtime.foreign.signature import Output
from lander_runtime.spec import Space
from lander_runtime.text import LONGEST, quoted

_HOW = {
    "flat": "flattened row by row",
    "channels_first": "transposed to channels first (channels, height, width)",
    "channels_last": "transposed to channels last (height, width, channels)",
}


def about_input(
    feeding: Feeding, observation: Space, unused: Sequence[str], preparation: Preparation | None
) -> list[str]:
    """Where observations go and how; `unused` are the inputs that the action does not need."""
    entry, batch = feeding.entry, feeding.batch
    where = f"Observations go into {_named(entry.name)}"
    if preparation is None:
        said = [
            f"{where} {_HOW.get(entry.layout, 'as they are')}: whatever prepared them in training, such as "
            "normalisation, must be inside the file."
        ]
    else:
        how = f" {_HOW[entry.layout]}" if entry.layout in _HOW else ""
        said = [f"{where}{how}.", preparation.in_words]
    if entry.dtype != observation.dtype and preparation is None:
        scale = ", 0 to 255 and not scaled" if observation.dtype == "uint8" else ""
        said.append(f"They are {observation.dtype} and cast to {entry.dtype}{scale}.")
    if entry.layout in ("single", "sequence"):
        said.append("The graph takes one observation at a time.")
    elif entry.batch is not None:
        said.append(f"The graph takes batches of {batch} only.")
    elif batch is not None and not feeding.states:
        said.append("The graph names no size for its batch, but one observation at a time is all that works.")
    if unused:
        said.append(f"Inputs that the action does not need: {_some(unused)}.")
    return said


def about_memory(feeding: Feeding, forgotten: str | None) -> list[str]:
    """Which states are carried; `forgotten` says what would remember and cannot."""
    said = []
    if forgotten is not None:
        said.append(
            f"It is a recurrent policy without its memory ({forgotten}), and --stateless runs it all the "
            "same: at each step it forgets what was before."
        )
    if feeding.states and feeding.forgets:
        names = _some([state.input for state in feeding.states])
        said.append(f"The state {names} is zero at each step, as --stateless says: it remembers nothing.")
    elif feeding.states:
        states = feeding.states[:6]
        pairs = ", ".join(f"{_named(one.output)} goes into {_named(one.input)}" for one in states)
        said.append(
            f"It remembers: {pairs} at the next step, zero at the start of each episode, one observation at "
            "a time."
        )
    if feeding.starts:
        names = _some([one.name for one in feeding.starts])
        said.append(f"{names} is 1 at the first step of an episode and 0 after it.")
    return said


def about_scores(output: Output, action: Space, probabilities: bool) -> list[str]:
    """How one of n actions is chosen."""
    kind = "probabilities, since they sum to 1" if probabilities else "logits or other scores"
    scores = f"{_named(output.scores)} was taken for {kind}"
    if action.type == "MultiDiscrete":
        return _about_blocks(output, action, scores)
    if output.action is None:
        return [f"{scores}, one for each of {action.n} actions; the largest is the greedy action."]
    said = [f"{_named(output.action)} was taken for the number of the action."]
    return said if output.scores is None else [*said, f"{scores}, for --sampled only."]


def _about_blocks(output: Output, action: Space, scores: str) -> list[str]:
    blocks = f"one block after another for {', '.join(map(str, action.nvec))} choices"
    if output.action is None:
        return [f"{scores}, {blocks}; the largest of each is the greedy action."]
    said = [f"{_named(output.action)} was taken for the numbers of the action."]
    return said if output.scores is None else [*said, f"{scores}, {blocks}, for --sampled only."]


def about_the_rest(output: Output, plan: Plan, states: Sequence[State]) -> list[str]:
    """The outputs that are neither the action nor a state."""
    taken = {output.action, output.scores, *(state.output for state in states)}
    rest = [name for name in plan.declared if name not in taken]
    return [f"Not used: {_some(rest)}."] if rest else []


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 6} more" if len(names) > 6 else ""
    return ", ".join(map(_named, names[:6])) + more


def _named(name: str | None) -> str:
    return quoted(name or "", LONGEST)
