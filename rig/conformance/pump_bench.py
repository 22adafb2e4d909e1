"""What a check of the pump suite is given, and what checks have in common."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Final, TypeVar

from rig.conformance.report import Check, NotConform, expect
from rig.errors import RigError
from rig.instruments import Acceptance
from rig.plugins.roles import Capability, ClaimedPump, PumpDriver, capability_of
from rig.transport.links import Link, Links

R = TypeVar("R")
ALL: Final = frozenset(Capability)
TOLERANCE: Final = 1e-9


@dataclass(frozen=True, slots=True)
class PumpBench:
    """A pump that nobody has talked to yet, its link, and who it is.

    ``open_unlisted`` opens another pump than the bench lists, on the same link. ``boluses_begun`` and ``keys_pushed``
    count what the pump itself has begun and felt; None where only the driver could say. ``can`` is what is claimed for
    this model, ``alarm`` the code of an alarm that is pending.
    """

    pump: PumpDriver
    links: Links
    link: Link
    model: str
    serial: str
    finish: Callable[[], None] = lambda: None
    open_unlisted: Callable[[], object] = lambda: None
    boluses_begun: Callable[[], int] | None = None
    keys_pushed: Callable[[], int] | None = None
    can: frozenset[Capability] = ALL
    alarm: int = 0

    def role(self, protocol: Callable[..., R]) -> R:
        """Return the pump in a role that is claimed for this model."""
        return ClaimedPump(self.pump, self.can).role(protocol)

    def does(self, protocol: Callable[..., object]) -> bool:
        """Say whether another role than the check's own is claimed, too."""
        return capability_of(protocol) in self.can


def delivers(
    situation: str, sentence: str, carry: Callable[[PumpBench], None], needs: Capability | None
) -> Check[PumpBench]:
    """Return a check that delivers, or may when the driver is at fault; essential where it is claimed."""
    return Check(situation, sentence, carry, needs, delivers=True, essential=True)


def acknowledged(what: str, found: Acceptance) -> None:
    """Find fault with a command that the pump did not acknowledge."""
    expect(found is Acceptance.ACKNOWLEDGED, f"{what} is {found.value}, not acknowledged")


def within(what: str, found: float, lowest: float, highest: float, unit: str) -> None:
    """Find fault with a reading of no sane size."""
    expect(lowest <= found <= highest, f"{what} of {found:g} {unit}, not {lowest:g} to {highest:g} {unit}")


def begun_once(bench: PumpBench) -> None:
    """Find fault with a pump that has begun other than one bolus, where it can say."""
    begun = 1 if bench.boluses_begun is None else bench.boluses_begun()
    expect(begun == 1, f"the pump has begun {begun} boluses")


def pushed_once(bench: PumpBench) -> None:
    """Find fault with a pump that has felt other than one key, where it can say."""
    pushed = 1 if bench.keys_pushed is None else bench.keys_pushed()
    expect(pushed == 1, f"the pump has felt {pushed} keys")


@contextmanager
def restored(what: str, put: Callable[[], Acceptance], shows: Callable[[], bool]) -> Iterator[None]:
    """Put a setting back after a check, and see that the pump shows it; after a failure that one is told, not this."""
    try:
        yield
    except (RigError, NotConform):
        with suppress(RigError):
            put()
        raise
    acknowledged(f"putting {what} back", put())
    expect(shows(), f"{what} was put back, and is not shown as it was")
