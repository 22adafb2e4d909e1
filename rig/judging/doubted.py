"""Readings that the rig took back, and failures of the balance behind which its level may have moved.

A balance whose answers fell out of step with the requests says so afterwards (event ``readings_withdrawn``): a load of
another time is no reading. One that adjusted itself, stood by, started anew or was silent for a while
(``readings_resumed``) may weigh with another zero or span than before: its level before and after is compared, as
around any reading gap that has a cause (`rig.judging.gaps`). Source: lab-workflow D1, "gap + level shift rule".
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from rig.metrology.checks import FloatArray
from rig.record.reader import Event, RunRecord, WeighingColumns

NS_PER_S: Final = 1e9
BALANCE: Final = "balance"
NARROW_S: Final = 0.25  # between request and answer: one display period and the wire (balance-protocols 8)
WITHDRAWN = "readings were taken back: a line came that nobody asked for"
# A line that was damaged on its way, or is written otherwise, says nothing of the level.
HARMLESS: Final = frozenset({"damaged", "checksum", "transmission", "format", "unit"})
CAUSES: Final = {
    "restarted": "the balance started anew: its zero and tare may be others",
    "busy": "the balance was adjusting itself, or busy otherwise",
    "asleep": "the balance was in standby",
    "fault": "the balance reported a fault",
    "overload": "the balance was overloaded",
    "underload": "the pan was lifted, or underloaded",
    "range": "the balance showed an overload, an underload or a fault",
    "streaming": "lines came from the balance that nobody asked for",
    "syntax": "the balance refused to weigh: adjusting itself, or the request was damaged",
    "silent": "the balance did not answer: silent, adjusting itself, or off",
}


def kept(events: Sequence[Event], columns: WeighingColumns) -> npt.NDArray[np.bool_]:
    """Return which readings were not taken back afterwards."""
    answered = np.array(columns.answered_ns, dtype=np.int64)
    keep = np.ones(answered.size, dtype=bool)
    for event in events:
        if event.name == "readings_withdrawn":
            keep &= (answered < int(event.data["from_ns"])) | (answered > int(event.data["to_ns"]))
    return keep


def cause_of(event: Event) -> tuple[str, int] | None:
    """Return (cause, rig time in ns that lies in the gap or at its end), or None where the level cannot have moved."""
    if event.name == "readings_withdrawn":
        return WITHDRAWN, int(event.data["to_ns"])
    if event.name != "readings_resumed":
        return None
    why = [str(each) for each in event.data.get("why", [])]
    if why and all(each in HARMLESS for each in why):  # a cause that nobody named is none of these
        return None
    told = ", ".join(why) or "nobody said why"
    first = next((CAUSES[each] for each in CAUSES if each in why), f"the balance gave no reading: {told}")
    return first, int(event.data["asked_ns"])


def answering_u_s(record: RunRecord) -> float:
    """Return the standard uncertainty, s, of when a load was formed, from the slowest answer; 0 for prompt ones.

    A rectangle over the time from request to answer, where that is longer than a balance needs.
    """
    columns = record.weighings.get(BALANCE, WeighingColumns())
    keep = kept(record.events, columns)
    asked = np.array(columns.asked_ns, dtype=np.int64)[keep]
    answered = np.array(columns.answered_ns, dtype=np.int64)[keep]
    widest_s = float(np.max(answered - asked, initial=0)) / NS_PER_S
    return widest_s / float(np.sqrt(12.0)) if widest_s > NARROW_S else 0.0


def edges(times_s: FloatArray, at_s: float) -> tuple[float, float] | None:
    """Return the readings on either side of an instant, s; None at the ends of a run."""
    right = int(np.searchsorted(times_s, at_s))
    return (float(times_s[right - 1]), float(times_s[right])) if 0 < right < times_s.size else None
