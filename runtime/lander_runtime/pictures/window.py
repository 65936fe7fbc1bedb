"""A window that shows pictures at any size, at a steady pace; the environments' own have one size only."""

from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lander_runtime.errors import LanderError, MachineLacks
from lander_runtime.pictures.captions import stamped


class WindowClosed(LanderError):
    """Whoever watched has closed the window: no fault, and the end of the showing."""

    exit_code = 0


class Window:
    """Shows RGB frames, uint8 `[height, width, 3]`; use it in a `with`.

    Raises:
        MachineLacks: no window can be opened, or pygame is not installed.
    """

    def __init__(self, title: str, *, frames_per_second: float = 50.0) -> None:
        """Prepare a window; it opens with the first frame, whose size it takes."""
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
        # Before the environment draws: its own pictures in memory may start SDL without a screen.
        try:
            self._pygame.display.init()
        except self._pygame.error as error:
            raise _no_window(error) from error
        self._clock = self._pygame.time.Clock()
        return self

    def add(self, frame: NDArray[np.uint8], caption: str = "") -> None:
        """Show `frame` with `caption` over its top left corner, when its time has come.

        Raises:
            WindowClosed: by whoever watched.
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


def _no_window(error: Exception) -> MachineLacks:
    return MachineLacks(
        f"No window can be opened ({error}). Leave out --render, or record with --gif or --mp4."
    )
