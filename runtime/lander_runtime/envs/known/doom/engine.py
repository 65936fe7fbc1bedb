"""What every Doom environment is put into: its engine runs out of the way, and its episodes end properly.

The engine is a program of its own, which vizdoom starts at the first reset. Left alone it writes
`_vizdoom.ini` and a folder into the working directory, dies of Ctrl-C before its caller can finish,
and outlives a caller that was killed.
"""

import atexit
import contextlib
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import gymnasium
import numpy as np
import vizdoom

from lander_runtime.envs.known.doom import watchdog
from lander_runtime.errors import MachineLacks

_ENGINE = Path(vizdoom.__file__).with_name("vizdoom")

_LEGIBLE = 320
"""Pixels: a recorded picture is enlarged to at least this width, so that a caption fits."""

_FAILURES = (
    vizdoom.FileDoesNotExistException,
    vizdoom.MessageQueueException,
    vizdoom.SharedMemoryException,
    vizdoom.ViZDoomErrorException,
    vizdoom.ViZDoomUnexpectedExitException,
)


class DoomEnvironment(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A Doom environment with its engine in a folder of its own, which ends when this process does.

    The last observation of an episode is its last live one, where vizdoom gives zeros: a critic that is
    asked for the value of a cut-off episode's end must see a picture. For the same reason a timeout is
    truncated and not terminated, where vizdoom says both.

    Raises:
        MachineLacks: from `reset` and `step`, where the engine does not start or ends by itself.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self._doom: Any = env.unwrapped
        # Pictures are shown once a decision, and a decision takes so many tics.
        self._doom.metadata = {
            **self._doom.metadata,
            "render_fps": vizdoom.DEFAULT_TICRATE / self._doom.frame_skip,
        }
        self._folder: Path | None = None
        self._live: Any = None
        self._drawn: Any = None

    def reset(self, *, seed: int | None = None, options: dict[str, Any] | None = None) -> tuple[Any, Any]:
        if self._folder is None:
            self._open_folder()
        try:
            self._live, info = self.env.reset(seed=seed, options=options)
        except _FAILURES as error:
            raise MachineLacks(f"Doom's engine does not start: {error}") from error
        self._drawn = None
        return self._live, info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        try:
            obs, reward, terminated, truncated, info = self.env.step(action)
        except _FAILURES as error:
            raise MachineLacks(f"Doom's engine has ended by itself: {error}") from error
        if self._doom.state is not None:
            self._live = obs
        game = self._doom.game
        if terminated and game.is_episode_timeout_reached():
            terminated = game.is_player_dead()
            truncated = not terminated
        return self._live, reward, terminated, truncated, info

    def render(self) -> Any:
        """As vizdoom draws it; once the episode has ended, where that is black, what was drawn last."""
        if self._doom.state is None and self._drawn is not None:
            return self._drawn
        frame = self.env.render()
        if isinstance(frame, np.ndarray):
            times = -(-_LEGIBLE // frame.shape[1])
            self._drawn = frame = frame.repeat(times, axis=0).repeat(times, axis=1)
        return frame

    def close(self) -> None:
        super().close()
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            if sys.platform == "linux":
                _watchdog(os.getpid()).forget(self._folder)
            self._folder = None

    def _open_folder(self) -> None:
        """Prepare the engine's folder; only for its start, because some environments are only looked at."""
        game = self._doom.game
        # Without links, because the watchdog knows an engine by where the system says that it runs.
        folder = Path(tempfile.mkdtemp(prefix="lander-doom-")).resolve()
        if sys.platform == "linux":
            _watchdog(os.getpid()).watch(folder)
            launcher = _launcher(folder, _ENGINE)
            # Worker before, because vizdoom ends in a segmentation fault where its engine does not start.
            if not os.access(launcher, os.X_OK):
                raise MachineLacks(
                    f"No program may be run in {folder.parent}, where Doom's engine is started. "
                    "Set TMPDIR to a folder in which one may."
                )
            game.set_vizdoom_path(str(launcher))
        else:
            game.set_doom_config_path(str(folder / "_vizdoom.ini"))
        self._folder = folder


def _launcher(folder: Path, engine: Path) -> Path:
    """A program that stands for `engine` and runs it in `folder`, deaf to what a terminal sends to all."""
    path = folder / "engine"
    path.write_text(
        "#!/bin/sh\n"
        "trap '' INT TERM HUP\n"
        f'cd {shlex.quote(str(folder))} && exec {shlex.quote(str(engine))} "$@"\n'
    )
    path.chmod(0o700)
    return path


class _Watchdog:
    """The other end of `watchdog.py`, one for each process that has engines."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # Whoever kills this process's whole group must not get it too.
        )
        atexit.register(self._close)

    def watch(self, folder: Path) -> None:
        self._tell(f"+{folder}")

    def forget(self, folder: Path) -> None:
        self._tell(f"-{folder}")

    def _tell(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):  # ValueError: closed, at the very end.
            self._process.stdin.write(os.fsencode(line) + b"\n")
            self._process.stdin.flush()

    def _close(self) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=5.0)


@cache
def _watchdog(process: int) -> _Watchdog:
    """The watchdog of `process`, this one; by its number, because a fork must not share its parent's."""
    return _Watchdog()
