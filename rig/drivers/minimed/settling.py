"""What is known of a command after its answer came, or did not.

An acknowledgement (`06`) names no command, so it proves nothing by itself: that of the first half, heard twice or late,
looks like that of the parameters. What proves it is the answer to a question about what the command changes: it carries
its own opcode, and a state that only the command could have brought about.
"""

from __future__ import annotations

from collections.abc import Callable

from rig.drivers.minimed.way import PumpWay, Settled
from rig.errors import BenchError
from rig.instruments import Acceptance
from rig.transport.links import Links

_ECHO_S = 0.5  # an answer to an earlier question has come by then, and is not taken for the next one's
_LOOKS = 2


def settled(outcome: Settled) -> Acceptance:
    """Return the acceptance of a command that nothing but its own answer settles."""
    return Acceptance.ACKNOWLEDGED if outcome is Settled.ACKNOWLEDGED else Acceptance.UNKNOWN


def read_back(shows: Callable[[], bool]) -> Acceptance:
    """Settle a lost answer by what the pump says now; what cannot be read settles nothing."""
    try:
        return Acceptance.ACKNOWLEDGED if shows() else Acceptance.UNKNOWN
    except BenchError:
        return Acceptance.UNKNOWN


def confirmed(way: PumpWay, links: Links, outcome: Settled, shows: Callable[[], bool]) -> Acceptance:
    """Return what is known of a command whose effect the pump can be asked for: nothing counts that it does not show.

    Where an acknowledgement says yes and the pump no, it is asked once more. The time of the acknowledgement is kept.
    """
    if outcome is Settled.LOST:
        return read_back(shows)
    acknowledged_ns = way.heard_rig_ns
    for look in range(_LOOKS):
        if look:
            links.pause(_ECHO_S)
        try:
            if shows():
                way.heard_rig_ns = acknowledged_ns
                return Acceptance.ACKNOWLEDGED
        except BenchError as error:
            way.lost_because = f"an acknowledgement came, and nobody can see of what: {error}"
            return Acceptance.UNKNOWN
    way.lost_because = "an acknowledgement came, and the pump does not show that it was the command's"
    return Acceptance.UNKNOWN
