"""The person at the bench: is asked, and answers when it is done; the bench goes on weighing meanwhile."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable
from typing import Protocol, TextIO

from rig.errors import InstrumentError

Wait = Callable[[], None]
"""Lets a moment pass on the bench; may raise to end the run."""


class Operator(Protocol):
    """Somebody who puts things on the pan."""

    def put_on(self, mass_g: float, what: str, wait: Wait) -> None:
        """Put a weight on the pan (0: take it off); return when that is done."""


class Hands:
    """The twin's own: done at once."""

    def __init__(self, put_on: Callable[[float], None]) -> None:
        self._put_on = put_on

    def put_on(self, mass_g: float, _what: str, _wait: Wait) -> None:
        """Put it on, or take it off."""
        self._put_on(mass_g)


class Terminal:
    """A person at a terminal, who says with Enter that it is done."""

    def __init__(self, asks: TextIO | None = None, answers: TextIO | None = None) -> None:
        self._asks = asks if asks is not None else sys.stderr
        self._answers = answers if answers is not None else sys.stdin

    def put_on(self, mass_g: float, what: str, wait: Wait) -> None:
        """Ask for it, and wait for Enter; raises `InstrumentError` when nobody can answer any more."""
        deed = f"put {what} beside the vessel, in the middle of the pan" if mass_g else f"take {what} off the pan"
        self._asks.write(f"\n{deed[0].upper()}{deed[1:]}, close the shield, and press Enter: ")
        self._asks.flush()
        while not select.select([self._answers], [], [], 0.0)[0]:
            wait()
        if not self._answers.readline():
            raise InstrumentError("nobody is at the terminal any more", where="operator", expected="Enter")
