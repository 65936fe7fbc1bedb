"""The metadata of a policy file, schema 1.0, as typed data with JSON conversion.

It is stored in the ONNX file under the key `lander.policy`; docs/policy-file.md describes it.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lander_runtime.errors import InputRefused
from lander_runtime.graphs.reading import read_model
from lander_runtime.json_data.fields import Fields
from lander_runtime.policy.agreement import LARGEST_TOLERANCE
from lander_runtime.policy.content import read_policy_file
from lander_runtime.scores.summary import Summary
from lander_runtime.spec import EnvSpec, Space
from lander_runtime.text import json_text, shortened

SCHEMA = "1.0"

MULTI_DISCRETE_SCHEMA = "1.1"
"""Of files with MultiDiscrete actions; all others stay at 1.0."""


@dataclass(frozen=True)
class Training:
    """The training that made the weights."""

    algorithm: str
    steps: int | None
    """Environment steps up to these weights; None if unknown."""
    seed: int | None
    """None if unknown."""
    config: Mapping[str, Any]
    versions: Mapping[str, str]
    platform: str


@dataclass(frozen=True)
class Verification:
    """The result of comparing the file with the network, or the file in float32, that it was made from."""

    observations: int
    """How many were compared."""
    max_difference: float
    """Largest distance of PyTorch and of ONNX Runtime from double precision over all outputs, each divided
    by the output's scale. In files of older versions: of one from the other. In files of smaller numbers: of
    this file from the one in float32."""
    action_agreement: float
    """Share of observations with the same greedy action."""
    ties: int
    """Observations whose two best logits are closer than the tolerance: either action is right."""

    @classmethod
    def from_json(cls, fields: Fields) -> "Verification":
        """The inverse of `asdict`.

        Raises:
            InputRefused: an entry is missing or malformed, or cannot be.
        """
        found = cls(
            observations=fields.count("observations"),
            max_difference=fields.number("max_difference"),
            action_agreement=fields.number("action_agreement"),
            ties=fields.count("ties"),
        )
        if found.max_difference < 0.0:
            raise fields.wrong("max_difference", "0 or more", found.max_difference)
        if not 0.0 <= found.action_agreement <= 1.0:
            raise fields.wrong("action_agreement", "a share from 0 to 1", found.action_agreement)
        if found.ties > found.observations:
            raise fields.wrong("ties", f"at most the {found.observations} observations", found.ties)
        return found


@dataclass(frozen=True)
class Golden:
    """Golden vectors: observations with their outputs, so that any application can test itself."""

    observations: list[Any]
    """`[G, *obs_shape]` as nested lists."""
    outputs: Mapping[str, list[Any]]
    """For each output of the graph `[G, ...]` as nested lists."""
    scale: Mapping[str, list[Any]] | None = None
    """For each output, in its shape: what the rounding of each number is in proportion to. None in files of
    older versions."""
    tolerance: float | None = None
    """Largest difference between two runs of the network that counts as the same, divided by the scale. None
    in files of older versions."""

    def to_json(self) -> dict[str, Any]:
        """Without what is None."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def from_json(cls, fields: Fields) -> "Golden":
        """The inverse of `to_json`.

        Raises:
            InputRefused: an entry is missing or malformed.
        """
        tolerance = fields.optional_number("tolerance")
        if tolerance is not None and not 0.0 < tolerance <= LARGEST_TOLERANCE:
            raise fields.wrong("tolerance", f"a number above 0, at most {LARGEST_TOLERANCE:g}", tolerance)
        outputs = fields.mapping("outputs")
        scale = None if fields.data.get("scale") is None else fields.mapping("scale")
        if scale is not None:
            # What later versions may add is ignored, and not repeated either.
            scale = {name: values for name, values in scale.items() if name in outputs}
        return cls(fields.items("observations"), outputs, scale, tolerance)


@dataclass(frozen=True)
class Precision:
    """The smaller numbers of a file that was made from another policy file."""

    format: str
    """`float16` or `int8`."""
    made_from: str
    """`weights_sha256` of that other file."""

    @classmethod
    def from_json(cls, fields: Fields) -> "Precision":
        """The inverse of `asdict`.

        Raises:
            InputRefused: an entry is missing or malformed.
        """
        return cls(fields.text("format"), _digest(fields, "made_from"))


@dataclass(frozen=True)
class PolicyInfo:
    """The metadata of a policy file: its claims about itself."""

    env: EnvSpec
    observation: Space
    action: Space
    training: Training
    verification: Verification
    evaluation: Summary | None
    golden: Golden
    weights_sha256: str
    license: str
    created: str
    """ISO 8601, UTC: when the weights were saved."""
    schema: str = SCHEMA
    precision: Precision | None = None
    """None for a file in float32 throughout."""

    def to_json(self) -> str:
        """One JSON object with its keys in a fixed order and floats in full precision."""
        data = {
            "schema": self.schema,
            "env": self.env.to_json(),
            "observation": self.observation.to_json(),
            "action": self.action.to_json(),
            "training": asdict(self.training),
            "verification": asdict(self.verification),
            "evaluation": None if self.evaluation is None else self.evaluation.to_json(),
            "golden": self.golden.to_json(),
            "weights_sha256": self.weights_sha256,
            "license": self.license,
            "created": self.created,
        }
        if self.precision is not None:
            data["precision"] = asdict(self.precision)
        return json_text(data)

    @classmethod
    def read(cls, path: Path, *, large: bool = False) -> "PolicyInfo":
        """What the file at `path` says about itself, without opening it: nothing of it is checked.

        Raises:
            InputRefused: the file is missing, is no ONNX file, or has no or bad metadata.
        """
        read = read_model(read_policy_file(path, large=large), path.name)
        if read.metadata is None:
            raise InputRefused(f"{path}: not a policy file that says what it is.")
        return cls.from_json(read.metadata, path.name)

    @classmethod
    def from_json(cls, text: str, where: str) -> "PolicyInfo":
        """Read the metadata of the file called `where`.

        Raises:
            InputRefused: not JSON, an unknown major version, or an entry that is missing or malformed.
        """
        fields = Fields.parse(text, where)
        schema = fields.text("schema")
        if schema.split(".")[0] != SCHEMA.split(".")[0]:
            raise InputRefused(
                f"{where}: written in schema {shortened(schema, 40)}, this version of lander reads 1.x. "
                "Upgrade with: pip install --upgrade lander-rl"
            )
        training = fields.child("training")
        evaluation = fields.child("evaluation") if fields.data.get("evaluation") is not None else None
        precision = fields.child("precision") if fields.data.get("precision") is not None else None
        return cls(
            schema=schema,
            env=EnvSpec.from_json(fields.child("env")),
            observation=Space.from_json(fields.child("observation")),
            action=Space.from_json(fields.child("action")),
            training=Training(
                algorithm=training.text("algorithm"),
                steps=training.optional_count("steps"),
                seed=training.optional_count("seed"),
                config=training.plain("config"),
                versions=training.texts("versions"),
                platform=training.text("platform"),
            ),
            verification=Verification.from_json(fields.child("verification")),
            evaluation=None if evaluation is None else Summary.from_json(evaluation),
            golden=Golden.from_json(fields.child("golden")),
            weights_sha256=_digest(fields, "weights_sha256"),
            license=fields.text("license"),
            created=fields.text("created"),
            precision=None if precision is None else Precision.from_json(precision),
        )


def _digest(fields: Fields, key: str) -> str:
    value = fields.text(key)
    if not re.fullmatch("[0-9a-f]{64}", value):
        raise fields.wrong(key, "64 hexadecimal digits", value)
    return value
