"""What a runner asks of its guardian."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from rig.errors import EmergencyStopped, InstrumentError, RigError
from rig.guardian.lines import Lines

Schedule = Callable[[int, Callable[[int], None]], None]


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

    ``now_ns`` is the virtual time. Lines are looked at whenever their news are asked for; ``schedule`` calls back at a
    virtual time, so that a press ends on time.
    """

    def __init__(self, lines: Lines, now_ns: Callable[[], int], schedule: Schedule = lambda _at_ns, _act: None) -> None:
        self._lines = lines
        self._now_ns = now_ns
        self._schedule = schedule
        self._events: list[dict[str, Any]] = []
        self._stopped = False
        self._failure: RigError | None = None

    def beat(self) -> None:
        """Look at the lines; raise what a guardian's client raises."""
        self._look(self._now_ns())
        failure, self._failure = self._failure, None
        if failure is not None:
            raise failure

    def _look(self, now_ns: int) -> None:
        said = self._lines.tick(now_ns)
        self._events += said
        trouble = next((each for each in said if each["name"] == "line_trouble"), None)
        if trouble is not None:
            where = f"line {trouble['line']}"
            self._failure = InstrumentError(trouble["why"], where=where, hint="check relay and wiring")
        if self._lines.emergency() and not self._stopped:
            self._stopped = True
            self._lines.make_safe("button", "output", "valve")
            self._failure = EmergencyStopped("the emergency stop was pressed", where="simulated bench")

    def set(self, line: str, level: int) -> None:
        """Drive an output line."""
        self._lines.set(line, level)

    def press(self, line: str, duration_ms: int) -> None:
        """Press a button for a time."""
        now_ns = self._now_ns()
        self._lines.press(line, duration_ms, now_ns)
        self._schedule(now_ns + duration_ms * 1_000_000, self._look)

    def read(self, line: str) -> int:
        """Return the level of a line."""
        return self._lines.read(line)

    def line_events(self) -> list[dict[str, Any]]:
        """Return what the lines told, after a look at them."""
        self.beat()
        events, self._events = self._events, []
        return events

    def finished(self, *, confirmed: bool, by: str) -> tuple[bool, str]:
        """Bring the lines to their safe levels, the valves last."""
        reports = self._lines.make_safe("button", "output", "supply", "valve")
        failed = [f"{each['what']}: {each['by']}" for each in reports if not each["confirmed"]]
        return (confirmed, by) if not failed else (False, "; ".join(failed))
