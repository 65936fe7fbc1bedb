"""What to say where a file is newer than the installed ONNX Runtime.

Apart from `session.py` because it only reads sentences. The highest version is what ONNX Runtime says of
itself. From 1.15 to 1.31 it says:

    Unsupported model IR version: 99, max supported IR version: 9
    ... Opset 99 is under development ... Current official support for domain ai.onnx is till opset 19.
    Could not find an implementation for Swish(24) node with name ...
"""

import re

from lander_runtime.graphs.model import Model

_AGAIN = "Update onnxruntime, or export it again with: opset_version=18"
_OLDER_IR = (
    'Update onnxruntime, or write the file again with: python -c "import onnx; m = '
    "onnx.load('FILE.onnx'); m.ir_version = 8; onnx.save(m, 'PLAIN.onnx')\""
)


def too_new(said: str, model: Model, here: str) -> str | None:
    """A sentence with what was found, the highest that is supported, and the remedy.

    Args:
        said: ONNX Runtime's message.
        model: what it was to load.
        here: what to call the installed ONNX Runtime.

    Returns:
        None where the message says something else.
    """
    for what, found, verb, remedy in (
        ("IR version", model.ir_version, "reads", _OLDER_IR),
        ("opset", model.opset, "runs", _AGAIN),
    ):
        # Numbers close behind the word, however the sentence goes.
        numbers = {
            int(number) for number in re.findall(rf"{what}\b[^-\d]{{0,20}}(-?\d+)", said, re.IGNORECASE)
        }
        if found in numbers and len(numbers) > 1:
            highest = max(numbers - {found})
            return (
                f"expected an {what} up to {highest}, the highest that {here} {verb}, found {found}. {remedy}"
            )
    missing = re.search(r"Could not find an implementation for (\w{1,40})\((\d+)\)", said)
    if missing:
        return (
            f"{here} has no {missing[1]} of opset {missing[2]} for the types in this file, whose opset is "
            f"{model.opset}. {_AGAIN}"
        )
    return None
