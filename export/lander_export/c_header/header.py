"""Puts a header together: comment, sizes, constants, functions, golden vectors, self-test."""

from dataclasses import dataclass
from string import Template

import numpy as np

from lander_export.c_header import snippets
from lander_export.c_header.functions import Code
from lander_export.c_header.golden import Agreement, GoldenVectors, compare, golden_vectors
from lander_export.c_header.material import Material
from lander_export.c_header.text import float_array, in_comment, int_array, string
from lander_runtime.scores.words import env_in_words
from lander_runtime.spec import Space


@dataclass(frozen=True)
class Header:
    """A policy as one C header."""

    text: str
    """ASCII; the same policy file gives the same."""
    material: Material
    agreement: Agreement
    golden: GoldenVectors


def write_header(material: Material, name: str) -> Header:
    """Write a header whose names all begin with `name`, such as `policy`.

    Raises:
        CheckFailed: what was read of the policy does not agree with ONNX Runtime.
    """
    agreement, golden = compare(material), golden_vectors(material)
    return Header(_Writer(material, golden, name).text(), material, agreement, golden)


class _Writer:
    def __init__(self, material: Material, golden: GoldenVectors, name: str) -> None:
        self._material, self._golden, self._name = material, golden, name
        self._action = material.policy.action
        self._code = Code(name)
        self._continuous = self._action.type == "Box"
        self._function = "mean" if self._continuous else "logits"
        self._size = f"{name.upper()}_{'ACTIONS' if self._continuous else 'LOGITS'}"

    def text(self) -> str:
        forward = self._code.forward(self._material.network, self._function, self._function, self._size)
        act = self._act()
        parts = [
            self._comment(),
            self._filled("#ifndef LANDER_${NAME}_H\n#define LANDER_${NAME}_H"),
            self._sizes(),
            *self._helpers(),
            *self._code.arrays,
            *self._constants(),
            f"/* {self._meaning()} */\n{forward}",
            act,
            *self._self_test(),
            self._filled("#endif /* LANDER_${NAME}_H */"),
        ]
        return "\n\n".join(parts) + "\n"

    def _filled(self, template: str, **more: str) -> str:
        return Template(template).substitute(name=self._name, NAME=self._name.upper(), **more)

    def _comment(self) -> str:
        network, policy, info = self._material.network, self._material.policy, self._material.info
        lines = [
            "A policy in C99 and C++: no allocation, no library but tanhf. From: lander export --format c",
            "",
            f"    {env_in_words(policy.env)}: {network}; {network.numbers:,} numbers",
            *([] if info is None else [f"    licence: {info.license}"]),
            "",
            *self._usage(),
            f"    {self._name}_self_test() is 0 where compiler and machine reproduce the golden vectors",
            "",
            "The observation is what the environment hands out, in its units:",
            *_components(policy.observation),
            "The action:",
            *_components(policy.action),
            "",
            f"With {self._name.upper()}_OWN_TANH defined, tanh is computed here and math.h is not needed.",
        ]
        # No line of a stranger's text can end the comment: see in_comment.
        return "\n".join(["/*", *(f"   {in_comment(line)}".rstrip() for line in lines), "*/"])

    def _usage(self) -> list[str]:
        if self._action.type == "Discrete":
            return [f"    int action = {self._name}_act(observation);"]
        kind = "float" if self._continuous else "int"
        return [
            f"    {kind} action[{self._name.upper()}_ACTIONS];",
            f"    {self._name}_act(observation, action);",
        ]

    def _meaning(self) -> str:
        if self._continuous:
            return "The mean of the actions, before it is brought within bounds."
        return "A score for every choice; the largest is the action."

    def _sizes(self) -> str:
        network, names = self._material.network, []
        if self._action.type != "Box":
            names.append(("LOGITS", str(network.outputs)))
        if self._action.type != "Discrete":
            actions = network.outputs if self._continuous else len(self._action.nvec)
            names.append(("ACTIONS", str(actions)))
        values = [
            ("OBSERVATIONS", str(network.inputs)),
            *names,
            ("GOLDEN", str(len(self._golden.observations))),
            ("TOLERANCE", f"{self._golden.tolerance!r}f"),
            ("ENVIRONMENT", string(self._material.policy.env.id)),
            ("WEIGHTS_SHA256", string(self._material.weights_sha256)),
        ]
        return "\n".join(f"#define {self._name.upper()}_{what} {value}" for what, value in values)

    def _helpers(self) -> list[str]:
        needed = self._code.helpers
        own = [snippets.OWN_TANH] if "exp" in needed else [snippets.EXP, snippets.OWN_TANH]
        found = [self._filled(snippets.LAYER)]
        if "exp" in needed:
            found.append(self._filled(snippets.EXP))
        if "tanh" in needed:
            found.append(self._filled(snippets.TANH, own=self._filled("\n\n".join(own))))
        for helper, template in (("elu", snippets.ELU), ("sigmoid", snippets.SIGMOID)):
            if helper in needed:
                found.append(self._filled(template))
        return [*found, *([] if self._continuous else [self._filled(snippets.LARGEST)])]

    def _constants(self) -> list[str]:
        found = []
        if self._action.nvec:
            found.append(int_array(f"{self._name}_choices", np.asarray(self._action.nvec, np.int64)))
        if self._material.log_std is not None:
            said = "/* Logarithm of the deviation of each action around its mean, to draw actions with. */\n"
            found.append(said + float_array(f"{self._name}_log_std", self._material.log_std))
        return found

    def _act(self) -> str:
        if not self._continuous:
            multi = bool(self._action.nvec)
            return self._filled(snippets.ACT_MULTI_DISCRETE if multi else snippets.ACT_DISCRETE)
        steps, width = self._material.ending, self._material.network.outputs
        loop = self._code.loop(steps, "action", "action", width) if steps else []
        ending = "".join(f"\n    {line}" for line in loop)
        return self._filled(snippets.ACT_CONTINUOUS, ending=ending)

    def _self_test(self) -> list[str]:
        golden, name = self._golden, self._name
        arrays = {
            "observations": golden.observations,
            self._function: golden.outputs,
            "scale": golden.scale,
        }
        if golden.actions is not None and golden.action_scale is not None:
            arrays |= {"action": golden.actions, "action_scale": golden.action_scale}
        right = {
            "Discrete": snippets.RIGHT_DISCRETE,
            "MultiDiscrete": snippets.RIGHT_MULTI_DISCRETE,
            "Box": snippets.RIGHT_CONTINUOUS,
        }[self._action.type]
        return [
            *(float_array(f"{name}_golden_{what}", values) for what, values in arrays.items()),
            self._filled(snippets.DIFFERENCE, outputs=self._size, function=self._function),
            *([] if self._continuous else [self._filled(snippets.BEST)]),
            self._filled(right),
            self._filled(snippets.SELF_TEST),
        ]


def _components(space: Space) -> list[str]:
    if not space.components:
        return [f"    {' x '.join(map(str, space.shape)) or space.n} of {space.type}"]
    return [
        f"    {place}  {component.name}" + (f" ({component.unit})" if component.unit else "")
        for place, component in enumerate(space.components)
    ]
