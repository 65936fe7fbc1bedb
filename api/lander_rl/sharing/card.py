"""The header of a card on the Hub, and the list of what was pushed.

The header is YAML; every value in it is written as JSON, which YAML contains, so no text can become markup.
"""

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from lander_runtime.errors import InputRefused
from lander_runtime.json_data.fields import Fields
from lander_runtime.text import json_text

if TYPE_CHECKING:
    from lander_rl.results.report import Report
    from lander_runtime.policy.metadata import PolicyInfo

MANIFEST = "lander.json"
SCHEMA = "lander.hub/1"

_LINK_OUTSIDE = re.compile(r"\[([^][]*)\]\(\.\./[^()]*\)")
"""A link of Markdown to a file outside of the policy's folder."""

_LICENCES = {
    name: name.lower()
    for name in ("MIT", "Apache-2.0", "BSD-3-Clause", "CC-BY-4.0", "CC-BY-SA-4.0", "CC0-1.0")
}
"""The Hub's names of some; any other is `other`, with its own name beside."""


@dataclass(frozen=True)
class Manifest:
    """What was noted when a policy was pushed."""

    sha256: str
    """Of the policy file."""
    report_sha256: str | None
    """Of the report on the claim's own seeds; None where it was not measured."""


def render(repository: str, info: "PolicyInfo", sha256: str, body: str | None) -> str:
    """The card: a header for the Hub, then `body`, the card of the policy where there is one."""
    # What lies in another folder is not pushed, so a link to it would lead nowhere.
    own = None if body is None else _LINK_OUTSIDE.sub(r"\1", body)
    return f"---\n{_header(repository, info, sha256)}---\n\n{own or _plain_body(repository, info)}"


def manifest(info: "PolicyInfo", sha256: str, report: "Report | None") -> bytes:
    """What was pushed, for `pull` to compare with; `report` is of the claim's own seeds."""
    data = {
        "schema": SCHEMA,
        "policy": {"file": "policy.onnx", "sha256": sha256, "weights_sha256": info.weights_sha256},
        "env": info.env.to_json(),
        "report_sha256": None if report is None else report.sha256,
    }
    return (json_text(data, indent=2) + "\n").encode()


def read_manifest(content: bytes, where: str) -> Manifest:
    """The manifest in a file of a repository.

    Raises:
        InputRefused: it is of another schema, or malformed.
    """
    try:
        fields = Fields.parse(content.decode(), where)
    except UnicodeDecodeError as error:
        raise InputRefused(f"{where}: not UTF-8 text.") from error
    if fields.text("schema") != SCHEMA:
        raise InputRefused(f"{where}: written in another schema than {SCHEMA}. Upgrade lander-rl.")
    report = fields.data.get("report_sha256")
    return Manifest(fields.child("policy").text("sha256"), report if isinstance(report, str) else None)


def _header(repository: str, info: "PolicyInfo", sha256: str) -> str:
    name = repository.partition("/")[2]
    tags = ["reinforcement-learning", "deep-reinforcement-learning", "lander", "onnx", info.env.id]
    values: dict[str, Any] = {
        "library_name": "lander-rl",
        "pipeline_tag": "reinforcement-learning",
        "tags": tags,
        **_licence(info.license),
    }
    if info.evaluation is not None:
        values["model-index"] = [{"name": name, "results": [_result(info, sha256)]}]
    return "".join(f"{key}: {json.dumps(value, ensure_ascii=True)}\n" for key, value in values.items())


def _result(info: "PolicyInfo", sha256: str) -> dict[str, Any]:
    """The claimed score as the Hub's leaderboards read it."""
    score = info.evaluation
    assert score is not None
    return {
        "task": {"type": "reinforcement-learning", "name": "reinforcement-learning"},
        "dataset": {"name": info.env.id, "type": info.env.id},
        "metrics": [
            {
                "type": "mean_reward",
                "name": "mean_reward",
                "value": f"{score.mean_return:.2f} +/- {score.std_return:.2f}",
                # The Hub's word for a measurement of its own.
                "verified": False,
                "args": {
                    "episodes": score.episodes,
                    "first_seed": score.first_seed,
                    "deterministic": score.deterministic,
                    "policy_sha256": sha256,
                },
            }
        ],
    }


def _licence(name: str) -> dict[str, str]:
    if name in _LICENCES:
        return {"license": _LICENCES[name]}
    return {"license": "other", "license_name": name.lower()}


def _plain_body(repository: str, info: "PolicyInfo") -> str:
    return (
        f"# {info.env.id}\n\nA policy in one ONNX file. To check it and measure its score:\n\n"
        f"    lander pull {repository} --check\n"
    )
