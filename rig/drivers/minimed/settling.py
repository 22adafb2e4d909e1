"""What is known of a command after its answer came, or did not."""

from __future__ import annotations

from collections.abc import Callable

from rig.drivers.minimed.way import Settled
from rig.errors import BenchError
from rig.instruments import Acceptance


def settled(outcome: Settled) -> Acceptance:
    """Return the acceptance of a command that nothing but its own answer settles."""
    return Acceptance.ACKNOWLEDGED if outcome is Settled.ACKNOWLEDGED else Acceptance.UNKNOWN


def read_back(shows: Callable[[], bool]) -> Acceptance:
    """Settle a lost answer by what the pump says now; what cannot be read settles nothing."""
    try:
        return Acceptance.ACKNOWLEDGED if shows() else Acceptance.UNKNOWN
    except BenchError:
        return Acceptance.UNKNOWN
