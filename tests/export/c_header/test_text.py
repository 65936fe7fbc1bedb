"""Numbers, and a stranger's words, as C text: nothing in a policy file can add code to a header."""

import json
import re
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from c_programs import STRICT, compiler, header_of, header_of_foreign
from lander_export.c_header import is_name
from lander_export.c_header.text import in_comment, number, string
from lander_runtime.graphs.model import METADATA_KEY
from lander_runtime.policy.policy import Policy

TINY = Path(__file__).parents[2] / "data" / "tiny-discrete.onnx"

ATTACKS = [
    "*/ int attack = 1; /*",
    "*??/ / int attack = 1; /*",
    "ends in a backslash \\",
    "a trigraph at the end ??/",
    'a quote " and #define main attack',
    "// /* /// */",
    "🚀 é 着陆",
    "%s%n $name ${NAME}",
]

REFUSED = [
    "*\\\n/ int attack = 1; /*",
    "??/\n*/ int attack = 1; /*",
    'a quote " and a line\n#define main attack',
    "\u202e reversed, \u2028 a line, \x00 a zero, \x1b[2J",
]
"""Words with control characters, which no file may have."""


@given(st.floats(width=32, allow_nan=False, allow_infinity=False))
def test_every_float32_comes_back_bit_for_bit(value: float) -> None:
    text = number(value)
    assert re.fullmatch(r"-?\d+(\.\d+)?(e[+-]\d+)?f", text)
    # Without a dot or an exponent, C would not take the f.
    assert "." in text or "e" in text
    assert np.float32(text[:-1]).tobytes() == np.float32(value).tobytes()


@given(st.text())
def test_no_text_ends_a_comment_or_a_line(text: str) -> None:
    found = in_comment(text)
    assert found.isascii()
    assert found.isprintable()
    assert not set(found) & set('*\\?"')
    assert len(found) <= 120


@given(st.text())
def test_a_string_is_read_back_as_its_bytes(text: str) -> None:
    literal = string(text)
    assert re.fullmatch(r'"([ -!#->@-\[\]-~]|\\[0-3][0-7]{2})*"', literal)
    read = re.sub(r"\\([0-7]{3})", lambda octal: chr(int(octal[1], 8)), literal[1:-1])
    assert read.encode("latin-1") == text.encode("utf-8", "replace")


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("policy", True), ("lander_2", True), ("a", True), ("Policy", False), ("2a", False), ("_a", False),
        ("a__b", False), ("a_", False), ("a-b", False), ("", False), ("a b", False), ("\u00e9", False),
        ("a" * 32, False), ("a\n", False),
    ],
)  # fmt: skip
def test_names_in_c_and_cpp(text: str, fits: bool) -> None:
    assert is_name(text) is fits


def hostile(words: str) -> bytes:
    """The tiny policy with `words` wherever a file may have words of its author."""
    model = onnx.load(TINY)
    [entry] = [item for item in model.metadata_props if item.key == METADATA_KEY]
    data: dict[str, Any] = json.loads(entry.value)
    data["license"] = words
    data["env"]["id"] = "Évil着陆-v3"
    for space in ("observation", "action"):
        data[space]["components"] = [{"name": words, "unit": words} for _ in data[space]["components"]]
    entry.value = json.dumps(data)
    for place, node in enumerate(model.graph.node):
        node.name = f"{words}{place}"
    return model.SerializeToString()


@pytest.mark.parametrize("words", ATTACKS)
@pytest.mark.parametrize(("name", "standard"), [("gcc", "-std=c99"), ("g++", "-std=c++14")])
def test_words_of_a_file_add_no_code(words: str, name: str, standard: str, tmp_path: Path) -> None:
    """C99 and C++14 read trigraphs. What is left of the header without its words is that of the tame file."""
    content = hostile(words)
    header = header_of(Policy.from_bytes(content, Path("hostile.onnx"), "cpu"), content)
    comment, _, code = header.text.partition("*/")
    tame = header_of(Policy.load(TINY, "cpu"), TINY.read_bytes()).text.partition("*/")[2]
    assert comment.count("/*") == 1
    lines = [line for line in code.splitlines() if "ENVIRONMENT" not in line]
    assert lines == [line for line in tame.splitlines() if "ENVIRONMENT" not in line]
    (tmp_path / "policy.h").write_text(header.text, encoding="ascii")
    source = tmp_path / "main.c"
    source.write_text('#include "policy.h"\nint main(void) { return policy_self_test(); }\n')
    language = "c++" if "++" in standard else "c"
    child = subprocess.run(
        [compiler(name), standard, *STRICT, "-x", language, source, "-o", tmp_path / "run", "-lm"],
        capture_output=True, text=True,
    )  # fmt: skip
    assert child.returncode == 0, child.stderr
    assert subprocess.run([tmp_path / "run"]).returncode == 0


@pytest.mark.parametrize("words", REFUSED)
def test_control_characters_are_written_out_before(words: str) -> None:
    policy = Policy.from_bytes(hostile(words), Path("hostile.onnx"), "cpu")
    assert policy.info.license.isprintable()
    assert "\n" not in policy.observation.components[0].name


@pytest.mark.parametrize("words", [*ATTACKS, *REFUSED])
def test_not_even_those_would_leave_a_comment(words: str) -> None:
    assert not set(in_comment(words)) & set('*\\?"\n\x00\x1b\u2028')
    assert string(words).isprintable()
    assert string(words).isascii()


def test_the_own_tanh_is_within_two_units_in_the_last_place(tmp_path: Path) -> None:
    """Of every 193rd float32 from 0 to 10, and its negative; with a stride of 1 the worst was 1.33 units."""
    content = TINY.read_bytes().replace(b"\x04Relu", b"\x04Tanh")
    text = header_of_tanh(content)
    (tmp_path / "policy.h").write_text(text, encoding="ascii")
    source = tmp_path / "tanh.c"
    source.write_text(
        """
        #define POLICY_OWN_TANH
        #include "policy.h"
        #include <math.h>
        #include <stdint.h>
        #include <stdio.h>
        #include <string.h>
        int main(void)
        {
            double worst = 0.0;
            for (uint32_t bits = 0; bits < 0x41200000u; bits += 193) {
                float x;
                memcpy(&x, &bits, sizeof x);
                const double exact = tanh((double)x);
                const float nearest = (float)exact;
                const double unit = (double)nextafterf(nearest, 2.0f) - (double)nearest;
                const double off = fabs((double)policy_tanh(x) - exact) / unit;
                worst = off > worst ? off : worst;
                if (policy_tanh(-x) != -policy_tanh(x)) return 1;
            }
            printf("%.9g", worst);
            return policy_tanh(INFINITY) != 1.0f || policy_tanh(-100.0f) != -1.0f
                   || policy_tanh(NAN) == policy_tanh(NAN);
        }
        """
    )
    gcc = compiler("gcc")
    subprocess.run([gcc, "-std=c99", "-O2", source, "-o", tmp_path / "run", "-lm"], check=True)
    child = subprocess.run([tmp_path / "run"], capture_output=True, text=True)
    assert child.returncode == 0
    assert 0.5 < float(child.stdout) < 2.0


def header_of_tanh(content: bytes) -> str:
    model = onnx.load_from_string(content)
    del model.metadata_props[:]
    return header_of_foreign(model.SerializeToString(), "LunarLander-v3").text
