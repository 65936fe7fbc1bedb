"""A window for pictures of any size at a steady frame rate; the environments' own windows have one size."""

import os
import sys
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import LanderError, MachineLacks
from lander_runtime.pictures.captions import stamped


class WindowClosed(LanderError):
    """The user has closed the window, which is not a failure; drawing ends."""

    exit_code = 0


class Window:
    """Shows RGB frames, uint8 `[height, width, 3]`; use it in a `with`.

    Raises:
        MachineLacks: no window can be opened, or pygame is not installed.
    """

    def __init__(self, title: str, *, frames_per_second: float = 50.0) -> None:
        """Prepare a window; it opens at the first frame, in that frame's size."""
        try:
            import pygame
        except ImportError as error:
            raise MachineLacks(
                "A window needs the package 'pygame'. Type: pip install 'lander-rl[eval]'"
            ) from error
        self._pygame: Any = pygame
        self._title = title
        self._frames_per_second = frames_per_second
        self._screen: Any = None

    def __enter__(self) -> "Window":
        check_screen()
        # Before the environment draws, because rendering in memory may start SDL with the dummy driver.
        try:
            self._pygame.display.init()
        except self._pygame.error as error:
            raise _no_window(error) from error
        self._clock = self._pygame.time.Clock()
        return self

    def add(self, frame: NDArray[np.uint8], caption: str = "", lasting: str = "") -> None:
        """Show `frame` with its own `caption` in its top left corner, and wait until the next one is due.

        Raises:
            WindowClosed: the user has closed the window.
            MachineLacks: the window cannot be opened.
        """
        pygame = self._pygame
        size = (frame.shape[1], frame.shape[0])
        try:
            if self._screen is None or self._screen.get_size() != size:
                self._screen = pygame.display.set_mode(size)
                pygame.display.set_caption(self._title)
            pygame.surfarray.blit_array(self._screen, stamped(frame, caption).swapaxes(0, 1))
            pygame.display.flip()
        except pygame.error as error:
            raise _no_window(error) from error
        if pygame.event.get(pygame.QUIT):
            raise WindowClosed("The window was closed.")
        self._clock.tick(self._frames_per_second)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._pygame.display.quit()


def check_screen() -> None:
    """Refuse to open a window where there is no screen: SDL would draw it in memory, unseen.

    A user who has chosen a driver of SDL has said what is wanted.

    Raises:
        MachineLacks: there is no screen.
    """
    screens = ("DISPLAY", "WAYLAND_DISPLAY", "SDL_VIDEODRIVER", "SDL_VIDEO_DRIVER")
    if sys.platform.startswith("linux") and not any(os.environ.get(name) for name in screens):
        raise MachineLacks(
            "There is no screen here: neither DISPLAY nor WAYLAND_DISPLAY is set. "
            "Leave out --render, or record with --gif."
        )


def _no_window(error: Exception) -> MachineLacks:
    return MachineLacks(
        f"No window can be opened ({error}). Leave out --render, or record with --gif or --mp4."
    )
