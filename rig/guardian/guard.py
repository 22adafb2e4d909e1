"""What a runner asks of its guardian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from rig.errors import EmergencyStopped, InstrumentError
from rig.guardian.lines import Lines

LOOK_NS = 20_000_000  # of virtual time, between two looks at the lines


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

    def press(self, line: str, duration_ms: int) -> None:
        """Press a button for a bounded time; it ends whatever becomes of whoever asked."""

    def read(self, line: str) -> int:
        """Return the level of a line."""

    def line_events(self) -> list[dict[str, Any]]:
        """Return what the lines told since this was asked last, each with its ``name``; times are link time in ns."""

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

    def press(self, line: str, duration_ms: int) -> None:  # noqa: ARG002
        """Refuse."""
        raise InstrumentError("this bench has no lines", where=f"line {line}")

    def read(self, line: str) -> int:
        """Refuse."""
        raise InstrumentError("this bench has no lines", where=f"line {line}")

    def line_events(self) -> list[dict[str, Any]]:
        """Return nothing."""
        return []

    def tuned(self, frequency_mhz: float) -> None:
        """Do nothing."""

    def finished(self, *, confirmed: bool, by: str) -> tuple[bool, str]:
        """Return what the runner says."""
        return confirmed, by


class TwinGuard(NoGuard):
    """The lines of a twin that lives in the runner's own process; they end with it, so nobody has to watch.

    ``now_ns`` is the virtual time: lines are looked at when it has moved, and a press ends at the first look after it.
    """

    def __init__(self, lines: Lines, now_ns: Callable[[], int]) -> None:
        self._lines = lines
        self._now_ns = now_ns
        self._looked_ns = -LOOK_NS
        self._events: list[dict[str, Any]] = []
        self._watches = any(not plan.is_output for plan in lines.plans)
        self._stopped = False

    def beat(self) -> None:
        """Look at the lines; raise what a guardian's client raises."""
        now_ns, due_ns = self._now_ns(), self._lines.next_ns()
        look = self._watches and now_ns - self._looked_ns >= LOOK_NS
        if not look and (due_ns is None or now_ns < due_ns):
            return
        self._looked_ns = now_ns
        said = self._lines.tick(now_ns)
        self._events += said
        if self._lines.emergency() and not self._stopped:
            self._stopped = True
            self._lines.make_safe("button", "output", "valve")
            raise EmergencyStopped("the emergency stop was pressed", where="simulated bench")
        trouble = next((each for each in said if each["name"] == "line_trouble"), None)
        if trouble is not None:
            raise InstrumentError(trouble["why"], where=f"line {trouble['line']}", hint="check relay and wiring")

    def set(self, line: str, level: int) -> None:
        """Drive an output line."""
        self._lines.set(line, level)

    def press(self, line: str, duration_ms: int) -> None:
        """Press a button for a time."""
        self._lines.press(line, duration_ms, self._now_ns())

    def read(self, line: str) -> int:
        """Return the level of a line."""
        return self._lines.read(line)

    def line_events(self) -> list[dict[str, Any]]:
        """Return what the lines told."""
        events, self._events = self._events, []
        return events

    def finished(self, *, confirmed: bool, by: str) -> tuple[bool, str]:
        """Bring the lines to their safe levels, the valves last."""
        reports = self._lines.make_safe("button", "output", "supply", "valve")
        failed = [f"{each['what']}: {each['by']}" for each in reports if not each["confirmed"]]
        return (confirmed, by) if not failed else (False, "; ".join(failed))
