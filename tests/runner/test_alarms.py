"""A pump with an alarm delivers nothing: the run does not begin, and what the pump refuses later names the alarm."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import pytest

from rig.config import load_bench
from rig.doctor.devices import check_simulated
from rig.doctor.findings import Level
from rig.drivers.minimed.pump import MinimedPump
from rig.engine import run_scenario
from rig.errors import InstrumentError, TransportTimeout
from rig.plugins.roles import Capability, ClaimedPump, PumpDriver
from rig.results import EndReason
from rig.runner.alarms import alarm_text, named, refuse_alarm
from tests.runner.kit import small_scenario


class Alarmed:
    """A pump of which only the error status is asked."""

    def __init__(self, code: int | Exception) -> None:
        self._code = code

    def alarm(self) -> int:
        if isinstance(self._code, Exception):
            raise self._code
        return self._code


def claimed(code: int | Exception, *can: Capability) -> ClaimedPump:
    return ClaimedPump(cast("PumpDriver", Alarmed(code)), frozenset(can or (Capability.ALARMS,)))


REFUSED = InstrumentError("the pump refused temp basal (4C)", where="pump 900522", hint="resume the pump")


def test_a_refusal_names_the_alarm_that_is_active() -> None:
    assert str(named(REFUSED, claimed(4))) == (
        "pump 900522: the pump refused temp basal (4C); alarm 4 (no delivery) is active, and a pump with an alarm "
        "delivers nothing; expected a pump without an alarm; try: see to its cause, and clear it at the pump"
    )
    assert alarm_text(99) == "alarm 99"


@pytest.mark.parametrize("pump", [claimed(0), claimed(TransportTimeout("nothing")), claimed(4, Capability.SUSPENDS)])
def test_without_an_alarm_or_anybody_to_ask_a_refusal_stays_as_it_is(pump: ClaimedPump) -> None:
    assert named(REFUSED, pump) is REFUSED


def test_a_pump_without_error_status_is_not_refused_for_it() -> None:
    refuse_alarm(claimed(4, Capability.SUSPENDS))
    with pytest.raises(InstrumentError, match=r"alarm 62 \(empty reservoir\) is active"):
        refuse_alarm(claimed(62))


def test_no_run_begins_on_a_pump_with_an_alarm_and_the_check_says_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MinimedPump, "alarm", lambda _self: 4)
    config = load_bench("simulated")
    finished = run_scenario(small_scenario(), config, tmp_path)
    assert finished.ended.reason is EndReason.BENCH_FAULT
    assert "alarm 4 (no delivery) is active" in finished.ended.detail
    assert not finished.ended.commanded
    (pump,) = [each for each in check_simulated(config, config.pump_profile()) if each.item == "pump"]
    assert (pump.level, "alarm 4 (no delivery) is active" in pump.found) == (Level.FAIL, True)


def test_a_pump_that_stopped_itself_is_named_by_what_it_refuses_next(tmp_path: Path) -> None:
    text = small_scenario().source_text.replace("6.0 U/h, for: 3 min", "30 U/h, for: 12 min")
    finished = run_scenario(small_scenario(text), load_bench("simulated"), tmp_path, faults=["line.occlusion=on@1min"])
    assert finished.ended.reason is EndReason.BENCH_FAULT
    assert "the pump refused temp basal" in finished.ended.detail
    assert "alarm 4 (no delivery) is active" in finished.ended.detail
    assert finished.ended.safe.confirmed
