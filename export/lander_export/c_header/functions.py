"""The steps of a network as C: arrays of constants, and a function that fills its output.

Two buffers on the stack take turns. Steps on each number by itself share one loop.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

from lander_export.c_header.network import Activation, Dense, Floats, Network, Step, WithConstant
from lander_export.c_header.text import float_array, number

_UPDATES = {"add": "x += {0};", "subtract": "x -= {0};", "multiply": "x *= {0};", "divide": "x /= {0};"}

# Written so that NaN stays NaN, as in ONNX Runtime.
_BOUNDS = {"at_least": "x = x < {0} ? {0} : x;", "at_most": "x = x > {0} ? {0} : x;"}


@dataclass
class Code:
    """C text in the making; all names in it begin with `name`."""

    name: str
    arrays: list[str] = field(default_factory=list)
    """Definitions of constants."""
    helpers: set[str] = field(default_factory=set)
    """Which of the functions of `snippets.py` it needs."""
    _named: Counter[str] = field(default_factory=Counter)
    """How many arrays there are of each kind."""

    def forward(self, network: Network, function: str, out: str, size: str) -> str:
        """A function from `observation` to the array called `out`, of as many numbers as `size` says."""
        body = _Body(self, network, out).lines()
        head = f"static inline void {self.name}_{function}(const float observation[{self.name.upper()}"
        return "\n".join([f"{head}_OBSERVATIONS], float {out}[{size}])", "{", *_indented(body), "}"])

    def loop(self, steps: Sequence[Step], source: str, target: str, width: int) -> list[str]:
        """Steps on each number by itself, from one array to another of `width` numbers."""
        lines = [f"float x = {source}[i];", *map(self._statement, steps), f"{target}[i] = x;"]
        return [f"for (int i = 0; i < {width}; i++) {{", *_indented(lines), "}"]

    def constant(self, what: str, values: Floats) -> str:
        """Define an array, one of those that hold `what`; returns its name."""
        self._named[what] += 1
        name = f"{self.name}_{what}_{self._named[what]}"
        self.arrays.append(float_array(name, values.ravel()))
        return name

    def _statement(self, step: Step) -> str:
        if isinstance(step, WithConstant):
            one = len(step.values) == 1
            operand = number(step.values[0]) if one else f"{self.constant('constant', step.values)}[i]"
            return {**_UPDATES, **_BOUNDS}[step.operation].format(operand)
        assert isinstance(step, Activation)
        return self._activation(step)

    def _activation(self, step: Activation) -> str:
        alpha = number(step.alpha)
        match step.kind:
            case "relu":
                return "x = x < 0.0f ? 0.0f : x;"
            case "leaky_relu":
                return f"x = x < 0.0f ? {alpha} * x : x;"
            case "tanh":
                self.helpers.add("tanh")
                return f"x = {self.name.upper()}_TANH(x);"
            case "elu":
                self.helpers |= {"tanh", "elu"}
                return f"x = {self.name}_elu(x, {alpha});"
            case "sigmoid" | "silu":
                self.helpers |= {"exp", "sigmoid"}
                sign = "=" if step.kind == "sigmoid" else "*="
                return f"x {sign} {self.name}_sigmoid(x);"


@dataclass
class _Body:
    """The statements of one forward function."""

    code: Code
    network: Network
    out: str
    sizes: dict[str, int] = field(default_factory=dict)
    """Numbers that each buffer must hold."""

    def lines(self) -> list[str]:
        widths = dict(zip(map(id, self.network.steps), self.network.widths[1:], strict=True))
        groups = [
            (dense, list(steps))
            for dense, steps in groupby(self.network.steps, lambda step: isinstance(step, Dense))
        ]
        layers = sum(isinstance(step, Dense) for step in self.network.steps)
        found, source = list[str](), "observation"
        for dense, steps in groups:
            if not dense:
                target = source if source != "observation" else self._buffer("one", layers)
                found += self.code.loop(steps, source, target, self._reserve(target, widths[id(steps[0])]))
                source = target
                continue
            for step in steps:
                assert isinstance(step, Dense)
                layers -= 1
                target = self._buffer("two" if source == "one" else "one", layers)
                found.append(self._layer(step, source, target))
                self._reserve(target, widths[id(step)])
                source = target
        buffers = [f"float {name}[{size}];" for name, size in sorted(self.sizes.items())]
        return [*buffers, *found]

    def _buffer(self, name: str, layers_left: int) -> str:
        """Where to write: what no further layer reads is the output itself."""
        return name if layers_left else self.out

    def _reserve(self, buffer: str, width: int) -> int:
        if buffer != self.out:
            self.sizes[buffer] = max(self.sizes.get(buffer, 0), width)
        return width

    def _layer(self, step: Dense, source: str, target: str) -> str:
        weight, bias = self.code.constant("weight", step.weight), self.code.constant("bias", step.bias)
        inputs, outputs = step.weight.shape
        return f"{self.code.name}_layer({weight}, {bias}, {source}, {target}, {inputs}, {outputs});"


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"    {line}" for line in lines]
