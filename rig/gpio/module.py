"""What the rig uses of the module ``RPi.GPIO``: its constants and its calls (gpio reference 2.1, 2.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Protocol

BOARD: Final = 10
BCM: Final = 11
OUT: Final = 0
IN: Final = 1
LOW: Final = 0
HIGH: Final = 1
PUD_OFF: Final = 20
PUD_DOWN: Final = 21
PUD_UP: Final = 22
RISING: Final = 31
FALLING: Final = 32
BOTH: Final = 33
UNKNOWN: Final = -1

PULLS: Final = {"off": PUD_OFF, "down": PUD_DOWN, "up": PUD_UP}
HIGHEST_BCM: Final = 53


class GpioModule(Protocol):
    """The calls of ``RPi.GPIO``; both packages that provide it have them. Times are ms, as whole numbers."""

    def setwarnings(self, value: bool, /) -> None:
        """Switch Python warnings on or off."""

    def setmode(self, mode: int, /) -> None:
        """Choose how channels are numbered; rpi-lgpio opens the chip here."""

    def getmode(self) -> int | None:
        """Return the numbering, None before `setmode`."""

    def setup(self, channel: Any, direction: int, /, *, pull_up_down: int = ..., initial: int = ...) -> None:
        """Claim channels; ``pull_up_down`` for inputs, ``initial`` for outputs."""

    def output(self, channel: Any, value: Any, /) -> None:
        """Drive outputs."""

    def input(self, channel: int, /) -> int:
        """Return the level of a channel."""

    def add_event_detect(
        self, channel: int, edge: int, /, *, callback: Callable[[int], object] = ..., bouncetime: int = ...
    ) -> None:
        """Call back on a thread of the module's own when the level changes."""

    def remove_event_detect(self, channel: int, /) -> None:
        """Disarm a channel, and forget its callbacks."""

    def cleanup(self, channel: Any = ..., /) -> None:
        """Leave channels as inputs without a pull."""

    def gpio_function(self, channel: int, /) -> int:
        """Return whether a channel is an input or an output."""
