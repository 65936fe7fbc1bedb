"""Doom: its recipe, its pictures, how its episodes end, and that no engine or file is left behind."""

import contextlib
import importlib.util
import os
import select
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import pytest
from PIL import Image

from lander_runtime import EnvSpec, InputRefused, MachineLacks, UsageError, envs, evaluate
from lander_runtime.envs.known import knowledge_of
from lander_runtime.episodes.actors import actor_of
from lander_runtime.episodes.fleet import run_episodes
from lander_runtime.json_data.fields import Fields
from lander_runtime.pictures.record import record_episode
from lander_runtime.spec import WrapperSpec

if importlib.util.find_spec("vizdoom") is None:
    pytest.skip("vizdoom is not installed (the extra `doom`)", allow_module_level=True)

import vizdoom

BASIC, CENTER, GATHERING = "VizdoomBasic-v1", "VizdoomDefendCenter-v1", "VizdoomHealthGatheringSupreme-v1"
SCENARIOS = [BASIC, CENTER, GATHERING]
DOUBLES = Path(__file__).parents[1] / "doubles"
SCREEN = (WrapperSpec("DictItemObservation", {"key": "screen"}),)
WAIT, SHOOT = 0, 1
BUTTON_WORDS = {
    "ATTACK": "shoot",
    "MOVE_FORWARD": "forward",
    "MOVE_LEFT": "move left",
    "MOVE_RIGHT": "move right",
    "TURN_LEFT": "turn left",
    "TURN_RIGHT": "turn right",
}

linux_only = pytest.mark.skipif(sys.platform != "linux", reason="engines are tied to their process on Linux")


@pytest.fixture(autouse=True)
def temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary files go, of this process and of those that it starts; by a link, as many a TMPDIR."""
    folder, link = tmp_path / "temporary", tmp_path / "link"
    folder.mkdir()
    link.symlink_to(folder)
    monkeypatch.setenv("TMPDIR", str(link))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@contextlib.contextmanager
def opened(spec: EnvSpec) -> Iterator[gymnasium.Env[Any, Any]]:
    env = envs.make(spec)
    try:
        yield env
    finally:
        env.close()


def waiting(observations: Any) -> Any:
    return np.full(len(observations), WAIT)


def run(env: gymnasium.Env[Any, Any], seed: int, actions: list[int]) -> tuple[list[bytes], list[float]]:
    """The pictures and rewards of an episode, as far as `actions` lead."""
    obs, _ = env.reset(seed=seed)
    pictures, rewards = [obs.tobytes()], []
    for action in actions:
        obs, reward, terminated, truncated, _ = env.step(action)
        pictures.append(obs.tobytes())
        rewards.append(float(reward))
        if terminated or truncated:
            break
    return pictures, rewards


def children(parent: int) -> list[int]:
    """The processes that `parent` has started and that still run."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            # "PID (name, which may hold anything) state parent ..."
            if int((process / "stat").read_text().rpartition(")")[2].split()[1]) == parent:
                found.append(int(process.name))
    return found


def engines(parent: int) -> list[int]:
    return [pid for pid in children(parent) if b"+viz_instance_id" in command(pid)]


def command(pid: int) -> list[bytes]:
    return Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")


def shared_memory(engine: int) -> list[Path]:
    """The files of shared memory of an engine that runs."""
    words = command(engine)
    return list(Path("/dev/shm").glob(f"*{words[words.index(b'+viz_instance_id') + 1].decode()}"))


# The recipe


@pytest.mark.parametrize("env_id", SCENARIOS)
def test_an_id_alone_gives_the_recipe_for_training(env_id: str) -> None:
    spec = envs.resolve(env_id)
    assert EnvSpec.from_json(Fields(spec.to_json(), "spec")) == spec
    with opened(spec) as env:
        observation, action = envs.describe_spaces(env)
        assert (observation.shape, observation.dtype) == ((4, 60, 80), "uint8")
        assert (observation.low, observation.high) == (0.0, 255.0)
        assert action.n == 4
        obs, _ = env.reset(seed=1)
        assert env.observation_space.contains(obs)
        assert obs.std() > 5
        assert env.unwrapped.frame_skip == 4  # type: ignore[attr-defined]


def test_what_is_named_takes_the_place_of_the_recipe() -> None:
    spec = envs.resolve(BASIC, {"frame_skip": 2, "screen_format": "GRAY8"}, SCREEN)
    assert spec.kwargs == {"frame_skip": 2, "screen_resolution": "RES_160X120", "screen_format": "GRAY8"}
    with opened(spec) as env:
        assert env.observation_space.shape == (120, 160, 1)


def test_nothing_is_added_to_a_recipe_that_is_there() -> None:
    """A policy file names all that it was trained with; Doom's own frame skip is 1, its picture 320 x 240."""
    with opened(EnvSpec(BASIC, wrappers=SCREEN)) as env:
        assert env.observation_space.shape == (240, 320, 3)
        env.reset(seed=0)
        ended = [any(env.step(WAIT)[2:4]) for _ in range(300)]
    assert ended == [False] * 299 + [True]


@pytest.mark.parametrize("env_id", SCENARIOS)
def test_actions_are_named_by_the_buttons_that_they_press(env_id: str) -> None:
    with opened(EnvSpec(env_id, wrappers=SCREEN)) as env:
        doom: Any = env.unwrapped
        buttons = [BUTTON_WORDS[button.name] for button in doom.game.get_available_buttons()]
        pressed = [[buttons[i] for i in np.flatnonzero(row)] or ["wait"] for row in doom.button_map]
        named = envs.describe_spaces(env)[1].components
    assert [[action.name] for action in named] == pressed


def test_two_buttons_at_once_have_no_names() -> None:
    with opened(envs.resolve(BASIC, {"max_buttons_pressed": 2})) as env:
        action = envs.describe_spaces(env)[1]
    assert (action.n, action.components) == (7, ())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("vizdoom_path", "/bin/true"),
        ("doom_game_path", "/etc/passwd"),
        ("doom_scenario_path", "/etc/passwd"),
        ("doom_config_path", "/tmp/written"),
        ("scenario_config_file", "../../elsewhere.cfg"),
        ("config_file", "elsewhere.cfg"),
        ("game_args", "-record /tmp/written"),
        ("window_visible", True),
        ("mode", "SPECTATOR"),
        ("treat_episode_timeout_as_truncation", False),
        ("nonsense", 1),
        ("living_reward", "3\nvizdoom_path = /bin/true"),
        ("living_reward", float("nan")),
        ("screen_format", "RGB24\nvizdoom_path = /bin/true"),
        ("screen_format", "RGB24\n"),
        ("screen_resolution", "RES_1X1"),
        ("doom_map", "map01;quit"),
        ("doom_map", "map01\n"),
        ("doom_skill", 6),
        ("frame_skip", 0),
        ("frame_skip", -1),
        ("frame_skip", True),
        ("frame_skip", 2.5),
        ("render_hud", 1),
    ],
)
def test_a_recipe_cannot_name_programs_files_or_nonsense(name: str, value: Any) -> None:
    """vizdoom would run the one, write the other, and take a line break for the end of a setting."""
    with pytest.raises(InputRefused, match=name):
        envs.make(EnvSpec(BASIC, {name: value}, SCREEN))
    with pytest.raises(UsageError, match=name):
        envs.resolve(BASIC, {name: value})


def test_a_missing_package_is_named_with_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "vizdoom.gymnasium_wrapper", None)
    with pytest.raises(MachineLacks, match=r"VizdoomBasic-v1 needs .*'lander-rl\[doom\]'"):
        envs.resolve(BASIC)


def test_a_near_miss_is_suggested() -> None:
    with pytest.raises(UsageError, match="VizdoomBasic-v1"):
        envs.resolve("VizdoomBasics-v1")


# Episodes


def test_a_timeout_is_truncated_and_shows_the_last_live_picture() -> None:
    """vizdoom calls it terminated too, and gives zeros."""
    spec = EnvSpec(BASIC, {"frame_skip": 4, "screen_resolution": "RES_160X120"}, SCREEN)
    with opened(spec) as env:
        obs, _ = env.reset(seed=0)
        terminated = truncated = False
        steps = 0
        while not (terminated or truncated):
            last = np.array(obs)
            obs, reward, terminated, truncated, _ = env.step(WAIT)
            steps += 1
        assert (steps, terminated, truncated, reward) == (75, False, True, -4.0)
        assert obs.any()
        np.testing.assert_array_equal(obs, last)


def test_a_death_is_terminated_and_shows_the_last_live_picture() -> None:
    with opened(EnvSpec(CENTER, {"frame_skip": 4}, SCREEN)) as env:
        obs, _ = env.reset(seed=0)
        terminated = truncated = False
        while not (terminated or truncated):
            last = np.array(obs)
            obs, reward, terminated, truncated, _ = env.step(WAIT)
        assert (terminated, truncated, reward) == (True, False, -1.0)
        np.testing.assert_array_equal(obs, last)


def test_a_death_in_the_very_tic_of_the_timeout_is_a_death() -> None:
    """Nothing follows a death, so nothing must be bootstrapped from it; a tic earlier it is cut off."""

    def ending(limit: dict[str, int]) -> tuple[int, bool, bool]:
        with opened(EnvSpec(CENTER, {"screen_resolution": "RES_160X120", **limit}, SCREEN)) as env:
            env.reset(seed=0)
            steps, terminated, truncated = 0, False, False
            while not (terminated or truncated):
                _, _, terminated, truncated, _ = env.step(WAIT)
                steps += 1
        return steps, terminated, truncated

    steps, terminated, truncated = ending({})
    assert (terminated, truncated) == (True, False)
    assert ending({"episode_timeout": steps}) == (steps, True, False)
    assert ending({"episode_timeout": steps - 1}) == (steps - 1, False, True)


def test_a_limit_of_steps_is_truncated() -> None:
    with opened(EnvSpec(CENTER, {"frame_skip": 4}, SCREEN, max_episode_steps=3)) as env:
        env.reset(seed=0)
        assert [env.step(WAIT)[2:4] for _ in range(3)] == [(False, False), (False, False), (False, True)]


def test_pictures_are_not_overwritten_by_later_ones() -> None:
    with opened(EnvSpec(BASIC, {"frame_skip": 4}, SCREEN)) as env:
        first, _ = env.reset(seed=0)
        before = np.array(first)
        for _ in range(5):
            later = env.step(2)[0]
        assert (later != before).any()
        np.testing.assert_array_equal(first, before)


@pytest.mark.parametrize("env_id", SCENARIOS)
def test_a_seed_decides_everything_in_a_new_engine_and_in_a_used_one(env_id: str) -> None:
    actions = np.random.default_rng(0).integers(0, 4, 40).tolist()
    spec = envs.resolve(env_id)
    with opened(spec) as env:
        new = run(env, 9, actions)
        other = run(env, 10, actions)
        used = run(env, 9, actions)
    assert new == used
    assert new[0] != other[0]
    with opened(spec) as env:
        assert run(env, 10, actions) == other


def test_a_reset_without_a_seed_goes_on_from_the_last_seed() -> None:
    spec = envs.resolve(BASIC)

    def two_resets() -> list[bytes]:
        with opened(spec) as env:
            return [env.reset(seed=3)[0].tobytes(), env.reset()[0].tobytes(), env.reset()[0].tobytes()]

    pictures = two_resets()
    assert len(set(pictures)) == 3
    assert two_resets() == pictures


def test_a_report_is_the_same_with_any_engine_and_lanes(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """In two other processes, which import vizdoom by themselves, and in lanes that are used again."""
    monkeypatch.syspath_prepend(DOUBLES)
    pilot = importlib.import_module("doom_pilots").by_the_picture
    one = evaluate(pilot, BASIC, episodes=20, lanes=3)
    two = evaluate(pilot, envs.resolve(BASIC), episodes=20, lanes=2, workers=2)
    assert one.sha256 == two.sha256
    assert len(set(one.results.returns.tolist())) > 1
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("env_id", "limit", "outcome"),
    [(BASIC, None, "timed out"), (CENTER, None, "died"), (CENTER, 5, "survived"), (GATHERING, None, "died")],
)
def test_outcomes_of_doing_nothing(env_id: str, limit: int | None, outcome: str) -> None:
    recipe = envs.resolve(env_id)
    spec = EnvSpec(recipe.id, recipe.kwargs, recipe.wrappers, max_episode_steps=limit)
    (episode,) = run_episodes(actor_of(waiting, sampled=False), spec, [0])
    assert episode.outcome == outcome


def test_a_monster_in_front_is_killed() -> None:
    """The first of some seeds in which shooting straight ahead hits."""
    shooting = actor_of(lambda observations: np.full(len(observations), SHOOT), sampled=False)
    episodes = run_episodes(shooting, envs.resolve(BASIC), range(12), lanes=4)
    killed = [episode for episode in episodes if episode.outcome == "monster killed"]
    assert killed
    assert {episode.outcome for episode in episodes} == {"monster killed", "timed out"}
    assert all(episode.return_ > 0 for episode in killed)


def test_an_episode_is_recorded_without_a_screen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    path = tmp_path / "doom.gif"
    episode = record_episode(actor_of(waiting, sampled=False), CENTER, 0, path)
    (scored,) = run_episodes(actor_of(waiting, sampled=False), envs.resolve(CENTER), [0])
    assert (episode.return_, episode.length) == (scored.return_, scored.length)
    with Image.open(path) as gif:
        assert gif.size == (320, 240)
        # 35 tics a second, four to a step: 8.75 pictures.
        assert gif.info["duration"] == 110
        gif.seek(gif.n_frames - 1)  # type: ignore[attr-defined]
        last = np.asarray(gif.convert("RGB"))
    assert last[120:].std() > 10, "vizdoom draws an ended episode black"
    assert (last.max(axis=2) != last.min(axis=2)).any(), "in colour, whatever the policy sees"


def test_a_reward_for_health_is_paid_for_gains_alone_and_changes_nothing_else() -> None:
    """What training is shaped by: 4 for a point of health gained, nothing for one lost, the same game."""

    def moments_of(seed: int, **extra: Any) -> tuple[list[bytes], list[float], list[float]]:
        turns = np.random.default_rng(seed).integers(0, 7, 40).repeat(5)
        with opened(envs.resolve(GATHERING, {"max_buttons_pressed": 2, **extra})) as env:
            game = env.unwrapped.game  # type: ignore[attr-defined]
            obs, _ = env.reset(seed=seed)
            pictures, rewards = [obs.tobytes()], []
            health = [game.get_game_variable(vizdoom.GameVariable.HEALTH)]
            for action in turns:
                obs, reward, terminated, _, _ = env.step(action)
                pictures.append(obs.tobytes())
                rewards.append(float(reward))
                health.append(game.get_game_variable(vizdoom.GameVariable.HEALTH))
                if terminated:
                    break
        return pictures, rewards, np.diff(health).tolist()

    gains = []
    for seed in (3, 7):
        pictures, native, change = moments_of(seed)
        shaped_pictures, shaped, _ = moments_of(seed, health_reward=4)
        assert shaped_pictures == pictures
        extra = [more - less for more, less in zip(shaped, native, strict=True)]
        assert extra == [4 * max(points, 0.0) for points in change]
        assert min(change) < 0
        gains += [points for points in change if points > 0]
    assert gains, "the seeds were chosen because there are medikits in the way"


# Nothing is left behind


@linux_only
def test_nothing_is_written_to_the_working_directory_and_nothing_stays(
    tmp_path: Path, temporary_files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = tmp_path / "it's here"
    here.mkdir()
    monkeypatch.chdir(here)
    with opened(envs.resolve(BASIC)) as env:
        assert list(temporary_files.iterdir()) == []
        env.reset(seed=0)
        (engine,) = engines(os.getpid())
        shared = shared_memory(engine)
        assert len(shared) == 3
        env.step(WAIT)
    assert engines(os.getpid()) == []
    assert [path for path in shared if path.exists()] == []
    assert list(here.iterdir()) == []
    assert list(temporary_files.iterdir()) == []


def test_a_closed_environment_may_be_reset_and_closed_twice() -> None:
    env = envs.make(envs.resolve(BASIC))
    first, _ = env.reset(seed=5)
    env.close()
    env.close()
    np.testing.assert_array_equal(env.reset(seed=5)[0], first)
    env.close()


@linux_only
def test_an_engine_may_run_in_a_folder_with_any_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    odd = tmp_path / 'it\'s $HOME; "quoted"'
    odd.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(odd))
    with opened(envs.resolve(BASIC)) as env:
        assert env.reset(seed=0)[0].any()
    assert list(odd.iterdir()) == []


@linux_only
@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_engine_goes_on_after_a_signal_to_the_whole_group(name: str) -> None:
    """Ctrl-C reaches the engines too; the trainer still wants to finish its update."""
    with opened(envs.resolve(BASIC)) as env:
        env.reset(seed=0)
        (engine,) = engines(os.getpid())
        os.kill(engine, getattr(signal, name))
        for _ in range(10):
            env.step(WAIT)
        assert engines(os.getpid()) == [engine]


@linux_only
def test_an_engine_that_died_is_a_shortage_of_the_machine() -> None:
    with opened(envs.resolve(BASIC)) as env:
        env.reset(seed=0)
        (engine,) = engines(os.getpid())
        os.kill(engine, signal.SIGKILL)
        with pytest.raises(MachineLacks, match="Doom's engine"):
            for _ in range(10):
                env.step(WAIT)


@linux_only
def test_a_folder_in_which_nothing_may_run_is_named(tmp_path: Path) -> None:
    """Where temporary files lie on a disk that is mounted `noexec`; vizdoom would crash."""
    mount = f"mount -t tmpfs -o noexec none {tmp_path}"
    unshared = ["unshare", "--map-root-user", "--mount", "sh", "-c"]
    if shutil.which("unshare") is None or subprocess.run([*unshared, mount], capture_output=True).returncode:
        pytest.skip("nothing can be mounted here")
    script = "from lander_runtime import envs; envs.make(envs.resolve('VizdoomBasic-v1')).reset()"
    process = subprocess.run(
        [*unshared, f'{mount} && exec "$0" -c "$1"', sys.executable, script],
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert process.returncode == 1
    assert f"MachineLacks: Doom's engine is started in {tmp_path}" in process.stderr


ABANDONED = """
import sys
from lander_runtime import envs
opened = [envs.make(envs.resolve("VizdoomBasic-v1")) for _ in range(2)]
for env in opened:
    env.reset(seed=0)
print("ready", flush=True)
sys.stdin.readline()
"""


@linux_only
@pytest.mark.parametrize("way", ["killed", "terminated", "left without closing"])
def test_no_engine_outlives_its_process(way: str, temporary_files: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", ABANDONED],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
        text=True,
    )
    with process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        started = children(process.pid)
        running = engines(process.pid)
        assert len(running) == 2
        shared = [path for engine in running for path in shared_memory(engine)]
        assert len(shared) == 6
        assert len(list(temporary_files.iterdir())) == 2
        with contextlib.ExitStack() as stack:
            handles = [os.pidfd_open(pid) for pid in started]
            for handle in handles:
                stack.callback(os.close, handle)
            if way == "killed":
                process.kill()
            elif way == "terminated":
                process.terminate()
            else:
                process.stdin.write("\n")
                process.stdin.flush()
            process.wait()
            # Readable once the process has ended.
            for handle in handles:
                assert select.select([handle], [], [], 60.0)[0], "a process that it started still runs"
    assert [path for path in shared if path.exists()] == []
    assert list(temporary_files.iterdir()) == []


def test_knowledge_is_about_doom_alone() -> None:
    assert knowledge_of("VizdoomMyWayHome-v1").actions == ()
    with opened(envs.resolve("VizdoomMyWayHome-v1")) as env:
        assert env.observation_space.shape == (4, 60, 80)
