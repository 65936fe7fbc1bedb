"""The wrapper of every Doom environment: where its engine runs, and how its episodes end.

The engine is a program of its own, which vizdoom starts at the first reset. By default it writes
`_vizdoom.ini` and a folder into the working directory, ends at Ctrl-C before its caller has finished, and
keeps running after its caller was killed.
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
"""Pixels. A recorded picture is enlarged to at least this width, so that a caption fits."""

_FAILURES = (
    vizdoom.FileDoesNotExistException,
    vizdoom.MessageQueueException,
    vizdoom.SharedMemoryException,
    vizdoom.ViZDoomErrorException,
    vizdoom.ViZDoomUnexpectedExitException,
)


class DoomEnvironment(gymnasium.Wrapper[Any, Any, Any, Any]):
    """A Doom environment whose engine has a folder of its own and ends together with this process.

    At the end of an episode vizdoom gives an observation of zeros; here it is the last picture of the game.
    The critic needs it for the value of a truncated episode. For the same reason a timeout is truncated
    here; vizdoom reports it as terminated.

    Raises:
        MachineLacks: from `reset` and `step`, if the engine does not start or ends by itself.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        super().__init__(env)
        self._doom: Any = env.unwrapped
        # There is one picture a step, and a step takes `frame_skip` tics.
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
        """The frame of vizdoom, enlarged; after the episode's end, where that is black, the last frame."""
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
        """Prepare the engine's folder, at the first reset only: some environments are never reset."""
        game = self._doom.game
        # Links resolved: the watchdog finds an engine by its working directory as /proc reports it.
        folder = Path(tempfile.mkdtemp(prefix="lander-doom-")).resolve()
        if sys.platform == "linux":
            _watchdog(os.getpid()).watch(folder)
            launcher = _launcher(folder, _ENGINE)
            # Checked here, because vizdoom crashes (segmentation fault) if its engine does not start.
            if not os.access(launcher, os.X_OK):
                raise MachineLacks(
                    f"Doom's engine is started in {folder.parent}, where programs may not be run. "
                    "Set TMPDIR to a folder that allows it."
                )
            game.set_vizdoom_path(str(launcher))
        else:
            game.set_doom_config_path(str(folder / "_vizdoom.ini"))
        self._folder = folder


def _launcher(folder: Path, engine: Path) -> Path:
    """A script that runs `engine` in `folder` and ignores the signals of a terminal, such as Ctrl-C."""
    path = folder / "engine"
    path.write_text(
        "#!/bin/sh\n"
        "trap '' INT TERM HUP\n"
        f'cd {shlex.quote(str(folder))} && exec {shlex.quote(str(engine))} "$@"\n'
    )
    path.chmod(0o700)
    return path


class _Watchdog:
    """Starts `watchdog.py` and sends it the folders; one for each process that has engines."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-S", watchdog.__file__],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,  # A signal to this process's group must not end the watchdog too.
        )
        atexit.register(self._close)

    def watch(self, folder: Path) -> None:
        self._write(f"+{folder}")

    def forget(self, folder: Path) -> None:
        self._write(f"-{folder}")

    def _write(self, line: str) -> None:
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError, ValueError):  # ValueError: closed at interpreter exit.
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
    """The watchdog of the process with this id. Cached by id, because a fork must not use its parent's."""
    return _Watchdog()
