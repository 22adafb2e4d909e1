"""How far back the pump's history is read when the run has set the pump's clock."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import cast

import pytest

from rig.clock import VirtualClock
from rig.instruments import HistoryEvent
from rig.plugins.roles import Capability, ClaimedPump, PumpDriver
from rig.profiles.pump import load_profile
from rig.record.writer import RecordWriter
from rig.runner.stop import StopRequest
from rig.runner.therapy import Therapy
from rig.transport.virtual import VirtualLinks


def at(hour: int, minute: int, kind: str = "bolus") -> HistoryEvent:
    return HistoryEvent(kind, datetime(2026, 3, 2, hour, minute), b"")


BACK = [at(10, 30, "time_changed"), at(9, 30, "time_changed")]  # from, to
PAGES = {
    "no clock was set, all is of the run": (0, [[at(10, 5), at(10, 40)]], True),
    "no clock was set, it reaches back": (0, [[at(9, 5), at(10, 40)]], False),
    "set back, the page begins with the setting": (1, [[*BACK, at(9, 40)]], True),
    "set back, the setting is on an older page": (1, [[at(9, 40), at(9, 50)]], True),
    "set back, the older page is of the run": (1, [[at(9, 40)], [at(10, 5), *BACK]], True),
    "set back, the older page reaches back": (1, [[at(9, 40)], [at(9, 55), at(10, 5), *BACK]], False),
    "the pair lies on two pages": (1, [[BACK[1], at(9, 40)], [at(9, 55), BACK[0]]], False),
    "set back twice": (2, [[at(10, 10), *BACK, at(9, 40), *BACK, at(9, 50)]], True),
}


class Paged:
    """A pump with a clock and a history."""

    def __init__(self, pages: list[list[HistoryEvent]]) -> None:
        self._pages = pages

    def clock(self) -> datetime:
        return datetime(2026, 3, 2, 10, 0)

    def history(self, page: int = 0) -> list[HistoryEvent]:
        return self._pages[page]


@pytest.mark.parametrize("case", PAGES)
def test_pages_are_read_until_one_reaches_back_before_the_run_in_the_time_of_its_beginning(
    tmp_path: Path, case: str
) -> None:
    sets, pages, wanted = PAGES[case]
    links, writer = VirtualLinks(VirtualClock()), RecordWriter(tmp_path / "record-001.log.gz", {})
    pump = ClaimedPump(cast("PumpDriver", Paged(pages)), frozenset(Capability))
    therapy = Therapy(pump, links, writer, load_profile("sim-723"), StopRequest())
    therapy.reports.clock()
    therapy.reports.clock_was_set(sets)
    older = [therapy.reports.history(page) for page in range(len(pages))]
    writer.close({})
    assert older == [*[True] * (len(pages) - 1), wanted]
