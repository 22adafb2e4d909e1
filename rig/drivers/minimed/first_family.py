"""What a pump of family 12 is doing: no answer of it says so, its own history does (minimed-protocol 3, opcode CE)."""

from __future__ import annotations

from collections.abc import Callable
from itertools import count

from rig.errors import InstrumentError
from rig.instruments import HistoryEvent, PumpStatus

PAGES = 3  # with none of these records in so many the pump was not stopped for weeks: it delivers


def status_from_history(page: Callable[[int], list[HistoryEvent]]) -> PumpStatus:
    """Return what the newest records of suspending and resuming, of rewinding and priming say.

    A bolus stands in the history when it is over, so that one which was begun at the keys is not seen; a pump that is
    suspended delivers none. ``page`` returns a page of the history, oldest record first, and raises
    `rig.errors.InstrumentError` where there is none.
    """
    suspended: bool | None = None
    normal: bool | None = None
    for number in count():
        if number == PAGES or (suspended is not None and normal is not None):
            break
        try:
            events = page(number)
        except InstrumentError:
            if number == 0:
                raise
            break
        kinds = [event.kind for event in reversed(events)]
        if suspended is None:
            suspended = next((kind == "suspend" for kind in kinds if kind in ("suspend", "resume")), None)
        if normal is None:
            normal = next((kind == "prime" for kind in kinds if kind in ("rewind", "prime")), None)
    return PumpStatus(normal=normal is not False, bolusing=False, suspended=bool(suspended))
