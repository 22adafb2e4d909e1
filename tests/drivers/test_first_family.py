"""A pump of family 12 does not say what it does: its own history does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import pytest

from rig.clock import VirtualClock
from rig.drivers.minimed import minimed_pump
from rig.drivers.minimed.first_family import PAGES, status_from_history
from rig.errors import InstrumentError, MalformedReply
from rig.instruments import HistoryEvent, PumpStatus
from rig.sim.bench import SimulatedBench
from rig.transport.virtual import VirtualLinks


def pages(*kinds: list[str]) -> Callable[[int], list[HistoryEvent]]:
    """Return a history of these kinds, oldest first, the newest page first."""

    def page(number: int) -> list[HistoryEvent]:
        if number >= len(kinds):
            raise InstrumentError("the pump refused history page with code 0D")
        return [HistoryEvent(kind, None, b"\0") for kind in kinds[number]]

    return page


@pytest.mark.parametrize(
    ("kinds", "normal", "suspended"),
    [
        ([[]], True, False),
        ([["rewind", "prime", "prime"]], True, False),
        ([["rewind", "prime", "suspend"]], True, True),
        ([["suspend", "resume", "bolus"]], True, False),
        ([["resume", "suspend", "daily_total"]], True, True),
        ([["suspend", "rewind"]], False, True),
        ([["bolus"], ["suspend"]], True, True),
        ([["bolus"], ["daily_total"], ["resume", "suspend"]], True, True),
    ],
)
def test_the_newest_records_say_what_the_pump_does(kinds: list[list[str]], normal: bool, suspended: bool) -> None:
    assert status_from_history(pages(*kinds)) == PumpStatus(normal=normal, bolusing=False, suspended=suspended)


def test_no_more_pages_are_read_than_needed() -> None:
    read: list[int] = []
    history = pages(*[["bolus"]] * 9)

    def page(number: int) -> list[HistoryEvent]:
        read.append(number)
        return history(number)

    assert not status_from_history(page).suspended
    assert read == list(range(PAGES))


def test_a_page_that_cannot_be_read_is_never_taken_for_a_pump_at_rest() -> None:
    def unreadable(_number: int) -> list[HistoryEvent]:
        raise MalformedReply("pump", b"\xff", asked="history page 0", expected="a record")

    with pytest.raises(MalformedReply):
        status_from_history(unreadable)
    with pytest.raises(InstrumentError):
        status_from_history(pages())


def test_a_512_shows_that_it_was_suspended_and_resumed() -> None:
    twin = SimulatedBench(model="512", start_local=datetime(2025, 3, 9, 14))
    links = VirtualLinks(VirtualClock())
    pump = minimed_pump(links, links.connect("pump", twin.pump_stick, 520_833), "900123", frozenset({"900123"}))
    pump.open()
    assert not pump.status().suspended
    pump.suspend()
    assert pump.status() == PumpStatus(normal=True, bolusing=False, suspended=True)
    pump.resume()
    assert not pump.status().suspended
    twin.firmware._rewind()
    assert not pump.status().normal
