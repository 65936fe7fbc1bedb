"""`--import`: environments that a module of the user's registers, by the user's word only."""

import gzip
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import gymnasium
import numpy as np
import onnx
import pytest

from lander_runtime.envs import imports

SMALL = [
    "--backend", "gymnasium", "--device", "cpu", "--steps", "256", "--set", "lanes=4",
    "--set", "rollout_steps=32", "--set", "minibatches=2", "--set", "selection_episodes=2",
]  # fmt: skip

LINE = '''
"""A point on a line that should get to the middle. Its observations are not what its Box says."""
import gymnasium
import numpy as np


class Line(gymnasium.Env):
    metadata = {"render_modes": ["rgb_array"], "render_fps": 20}
    action_space = gymnasium.spaces.Discrete(2)

    def __init__(self, dtype="float32", as_list=False, render_mode=None):
        self.observation_space = gymnasium.spaces.Box(-9, 9, (2,), np.dtype(dtype).type)
        self.render_mode, self._as_list = render_mode, as_list

    def reset(self, *, seed=None, options=None):
        super().reset(seed=seed)
        self._step, self._x = 0, self.np_random.uniform(-3, 3)
        return self._observe(), {}

    def step(self, action):
        self._step += 1
        self._x += 0.3 if action else -0.3
        return self._observe(), -abs(self._x), self._step == 10, False, {}

    def render(self):
        return np.full((40, 60, 3), 10 * self._step, np.uint8)

    def _observe(self):
        seen = [self._x, self._step / 10]
        return seen if self._as_list else np.array(seen)
'''

REGISTER = """
import gymnasium

print("hello from the module")
gymnasium.register("{name}/Line-v0", "{name}.line:Line")
"""


@pytest.fixture(autouse=True)
def forgotten(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget afterwards what was imported and registered."""
    monkeypatch.setattr(sys, "path", [*sys.path])
    monkeypatch.setattr(imports, "_IMPORTED", {})
    before, ids = set(sys.modules), set(gymnasium.registry)
    yield
    for name in set(sys.modules) - before:
        if name.partition(".")[0] in ("my_env", "ale_py", "broken", "needs"):
            del sys.modules[name]
    for env_id in set(gymnasium.registry) - ids:
        del gymnasium.registry[env_id]


def package(name: str, folder: Path = Path()) -> None:
    """A package that registers `name/Line-v0` when it is imported, and not when its `line` is needed."""
    (folder / name).mkdir(parents=True)
    (folder / name / "__init__.py").write_text(REGISTER.format(name=name))
    (folder / name / "line.py").write_text(LINE)


@pytest.mark.parametrize("arguments", [[], ["as_list=true"], ["dtype=float64"]], ids=str)
def test_the_whole_way(lander, arguments: list[str]) -> None:
    """Also the case observations_float64: what trains can be exported, scored and replayed."""
    package("my_env")
    given = [word for argument in arguments for word in ("--env-arg", argument)]
    mine = ["--import", "my_env"]
    trained = lander("train", "my_env/Line-v0", *mine, *given, *SMALL, "--out", "run", "--json")
    assert trained.code == 0, trained.err
    json.loads(trained.out)
    assert "hello from the module" not in trained.out
    assert trained.next == "lander export run --import my_env"
    exported = lander("export", "run", *mine, "--episodes", 3)
    assert exported.code == 0, exported.err
    assert exported.next == "lander eval run/policy.onnx --import my_env --episodes 10"
    scored = lander("eval", "run", *mine, "--save-replay", "e.jsonl.gz", "--episodes", 4, "--workers", 2)
    assert scored.code == 0, scored.err
    assert scored.next == "lander replay e.jsonl.gz --import my_env"
    assert "4" in lander("replay", "e.jsonl.gz", *mine).out
    compared = lander("compare", "run", "run/policy.onnx", *mine, "--episodes", 3)
    assert compared.code == 0, compared.err
    assert lander("train", "--resume", "run", *mine, "--steps", 512).code == 0


def test_without_the_word_nothing_is_imported(lander, start) -> None:
    package("my_env")
    assert lander("train", "my_env/Line-v0", "--import", "my_env", *SMALL, "--out", "run").code == 0
    assert lander("export", "run", "--import", "my_env", "--episodes", 0, "--no-gif").code == 0
    for words in (["train", "--resume", "run"], ["export", "run"], ["eval", "run"]):
        ended = start(*words).end()
        assert ended.code == 3
        assert "does not know 'my_env/Line-v0'" in ended.message
        assert "add: --import" in ended.message
        assert "hello" not in ended.err + ended.out


def test_an_id_with_its_module(lander) -> None:
    package("my_env")
    words = ["train", "my_env:my_env/Line-v0", *SMALL, "--out", "run"]
    refused = lander(*words)
    assert refused.code == 2
    assert "Add: --import my_env" in refused.message
    assert lander(*words, "--import", "other_env").code == 4
    assert lander(*words, "--import", "my_env").code == 0
    assert 'env = "my_env/Line-v0"' in Path("run/config.toml").read_text()


def test_a_file_never_names_a_module(lander) -> None:
    """Even one that the user has named."""
    package("my_env")
    mine = ["--import", "my_env"]
    assert lander("train", "my_env/Line-v0", *mine, *SMALL, "--out", "run").code == 0
    assert lander("export", "run", *mine, "--episodes", 0, "--no-gif").code == 0
    words = ["--episodes", 2, "--save-replay", "e.jsonl.gz", "--gif-episodes", "none"]
    assert lander("eval", "run", *mine, *words).code == 0
    model = onnx.load("run/policy.onnx")
    found = json.loads(model.metadata_props[0].value)
    found["env"]["id"] = "my_env:my_env/Line-v0"
    model.metadata_props[0].value = json.dumps(found)
    onnx.save(model, "p.onnx")
    lines = gzip.decompress(Path("e.jsonl.gz").read_bytes()).replace(b'"my_env/', b'"my_env:my_env/')
    Path("f.jsonl.gz").write_bytes(gzip.compress(lines))
    for words in (["eval", "p.onnx"], ["replay", "f.jsonl.gz"]):
        ended = lander(*words, *mine)
        assert ended.code == 3
        assert "ids that name a module" in ended.message


def test_atari(lander) -> None:
    """A package that registers ids with a namespace when it is imported, as `ale_py` and `shimmy` do."""
    package("ale_py")
    Path("ale_py/__init__.py").write_text(
        'import gymnasium\ngymnasium.register("ALE/Breakout-v5", "ale_py.line:Line")\n'
    )
    missing = lander("train", "ALE/Breakout-v5")
    assert missing.code == 2
    assert "add: --import ale_py" in missing.message
    assert lander("train", "ALE/Breakout-v5", "--import", "ale_py", *SMALL, "--out", "run").code == 0


@pytest.mark.parametrize(
    ("name", "code", "exit_code", "said"),
    [
        ("my_env", None, 4, "there is no such module"),
        ("my_env.nothing", "", 4, "there is no such module"),
        ("needs", "import no_such_thing_here", 4, "needs the module no_such_thing_here"),
        ("broken", "raise ValueError('out of\\x1b[2J order')", 2, r"ValueError (out of\x1b[2J order)"),
        ("broken", "import sys; sys.exit(3)", 2, "raised SystemExit (3)"),
        ("broken", "def (", 2, "raised SyntaxError"),
        ("my_env.py", "", 2, "Type: --import my_env"),
        ("../my_env", "", 2, "takes the name of a module"),
        ("", None, 2, "takes the name of a module"),
    ],
)
def test_an_import_that_fails(lander, name: str, code: str | None, exit_code: int, said: str) -> None:
    if code is not None:
        Path(f"{name.removesuffix('.py').partition('.')[0] or 'my_env'}.py").write_text(code)
    for command in (["train", "CartPole-v1"], ["eval"], ["export"], ["compare", "a", "b"], ["replay", "a"]):
        ended = lander(*command, "--import", name)
        assert (ended.code, said in ended.message) == (exit_code, True), ended.err


def test_workers_import_it_too(lander, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A worker needs the module itself where the environment's own module does not register it."""
    package("my_env")
    note = "import os, pathlib\npathlib.Path(os.environ['NOTES'], str(os.getpid())).touch()\n"
    (tmp_path / "notes").mkdir()
    Path("noting.py").write_text(note)
    monkeypatch.setenv("NOTES", str(tmp_path / "notes"))
    mine = ["--import", "my_env", "--import", "noting"]
    assert lander("train", "my_env/Line-v0", *mine, *SMALL, "--set", "workers=3", "--out", "run").code == 0
    assert len([*(tmp_path / "notes").iterdir()]) == 3
    assert lander("export", "run", *mine, "--episodes", 0, "--no-gif").code == 0
    scored = lander("eval", "run", *mine, "--episodes", 64, "--workers", 2, "--gif-episodes", "none")
    assert scored.code == 0, scored.err
    assert len([*(tmp_path / "notes").iterdir()]) == 5
    sys.modules.pop("noting")
    assert np.isfinite(float(json.loads(Path("run/metrics.jsonl").read_text().splitlines()[-1])["done"]))
