"""Telling a pump what it can be asked for afterwards: profile, pattern, limits, clock, temp basal, suspend, resume.

These set a state. Where the pump, asked, does not show it, the command has not been carried out; it is settled so in
the journal, and the pump is told anew, as a command with a number of its own. Twice the same state is the state once. A
bolus is a dose and is never told again, nor is a key: what it did cannot be read back.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from rig.instruments import Acceptance

TIMES = 5
"""How often a pump is told at most. With every tenth packet lost, a profile (seven packets that must not be, once the
first half is through) is written at once in 48 % of the tries, and in 96 % within five."""


Once = Callable[..., tuple[Acceptance, int]]
"""Takes name, command and parameters; sends it, with its intention in the journal before and its answer after; returns
what is known of it and when."""
Settle = Callable[..., None]
"""Takes ``delivered`` and ``by``; settles in the journal what is unknown."""


@dataclass(frozen=True, slots=True)
class Told:
    """Whether the pump shows what it was told, when it took it, how often it was told, and why its answer is lost."""

    held: bool
    at_ns: int
    times: int
    why: str = ""

    @property
    def text(self) -> str:
        """Return how often and why, in words to put behind what it does not do."""
        if self.times == 1:
            return ""
        return f", told {self.times} times ({self.why})" if self.why else f", told {self.times} times"


def tell(
    once: Once,
    settle: Settle,
    name: str,
    command: Callable[[], Acceptance],
    shows: Callable[[], bool],
    by: str,
    **parameters: Any,
) -> Told:
    """Send a command until ``shows`` is true, at most `TIMES` times; a refusal raises at once.

    An acknowledgement that two looks do not bear out is not followed by another try: the pump took the command, and did
    something else.
    """
    for time in range(1, TIMES + 1):
        again = {"attempt": time} if time > 1 else {}
        acceptance, at_ns = once(name, command, **parameters, **again)
        held = shows() or (acceptance is Acceptance.ACKNOWLEDGED and shows())
        settle(delivered=held, by=by)
        if held or acceptance is Acceptance.ACKNOWLEDGED:
            break
    return Told(held, at_ns, time)
