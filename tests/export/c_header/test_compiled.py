"""Headers compiled by the C and C++ compilers that are here: the same actions as ONNX Runtime."""

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from c_programs import build, compiler, header_of, header_of_file
from lander_runtime.policy.agreement import among_best
from lander_runtime.policy.policy import Policy

ROOT = Path(__file__).parents[3]
LANDER = ROOT / "models" / "lunarlander-v3" / "policy.onnx"
TINY = ROOT / "tests" / "data" / "tiny-continuous.onnx"

LANGUAGES = [("gcc", "-std=c99"), ("clang", "-std=c99"), ("g++", "-std=c++17"), ("clang++", "-std=c++17")]


@pytest.fixture(scope="module")
def flown() -> NDArray[np.float32]:
    """10,000 observations of episodes; a tenth of the actions is random, for more variety."""
    policy, env = Policy.load(LANDER, "cpu"), gymnasium.make("LunarLander-v3")
    generator = np.random.default_rng(3)
    seen: list[NDArray[Any]] = []
    obs, _ = env.reset(seed=3)
    while len(seen) < 10_000:
        seen.append(obs)
        action = generator.integers(4) if generator.random() < 0.1 else policy.act(obs)
        obs, _, terminated, truncated, _ = env.step(int(action))
        if terminated or truncated:
            obs, _ = env.reset()
    env.close()
    return np.stack(seen)


OWN_TANH = "-DPOLICY_OWN_TANH"


@pytest.mark.parametrize(
    "how", [*LANGUAGES, ("gcc", "-std=c99", OWN_TANH), ("clang++", "-std=c++17", OWN_TANH)]
)
def test_the_lander_acts_as_in_onnx_runtime(
    how: tuple[str, ...], flown: NDArray[np.float32], tmp_path: Path
) -> None:
    header, policy = header_of_file(LANDER), Policy.load(LANDER, "cpu")
    program = build(header, tmp_path, *how)
    found, expected = program.run(flown), policy.outputs(flown)
    tolerance = header.golden.tolerance
    assert found.failed == 0
    assert max(found.differences) <= tolerance
    exact = header.material.network.run(flown)
    scale = np.maximum(1.0, exact.scale)
    assert np.max(np.abs(found.outputs - expected["logits"]) / scale) <= 2e-6
    # The same action, but where two logits are closer than rounding: there either is right.
    right = among_best(found.actions[:, 0].astype(int), exact.values, tolerance * scale)
    assert right.all()
    assert np.mean(found.actions[:, 0] == expected["action"]) >= 0.9999


@pytest.mark.parametrize("how", LANGUAGES)
def test_continuous_actions_stay_within_bounds(how: tuple[str, ...], tmp_path: Path) -> None:
    header, policy = header_of_file(TINY), Policy.load(TINY, "cpu")
    obs = np.random.default_rng(1).normal(0.0, 3.0, (500, 8)).astype(np.float32)
    found, expected = build(header, tmp_path, *how).run(obs), policy.outputs(obs)
    assert found.failed == 0
    scale = np.maximum(1.0, header.material.network.run(obs).scale)
    assert np.max(np.abs(found.outputs - expected["mean"]) / scale) <= 2e-6
    assert np.max(np.abs(found.actions - expected["action"]) / scale) <= 2e-6
    assert np.abs(found.actions).max() == 1.0
    assert np.abs(found.outputs).max() > 1.0
    log_std = policy.info.golden.outputs["log_std"][0]
    assert header.material.log_std is not None
    assert header.material.log_std.tolist() == log_std


def test_the_same_file_gives_the_same_bytes_and_numbers_come_back_bit_for_bit() -> None:
    one, two = header_of_file(LANDER), header_of_file(LANDER)
    assert one.text == two.text
    assert one.text.isascii()
    first = one.text[one.text.index("policy_weight_1[512] = {") :]
    numbers = first[first.index("{") + 1 : first.index("}")].replace("f", "").split(",")
    weight = one.material.network.steps[0]
    read = np.array([np.float32(text) for text in numbers], np.float32)
    assert read.tobytes() == weight.weight.tobytes()  # type: ignore[attr-defined]


def test_two_policies_in_one_program(tmp_path: Path) -> None:
    """Every name begins with the one that was chosen, macros and guard too."""
    gcc = compiler("gcc")
    header = header_of(Policy.load(TINY, "cpu"), TINY.read_bytes(), "glider")
    (tmp_path / "glider.h").write_text(header.text)
    (tmp_path / "policy.h").write_text(header_of_file(LANDER).text)
    (tmp_path / "both.c").write_text(
        '#include "glider.h"\n#include "policy.h"\n'
        "int main(void) { return policy_self_test() + glider_self_test(); }\n"
    )
    strict = ["-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic"]
    subprocess.run([gcc, *strict, tmp_path / "both.c", "-o", tmp_path / "both", "-lm"], check=True)
    assert subprocess.run([tmp_path / "both"]).returncode == 0


def test_a_wrong_weight_fails_the_self_test(tmp_path: Path) -> None:
    """Otherwise the self-test above would prove nothing."""
    header = header_of_file(TINY)
    start = header.text.index("policy_bias_2[2] = {") + len("policy_bias_2[2] = {")
    end = header.text.index("}", start)
    text = f"{header.text[:start]}\n    0.5f, 0.5f\n{header.text[end:]}"
    found = build(replace(header, text=text), tmp_path).run(np.zeros((1, 8)))
    assert found.failed == header.golden.observations.shape[0]
    assert min(found.differences) > header.golden.tolerance
