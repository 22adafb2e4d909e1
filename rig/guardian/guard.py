"""What a runner asks of its guardian."""

from __future__ import annotations

from typing import Protocol

from rig.errors import InstrumentError
from rig.guardian.lines import Lines


class Guard(Protocol):
    """The guardian as its runner sees it; every call is cheap and may be made at any time."""

    def beat(self) -> None:
        """Say that the runner lives and moves on.

        Raises `rig.errors.GuardianLost` when nobody watches any more, `rig.errors.EmergencyStopped` when somebody
        pressed the emergency stop.
        """

    def state(self, *, bolus: bool, holdable: bool) -> None:
        """Say what the loss of the runner would interrupt: ``holdable`` False forbids to leave the pump running."""

    def set(self, line: str, level: int) -> None:
        """Drive an output line."""

    def read(self, line: str) -> int:
        """Return the level of a line."""

    def tuned(self, frequency_mhz: float) -> None:
        """Say on which radio frequency the pump was found: whoever takes over need not look for it."""

    def finished(self, *, confirmed: bool, by: str) -> tuple[bool, str]:
        """Say how the runner left the bench, its links closed; return what is known of the bench then.

        What the runner could not confirm, the guardian tries again.
        """


class NoGuard:
    """The bench needs no guardian: the twin lives in the runner's own process and ends with it."""

    def beat(self) -> None:
        """Do nothing."""

    def state(self, *, bolus: bool, holdable: bool) -> None:
        """Do nothing."""

    def set(self, line: str, level: int) -> None:  # noqa: ARG002
        """Refuse."""
        raise InstrumentError("this bench has no lines", where=f"line {line}")

    def read(self, line: str) -> int:
        """Refuse."""
        raise InstrumentError("this bench has no lines", where=f"line {line}")

    def tuned(self, frequency_mhz: float) -> None:
        """Do nothing."""

    def finished(self, *, confirmed: bool, by: str) -> tuple[bool, str]:
        """Return what the runner says."""
        return confirmed, by


class TwinGuard(NoGuard):
    """The lines of a twin that lives in the runner's own process; they end with it, so nobody has to watch."""

    def __init__(self, lines: Lines) -> None:
        self._lines = lines

    def set(self, line: str, level: int) -> None:
        """Drive an output line."""
        self._lines.set(line, level)

    def read(self, line: str) -> int:
        """Return the level of a line."""
        return self._lines.read(line)

    def finished(self, *, confirmed: bool, by: str) -> tuple[bool, str]:
        """Bring the lines to their safe levels, the valves last."""
        reports = self._lines.make_safe("button", "output", "supply", "valve")
        failed = [f"{each['what']}: {each['by']}" for each in reports if not each["confirmed"]]
        return (confirmed, by) if not failed else (False, "; ".join(failed))
