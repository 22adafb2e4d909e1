"""The person at the bench: is asked, and answers when it is done; the bench goes on weighing meanwhile."""

from __future__ import annotations

import select
import sys
from collections.abc import Callable, Sequence
from typing import Protocol, TextIO

from rig.errors import InstrumentError

Wait = Callable[[], None]
"""Lets a moment pass on the bench; may raise to end the run."""


class Operator(Protocol):
    """Somebody who puts things on the pan, and answers for what he sees."""

    name: str

    def ask(self, question: str, choices: Sequence[str], wait: Wait) -> str:
        """Ask it; return one of ``choices``, or any words where there are none."""

    def put_on(self, mass_g: float, what: str, wait: Wait) -> None:
        """Put a weight on the pan (0: take it off); return when that is done."""


class Hands:
    """The twin's own: done at once; questions go to ``person``, where there is one."""

    def __init__(self, put_on: Callable[[float], None], person: Operator | None = None) -> None:
        self._put_on = put_on
        self._person = person
        self.name = "the twin" if person is None else person.name

    def ask(self, question: str, choices: Sequence[str], wait: Wait) -> str:
        """Ask the person; raises `InstrumentError` where there is none."""
        if self._person is None:
            raise InstrumentError(f"nobody can be asked: {question}", where="operator")
        return self._person.ask(question, choices, wait)

    def put_on(self, mass_g: float, _what: str, _wait: Wait) -> None:
        """Put it on, or take it off."""
        self._put_on(mass_g)


class Terminal:
    """A person at a terminal, who says with Enter that it is done."""

    def __init__(self, asks: TextIO | None = None, answers: TextIO | None = None, name: str = "") -> None:
        self.name = name
        self._asks = asks if asks is not None else sys.stderr
        self._answers = answers if answers is not None else sys.stdin

    def put_on(self, mass_g: float, what: str, wait: Wait) -> None:
        """Ask for it, and wait for Enter; raises `InstrumentError` when nobody can answer any more."""
        deed = f"put {what} beside the vessel, in the middle of the pan" if mass_g else f"take {what} off the pan"
        self._line(f"{deed[0].upper()}{deed[1:]}, close the shield, and press Enter: ", wait)

    def ask(self, question: str, choices: Sequence[str], wait: Wait) -> str:
        """Ask until one of ``choices`` is answered (its first letter will do), or any words where there are none."""
        shown = f" ({'/'.join(choices)})" if choices else ""
        while True:
            answer = self._line(f"{question}{shown} ", wait).strip()
            if not choices and answer:
                return answer
            fitting = [choice for choice in choices if answer and choice.startswith(answer.lower())]
            if len(fitting) == 1:
                return fitting[0]

    def _line(self, words: str, wait: Wait) -> str:
        self._asks.write(f"\n{words}")
        self._asks.flush()
        while not select.select([self._answers], [], [], 0.0)[0]:
            wait()
        line = self._answers.readline()
        if not line:
            raise InstrumentError("nobody is at the terminal any more", where="operator", expected="Enter")
        return line
