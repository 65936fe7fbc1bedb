"""Run, score and record a policy file with ONNX Runtime. Needs numpy and onnxruntime, never PyTorch.

    from lander_runtime import Policy
    policy = Policy.load("policy.onnx")
    action = policy.act(observation)

policy/      a policy file, from bytes to actions
graphs/      ONNX files as plain data: read strictly, written anew
inert/       zips, arrays and pickles of strangers, read as data
foreign/     other people's ONNX files, matched to an environment
envs/        building an environment from its recipe
workers/     objects in processes of their own
episodes/    running episodes, in one lane or many
evaluation/  N episodes on one process, many, or a cluster
scores/      statistics of the returns: summaries, intervals, comparisons, reports
pictures/    GIF, video, window
replays/     episodes stored as seeds and actions; anyone can verify them without the policy
page/        a report as one HTML page
json_data/   plain data as JSON has it: typed reads from untrusted files, a digest
checks/      a file's claims and this machine, checked
serving/     policies over HTTP

spec.py         an environment and its spaces as plain data
actions_seen.py what the continuous actions of an evaluation were
differing.py    in which settings trainings differ
errors.py       the errors that lander raises on purpose
files.py        atomic writes, SHA-256
locks.py        one process writes a folder at a time
text.py         a stranger's text for a terminal, Markdown, HTML, JSON; rows and tables
seeds.py        which seeds are for training, selection, verification and scoring
kernels.py      which kernels compute NumPy's products, and one choice for all machines
versions.py     the packages whose version can change results
shipped.py      the newest run, and the policies that ship
lazy.py         names of a package that are imported on first use

Names are imported on first use. So an error class or the command's help does not load ONNX Runtime, and
gymnasium is loaded only where an environment is built.
"""

from typing import TYPE_CHECKING

from lander_runtime.errors import (
    CheckFailed,
    EnvironmentFailed,
    InputRefused,
    LanderError,
    MachineLacks,
    UsageError,
)
from lander_runtime.lazy import lazy_names

if TYPE_CHECKING:
    from lander_runtime.evaluation.evaluate import evaluate
    from lander_runtime.policy.metadata import PolicyInfo
    from lander_runtime.policy.policy import Policy
    from lander_runtime.spec import EnvSpec

__all__ = [
    "CheckFailed",
    "EnvSpec",
    "EnvironmentFailed",
    "InputRefused",
    "LanderError",
    "MachineLacks",
    "Policy",
    "PolicyInfo",
    "UsageError",
    "evaluate",
]

__getattr__ = lazy_names(
    __name__,
    {
        "lander_runtime.evaluation.evaluate": ("evaluate",),
        "lander_runtime.policy.metadata": ("PolicyInfo",),
        "lander_runtime.policy.policy": ("Policy",),
        "lander_runtime.spec": ("EnvSpec",),
    },
)
