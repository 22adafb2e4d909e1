"""What a runner asks of its guardian."""

from __future__ import annotations

from typing import Protocol


class Guard(Protocol):
    """The guardian as its runner sees it; every call is cheap and may be made at any time."""

    def beat(self) -> None:
        """Say that the runner lives and moves on.

        Raises `rig.errors.GuardianLost` when nobody watches any more, `rig.errors.EmergencyStopped` when somebody
        pressed the emergency stop.
        """

    def state(self, *, bolus: bool, holdable: bool) -> None:
        """Say what the loss of the runner would interrupt: ``holdable`` False forbids to leave the pump running."""

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

    def tuned(self, frequency_mhz: float) -> None:
        """Do nothing."""

    def finished(self, *, confirmed: bool, by: str) -> tuple[bool, str]:
        """Return what the runner says."""
        return confirmed, by
