"""What a pump is told and does not show is told again, and the journal says so; a bolus never is."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from rig.errors import InstrumentError
from rig.instruments import Acceptance, BasalEntry
from rig.runner.telling import TIMES, tell
from rig.runner.therapy import Therapy
from rig.sim.pump.firmware import Firmware
from tests.torture.once_bench import LINKS, Case, OnceBench

ACKNOWLEDGED, UNKNOWN = Acceptance.ACKNOWLEDGED, Acceptance.UNKNOWN
OTHER = [BasalEntry(0, 3.0)]


def told_under(
    faults: tuple[str, ...], tell_it: Callable[[Therapy], object], link: str = "cc111x", exchange: str = "suspend"
) -> tuple[OnceBench, list[dict[str, Any]]]:
    """Tell something under faults, to a pump that waits for ``exchange``; return it, and what the journal then says."""
    bench = OnceBench(Case("723", link, exchange, faults))
    bench.prepare()
    before = len(bench.record.events)
    tell_it(bench.therapy)
    return bench, [event.data for event in bench.record.events[before:] if event.name == "command"]


def states(journal: list[dict[str, Any]]) -> list[str]:
    return [str(each["state"]) for each in journal]


@pytest.mark.parametrize("link", LINKS)
def test_a_profile_that_was_lost_is_written_again_whole_as_a_command_of_its_own(link: str) -> None:
    bench, journal = told_under(("drop:sent:2",), lambda therapy: therapy.set_profile(OTHER), link)
    assert states(journal) == ["intended", "unknown", "settled", "intended", "acknowledged"]
    first, lost, settled, second, last = journal
    assert lost["why"]
    assert (settled["delivered"], settled["by"]) == (False, "the profile read back")
    assert (second["id"], second["attempt"], second["entries"]) == (first["id"] + 1, 2, first["entries"])
    assert last["id"] == second["id"]
    assert bench.twin.firmware.therapy.profiles[0] == ((0, 120),)
    assert [e.name for e in bench.record.events].count("profile_written") == 2  # one of them before


def test_a_profile_whose_last_answer_alone_was_lost_is_not_written_again() -> None:
    bench, journal = told_under(("drop:heard:4",), lambda therapy: therapy.set_profile(OTHER))
    assert states(journal) == ["intended", "acknowledged"]
    assert bench.twin.firmware.therapy.profiles[0] == ((0, 120),)


@pytest.mark.parametrize(
    ("exchange", "tell_it", "held"),
    [
        ("suspend", lambda therapy: therapy.settings.limit(20.0, None), lambda pump: pump.max_bolus_tenths == 200),
        ("suspend", lambda therapy: therapy.settings.limit(None, 20.0), lambda pump: pump.max_basal_strokes == 800),
        ("suspend", lambda therapy: therapy.settings.select(1), lambda pump: pump.therapy.pattern == 1),
        ("suspend", lambda therapy: therapy.settings.temp_type(percent=True), lambda pump: pump.temp_is_percent),
        ("resume", lambda therapy: therapy.resume(), lambda pump: not pump.therapy.suspended),
    ],
)
def test_so_are_limits_patterns_types_and_a_resume(
    exchange: str, tell_it: Callable[[Therapy], object], held: Callable[[Firmware], bool]
) -> None:
    bench, journal = told_under(("drop:sent:2",), tell_it, exchange=exchange)
    assert states(journal) == ["intended", "unknown", "settled", "intended", "acknowledged"]
    assert held(bench.twin.firmware)


def test_a_clock_that_was_not_set_does_not_pass_for_set_by_the_time_that_went_by() -> None:
    shift_s = 3.0
    bench, journal = told_under(("drop:sent:3",), lambda therapy: therapy.settings.set_clock(None, shift_s, 0))
    assert states(journal) == ["intended", "unknown", "settled", "intended", "acknowledged"]
    (done,) = [event for event in bench.record.events if event.name == "clock_set"]
    shown = bench.pump.clock()
    expected = bench.twin.firmware.local()
    assert abs(shown - expected) <= timedelta(seconds=1.5)
    assert done.data["local"] == journal[-2]["local"]


def test_a_bolus_whose_parameters_were_lost_is_never_told_again() -> None:
    bench, journal = told_under(("drop:sent:3",), lambda therapy: therapy.bolus(1.5, 0, 0))
    assert states(journal) == ["intended", "unknown", "settled"]
    assert bench.boluses_u() == []
    assert [event.name for event in bench.record.events][-1] == "bolus_not_delivered"


def test_a_pump_that_never_shows_it_is_told_so_often_and_no_more() -> None:
    told: list[dict[str, Any]] = []
    settled: list[bool | None] = []

    def once(_name: str, command: Callable[[], Acceptance], **parameters: Any) -> tuple[Acceptance, int]:
        told.append(parameters)
        return command(), len(told)

    def settle(*, delivered: bool | None, by: str) -> None:
        settled.append(delivered)
        assert by == "status"

    found = tell(once, settle, "resume", lambda: UNKNOWN, lambda: False, "status")
    assert (found.held, found.times, len(told)) == (False, TIMES, TIMES)
    assert settled == [False] * TIMES
    assert [each.get("attempt") for each in told] == [None, *range(2, TIMES + 1)]
    assert f"told {TIMES} times" in found.text
    found = tell(once, settle, "resume", lambda: ACKNOWLEDGED, lambda: False, "status")
    assert (found.held, found.times) == (False, 1)


def test_an_acknowledgement_that_is_not_borne_out_is_settled_in_the_journal(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = OnceBench(Case("723", "cc111x", "suspend"))
    bench.prepare()
    monkeypatch.setattr(bench.pump, "set_profile", lambda _entries: ACKNOWLEDGED)
    with pytest.raises(InstrumentError, match="another basal profile"):
        bench.therapy.set_profile(OTHER)
    journal = [event.data for event in bench.record.events if event.name == "command"][-3:]
    assert states(journal) == ["intended", "acknowledged", "settled"]
    assert journal[-1]["delivered"] is False
